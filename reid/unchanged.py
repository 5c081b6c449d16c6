"""A command that is said again: would it do anything? If nothing that it rests on has changed, its results stand.

What counts: the words, the folder they were said in, the program and the packages installed beside it, every file or folder
that a setting names, the results, and the last event of the catalogue. Files are compared by name, size and times of change;
none is opened. This module is light, so that the answer comes before anything heavy is loaded.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reid.folders import looks

__all__ = ["FINISHED", "PROFILE", "keep", "outputs", "rests_on", "said_before"]

FINISHED = "finished.json"
"""In the output folder of a run that has ended; gone as soon as another begins."""
PROFILE = "profile.json"
"""What each stage took, and the last event of the catalogue when the run looked into it."""
NOT_RESULTS = ("cache/", "run.lock", FINISHED)


def said_before(verb: str, words: Sequence[str]) -> str | None:
    """The summary of an earlier run of the same command, if it would come to the same now; else None."""
    folder = outputs(words)
    if folder is None:
        return None
    try:
        before = json.loads((folder / FINISHED).read_text(encoding="utf-8"))
        same = (
            before["asked"] == _asked(verb, words)
            and before["program"] == _program()
            and before["results"] == _results(folder, before["catalogue"])
            and all(looks(path) == seen for path, seen in before["inputs"].items())
            and before["event"] == _last_event(before["catalogue"])
        )
        return str(before["summary"]) if same else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def outputs(words: Sequence[str]) -> Path | None:
    """The output folder that the words name."""
    named = [word.partition("=")[2] for word in words if word.startswith("output=")]
    if not named or any(word.startswith("config=") for word in words):
        return None
    text = named[-1]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return Path(text).expanduser()


def rests_on(config: Any) -> dict[str, str]:
    """How every file and folder that a setting names looks; call before the run, so that a change during it is noticed.

    The output and the catalogue are not among them.

    Returns:
        A hash by path; none at all where photos lie out of sight, at a URL or beside a table of labels.
    """
    photos = Path(getattr(config, "photos", "") or config.input).expanduser()
    if not photos.is_dir():
        return {}
    values = {k: v for k, v in dataclasses.asdict(config).items() if k not in ("output", "catalogue", "season")}
    paths = {Path(text).expanduser().absolute() for text in _texts(values)}
    return {str(path): looks(path) for path in sorted(paths) if _is_there(path)}


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a name
        return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value and "\0" not in value:
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def keep(verb: str, words: Sequence[str], inputs: Mapping[str, str], summary: str) -> None:
    """Note that a command has ended well; not where `inputs` is empty or has changed since, or somebody changed the catalogue in the meantime."""
    folder = outputs(words)
    if not inputs or folder is None or not folder.is_dir():
        return
    # a photo that was away while the run looked, and may be back before the next
    if any(looks(path) != seen for path, seen in inputs.items()):
        return
    based = _based_on(folder)
    catalogue = str(based["file"]) if based else ""
    if based and not _only_ours(based):
        return
    content = {
        "asked": _asked(verb, words),
        "program": _program(),
        "inputs": dict(inputs),
        "catalogue": catalogue,
        "event": _last_event(catalogue),
        "results": _results(folder, catalogue),
        "summary": summary,
    }
    partial = folder / (FINISHED + ".part")
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    partial.replace(folder / FINISHED)


def _asked(verb: str, words: Sequence[str]) -> list[str]:
    return [verb, *words, str(Path.cwd())]


def _program() -> str:
    """The package's own files, and when something was last installed or removed beside them."""
    places = [Path(place) for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
    times = [place.stat().st_mtime_ns for place in places if place.is_dir()]
    own = Path(__file__).parent
    configs = own.parent / "configs"  # of a checkout; an installed package has them among its own files
    return f"{sys.version} {looks(own, ('__pycache__',))} {looks(configs)} {times}"


def _results(folder: Path, catalogue: str) -> str:
    """How the results look, the catalogue aside if it lies among them: its last event says whether it changed."""
    path, top = Path(catalogue), folder.resolve()
    own = (path.relative_to(top).as_posix(),) if catalogue and path.is_relative_to(top) else ()
    return looks(folder, (*NOT_RESULTS, *own))


def _based_on(folder: Path) -> dict[str, Any] | None:
    """What the run says of its catalogue; None for one without."""
    try:
        found: dict[str, Any] | None = json.loads((folder / PROFILE).read_text(encoding="utf-8"))["catalogue"]
        return found
    except (OSError, ValueError, KeyError):
        return None


def _only_ours(based: Mapping[str, Any]) -> bool:
    """Whether nothing but this run was recorded since it looked into the catalogue."""
    query = "SELECT who, run_id FROM event LEFT JOIN run USING (run) WHERE event > ?"
    try:
        with closing(_open(based["file"])) as connection:
            since = connection.execute(query, (based["event"],)).fetchall()
    except sqlite3.Error:
        return False
    return all(who.startswith("reid ") and run == based["run"] for who, run in since)


def _open(catalogue: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(catalogue)}?mode=ro", uri=True)


def _last_event(catalogue: str) -> list[Any] | None:
    if not catalogue:
        return None
    try:
        with closing(_open(catalogue)) as connection:
            row = connection.execute("SELECT * FROM event ORDER BY event DESC LIMIT 1").fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else list(row)
