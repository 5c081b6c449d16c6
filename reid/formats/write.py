"""Any of the formats out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reid.errors import ConfigError, choices
from reid.formats.camtrapdp_write import write_camtrapdp
from reid.formats.camtrapr import write_camtrapr
from reid.formats.captures import SIDES, CaptureHistory, captures_of
from reid.formats.coco import write_coco
from reid.formats.individuals import individuals_of
from reid.formats.insights import write_insights
from reid.formats.labels import write_wildlife
from reid.formats.megadetector import write_identities
from reid.formats.model import Note, Survey
from reid.formats.oscr import write_oscr
from reid.formats.plain import write_plain
from reid.formats.secr import write_secr
from reid.formats.settings import CaptureSettings, PackageSettings
from reid.formats.twoflank import write_two_flank

__all__ = ["WRITERS", "Wanted", "write_survey"]


@dataclass(frozen=True)
class Wanted:
    """Settings of what is written."""

    package: PackageSettings = field(default_factory=PackageSettings)
    capture: CaptureSettings = field(default_factory=CaptureSettings)
    time_zone: str = ""
    species: str = ""


WRITERS: Mapping[str, str] = {
    "camtrapdp": "Camtrap DP 1.0.2, in camtrapdp/",
    "camtrapr": "record table, camera table and camera operation matrix of camtrapR, in camtrapr/",
    "coco": "COCO Camera Traps and Wild Me, coco.json",
    "csv": "plain tables, in csv/",
    "insights": "the Wildlife Insights download with individual_id, in insights/",
    "megadetector": "MegaDetector 1.6 with individuals as classifications, megadetector.json",
    "oscr": "encounter and trap files of oSCR, in oscr/",
    "secr": "captures and traps of secr, in secr/",
    "twoflank": "2-flank SPIM and multimark, in twoflank/",
    "wildlife": "wildlife-datasets, wildlife.csv",
}


def write_survey(survey: Survey, folder: str | Path, to: str, wanted: Wanted | None = None) -> list[Note]:
    """Write a survey in one format below a folder.

    The capture histories of secr, oSCR and camtrapR are written three times: by the left flank, by the right, and
    joined; a side that nobody showed has files without captures.

    Returns:
        Notes on what the format has no place for.

    Raises:
        ConfigError: there is no such format, or a setting that it needs is missing.
        InputError: the survey lacks what the format needs.
    """
    wanted = wanted or Wanted()
    if to not in WRITERS:
        raise ConfigError(f"to={to!r} is unknown; choose one of {choices(WRITERS)}.")
    folder = Path(folder)
    files: dict[str, Callable[[], list[Note]]] = {
        "coco": lambda: write_coco(survey, folder / "coco.json", wanted.package.title),
        "megadetector": lambda: write_identities(survey, folder / "megadetector.json"),
        "wildlife": lambda: write_wildlife(survey, folder / "wildlife.csv"),
    }
    if to in files:
        folder.mkdir(parents=True, exist_ok=True)
        return files[to]()
    here = folder / to
    if to == "camtrapdp":
        return write_camtrapdp(survey, here, wanted.package, wanted.time_zone)
    here.mkdir(parents=True, exist_ok=True)
    if to == "csv":
        return write_plain(survey, here)
    if to == "insights":
        return write_insights(survey, here)
    return _histories(survey, here, to, wanted)


def _histories(survey: Survey, folder: Path, to: str, wanted: Wanted) -> list[Note]:
    joined = captures_of(survey, wanted.capture)
    notes = [*joined.notes, *_two_ways(joined)]
    if to == "twoflank":
        return [*notes, *write_two_flank(joined, folder)]
    sexes = individuals_of(survey).set_index("identity")["sex"].dropna().to_dict()
    seen: set[Note] = set(notes)
    for side in SIDES:
        history = captures_of(survey, wanted.capture, side)
        more = {
            "secr": lambda h: write_secr(h, folder, wanted.capture),
            "oscr": lambda h: write_oscr(h, folder, wanted.capture, sexes),
            "camtrapr": lambda h: write_camtrapr(h, survey, folder, wanted.species),
        }[to](history)
        # what is wrong with an animal or a photo is said once, not for each side
        notes += [note for note in more if note not in seen]
        seen.update(more)
    return notes


def _two_ways(history: CaptureHistory) -> list[Note]:
    """What the joined files cannot know: animals seen from one side only may be one animal."""
    sides: dict[str, set[str]] = {}
    for capture in history.captures:
        sides.setdefault(capture.identity, set()).update(capture.flanks)
    only = {side: sum(seen == {side} for seen in sides.values()) for side in ("left", "right")}
    if not (only["left"] and only["right"]):
        return []
    found = f"{only['left']} from the left only, {only['right']} from the right only"
    return [Note("captures (joined)", None, "flanks", found, "kept", "the same animal may be among both and count twice; use one side, or the two-flank files")]  # fmt: skip
