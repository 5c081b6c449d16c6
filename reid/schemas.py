"""The columns, types, units and limits of every table that passes between rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

__all__ = [
    "ARROW",
    "CROPS",
    "DECISIONS",
    "DETECTIONS",
    "FLANKS",
    "LINKS",
    "MATCHES",
    "PANDAS",
    "PHOTOS",
    "PROBLEMS",
    "SIGHTINGS",
    "STATIONS",
    "UNKNOWN",
    "Column",
    "Table",
]

UNKNOWN = "unknown"
"""The one spelling of "not known", for identities and flanks alike."""

FLANKS = ("left", "right", "front", "back", UNKNOWN)
"""Sides of an animal that a crop can show. A left flank is what is seen when the animal faces left."""

ARROW = {
    "str": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "time": pa.timestamp("us"),
    "bbox": pa.list_(pa.float64()),
}
PANDAS = {
    "str": "string",
    "int": "Int64",
    "float": "float64",
    "bool": "boolean",
    "time": "datetime64[us]",
    "bbox": "object",
}


@dataclass(frozen=True)
class Column:
    """One column: its kind (a key of `ARROW`), what it means, and which values it allows."""

    name: str
    kind: str
    meaning: str
    required: bool = False
    """Whether every row must have a value."""
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Table:
    """A table's name, its key columns (unique together) and its columns in order."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(column.name, ARROW[column.kind]) for column in self.columns])


def _column(name: str, kind: str, meaning: str, required: bool = False, **limits: Any) -> Column:
    return Column(name, kind, meaning, required, **limits)


_c = _column

PHOTOS = Table(
    "photos",
    ("image_id",),
    (
        _c("image_id", "str", "path, '@', first 12 hex digits of the content hash", True),
        _c("path", "str", "path below the photo folder, with forward slashes", True),
        _c("content_hash", "str", "SHA-256 of the file, hex; empty where it could not be read"),
        _c("bytes", "int", "size of the file", low=0),
        _c("width", "int", "pixels, upright (EXIF orientation applied)", low=1),
        _c("height", "int", "pixels, upright", low=1),
        _c("exif_orientation", "int", "EXIF orientation tag, 1 where absent", low=1, high=8),
        _c("camera", "str", "one camera: the folder level or pattern of the configuration"),
        _c("station", "str", "the place; a pair of cameras shares it"),
        _c("date", "time", "local time of capture, clock corrected"),
        _c("date_source", "str", "where the time was found", values=("exif", "path", "none")),
        _c("sequence", "str", "photos of one trigger at one station"),
        _c("error", "str", "why the photo cannot be used; null for a good one"),
    ),
)

STATIONS = Table(
    "stations",
    ("camera",),
    (
        _c("camera", "str", "as in the photos table", True),
        _c("station", "str", "the place it stands at", True),
        _c("latitude", "float", "degrees, WGS84", low=-90, high=90),
        _c("longitude", "float", "degrees, WGS84", low=-180, high=180),
        _c("start", "time", "active from, local time"),
        _c("end", "time", "active until, local time"),
        _c("clock_shift_s", "float", "seconds to add to the camera's clock"),
        _c("time_zone", "str", "IANA name of the time that the camera's clock was set to"),
        _c("source", "str", "who says so", True, values=("table", "inferred", "path")),
    ),
)

DETECTIONS = Table(
    "detections",
    ("detection_id",),
    (
        _c("detection_id", "str", "image_id, '#', number of the box on its photo", True),
        _c("image_id", "str", "the photo", True),
        _c("category", "str", "animal, person, vehicle, or another name of the detector's", True),
        _c("confidence", "float", "of the detector", True, low=0, high=1),
        _c("bbox", "bbox", "x, y, width, height in pixels of the upright photo, inside it", True),
        _c("detector", "str", "which detector made it", True),
    ),
)

CROPS = Table(
    "crops",
    ("crop_id",),
    (
        _c("crop_id", "str", "the detection it was cut from", True),
        _c("image_id", "str", "the photo", True),
        _c("path", "str", "path of the photo below its root", True),
        _c("content_hash", "str", "of the photo", True),
        _c("bbox", "bbox", "x, y, width, height in pixels of the upright photo", True),
        _c("confidence", "float", "of the detection", low=0, high=1),
        _c("orientation", "str", "the flank it shows", True, values=FLANKS),
        _c("orientation_probability", "float", "of that flank; 1 where a person said so", low=0, high=1),
        _c(
            "quality",
            "float",
            "how well the network can tell the animal by it; null without a head for that",
            low=0,
            high=1,
        ),
        _c("date", "time", "local time of capture"),
        _c("camera", "str", "which camera"),
        _c("station", "str", "which place"),
        _c("sequence", "str", "which burst"),
        _c("encounter", "str", "one animal at one station in one burst"),
        _c("identity", "str", "the individual, where a table of labels says so"),
    ),
)

MATCHES = Table(
    "matches",
    ("query", "candidate"),
    (
        _c("query", "str", "crop_id", True),
        _c("candidate", "str", "crop_id, of this season or of the catalogue", True),
        _c("similarity", "float", "cosine of the two vectors", True, low=-1.0001, high=1.0001),
        _c("coat", "float", "likeness of the two coats place by place, 1 for any two of the season", low=0),
        _c("matches", "int", "spots matched", low=0),
        _c("inliers", "int", "spots that agree on one geometry", low=0),
        _c("local_score", "float", "summed confidence of the matched spots", low=0),
        _c("probability", "float", "that both show one individual", True, low=0, high=1),
    ),
)

LINKS = Table(
    "links",
    ("encounter", "other"),
    (
        _c("encounter", "str", "an encounter of this season", True),
        _c("other", "str", "another encounter, or an individual of the catalogue", True),
        _c("kind", "str", "what `other` is", True, values=("encounter", "individual")),
        _c("probability", "float", "that both are one individual", True, low=0, high=1),
        _c("query", "str", "crop_id of the best evidence on this side", True),
        _c("candidate", "str", "crop_id of the best evidence on the other side", True),
    ),
)

DECISIONS = Table(
    "decisions",
    ("encounter",),
    (
        _c("encounter", "str", "whom the decision is about", True),
        _c("identity", "str", "the individual's name, or 'unknown'", True),
        _c("decision", "str", "against what was known before", True, values=("known", "new", "unsure")),
        _c("probability", "float", "that the decision is right", True, low=0, high=1),
        _c("query", "str", "crop_id of the best evidence for it, in this encounter"),
        _c("candidate", "str", "crop_id of the best evidence for it, elsewhere"),
        _c("reason", "str", "in words", True),
    ),
)

SIGHTINGS = Table(
    "sightings",
    ("crop_id",),
    (
        _c("path", "str", "path of the photo below its root", True),
        _c("bbox", "bbox", "x, y, width, height in pixels of the upright photo", True),
        _c("orientation", "str", "the flank it shows", True, values=FLANKS),
        _c("station", "str", "which place"),
        _c("date", "time", "local time of capture"),
        _c("encounter", "str", "one animal at one station in one burst", True),
        _c("identity", "str", "the individual's name, or 'unknown'", True),
        _c("decision", "str", "of the encounter", True, values=("known", "new", "unsure")),
        _c("probability", "float", "that the decision is right", True, low=0, high=1),
        _c("camera", "str", "which camera"),
        _c("confidence", "float", "of the detection", low=0, high=1),
        _c("crop_id", "str", "the crop", True),
    ),
)

PROBLEMS = Table(
    "problems",
    ("stage", "path", "reason"),
    (
        _c("stage", "str", "where it came up", True, values=("scan", "detect", "embed", "match")),
        _c("path", "str", "path of the photo below its root", True),
        _c("reason", "str", "in words", True),
    ),
)
