"""What a bundle says in words: its members, its crops, and what its sender chose to reveal. Anything else is refused."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reid.errors import FormatError

__all__ = ["MOST_CROPS", "MOST_MEMBERS", "BundleCrop", "Manifest", "Member", "read_manifest"]

MOST_MEMBERS, MOST_CROPS = 100_000, 1_000_000
ID = r"^[0-9a-f]{16}$"
LINE = r"^[^\x00-\x1f\x7f]*$"
"""A line of text without control characters."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Member(_Strict):
    """One animal. Only what its sender allowed is there; `id` says nothing to anyone else."""

    id: str = Field(pattern=ID)
    name: str | None = Field(None, max_length=300, pattern=LINE)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    first_year: int | None = Field(None, ge=1900, le=2200)
    last_year: int | None = Field(None, ge=1900, le=2200)


class BundleCrop(_Strict):
    """One crop: the number of its member, and the flank that it shows."""

    member: int = Field(ge=0, lt=MOST_MEMBERS)
    flank: Literal["left", "right"]
    sure: float = Field(ge=0, le=1)


class Manifest(_Strict):
    """The whole.

    Attributes:
        made: Day, ISO 8601.
        sender: What the sender calls itself.
        partner: Whom it is for.
        fingerprint: Of the vectors.
        matcher: Of the spots.
        grid_deg: Width of the cells that places were rounded to, in degrees; 0 where there are none.
        thumbnail_px: Longest side of the thumbnails; 0 where there are none.
    """

    format: Literal["reid exchange bundle"] = "reid exchange bundle"
    made: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    sender: str = Field(max_length=200, pattern=LINE)
    partner: str = Field(max_length=200, pattern=LINE)
    fingerprint: str = Field(min_length=1, max_length=200, pattern=LINE)
    matcher: str = Field(min_length=1, max_length=200, pattern=LINE)
    grid_deg: float = Field(0, ge=0, le=90)
    thumbnail_px: int = Field(0, ge=0, le=1024)
    members: list[Member] = Field(max_length=MOST_MEMBERS)
    crops: list[BundleCrop] = Field(max_length=MOST_CROPS)


def read_manifest(text: bytes, where: str) -> Manifest:
    """The manifest of a bundle.

    Raises:
        FormatError: it holds something else than it may; names the first thing.
    """
    try:
        found = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "its start"
        raise FormatError(
            f"the manifest of {where} is wrong at {place}: {first['msg']}. Ask its sender for a new one."
        ) from None
    ids = [member.id for member in found.members]
    if len(set(ids)) < len(ids):
        raise FormatError(f"the manifest of {where} names one animal twice. Ask its sender for a new one.")
    wrong = next((crop.member for crop in found.crops if crop.member >= len(ids)), None)
    if wrong is not None:
        raise FormatError(
            f"the manifest of {where} has a crop of animal {wrong}, and there are {len(ids)}. Ask its sender for a new one."
        )
    return found
