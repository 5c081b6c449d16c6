"""From a catalogue to a bundle: which crops, and under which names, so that nothing else leaves the house."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.catalogue import Catalogue
from reid.counts import jpeg_bytes
from reid.errors import ConfigError, InputError, choices
from reid.exchange.bundle import Bundle
from reid.exchange.keys import Key
from reid.exchange.manifest import BundleCrop, Manifest, Member
from reid.match import Features, LocalMatcher
from reid.match.features import FeatureStore
from reid.photos import read_photo
from reid.progress import track
from reid.tables import UNKNOWN

__all__ = ["RevealSettings", "bundle_of", "chosen_crops", "names_of"]

QUALITY = 75
"""Of a thumbnail's JPEG."""


@dataclass(frozen=True)
class RevealSettings:
    """What a bundle tells its receiver, besides vectors and spots. All of it is off unless asked for.

    Attributes:
        names: The animals' names.
        thumbnails: Pixels of the longest side of a picture of each crop; 0 for none.
        years: First and last year of each animal.
        grid_deg: Each animal's place, as the middle of a cell of so many degrees, at least 0.1; 0 for none.
    """

    names: bool = False
    thumbnails: int = 0
    years: bool = False
    grid_deg: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.thumbnails <= 1024:
            raise ConfigError(f"reveal.thumbnails={self.thumbnails} must be pixels from 0, which is none, to 1024.")
        if self.grid_deg != 0 and not 0.1 <= self.grid_deg <= 10:
            raise ConfigError(
                f"reveal.grid_deg={self.grid_deg:g} must be 0, which tells no place, or 0.1 to 10 degrees; a tenth of "
                "a degree is 11 km, and a finer place would betray a station."
            )


def alias(key: Key, partner: str, number: int) -> str:
    """What an animal is called in bundles for a partner: always the same, and without the key no way back to it."""
    message = f"{partner}|{number}".encode()
    return hmac.new(key.naming, message, hashlib.sha256).hexdigest()[:16]


def names_of(catalogue: Catalogue, key: Key, partner: str) -> dict[str, str]:
    """The present name of each animal of a catalogue, by what it is called in bundles for a partner."""
    known = catalogue.individuals()
    return {alias(key, partner, int(n)): str(name) for n, name in zip(known["number"], known["identity"], strict=True)}


def chosen_crops(
    catalogue: Catalogue, seasons: Sequence[str] = (), per_flank: int = 3, sure: float = 0.9
) -> pd.DataFrame:
    """The crops of each animal that a bundle speaks of.

    Args:
        catalogue: The record.
        seasons: Only animals and crops of these runs; all where none is named.
        per_flank: Most crops of one flank of one animal: of different encounters first, the largest first.
        sure: Least probability of a crop's flank.

    Returns:
        The catalogue's sightings that were chosen, by animal, flank and rank; those without a vector of the network in
        use, as after `reid catalogue embed`, are not among them.

    Raises:
        ConfigError: no such season.
    """
    seen = catalogue.sightings()
    runs = set(seen["run"])
    for season in seasons:
        if season not in runs:
            raise ConfigError(f"seasons: the catalogue has no season {season!r}; it has {choices(runs)}.")
    seen = seen[(seen["identity"] != UNKNOWN) & seen["usable"] & (not seasons or seen["run"].isin(seasons))]
    seen = seen[seen["sighting"].isin(catalogue.vectors()[1])]
    seen = seen[seen["orientation"].isin(["left", "right"])]
    seen = seen[seen["orientation_probability"].fillna(1.0) >= sure]
    area = seen["bbox"].map(lambda box: box[2] * box[3])
    seen = seen.assign(area=area.astype(float)).sort_values(
        ["area", "sighting"], ascending=[False, True], kind="stable"
    )
    seen["turn"] = seen.groupby(["identity", "orientation", "run", "encounter"], sort=False).cumcount()
    seen = seen.sort_values(["identity", "orientation", "turn", "area", "sighting"], ascending=[True, True, True, False, True], kind="stable")  # fmt: skip
    return seen.groupby(["identity", "orientation"], sort=False).head(per_flank).reset_index(drop=True)


def bundle_of(
    catalogue: Catalogue,
    key: Key,
    sender: str,
    partner: str,
    matcher: LocalMatcher,
    reveal: RevealSettings | None = None,
    seasons: Sequence[str] = (),
    per_flank: int = 3,
    sure: float = 0.9,
    places: Mapping[str, tuple[float, float]] | None = None,
    cache: Path | None = None,
    made: date | None = None,
) -> Bundle:
    """Put a bundle together.

    Args:
        catalogue: The record, with its pictures.
        key: Of the sender; the animals' ids are made with it.
        sender: What the sender calls itself.
        partner: Whom it is for. Another partner's bundle calls the animals otherwise.
        matcher: Seeks the spots.
        reveal: What else to tell.
        seasons: See `chosen_crops`, and so `per_flank` and `sure`.
        places: Latitude and longitude by station, where places are to be told.
        cache: Folder for spots that were found.
        made: The day to write; today if not given.

    Raises:
        InputError: the catalogue has no vectors, or no picture of a crop.
        ConfigError: no such season.
    """
    reveal = reveal or RevealSettings()
    if catalogue.fingerprint is None:
        raise InputError(f"the catalogue {catalogue.path} holds no vectors; a census puts them there.")
    crops = chosen_crops(catalogue, seasons, per_flank, sure)
    known = catalogue.individuals()
    present = catalogue.sightings()
    if seasons:
        known = known[known["identity"].isin(present.loc[present["run"].isin(seasons), "identity"])]
    ids = {str(name): alias(key, partner, int(n)) for name, n in zip(known["identity"], known["number"], strict=True)}
    # sorted by what says nothing: the order of a table would tell who came first
    order = sorted(ids, key=lambda name: ids[name])
    members = [_member(name, ids[name], present, known, reveal, places or {}) for name in order]
    number = {name: i for i, name in enumerate(order)}
    crops = crops.assign(member=crops["identity"].map(number))
    crops["shuffled"] = [alias(key, partner + "|crop", int.from_bytes(hashlib.sha256(s.encode()).digest()[:8], "big")) for s in crops["sighting"]]  # fmt: skip
    crops = crops.sort_values(["member", "shuffled"], kind="stable").reset_index(drop=True)
    vectors, keys = catalogue.vectors()
    row = {sighting: i for i, sighting in enumerate(keys)}
    manifest = Manifest(
        made=(made or date.today()).isoformat(),
        sender=_line(sender, "sender"),
        partner=_line(partner, "partner"),
        fingerprint=catalogue.fingerprint,
        matcher=matcher.fingerprint,
        grid_deg=reveal.grid_deg,
        thumbnail_px=reveal.thumbnails,
        members=members,
        crops=[
            BundleCrop(member=int(m), flank=flank, sure=round(float(p), 3) if pd.notna(p) else 1.0)
            for m, flank, p in zip(crops["member"], crops["orientation"], crops["orientation_probability"], strict=True)
        ],
    )
    features, thumbnails = _seen(catalogue, crops, matcher, reveal, cache)
    chosen = vectors[[row[s] for s in crops["sighting"]]] if len(crops) else np.zeros((0, vectors.shape[1]), np.float32)
    return Bundle(manifest, np.asarray(chosen, np.float32), tuple(features), tuple(thumbnails))


def _line(text: str, key: str) -> str:
    if len(text) > 200 or re.search(r"[\x00-\x1f\x7f]", text):
        raise ConfigError(f"{key}={text[:30]!r} must be one line of at most 200 characters.")
    return text


def _member(
    name: str, id: str, present: pd.DataFrame, known: pd.DataFrame, reveal: RevealSettings,
    places: Mapping[str, tuple[float, float]],
) -> Member:  # fmt: skip
    told: dict[str, Any] = {"id": id}
    row = known[known["identity"] == name].iloc[0]
    if reveal.names:
        told["name"] = name
    if reveal.years and pd.notna(row["first_seen"]):
        told |= {"first_year": int(row["first_seen"].year), "last_year": int(row["last_seen"].year)}
    if reveal.grid_deg:
        stations = present.loc[present["identity"] == name, ["run", "encounter", "station"]].drop_duplicates()
        cells = Counter(_cell(places[s], reveal.grid_deg) for s in stations["station"].dropna() if s in places)
        if cells:
            (latitude, longitude), _ = min(cells.items(), key=lambda item: (-item[1], item[0]))
            told |= {"latitude": latitude, "longitude": longitude}
    return Member(**told)


def _cell(place: tuple[float, float], grid: float) -> tuple[float, float]:
    """The middle of the cell that a place lies in."""
    latitude, longitude = ((np.floor(value / grid) + 0.5) * grid for value in place)
    return round(float(np.clip(latitude, -90, 90)), 4), round(float(np.clip(longitude, -180, 180)), 4)


def _seen(
    catalogue: Catalogue, crops: pd.DataFrame, matcher: LocalMatcher, reveal: RevealSettings, cache: Path | None
) -> tuple[list[Features], list[bytes]]:
    """Spots and thumbnails of crops, from the catalogue's own pictures."""
    store = FeatureStore(matcher, cache / "features" if cache else None)
    features, thumbnails = [], []
    for row in track(crops.to_dict("records"), "spots", total=len(crops), unit="crop"):
        picture = _picture(catalogue, str(row["sighting"]))
        features.append(store.get(store.key(row["content_hash"], [*row["bbox"], -1]), picture))
        # decoded and encoded anew: what a file carried beside its pixels stays behind
        small = jpeg_bytes(picture(), reveal.thumbnails, QUALITY) if reveal.thumbnails else b""
        thumbnails.append(small)
    return features, thumbnails


def _picture(catalogue: Catalogue, sighting: str) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        path = catalogue.picture(sighting)
        if path is None:
            raise InputError(
                f"the picture of {sighting} is missing from {catalogue.data}; take the census of that season again."
            )
        return read_photo(path)

    return read
