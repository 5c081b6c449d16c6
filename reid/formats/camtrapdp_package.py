"""A Camtrap Data Package as it lies on disk: its descriptor, its three tables as text, and whatever else is in it."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reid.errors import FormatError, InputError
from reid.formats.camtrapdp_schema import CORE, MISSING
from reid.formats.model import Note
from reid.formats.sheet import Sheet, sheet_of

__all__ = ["Package", "open_package"]

VERSIONS = ("1.0", "1.0.1", "1.0.2")


@dataclass(frozen=True)
class Package:
    """A package: what is needed to write it again with nothing lost."""

    descriptor: dict[str, Any]
    columns: dict[str, list[str]]
    """Of each core table, as the package has them."""
    rows: dict[str, dict[str, dict[str, str]]]
    """Of each core table: its rows as text, by their key."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """The files of other resources, by path."""
    path_of: Mapping[str, str] = field(default_factory=dict)
    """Photo of each mediaID."""
    derived: frozenset[str] = frozenset()
    """Animals that were read out of event-level observations: they have no row of their own."""


def open_package(path: str | Path, encoding: str = "", order: str = "") -> tuple[Package, dict[str, Sheet], list[Note]]:
    """Read a package's files.

    Args:
        path: The folder, its datapackage.json, or a zip of it.
        encoding: Of its tables, where they are not UTF-8.
        order: Of day and month, see `read_sheet`.

    Returns:
        The package, its three tables as sheets, and notes on rows whose key stood there before.

    Raises:
        InputError: there is no package, or a table of it is missing.
        FormatError: it is of another version, or a file cannot be read.
    """
    path = Path(path)
    if path.name == "datapackage.json":
        path = path.parent
    get = _opener(path)
    try:
        descriptor = json.loads(get("datapackage.json").decode("utf-8-sig"))
        resources = {resource["name"]: resource for resource in descriptor["resources"]}
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}/datapackage.json is no data package ({error!r}).") from None
    _check_version(descriptor, path)
    missing = [name for name in CORE if name not in resources]
    if missing:
        raise FormatError(
            f"{path}/datapackage.json names no resource {', '.join(missing)}; Camtrap DP needs all three."
        )
    sheets, rows, notes = {}, {}, []
    for name in CORE:
        sheets[name] = _table(resources[name], get, encoding, order)
        rows[name], repeated = _by_key(sheets[name], name)
        notes += repeated
    extra = [part for name, resource in resources.items() if name not in CORE for part in _paths(resource)]
    package = Package(
        descriptor,
        {name: sheet.columns for name, sheet in sheets.items()},
        rows,
        {part: get(part) for part in extra if not _is_url(part)},
    )
    return package, sheets, notes


def _opener(path: Path) -> Callable[[str], bytes]:
    if path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = {name for name in archive.namelist() if not name.endswith("/")}
            top = min((name for name in names if name.split("/")[-1] == "datapackage.json"), key=len, default=None)
            if top is None:
                raise InputError(
                    f"{path} holds no datapackage.json; name the folder of a Camtrap DP, or the file itself."
                )
            held = {name.removeprefix(top[: -len("datapackage.json")]): archive.read(name) for name in names}

        def from_zip(name: str) -> bytes:
            if name not in held:
                raise InputError(
                    f"{path} holds no {name}, which its datapackage.json names. Fetch the whole package again."
                )
            return held[name]

        return from_zip

    def from_folder(name: str) -> bytes:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise FormatError(f"{path}/datapackage.json names the file {name!r}, outside the package.")
        try:
            return (path / name).read_bytes()
        except OSError as error:
            raise InputError(f"no {name} in the package {path}: {(error.strerror or '').lower()}.") from None

    return from_folder


def _check_version(descriptor: Mapping[str, Any], path: Path) -> None:
    profile = str(descriptor.get("profile", ""))
    found = re.search(r"camtrap-dp/(\d+(?:\.\d+)*)", profile) or re.fullmatch(r"(\d+(?:\.\d+)*)", profile)
    if not found:
        raise FormatError(f"{path}/datapackage.json is no Camtrap DP: its profile is {profile[:80]!r}.")
    if found[1] not in VERSIONS:
        raise FormatError(
            f"{path} is of Camtrap DP {found[1]}; read are {', '.join(VERSIONS)}. Upgrade it, for example with the R package camtrapdp."
        )


def _is_url(part: str) -> bool:
    return part.startswith(("http://", "https://"))


def _paths(resource: Mapping[str, Any]) -> list[str]:
    parts = resource.get("path", [])
    return [parts] if isinstance(parts, str) else list(parts)


def _table(resource: Mapping[str, Any], get: Callable[[str], bytes], encoding: str, order: str) -> Sheet:
    """The rows of a core table, of all its files; NA and NaN are empty."""
    whole: Sheet | None = None
    for part in _paths(resource):
        if _is_url(part):
            raise InputError(f"the table {resource['name']} lies at {part}; download it into the package first.")
        content = get(part)
        content = gzip.decompress(content) if part.endswith(".gz") else content
        coding = encoding or str(resource.get("encoding", "")).lower().replace("utf-8", "").replace("utf8", "")
        sheet = sheet_of(content, part, coding, order)
        for row in sheet.rows:
            row.values = {name: "" if value in MISSING else value for name, value in row.values.items()}
        if whole is None:
            whole = sheet
        else:
            whole.rows += sheet.rows
            whole.notes += sheet.notes
    if whole is None:
        raise FormatError(f"the resource {resource['name']} names no file; give it a path in datapackage.json.")
    return whole


def _by_key(sheet: Sheet, name: str) -> tuple[dict[str, dict[str, str]], list[Note]]:
    """Rows by key; one without a key or whose key stood there before is left out of the sheet."""
    key = {"deployments": "deploymentID", "media": "mediaID", "observations": "observationID"}[name]
    sheet.need([key])
    found: dict[str, dict[str, str]] = {}
    notes, kept = [], []
    for row in sheet.rows:
        value = row.values[key]
        if not value or value in found:
            why = "this key stands in an earlier row; the first is used" if value else "every row needs a key"
            notes.append(Note(row.sheet.name, row.line, key, value, "left out", why))
        else:
            found[value] = row.values
            kept.append(row)
    sheet.rows = kept
    return found, notes
