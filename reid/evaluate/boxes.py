"""How good a detector is: which of its boxes find an animal, which are false, and what it finds at so many false ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reid.errors import InputError, MissingPartError

__all__ = ["Found", "Outcomes", "average_precision", "ious", "judge_boxes"]


@dataclass(frozen=True)
class Found:
    """A photo's boxes and its true ones, each (n, 4) as x, y, width, height in pixels; the best 100 boxes count."""

    boxes: np.ndarray
    confidences: np.ndarray
    truth: np.ndarray


def ious(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shared area over covered area of every pair of boxes (n, 4) and (m, 4) of x, y, width, height: (n, m), 0 to 1.

    >>> ious(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 2, 2], [5, 5, 1, 1]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    a, b = np.asarray(a, float).reshape(-1, 4), np.asarray(b, float).reshape(-1, 4)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    shared = (high - low).clip(0).prod(-1)
    covered = a[:, 2:].prod(-1)[:, None] + b[:, 2:].prod(-1)[None] - shared
    return shared / np.where(covered > 0, covered, 1)


@dataclass(frozen=True)
class Outcomes:
    """What became of all boxes of a set of photos, the most confident first.

    Attributes:
        confidences: (n,), falling.
        hits: (n,), whether the box is the first to find a true one.
        found: (n,), the true box that it found, counted over all photos; -1 for a false box.
        truths: How many true boxes there are.
        photos: How many photos.
    """

    confidences: np.ndarray
    hits: np.ndarray
    found: np.ndarray
    truths: int
    photos: int

    def recall(self, confidence: float) -> float:
        """Share of the true boxes that is found from this confidence on; no number where there are none."""
        return float(self.hits[self.confidences >= confidence].sum() / self.truths) if self.truths else float("nan")

    def false_per_photo(self, confidence: float) -> float:
        """False boxes from this confidence on, per photo."""
        return float((~self.hits[self.confidences >= confidence]).sum() / self.photos) if self.photos else float("nan")

    def confidence_at(self, false_per_photo: float) -> float:
        """The lowest confidence from which there are at most so many false boxes per photo; above 1 where none is.

        Boxes of one confidence stand or fall together.
        """
        false = np.cumsum(~self.hits)
        last = np.append(self.confidences[1:] < self.confidences[:-1], True)[: len(false)]
        good = np.flatnonzero((false <= false_per_photo * self.photos + 1e-9) & last)
        return float(self.confidences[good[-1]]) if len(good) else float(np.nextafter(1, 2))

    def recall_at(self, false_per_photo: float) -> float:
        """Recall at the confidence of `confidence_at`."""
        return self.recall(self.confidence_at(false_per_photo))


def judge_boxes(photos: Sequence[Found], overlap: float = 0.5, chosen: Sequence[np.ndarray] | None = None) -> Outcomes:
    """Compare boxes with the true ones, as COCO does.

    On each photo the boxes come up by falling confidence, and each takes the free true box that it overlaps most, if it
    does by at least `overlap`; a box that gets none is false.

    Args:
        photos: A photo each.
        overlap: The intersection over union that counts as found.
        chosen: For each photo, which of its true boxes are asked for, as booleans. Boxes that find another true one
            then count neither way, so that kinds (small ones, say) can be judged one by one.

    Raises:
        InputError: a box or a confidence is no finite number.
    """
    confidences: list[float] = []
    found: list[int] = []
    counted = 0
    for i, photo in enumerate(photos):
        _check(photo)
        asked = np.ones(len(photo.truth), bool) if chosen is None else np.asarray(chosen[i], bool)
        free = np.ones(len(photo.truth), bool)
        overlaps = ious(photo.boxes, photo.truth)
        for j in np.argsort(-photo.confidences, kind="stable")[:100]:
            open_ones = np.where(free, overlaps[j], -1.0)
            best = int(open_ones.argmax()) if len(open_ones) else -1
            hit = best >= 0 and open_ones[best] >= overlap
            if hit:
                free[best] = False
                if not asked[best]:
                    continue
            confidences.append(float(photo.confidences[j]))
            found.append(counted + best if hit else -1)
        counted += len(photo.truth)
    order = np.argsort(-np.array(confidences), kind="stable") if confidences else np.zeros(0, int)
    numbers = np.array(found, int)[order]
    truths = counted if chosen is None else int(sum(np.asarray(mask, bool).sum() for mask in chosen))
    return Outcomes(np.array(confidences, float)[order], numbers >= 0, numbers, truths, len(photos))


def _check(photo: Found) -> None:
    for values in (photo.boxes, photo.confidences, photo.truth):
        if not np.isfinite(values).all():
            raise InputError("a box or a confidence is no finite number; boxes are x, y, width, height in pixels.")


def average_precision(photos: Sequence[Found]) -> Mapping[str, float]:
    """COCO's average precision over overlaps of 0.5 to 0.95 (`AP`) and at 0.5 (`AP50`), 0 to 1, by torchmetrics.

    Raises:
        MissingPartError: torchmetrics or pycocotools is not installed.
    """
    import torch

    try:
        from torchmetrics.detection import MeanAveragePrecision

        metric = MeanAveragePrecision(box_format="xywh")
    except ModuleNotFoundError:
        raise MissingPartError("COCO's average precision needs: pip install torchmetrics pycocotools.") from None
    for photo in photos:
        _check(photo)
        given = {
            "boxes": torch.tensor(photo.boxes, dtype=torch.float32).reshape(-1, 4),
            "scores": torch.tensor(photo.confidences, dtype=torch.float32),
            "labels": torch.zeros(len(photo.boxes), dtype=torch.long),
        }
        true = torch.tensor(photo.truth, dtype=torch.float32).reshape(-1, 4)
        metric.update([given], [{"boxes": true, "labels": torch.zeros(len(true), dtype=torch.long)}])
    values = metric.compute()
    return {"AP": float(values["map"]), "AP50": float(values["map_50"])}
