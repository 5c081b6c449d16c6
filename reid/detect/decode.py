"""What the common detectors put out, as boxes: one function a layout, and the removal of repeated boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from reid.errors import FormatError

__all__ = ["LAYOUTS", "Raw", "decode_outputs", "keep_best"]

STRIDES = (8, 16, 32)
MOST = 300
"""Boxes of a photo that go on, at most."""

Raw = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Boxes (n, 4) x1, y1, x2, y2 in pixels of the input, confidences (n,), numbers of their categories (n,)."""


def _best(boxes: np.ndarray, confidences: np.ndarray) -> Raw:
    """Each place's most confident category."""
    if confidences.shape[1] == 0:
        raise FormatError("the network gives boxes without categories")
    which = confidences.argmax(1)
    return boxes, confidences[np.arange(len(which)), which], which


def _around(centres: np.ndarray, sides: np.ndarray) -> np.ndarray:
    return np.concatenate((centres - sides / 2, centres + sides / 2), 1)


def _yolox(outputs: Sequence[np.ndarray], height: int, width: int) -> Raw:
    """(places, 5 + C): centre and size relative to each place, object, categories (Ge et al. 2021)."""
    out = outputs[0][0]
    corners, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        corners.append(np.stack((x, y), -1).reshape(-1, 2))
        strides.append(np.full((len(corners[-1]), 1), stride))
    grid, step = np.concatenate(corners), np.concatenate(strides)
    if len(grid) != len(out):
        raise FormatError(
            f"the network gives {len(out)} places for an input of {height} by {width}; YOLOX has {len(grid)}"
        )
    # what no box of a photo can be, and what would overflow
    sides = np.exp(out[:, 2:4].clip(None, 10)) * step
    return _best(_around((out[:, :2] + grid) * step, sides), out[:, 4:5] * out[:, 5:])


def _yolov5(outputs: Sequence[np.ndarray], height: int, width: int) -> Raw:
    """(places, 5 + C): centre and size in pixels, object, categories; YOLOv5, v6 and v7."""
    out = outputs[0][0]
    return _best(_around(out[:, :2], out[:, 2:4]), out[:, 4:5] * out[:, 5:])


def _yolov8(outputs: Sequence[np.ndarray], height: int, width: int) -> Raw:
    """(4 + C, places): centre and size in pixels, categories; YOLOv8, v9, v11."""
    out = outputs[0][0].T
    return _best(_around(out[:, :2], out[:, 2:4]), out[:, 4:])


def _rows(outputs: Sequence[np.ndarray], height: int, width: int) -> Raw:
    """(n, 6): x1, y1, x2, y2 in pixels, confidence, category; YOLOv10 and exports with their own suppression."""
    out = outputs[0].reshape(-1, outputs[0].shape[-1])
    if out.shape[1] == 7:  # some put the photo's number in the batch first
        out = out[:, 1:]
    return out[:, :4], out[:, 4], out[:, 5].round().astype(int)


def _rtdetr(outputs: Sequence[np.ndarray], height: int, width: int) -> Raw:
    """RT-DETR (Zhao et al. 2024, arXiv:2304.08069): queries (n, 4 + C) of shares; or logits (n, C) and boxes (n, 4) of shares."""
    first, *more = (out[0] for out in outputs)
    if not more:
        boxes, confidences = first[:, :4], first[:, 4:]
    else:
        pair = sorted((first, more[0]), key=lambda out: out.shape[1] != 4)
        boxes, logits = pair
        confidences = 1 / (1 + np.exp(-logits.clip(-50, 50)))
    side = np.array([width, height])
    return _best(_around(boxes[:, :2] * side, boxes[:, 2:4] * side), confidences)


LAYOUTS: dict[str, Callable[[Sequence[np.ndarray], int, int], Raw]] = {
    "yolox": _yolox,
    "yolov5": _yolov5,
    "yolov6": _yolov5,
    "yolov7": _yolov5,
    "yolov8": _yolov8,
    "yolov9": _yolov8,
    "yolov11": _yolov8,
    "yolov10": _rows,
    "rows": _rows,
    "rtdetr": _rtdetr,
}
"""Layouts of outputs by the name that the settings use."""
CLEAN = ("yolov10", "rows", "rtdetr")
"""Layouts that repeat no box."""


def decode_outputs(outputs: Sequence[np.ndarray], layout: str, height: int, width: int) -> Raw:
    """A network's outputs for one picture as boxes, those that are no numbers or have no area left out.

    Args:
        outputs: As the engine gives them, with the batch of one in front.
        layout: One of `LAYOUTS`.
        height: Of the input, pixels.
        width: Likewise.

    Raises:
        FormatError: the outputs do not have the layout's shape.
    """
    shapes = [tuple(out.shape) for out in outputs]
    try:
        boxes, confidences, categories = LAYOUTS[layout](
            [np.asarray(out, np.float32) for out in outputs], height, width
        )
    except FormatError as error:
        raise FormatError(
            f"{error} (layout {layout}, outputs {shapes}). Choose another detector.onnx.layout."
        ) from None
    except (ValueError, IndexError, TypeError):
        raise FormatError(
            f"outputs of the shapes {shapes} are not of the layout {layout!r}; choose another detector.onnx.layout."
        ) from None
    good = np.isfinite(boxes).all(1) & np.isfinite(confidences) & (boxes[:, 2:] > boxes[:, :2]).all(1)
    return boxes[good], confidences[good].clip(0, 1), categories[good]


def keep_best(raw: Raw, least: float, overlap: float, inside: float = 1.0) -> Raw:
    """The boxes from a confidence on, without those that repeat a better one of their category, the best first.

    Args:
        raw: Boxes as `decode_outputs` gives them.
        least: Lowest confidence.
        overlap: Two boxes are the same above this intersection over union; 1 keeps all.
        inside: And where more than this share of the smaller one lies in the other; 1 keeps all.
    """
    import torch
    from torchvision.ops import batched_nms

    boxes, confidences, categories = raw
    good = confidences >= least
    boxes, confidences, categories = boxes[good], confidences[good], categories[good]
    order = np.argsort(-confidences, kind="stable")
    boxes, confidences, categories = boxes[order], confidences[order], categories[order]
    if overlap < 1 and len(boxes):
        parts = [torch.from_numpy(np.ascontiguousarray(part)) for part in (boxes, confidences, categories)]
        kept = batched_nms(parts[0].float(), parts[1].float(), parts[2], overlap).numpy()
        boxes, confidences, categories = boxes[kept], confidences[kept], categories[kept]
    boxes, confidences, categories = boxes[:MOST], confidences[:MOST], categories[:MOST]
    if inside < 1:
        kept = _not_inside(boxes, categories, inside)
        boxes, confidences, categories = boxes[kept], confidences[kept], categories[kept]
    return boxes, confidences, categories


def _not_inside(boxes: np.ndarray, categories: np.ndarray, inside: float) -> list[int]:
    """Places of the boxes, best first, that do not share their place with a better one of their category."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    kept: list[int] = []
    for i in range(len(boxes)):
        rivals = [j for j in kept if categories[j] == categories[i]]
        low, high = np.maximum(boxes[rivals, :2], boxes[i, :2]), np.minimum(boxes[rivals, 2:], boxes[i, 2:])
        shared = (high - low).clip(0).prod(1)
        if not (shared > inside * np.minimum(areas[rivals], areas[i])).any():
            kept.append(i)
    return kept
