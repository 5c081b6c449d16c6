"""`reid convert`: a survey from one format into others, with the names of a census if asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reid.errors import ConfigError, InputError, choices
from reid.formats import (
    NOTES,
    WRITERS,
    CaptureSettings,
    Note,
    PackageSettings,
    Survey,
    Wanted,
    name_animals,
    notes_table,
    read_sightings,
    read_survey,
    tag_photos,
    with_files,
    with_stations,
    write_survey,
)
from reid.tables import PHOTOS, read, write_csv
from reid.verbs.common import input_path, run_folder, write_settings

__all__ = ["ConvertConfig", "run"]

PHOTO_COPIES = "photos"
"""The target that writes names into photos."""


@dataclass(frozen=True)
class ConvertConfig:
    source: str
    output: str
    to: str | list[str]
    read_as: str = "auto"
    photos: str = ""
    identities: str = ""
    stations: str = ""
    species: str = ""
    time_zone: str = ""
    encoding: str = ""
    dates: str = ""
    inplace: bool = False
    tag: str = "Individual"
    package: PackageSettings = field(default_factory=PackageSettings)
    capture: CaptureSettings = field(default_factory=CaptureSettings)


def run(config: ConvertConfig) -> str:
    """Convert; returns the summary for the terminal."""
    source = input_path(config.source, "source", "file or folder")
    targets = _targets(config)
    root = input_path(config.photos, "photos", "folder") if config.photos else None
    what = {"source": str(source.resolve()), "to": sorted(targets)}
    with run_folder(config.output, "convert", what, root or (source if source.is_dir() else None)) as folder:
        survey = _read(config, source, root, folder)
        lines = [_said(survey)]
        notes = list(survey.notes)
        wanted = Wanted(config.package, config.capture, config.time_zone, config.species)
        for target in targets:
            if target == PHOTO_COPIES:
                done, more = _tag(config, survey, root, folder)
                lines.append(f"photos: {done} {'changed in place' if config.inplace else 'copied'}, their names as {config.tag}|NAME.")  # fmt: skip
            else:
                more = write_survey(survey, folder, target, wanted)
                lines.append(f"{target}: {WRITERS[target]}.")
            known = set(notes)
            notes += [note for note in more if note not in known]
        write_csv(notes_table(notes), folder / f"{NOTES.name}.csv")
        write_settings(config, folder)
    return "\n".join([*lines, *_summary(notes, config.output)])


def _targets(config: ConvertConfig) -> list[str]:
    given: Sequence[str] = [config.to] if isinstance(config.to, str) else config.to
    targets = [part.strip() for word in given for part in word.split(",") if part.strip()]
    known = (*WRITERS, PHOTO_COPIES)
    for target in targets:
        if target not in known:
            raise ConfigError(f"to={target!r} is unknown; choose from {choices(known)}.")
    if not targets:
        raise ConfigError(f"to is empty; choose from {choices(known)}.")
    if config.inplace and PHOTO_COPIES not in targets:
        raise ConfigError("inplace=true goes with to=photos: only that writes into photos.")
    return list(dict.fromkeys(targets))


def _read(config: ConvertConfig, source: Path, root: Path | None, folder: Path) -> Survey:
    survey = read_survey(source, config.read_as, config.encoding, config.dates, config.time_zone)
    if root is not None:
        survey = with_files(survey, root, cache=folder / "cache" / "scan")
    if config.stations:
        survey = with_stations(survey, input_path(config.stations, "stations", "file"))
    if config.identities:
        census = input_path(config.identities, "identities", "folder")
        survey = name_animals(survey, read_sightings(census), read(census / f"{PHOTOS.name}.parquet", PHOTOS))
    if config.species:
        animals = survey.animals.copy()
        blank = animals["species"].isna() & (animals["category"] == "animal")
        animals.loc[blank, "species"] = config.species
        survey = Survey(survey.photos, survey.deployments, animals, survey.notes, survey.source)
    return survey


def _tag(config: ConvertConfig, survey: Survey, root: Path | None, folder: Path) -> tuple[int, list[Note]]:
    if root is None:
        raise InputError("to=photos writes names into photos, so that it needs photos=FOLDER.")
    return tag_photos(survey, root, None if config.inplace else folder / PHOTO_COPIES, config.inplace, config.tag)


def _said(survey: Survey) -> str:
    named = survey.named
    return (
        f"{len(survey.photos)} photos of {len(survey.deployments)} deployments, {len(survey.animals)} animals on them, "
        f"{len(named)} of them named: {named['identity'].nunique()} individuals."
    )


def _summary(notes: list[Note], output: str) -> list[str]:
    counts = Counter((note.done, note.reason.split(":")[0]) for note in notes if note.done != "kept")
    lines = [f"{done} {count}: {reason}" for (done, reason), count in sorted(counts.items())][:8]
    more = f"{len(notes)} notes in {Path(output) / 'notes.csv'}, by row and column." if notes else "Nothing was lost."
    return [*lines, more]
