"""The same picture twice: a file that was copied is one sighting, whatever its names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

__all__ = ["picture_keys", "same_pictures"]


def picture_keys(*tables: pd.DataFrame) -> dict[str, str]:
    """By crop_id, a key that two crops share if they are the same pixels: of files of one content, and one box.

    Args:
        tables: Crops tables.
    """
    return {
        str(crop): f"{content} {' '.join(str(round(value)) for value in box)}"
        for table in tables
        for crop, content, box in zip(table["crop_id"], table["content_hash"], table["bbox"], strict=True)
    }


def same_pictures(
    keys: Mapping[str, str], encounter_of: Mapping[str, str], individual_of: Mapping[str, str] | None = None
) -> dict[tuple[str, str, str], tuple[str, str]]:
    """Which encounters hold the same picture as another one, or as an individual of the catalogue.

    Args:
        keys: From `picture_keys`.
        encounter_of: Encounter of every crop of this season.
        individual_of: Individual of every crop of the catalogue.

    Returns:
        By encounter, kind and the other end (as in a links table, the encounter that sorts first as the first), the two
        crops.
    """
    alike: dict[str, list[str]] = {}
    for crop in _known(sorted(encounter_of), keys):
        alike.setdefault(keys[crop], []).append(crop)
    found: dict[tuple[str, str, str], tuple[str, str]] = {}
    for crops in alike.values():
        first = min(crops, key=lambda crop: (encounter_of[crop], crop))
        for crop in crops:
            if encounter_of[crop] != encounter_of[first]:
                found.setdefault((encounter_of[first], "encounter", encounter_of[crop]), (first, crop))
    for crop in _known(sorted(individual_of or ()), keys):
        for mine in alike.get(keys[crop], ()):
            found.setdefault((encounter_of[mine], "individual", (individual_of or {})[crop]), (mine, crop))
    return found


def _known(crops: Iterable[str], keys: Mapping[str, str]) -> Iterable[str]:
    return (crop for crop in crops if crop in keys)
