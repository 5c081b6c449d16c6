"""What a catalogue already knows, as a side to compare with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from reid.catalogue import Catalogue
from reid.embed.crops import within
from reid.errors import InputError
from reid.match import check_fingerprints
from reid.photos import read_photo
from reid.tables import CROPS, check
from reid.verbs.compare import Side

__all__ = ["known_side"]


def known_side(catalogue: Catalogue, run_id: str, fingerprint: str) -> tuple[Side | None, dict[str, str]]:
    """Sightings of named individuals from other runs, and whose each is.

    Args:
        catalogue: The record.
        run_id: This run, whose own earlier results are left out.
        fingerprint: Of this run's vectors.

    Returns:
        The side, None where nothing is known yet; and the individual by crop_id. A crop's id here is `run:crop_id`.

    Raises:
        FingerprintError: the catalogue's vectors were made by another network.
    """
    if catalogue.fingerprint is not None:
        check_fingerprints(fingerprint, catalogue.fingerprint, f"the catalogue {catalogue.path}")
    vectors, keys = catalogue.vectors(exclude_run=run_id)
    if not keys:
        return None, {}
    sightings = (
        catalogue.sightings(exclude_run=run_id).set_index("sighting", drop=False).loc[keys].reset_index(drop=True)
    )
    owner = dict(zip(sightings["sighting"], sightings["identity"], strict=True))
    # encounters of two runs may have one name
    sightings["encounter"] = sightings["run"] + ":" + sightings["encounter"]
    sightings["crop_id"] = sightings["sighting"]
    crops = check(sightings[CROPS.names], CROPS)

    def picture(crop: dict[str, Any], longest: int) -> np.ndarray:
        path = catalogue.picture(str(crop["crop_id"]))
        if path is None or not Path(path).is_file():
            raise InputError("its picture is missing from the catalogue's folder")
        image = read_photo(path)
        return within(image, longest) if longest else image

    return Side(crops, np.asarray(vectors, np.float32), picture), {str(k): str(v) for k, v in owner.items()}
