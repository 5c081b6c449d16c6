"""What is written beside the photos: labels, stations, boxes, and the truth of the season."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from reid.synthetic.season import Season, Shot
from reid.synthetic.settings import SynthesisSettings

__all__ = ["detections", "labels", "stations", "truth"]

COLUMNS = (
    "image_id",
    "identity",
    "path",
    "orientation",
    "bbox",
    "date",
    "station",
    "camera",
    "encounter",
    "light",
    "pattern",
)


def labels(season: Season, boxes: dict[str, list[int]]) -> pd.DataFrame:
    """A labelled table of all photos, in their order; `boxes` are x, y, width and height in pixels by path."""
    rows = []
    for number, shot in enumerate(season.shots, 1):
        animal, camera = season.animals[shot.animal], season.cameras[shot.camera]
        values = (
            number, animal.identity, shot.path, shot.orientation, str(boxes[shot.path]), f"{shot.date:%Y-%m-%d %H:%M:%S}",
            camera.station, camera.name, shot.encounter, shot.light, animal.pattern,
        )  # fmt: skip
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def stations(season: Season) -> pd.DataFrame:
    """A row a camera: its station, latitude and longitude in degrees."""
    rows = [
        {"camera": c.name, "station": c.station, "latitude": c.latitude, "longitude": c.longitude}
        for c in season.cameras
    ]
    return pd.DataFrame(rows)


def detections(season: Season, boxes: dict[str, list[int]], settings: SynthesisSettings) -> dict[str, Any]:
    """The boxes as MegaDetector would write them: shares of the photo, the photos sorted by path."""
    sides = np.array([settings.picture.width, settings.picture.height] * 2)
    images = [
        {
            "file": path,
            "detections": [
                {"category": "1", "conf": 0.95, "bbox": [round(v, 6) for v in (boxes[path] / sides).tolist()]}
            ],
        }
        for path in sorted(shot.path for shot in season.shots)
    ]
    return {
        "info": {"format_version": "1.4", "detector": "the true boxes of made-up animals"},
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        "images": images,
    }


def truth(season: Season, settings: SynthesisSettings) -> dict[str, Any]:
    """What a census of the season should find: every individual, station and encounter, and the settings behind them."""
    visits: dict[str, list[Shot]] = {}
    for shot in season.shots:
        visits.setdefault(shot.encounter, []).append(shot)
    return {
        "settings": {**asdict(settings), "backgrounds": bool(settings.backgrounds)},
        "individuals": [
            {
                **asdict(animal),
                "encounters": [name for name, shots in visits.items() if shots[0].animal == number],
                "photos": sum(shot.animal == number for shot in season.shots),
                "orientations": sorted({shot.orientation for shot in season.shots if shot.animal == number}),
            }
            for number, animal in enumerate(season.animals)
        ],
        "stations": [asdict(camera) for camera in season.cameras],
        "encounters": [
            {
                "encounter": name,
                "identity": season.animals[shots[0].animal].identity,
                "station": season.cameras[shots[0].camera].station,
                "start": f"{shots[0].date:%Y-%m-%d %H:%M:%S}",
                "end": f"{shots[-1].date:%Y-%m-%d %H:%M:%S}",
                "photos": [shot.path for shot in shots],
            }
            for name, shots in sorted(visits.items())
        ],
    }
