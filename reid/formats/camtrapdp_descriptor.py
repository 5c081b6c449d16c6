"""The descriptor of a Camtrap Data Package, `datapackage.json`, and its additional table of individuals."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from reid.formats.camtrapdp_package import Package
from reid.formats.camtrapdp_rows import Cells
from reid.formats.camtrapdp_schema import CORE, profile_url, schema_url
from reid.formats.settings import PackageSettings

__all__ = ["INDIVIDUAL_COLUMNS", "individuals_name", "make_descriptor"]

INDIVIDUAL_COLUMNS = {
    "individualID": "string",
    "scientificName": "string",
    "sex": "string",
    "lifeStage": "string",
    "flanks": "string",
    "firstSeen": "string",
    "lastSeen": "string",
    "encounters": "integer",
    "media": "integer",
    "locations": "string",
}
OURS = "Individuals named in the observations, with the sides of each that were seen."


def individuals_name(base: Package | None) -> str:
    """Name of our table of individuals: another's of the same name is left alone."""
    for resource in base.descriptor["resources"] if base else []:
        if resource["name"] == "individuals" and resource.get("description") != OURS:
            return "individuals-reid"
    return "individuals"


def make_descriptor(
    base: Package | None,
    settings: PackageSettings,
    deployments: Mapping[str, Cells],
    observations: Mapping[str, Cells],
    individuals: bool,
) -> dict[str, Any]:
    """The descriptor: the source's own where there is one, raised to 1.0.2, with what the tables now hold.

    Args:
        base: The package that the survey came from.
        settings: What to state where the source does not.
        deployments: Rows of that table, by their key.
        observations: Rows of that table, by their key.
        individuals: Whether there is a table of individuals.
    """
    descriptor: dict[str, Any] = deepcopy(base.descriptor) if base else {}
    descriptor["profile"] = profile_url()
    descriptor["resources"] = _resources(base, individuals)
    descriptor.setdefault("name", "camera-trap-survey")
    descriptor.setdefault("contributors", [{"title": settings.contributor, "role": "contact"}])
    project = descriptor.setdefault("project", {"title": settings.title})
    project.setdefault("title", settings.title)
    project.setdefault("samplingDesign", settings.sampling_design)
    project.setdefault("captureMethod", [settings.capture_method])
    named = any(row.get("individualID") for row in observations.values())
    project["individualAnimals"] = bool(project.get("individualAnimals")) or named
    levels = {row["observationLevel"] for row in observations.values()} | set(project.get("observationLevel", []))
    project["observationLevel"] = [level for level in ("media", "event") if level in (levels or {"media"})]
    starts = sorted(row["deploymentStart"] for row in deployments.values())
    ends = sorted(row["deploymentEnd"] for row in deployments.values())
    if not base or set(deployments) != set(base.rows["deployments"]):
        descriptor["spatial"] = _around(deployments)
        descriptor["temporal"] = {"start": starts[0][:10], "end": ends[-1][:10]} if starts else {"start": "1970-01-01", "end": "1970-01-01"}  # fmt: skip
    descriptor.setdefault("created", settings.created or (ends[-1] if ends else "1970-01-01T00:00:00Z"))
    taxa = list(descriptor.get("taxonomic", []))
    known = {taxon.get("scientificName") for taxon in taxa}
    names = {row["scientificName"] for row in observations.values() if row.get("scientificName")}
    descriptor["taxonomic"] = [*taxa, *({"scientificName": name} for name in sorted(names - known))]
    return descriptor


def _resources(base: Package | None, individuals: bool) -> list[dict[str, Any]]:
    had = {resource["name"]: resource for resource in (base.descriptor["resources"] if base else [])}
    resources = []
    for name in CORE:
        kept = {key: value for key, value in had.get(name, {}).items() if key in ("title", "description")}
        resources.append(
            {
                **kept,
                "name": name,
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": schema_url(name),
            }
        )
    ours = individuals_name(base)
    resources += [resource for name, resource in had.items() if name not in (*CORE, ours)]
    if individuals:
        fields = [{"name": name, "type": kind} for name, kind in INDIVIDUAL_COLUMNS.items()]
        fields[0]["constraints"] = {"required": True, "unique": True}  # type: ignore[assignment]
        resources.append(
            {
                "name": ours,
                "description": OURS,
                "path": f"{ours}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": {"fields": fields, "primaryKey": "individualID"},
            }
        )
    elif ours in had:
        resources.append(had[ours])
    return resources


def _around(deployments: Mapping[str, Cells]) -> dict[str, Any]:
    """The rectangle around the places, as GeoJSON."""
    if not deployments:
        return {"type": "GeometryCollection", "geometries": []}
    east = [float(row["longitude"]) for row in deployments.values()]
    north = [float(row["latitude"]) for row in deployments.values()]
    corners = [(min(east), min(north)), (max(east), min(north)), (max(east), max(north)), (min(east), max(north))]
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in (*corners, corners[0])]]}
