"""The dialects of detection files: how each is told by its content, and how each becomes entries.

Categories are always taken by name. A file's own mapping from ids to names is used where it has one:
MegaDetector counts its ids from 1, PytorchWildlife from 0, and retrained detectors have their own. Only
dialects whose files may lack a mapping fall back on the ids that their authors document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reid.detect.entries import VIDEO, Entry, boxes_of, file_name, plain_text
from reid.errors import FormatError

__all__ = ["DIALECTS", "Dialect", "recognise"]

FROM_ZERO = {"0": "animal", "1": "person", "2": "vehicle"}
"""The ids of PytorchWildlife and of Microsoft's MegaDetector package."""

SPECIESNET = {"1": "animal", "2": "human", "3": "vehicle"}

Item = Mapping[str, Any]


def _names(value: Any, default: Mapping[str, str]) -> dict[str, str]:
    """Names by id from what a file calls its categories; a blank name is none."""
    if value is None:
        value = default
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping):
        raise FormatError(f"its categories are {plain_text(value, 60)}; expected is an object of id and name")
    names = {_id(key): plain_text(name).lower() for key, name in value.items() if name is not None}
    return {key: name for key, name in names.items() if name}


def _id(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _each(items: list[Any], key: str, where: str, read: Callable[[Item, str], Entry]) -> Iterator[Entry]:
    """What `read` makes of each item and its file name; an item without a name says where it stands."""
    for i, item in enumerate(items):
        name = item.get(key) if isinstance(item, dict) else None
        if isinstance(name, str) and name.strip():
            yield read(item, file_name(name))
        else:
            yield Entry(f"{where}[{i}]", failure=f"an entry of the detections file without {key!r}")


def _by_name(ids: Mapping[str, str]) -> Callable[[Any], str]:
    """For dialects that give names themselves: the name, or that of an id where one stands in its place."""
    return lambda category: ids.get(_id(category), plain_text(category).lower())


def _entry(
    item: Item,
    file: str,
    name: Callable[[Any], str | None],
    category: tuple[str, ...] = ("category",),
    confidence: str = "conf",
    **how: Any,
) -> Entry:
    """An entry of the dialects that have one object a detection; `how` is for `boxes_of`.

    The first of the keys `category` that has a value is the category.
    """
    found = item.get("detections")
    found = found if isinstance(found, list) else None
    frames = [d for d in found or [] if isinstance(d, dict) and "frame_number" in d]
    if "frame_rate" in item or "frames_processed" in item or frames:
        return Entry(file, failure=VIDEO)
    if found is None:
        return Entry(file, failure="the detections file gives neither boxes nor a reason")
    objects = [d if isinstance(d, dict) else {} for d in found]
    rows = [
        (next((d[k] for k in category if d.get(k) is not None), None), d.get(confidence), d.get("bbox"))
        for d in objects
    ]
    return boxes_of(file, rows, name, **how)


def _failed(entry: Entry, reason: Any) -> Entry:
    """The entry with the reason that the file gives; boxes that it gives all the same are kept."""
    if entry.failure == VIDEO:
        return entry
    return replace(entry, failure=f"the detector failed on it: {plain_text(reason)}")


def _read_images(data: Any, default: Mapping[str, str]) -> Iterator[Entry]:
    names = _names(data.get("detection_categories"), default)

    def read(item: Item, file: str) -> Entry:
        entry = _entry(item, file, lambda category: names.get(_id(category)))
        return _failed(entry, item["failure"]) if item.get("failure") else entry

    return _each(data["images"], "file", "images", read)


def _read_lila(data: Any) -> Iterator[Entry]:
    version = data["info"]["format_version"]
    try:
        known = 1 <= float(version) < 2
    except (TypeError, ValueError, OverflowError):
        known = False
    if not known:
        raise FormatError(f"its format_version is {plain_text(version, 60)}; known are 1.0 to 1.6")
    if not isinstance(data.get("detection_categories"), dict):
        raise FormatError("it lacks detection_categories, which say what its category ids mean")
    return _read_images(data, {})


def _read_timelapse(data: Any) -> Iterator[Entry]:
    return _read_images(data, FROM_ZERO)


def _read_annotations(data: Any) -> Iterator[Entry]:
    # With classifications beside them, the same lists are called det_category and det_confidence.
    names = _names(data.get("categories") or data.get("det_categories"), FROM_ZERO)

    def read(item: Item, file: str) -> Entry:
        category, confidence = (item.get(key, item.get(f"det_{key}")) for key in ("category", "confidence"))
        columns = [category, confidence, item.get("bbox")]
        if not all(isinstance(c, list) for c in columns) or len({len(c) for c in columns}) != 1:
            return Entry(file, failure="its category, confidence and bbox are not lists of one length")
        rows = list(zip(*columns, strict=True))
        return boxes_of(file, rows, lambda category: names.get(_id(category)), corners=True, unit="pixel")

    return _each(data["annotations"], "img_id", "annotations", read)


def _read_list(data: Any) -> Iterator[Entry]:
    def read(item: Item, file: str) -> Entry:
        return _entry(item, file, _by_name(FROM_ZERO), confidence="confidence", corners=True, unit="pixel")

    return _each(data, "file", "list", read)


def _read_speciesnet(data: Any) -> Iterator[Entry]:
    def read(item: Item, file: str) -> Entry:
        entry = _entry(item, file, _by_name(SPECIESNET), category=("label", "category"))
        failures = item.get("failures")
        # A photo on which only the classifier failed still has good boxes.
        failed = failures and (not isinstance(failures, list) or "DETECTOR" in failures or "detections" not in item)
        return _failed(entry, failures) if failed else entry

    return _each(data["predictions"], "filepath", "predictions", read)


def _has(items: Any, *keys: str) -> bool:
    """Whether this is a list of objects with these keys; one such object is enough, others may be broken."""
    return isinstance(items, list) and (not items or any(isinstance(i, dict) and {*keys} <= {*i} for i in items))


def _object_with(data: Any, name: str, *keys: str) -> bool:
    return isinstance(data, dict) and _has(data.get(name), *keys)


def _has_version(data: Any) -> bool:
    return isinstance(data.get("info"), dict) and "format_version" in data["info"]


def _is_lila(data: Any) -> bool:
    return _object_with(data, "images", "file") and _has_version(data)


def _is_timelapse(data: Any) -> bool:
    return _object_with(data, "images", "file") and not _has_version(data) and "detection_categories" in data


def _is_annotations(data: Any) -> bool:
    # COCO has annotations too, but its are of an image_id.
    return _object_with(data, "annotations", "img_id")


def _is_list(data: Any) -> bool:
    if not data or not _has(data, "file", "detections"):
        return False
    lists = [i["detections"] for i in data if isinstance(i, dict) and isinstance(i.get("detections"), list)]
    found = [d for detections in lists for d in detections]
    return not found or any(isinstance(d, dict) and "confidence" in d for d in found)


def _is_speciesnet(data: Any) -> bool:
    return _object_with(data, "predictions", "filepath")


@dataclass(frozen=True)
class Dialect:
    """One way to write detections down; `sign` says in words what it is told by."""

    name: str
    sign: str
    matches: Callable[[Any], bool]
    read: Callable[[Any], Iterator[Entry]]


DIALECTS = (
    Dialect("MegaDetector", "info.format_version and images", _is_lila, _read_lila),
    Dialect("PytorchWildlife timelapse", "detection_categories and images", _is_timelapse, _read_timelapse),
    Dialect("PytorchWildlife", "annotations with img_id", _is_annotations, _read_annotations),
    Dialect("microsoft/MegaDetector", "a list of file and detections with confidence", _is_list, _read_list),
    Dialect("SpeciesNet", "predictions with filepath", _is_speciesnet, _read_speciesnet),
)


def recognise(data: Any) -> Dialect:
    """The dialect of a parsed file.

    Raises:
        FormatError: it is of none; the message says what was found and what is known.
    """
    for dialect in DIALECTS:
        if dialect.matches(data):
            return dialect
    known = "; ".join(f"{dialect.name} ({dialect.sign})" for dialect in DIALECTS)
    raise FormatError(f"it holds {_found(data)}, of no known dialect; known are {known}")


def _found(data: Any) -> str:
    if isinstance(data, dict):
        keys = ", ".join(sorted(plain_text(key, 30) for key in data)[:12])
        return f"an object with the keys {keys}" if keys else "an empty object"
    if isinstance(data, list):
        first = f", the first {_found(data[0])}" if data and not isinstance(data[0], list) else ""
        return f"a list of {len(data)}{first}"
    return f"the value {plain_text(data, 60)}"
