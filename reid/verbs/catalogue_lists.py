"""`reid catalogue list, show, unknown, runs, history, changes`: what is in a catalogue, as text."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reid.catalogue import Page
from reid.verbs.catalogue_words import Action, Request

__all__ = ["LISTS"]

FILTERS = ("season", "station", "flank", "certainty", "text", "page")
WIDEST = 60


def _table(frame: pd.DataFrame) -> str:
    # a terminal is no place for a thousand characters of one name, nor for its control codes
    def shown(value: Any) -> str:
        text = "" if value is None or value is pd.NA or value is pd.NaT else str(value)
        text = f"{value:.3f}" if isinstance(value, float) else text
        text = "".join(c if c.isprintable() else "?" for c in text)
        return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"

    return frame.astype(object).map(shown).to_string(index=False)


def _listing(page: Page, columns: list[str], nothing: str) -> str:
    if not page.rows:
        return nothing
    rows = [
        {**row, **{k: ", ".join(map(str, v)) for k, v in row.items() if isinstance(v, list)}} for row in _plain(page)
    ]
    more = f"\n\npage {page.page} of {page.pages}, {page.total} in all; page={page.page + 1} shows the next"
    return _table(pd.DataFrame(rows)[columns]) + (more if page.page < page.pages else "")


def _plain(page: Page) -> list[dict[str, Any]]:
    return [{**row, "date": (row.get("date") or "")[:19].replace("T", " ")} for row in page.rows]


def _list(request: Request) -> str:
    page = request.catalogue.find(request.narrowed(), request.options.get("order", "name"), **request.paged())
    columns = ["identity", "number", "sex", "age", "encounters", "sightings", "flanks", "seasons", "certainty"]
    narrowed = set(request.options) - {"order"}
    nothing = "No individual is like that." if narrowed else "The catalogue holds no individuals yet."
    return _listing(page, columns, nothing)


def _unknown(request: Request) -> str:
    page = request.catalogue.unidentified(request.narrowed(), **request.paged())
    columns = ["sighting", "encounter", "orientation", "usable", "station", "date", "reason"]
    return _listing(page, columns, "Every sighting has an identity.")


def _show(request: Request) -> str:
    catalogue, name = request.catalogue, request.words[0]
    about = catalogue.about(name)
    sightings = catalogue.sightings(about["identity"])
    columns = ["sighting", "station", "date", "orientation", "decision", "probability"]
    lines = [f"{about['identity']}  (number {about['number']}, {about['sex']}, {about['age']})"]
    if len(about["names"]) > 1:
        lines.append(f"also called: {', '.join(about['names'][1:])}")
    if about["tags"]:
        lines.append(f"tags: {', '.join(about['tags'])}")
    lines += [f"note by {note['who']}, event {note['event']}: {note['words']}" for note in about["notes"]]
    shown = _table(sightings[columns]) if len(sightings) else "none"
    return "\n".join(lines) + f"\n\nSightings\n{shown}\n\nHistory\n{_history_of(request, name)}"


def _history_of(request: Request, name: str | None) -> str:
    frame = request.catalogue.history(name)
    return _table(frame.drop(columns="reason")) if len(frame) else "none"


def _history(request: Request) -> str:
    return _history_of(request, request.words[0] if request.words else None)


def _runs(request: Request) -> str:
    frame = request.catalogue.runs()
    return _table(frame) if len(frame) else "Nothing has been recorded yet."


def _changes(request: Request) -> str:
    frame = request.catalogue.changes()
    if not len(frame):
        return "No recording would change an earlier season."
    return (
        f"{_table(frame.drop(columns=['model', 'event']))}\n\nNothing of this is done. "
        "`reid catalogue accept FILE CHANGE...` does it, `reid catalogue dismiss FILE CHANGE...` keeps what stands."
    )


LISTS = {
    "list": Action("FILE", "who is in it", _list, (*FILTERS, "sex", "order")),
    "show": Action("FILE NAME", "one animal's names, sightings and history", _show),
    "unknown": Action("FILE", "sightings without identity", _unknown, FILTERS),
    "runs": Action("FILE", "what was recorded", _runs),
    "history": Action("FILE [NAME]", "who did what when", _history),
    "changes": Action("FILE", "what recordings would change in earlier seasons", _changes),
}
