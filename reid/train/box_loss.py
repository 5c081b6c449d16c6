"""What the detector's training makes small: wrong boxes, missed and invented animals, wrong categories."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from reid.detect.network import decode
from reid.train.box_assign import assign

__all__ = ["box_losses", "overlap_loss"]

WEIGHT_OF_BOXES = 5.0


def overlap_loss(boxes: Tensor, truth: Tensor) -> Tensor:
    """One less the generalised intersection over union of each pair (n, 4), x1, y1, x2, y2: (n,), 0 to 2.

    After Rezatofighi et al. 2019, arXiv:1902.09630; unlike the plain overlap it has a slope where boxes do not touch.
    """
    low, high = torch.maximum(boxes[:, :2], truth[:, :2]), torch.minimum(boxes[:, 2:], truth[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    joined = (boxes[:, 2:] - boxes[:, :2]).prod(-1) + (truth[:, 2:] - truth[:, :2]).prod(-1) - shared
    hull = (torch.maximum(boxes[:, 2:], truth[:, 2:]) - torch.minimum(boxes[:, :2], truth[:, :2])).prod(-1)
    return 1 - shared / joined.clamp(min=1e-9) + (hull - joined) / hull.clamp(min=1e-9)


def box_losses(
    raw: Tensor, truths: Sequence[tuple[Tensor, Tensor]], corners: Tensor, strides: Tensor
) -> dict[str, Tensor]:
    """The terms of the loss, summed over the batch and divided by the number of places that answer for a box.

    Args:
        raw: (batch, places, 5 + categories), as `reid.detect.network.BoxNetwork` gives it.
        truths: For each picture the true boxes (n, 4), x1, y1, x2, y2 in pixels, and their categories (n,).
        corners: As `reid.detect.network.places` gives them.
        strides: Likewise.

    Returns:
        `boxes`, `objects` and `categories`; their sum is the loss. Weights and terms follow YOLOX (Ge et al. 2021), with
        the generalised overlap for the boxes: one part in five of the weight on each of the other two.
    """
    raw = raw.float()
    boxes, confidences = decode(raw, corners, strides)
    objects = torch.zeros(raw.shape[:2], device=raw.device)
    where, what, count = raw.new_zeros(()), raw.new_zeros(()), 0
    for i, (truth, categories) in enumerate(truths):
        if not len(truth):
            continue
        answers, overlaps = assign(boxes[i], confidences[i], truth, categories, corners, strides)
        has = answers >= 0
        count += int(has.sum())
        objects[i, has] = 1.0
        where = where + overlap_loss(boxes[i, has], truth[answers[has]]).sum()
        wanted = F.one_hot(categories[answers[has]], raw.shape[-1] - 5) * overlaps[has, None]
        what = what + F.binary_cross_entropy_with_logits(raw[i, has, 5:], wanted, reduction="sum")
    anything = F.binary_cross_entropy_with_logits(raw[..., 4], objects, reduction="sum")
    share = max(count, 1)
    return {"boxes": WEIGHT_OF_BOXES * where / share, "objects": anything / share, "categories": what / share}
