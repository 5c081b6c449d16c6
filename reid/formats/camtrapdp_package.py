"""A Camtrap Data Package as it lies on disk: its descriptor, its three tables as text, and whatever else is in it."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reid.errors import FormatError, InputError
from reid.formats.camtrapdp_schema import CORE, MISSING
from reid.formats.model import Note
from reid.formats.sheet import Sheet, sheet_of
from reid.outside import LARGEST, gunzip, parse_json, read_bytes

__all__ = ["Package", "open_package"]

MOST_FILES = 10_000
"""Files in a zip, at most: the tables of a package, and what else describes it."""
KEPT = ("run.json", "run.lock", "settings.yaml", "cache", "notes.csv", "datapackage.json")
"""What a run keeps in its folder, or writes itself."""
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
        descriptor = parse_json(get("datapackage.json"))
        resources = {resource["name"]: resource for resource in descriptor["resources"]}
        _check_shape(descriptor, resources)
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}/datapackage.json is no data package ({error!r}). Fetch the package again.") from None
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
    for part in extra:
        if not _is_url(part) and not _may_be_written(part):
            raise FormatError(
                f"{path}/datapackage.json names the file {part!r}, which is none of a package's own. Take it out of resources."
            )
    package = Package(
        descriptor,
        {name: sheet.columns for name, sheet in sheets.items()},
        rows,
        {part: get(part) for part in extra if not _is_url(part)},
    )
    return package, sheets, notes


def _opener(path: Path) -> Callable[[str], bytes]:
    if path.is_file() and zipfile.is_zipfile(path):
        held = _unzipped(path)

        def from_zip(name: str) -> bytes:
            if name not in held:
                raise InputError(
                    f"{path} holds no {name}, which its datapackage.json names. Fetch the whole package again."
                )
            return held[name]

        return from_zip

    def from_folder(name: str) -> bytes:
        if not _stays_inside(name) or not (path / name).resolve().is_relative_to(path.resolve()):
            raise FormatError(
                f"{path}/datapackage.json names the file {name!r}, outside the package. Move the file into the package, and name it there."
            )
        try:
            return read_bytes(path / name)
        except OSError as error:
            raise InputError(f"no {name} in the package {path}: {(error.strerror or '').lower()}.") from None

    return from_folder


def _unzipped(path: Path) -> dict[str, bytes]:
    """The files of a zip by their path below its datapackage.json; nothing of it is written anywhere."""
    try:
        with zipfile.ZipFile(path) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            if sum(info.file_size for info in files) > LARGEST or len(files) > MOST_FILES:
                raise FormatError(
                    f"{path} would unpack to more than {LARGEST >> 20} MB or {MOST_FILES} files, and is not read. "
                    "Unpack it, leave out what is not a table, and name the folder."
                )
            names = {info.filename for info in files}
            top = min((name for name in names if name.split("/")[-1] == "datapackage.json"), key=len, default=None)
            if top is None:
                raise InputError(f"{path} holds no datapackage.json; a Camtrap DP has one. Fetch the package again.")
            start = top[: -len("datapackage.json")]
            # a size that is stated too small makes the reading stop there, and its checksum wrong
            return {info.filename.removeprefix(start): archive.read(info) for info in files}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FormatError(f"{path} cannot be unpacked: {text}. Unpack it yourself and name the folder.") from None


def _stays_inside(name: str) -> bool:
    """Whether a path, read as this system or another would, leads to no place outside of where it starts."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and "\0" not in name and ".." not in parts and parts[0] != "" and ":" not in parts[0]


def _may_be_written(name: str) -> bool:
    """Whether a package written anew may have a file of this name: inside it, and not in place of what a run keeps."""
    return _stays_inside(name) and Path(name).parts[0] not in KEPT


def _check_shape(descriptor: Mapping[str, Any], resources: Mapping[str, Any]) -> None:
    """Raise TypeError where a part of the descriptor that is used has another shape than Camtrap DP gives it."""

    def need(value: Any, what: str, *kinds: type) -> None:
        if not isinstance(value, kinds):
            raise TypeError(f"{what} is {type(value).__name__}")

    for name, resource in resources.items():
        need(name, "a resource's name", str)
        need(resource, "a resource", dict)
        for part in _paths(resource):
            need(part, "a resource's path", str)
    project = descriptor.get("project", {})
    need(project, "project", dict)
    for value, what in (
        (project.get("observationLevel", []), "observationLevel"),
        (descriptor.get("taxonomic", []), "taxonomic"),
    ):
        need(value, what, list)
        for inner in value:
            need(inner, f"an entry of {what}", dict if what == "taxonomic" else str)
    for taxon in descriptor.get("taxonomic", []):
        need(taxon.get("scientificName", ""), "scientificName", str)


def _check_version(descriptor: Mapping[str, Any], path: Path) -> None:
    profile = str(descriptor.get("profile", ""))
    found = re.search(r"camtrap-dp/(\d+(?:\.\d+)*)", profile) or re.fullmatch(r"(\d+(?:\.\d+)*)", profile)
    if not found:
        raise FormatError(
            f"{path}/datapackage.json is no Camtrap DP: its profile is {profile[:80]!r}. Name a Camtrap DP, or the tables by themselves."
        )
    if found[1] not in VERSIONS:
        raise FormatError(
            f"{path} is of Camtrap DP {found[1]}; read are {', '.join(VERSIONS)}. Upgrade it, for example with the R package camtrapdp."
        )


def _is_url(part: str) -> bool:
    return part.startswith(("http://", "https://"))


def _paths(resource: Mapping[str, Any]) -> list[str]:
    parts = resource.get("path") or []
    return [parts] if isinstance(parts, str) else list(parts)


def _table(resource: Mapping[str, Any], get: Callable[[str], bytes], encoding: str, order: str) -> Sheet:
    """The rows of a core table, of all its files; NA and NaN are empty."""
    whole: Sheet | None = None
    for part in _paths(resource):
        if _is_url(part):
            raise InputError(f"the table {resource['name']} lies at {part}; download it into the package first.")
        content = get(part)
        if part.endswith(".gz"):
            try:
                content = gunzip(content)
            except OSError as error:
                raise FormatError(f"{part} cannot be unpacked: {error.strerror}.") from None
        coding = encoding or str(resource.get("encoding", "")).lower().replace("utf-8", "").replace("utf8", "")
        sheet = sheet_of(content, part, coding, order)
        for row in sheet.rows:
            row.values = {name: "" if value in MISSING else value for name, value in row.values.items()}
        if whole is None:
            whole = sheet
        else:
            if set(sheet.columns) != set(whole.columns):
                odd = sorted(set(sheet.columns) ^ set(whole.columns))
                raise FormatError(
                    f"{part} and {whole.name} are parts of one table, {resource['name']}, and differ in the column "
                    f"{', '.join(map(repr, odd[:5]))}; give both the same columns."
                )
            whole.rows += sheet.rows
            whole.notes += sheet.notes
            sheet.notes = whole.notes  # its rows go on noting what is repaired in them
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
