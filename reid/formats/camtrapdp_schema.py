"""What Camtrap DP 1.0 allows: table schemas and profile as data, and the check of a written package against them.

The schemas are our own statement of the standard's terms, so that a package can be checked without a network. From
1.0 to 1.0.2 no term changed, so they serve all three.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from reid.errors import FormatError, MissingPartError

__all__ = ["CORE", "MISSING", "VERSION", "columns", "profile_url", "schema", "schema_url", "validate_package"]

CORE = ("deployments", "media", "observations")
VERSION = "1.0.2"
MISSING = ("", "NA", "NaN", "nan")
PLACE = "https://raw.githubusercontent.com/tdwg/camtrap-dp"


@cache
def schema(name: str) -> dict[str, Any]:
    """The table schema of one of the three tables, or the JSON schema of the descriptor (`profile`)."""
    path = Path(__file__).parent / "schemas" / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def columns(name: str) -> list[str]:
    """The columns of a table, in the standard's order.

    >>> columns("media")[:3]
    ['mediaID', 'deploymentID', 'captureMethod']
    """
    return [field["name"] for field in schema(name)["fields"]]


def schema_url(name: str) -> str:
    """Where the standard keeps a table's schema; packages name it."""
    return f"{PLACE}/{VERSION}/{name}-table-schema.json"


def profile_url() -> str:
    """Where the standard keeps its profile; packages name it."""
    return f"{PLACE}/{VERSION}/camtrap-dp-profile.json"


def validate_package(folder: str | Path) -> list[str]:
    """What is wrong with a package: its descriptor by JSON schema, its tables by frictionless, without a network.

    Args:
        folder: Of `datapackage.json` and its tables.

    Returns:
        One line for each fault; none where the package is valid.

    Raises:
        MissingPartError: frictionless is not installed.
        FormatError: there is no descriptor.
    """
    try:
        import frictionless
        import jsonschema
    except ImportError:
        raise MissingPartError(
            "checking a package needs frictionless: install it with pip install 'reid[formats]'."
        ) from None
    folder = Path(folder)
    try:
        descriptor = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{folder} has no datapackage.json that can be read ({error}).") from None
    checker = jsonschema.Draft7Validator(schema("profile"), format_checker=jsonschema.FormatChecker())
    faults = [f"datapackage.json, {_place(error)}: {error.message[:300]}" for error in checker.iter_errors(descriptor)]
    # the schemas' addresses are replaced by the schemas, since there may be no network
    local = {key: value for key, value in descriptor.items() if key != "profile"}
    local["resources"] = [
        {**resource, "schema": schema(resource["name"])} if resource.get("name") in CORE else resource
        for resource in descriptor.get("resources", [])
    ]
    report = frictionless.Package.from_descriptor(local, basepath=str(folder)).validate()
    faults += [f"datapackage.json: {error.message}" for error in report.errors]
    for task in report.tasks:
        faults += [f"{task.place}: {error.message}" for error in task.errors]
    return faults


def _place(error: Any) -> str:
    return ".".join(map(str, error.absolute_path)) or "the top"
