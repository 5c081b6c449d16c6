"""Which places of the network answer for which true box, decided anew at every step from what the network says."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["assign", "pair_ious"]

AROUND = 2.5
"""Places this many strides around a box's centre, each way, may answer for it."""
CANDIDATES = 10
"""A box gets as many places as the overlaps of its best so many predictions add up to."""
WEIGHT_OF_OVERLAP = 3.0
FAR = 1e5
FARTHER = 1e8


def pair_ious(a: Tensor, b: Tensor) -> Tensor:
    """Shared over covered area of boxes (n, 4) and (m, 4) as x1, y1, x2, y2: (n, m)."""
    low, high = torch.maximum(a[:, None, :2], b[None, :, :2]), torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas_a, areas_b = (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)
    return shared / (areas_a[:, None] + areas_b[None] - shared).clamp(min=1e-9)


@torch.no_grad()
def assign(
    boxes: Tensor, confidences: Tensor, truth: Tensor, categories: Tensor, corners: Tensor, strides: Tensor
) -> tuple[Tensor, Tensor]:
    """The simplified optimal transport of YOLOX (Ge et al. 2021, section 2, after Ge et al. 2021b, arXiv:2103.14259).

    A place may answer for a box whose inside, or whose centre's neighbourhood, it lies in. The cost of the pair is the
    cross-entropy of the category and the negative logarithm of the overlap; places in both regions come first. Each box
    takes the cheapest places, as many as its best overlaps add up to; a place that several boxes want goes to the cheapest.

    Args:
        boxes: (places, 4) that the network says, x1, y1, x2, y2 in pixels.
        confidences: (places, categories), 0 to 1.
        truth: (n, 4), n at least 1.
        categories: (n,) whole numbers.
        corners: (places, 2) of the places, in strides.
        strides: (places,).

    Returns:
        For each place the number of its box, -1 where it has none; and the overlap with it, 0 where it has none.
    """
    centres = (corners + 0.5) * strides[:, None]
    inside = ((centres[:, None] > truth[None, :, :2]) & (centres[:, None] < truth[None, :, 2:])).all(-1)
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    near = ((centres[:, None] - middle[None]).abs() < AROUND * strides[:, None, None]).all(-1)
    open_places = (inside | near).any(1).nonzero()[:, 0]
    answers = torch.full((len(boxes),), -1, dtype=torch.long, device=boxes.device)
    overlaps = torch.zeros(len(boxes), device=boxes.device)
    if not len(open_places):
        return answers, overlaps
    iou = pair_ious(boxes[open_places].float(), truth)
    both = inside[open_places] & near[open_places]
    either = inside[open_places] | near[open_places]
    said = confidences[open_places].float().sqrt().clamp(1e-6, 1 - 1e-6)
    wanted = F.one_hot(categories, said.shape[1]).float()
    unlike = F.binary_cross_entropy(
        said[:, None].expand(-1, len(truth), -1), wanted[None].expand(len(said), -1, -1), reduction="none"
    ).sum(-1)
    cost = unlike - WEIGHT_OF_OVERLAP * (iou + 1e-8).log() + FAR * ~both + FARTHER * ~either
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    many = iou.topk(min(CANDIDATES, len(iou)), 0).values.sum(0).int().clamp(min=1)
    for j in range(len(truth)):
        chosen[cost[:, j].topk(int(many[j]), largest=False).indices, j] = True
    chosen &= cost < FARTHER
    shared = chosen.sum(1) > 1
    if shared.any():
        cheapest = cost[shared].argmin(1)
        chosen[shared] = F.one_hot(cheapest, len(truth)).bool()
    has, which = chosen.any(1), chosen.int().argmax(1)
    answers[open_places[has]] = which[has]
    overlaps[open_places[has]] = iou[has, which[has]]
    return answers, overlaps
