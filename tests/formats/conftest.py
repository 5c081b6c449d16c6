"""A small Camtrap Data Package written by hand, as an agency would hand it over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

DEPLOYMENTS = """deploymentID,locationID,locationName,latitude,longitude,coordinateUncertainty,deploymentStart,deploymentEnd,setupBy,cameraID,cameraModel,cameraDelay,cameraHeight,cameraDepth,cameraTilt,cameraHeading,detectionDistance,timestampIssues,baitUse,featureType,habitat,deploymentGroups,deploymentTags,deploymentComments
d1,north,North ridge,27.5000,90.25,,2015-06-01T00:00:00+06:00,2015-08-31T23:59:59+06:00,Ugyen,cam-1,Reconyx-HC500,,0.5,,,90,,false,false,trailGame,scrub,season:2015,,
d2,north,North ridge,27.5001,90.2501,,2015-06-01T00:00:00+06:00,2015-08-31T23:59:59+06:00,,cam-2,,,,,,,,,,,,,,
d3,south,,27.41,90.31,,2015-06-10T00:00:00+06:00,2015-07-10T00:00:00+06:00,,cam-3,,,,,,,,,,,,,,"moved, once"
"""
MEDIA = """mediaID,deploymentID,captureMethod,timestamp,filePath,filePublic,fileName,fileMediatype,exifData,favorite,mediaComments
m1,d1,activityDetection,2015-06-03T14:22:05+06:00,d1/IMG_1.jpg,false,IMG_1.jpg,image/jpeg,"{""ISO"":200}",true,
m2,d2,activityDetection,2015-06-03T14:22:06+06:00,d2/IMG_1.jpg,false,IMG_1.jpg,image/jpeg,,,
m3,d3,activityDetection,2015-06-20T03:00:00+06:00,d3/IMG_7.jpg,false,IMG_7.jpg,image/jpeg,,,
m4,d3,timeLapse,2015-06-21T12:00:00+06:00,d3/IMG_8.jpg,false,IMG_8.jpg,image/jpeg,,,
"""
OBSERVATIONS = """observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,cameraSetupType,scientificName,count,lifeStage,sex,behavior,individualID,individualPositionRadius,individualPositionAngle,individualSpeed,bboxX,bboxY,bboxWidth,bboxHeight,classificationMethod,classifiedBy,classificationTimestamp,classificationProbability,observationTags,observationComments
o1,d1,m1,e1,2015-06-03T14:22:05+06:00,2015-06-03T14:22:06+06:00,media,animal,,Panthera pardus,1,adult,male,walking,M01,,,,0.25,0.5,0.5,0.25,human,Ugyen,2016-01-01T00:00:00Z,,travelDirection:left | flank:left,
o2,d2,m2,e1,2015-06-03T14:22:05+06:00,2015-06-03T14:22:06+06:00,media,animal,,Panthera pardus,1,,,,,,,,0.1,0.2,0.3,0.4,machine,MegaDetector,,0.91,,
o3,d3,m3,e2,2015-06-20T03:00:00+06:00,2015-06-20T03:00:00+06:00,media,animal,,Panthera pardus,1,,,,Unidentified,,,,,,,,,,,,,
o4,d3,m4,,2015-06-21T12:00:00+06:00,2015-06-21T12:00:00+06:00,media,blank,,,,,,,,,,,,,,,human,Ugyen,,,,
"""
DESCRIPTOR = {
    "name": "leopards-2015",
    "id": "7a6c",
    "created": "2016-02-01T09:00:00Z",
    "title": "Leopards of 2015",
    "profile": "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.1/camtrap-dp-profile.json",
    "contributors": [{"title": "Ugyen", "role": "contact"}],
    "project": {
        "title": "Leopards",
        "samplingDesign": "targeted",
        "captureMethod": ["activityDetection", "timeLapse"],
        "individualAnimals": False,
        "observationLevel": ["media"],
    },
    "spatial": {"type": "Point", "coordinates": [90.25, 27.5]},
    "temporal": {"start": "2015-06-01", "end": "2015-08-31"},
    "taxonomic": [{"scientificName": "Panthera pardus", "vernacularNames": {"eng": "leopard"}}],
    "resources": [
        *(
            {
                "name": name,
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "schema": f"https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.1/{name}-table-schema.json",
            }
            for name in ("deployments", "media", "observations")
        ),
        {"name": "individuals", "data": [{"id": 1, "individualName": "M01"}]},
        {"name": "rangers", "path": "extra/rangers.csv"},
    ],
}


@pytest.fixture
def make_package(tmp_path: Path) -> Callable[..., Path]:
    """Writes the package; `changes` replace text of a table: (old, new)."""

    def make(name: str = "package", **changes: list[tuple[str, str]]) -> Path:
        folder = tmp_path / name
        (folder / "extra").mkdir(parents=True)
        tables = {"deployments": DEPLOYMENTS, "media": MEDIA, "observations": OBSERVATIONS}
        for table, text in tables.items():
            for old, new in changes.get(table, []):
                assert old in text, old
                text = text.replace(old, new)
            (folder / f"{table}.csv").write_bytes(text.encode("utf-8"))
        (folder / "extra" / "rangers.csv").write_bytes(b"name\nUgyen\n")
        (folder / "datapackage.json").write_text(json.dumps(DESCRIPTOR), encoding="utf-8")
        return folder

    return make
