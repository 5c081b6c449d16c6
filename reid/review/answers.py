"""The queue over HTTP: what is next, what the count is now, an answer, and its undoing."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reid.counts import Count
from reid.counts.words import headline, plural
from reid.errors import CatalogueError
from reid.review.desk import Desk
from reid.review.items import comparison, question_item, still_open

__all__ = ["routes"]

SAID = {
    "same": "one animal",
    "different": "two animals",
    "not sure": "not sure",
    "other flank": "another flank",
    "unusable": "unusable",
    "new": "a new individual",
}


class Pair(BaseModel):
    """A question that waits on the screen."""

    key: str
    query: str
    candidate: str | None = None
    revision: int | None = None


class Answer(BaseModel):
    """What a person said of two sightings."""

    season: str
    query: str
    candidate: str | None = None
    said: str
    by: str = ""
    reason: str = ""
    probability: float | None = Field(default=None, ge=0, le=1)
    revision: int | None = None
    pending: list[Pair] = []


class Undoing(BaseModel):
    """Which event is to be taken back; None for one's own last."""

    event: int | None = None
    by: str = ""
    pending: list[Pair] = []


def routes(desk: Desk) -> APIRouter:
    """`/queue`, `/count`, `/item`, `/answer` and `/undo`."""
    router = APIRouter()

    @router.get("/queue")
    def queue(season: str, limit: int = 4, skip: str = "", past: str = "") -> dict[str, Any]:
        found = desk.queue(season)
        skipped, behind = set(skip.split(",")), set(past.split(","))
        first = [question for question in found.questions if question.key not in skipped]
        last = [question for question in found.questions if question.key in skipped]
        chosen = [question for question in (*first, *last) if question.key not in behind][: max(1, min(limit, 20))]
        return {
            "revision": found.revision,
            "items": [question_item(desk, season, question) for question in chosen],
            "left": len(found.questions),
            "matter": sum(question.matters for question in found.questions),
            "skipped": len(last),
        }

    @router.get("/count")
    def count(season: str, rough: bool = False) -> dict[str, Any]:
        revision, found, fewer = desk.count(season, rough)
        return {
            "revision": revision,
            "rough": fewer,
            **_count(found),
            "first": _count(desk.board(season).first or found),
        }

    @router.get("/item")
    def item(season: str, query: str, candidate: str | None = None) -> dict[str, Any]:
        links = {link.candidate: link.probability for link in desk.candidates(season, _encounter(desk, query), 1000)}
        return comparison(desk, season, query, candidate, links.get(candidate or ""))

    @router.post("/answer")
    def answer(given: Answer) -> dict[str, Any]:
        _after(desk, given.pending, 0)  # refuses what nobody can ask before anything is written
        event, words = _answer(desk, given)
        return {"event": event, "words": words, **_after(desk, given.pending, event)}

    @router.post("/undo")
    def undo(given: Undoing) -> dict[str, Any]:
        by = given.by.strip() or None
        _after(desk, given.pending, 0)
        event = desk.catalogue.undo(by, given.event, own=given.event is None)
        return {"event": event, "words": "Taken back.", **_after(desk, given.pending, desk.catalogue.last_event)}

    return router


def _encounter(desk: Desk, sighting: str) -> str:
    row = desk.catalogue.sighting(sighting)
    if row is None:
        raise CatalogueError(f"there is no sighting {sighting!r} (any more); load the page again.")
    return str(row["encounter"])


def _after(desk: Desk, pending: list[Pair], event: int) -> dict[str, Any]:
    """Which of the questions on the screen are still to be asked, and which state they are of now.

    A question that was read just before this event is of the state after it, too. Where somebody else's event lies
    between, it stays of the state that was seen, so that the catalogue can refuse an answer that is based on it.
    """
    alone = desk.catalogue.last_event == event
    return {
        "open": {pair.key: still_open(desk, pair.query, pair.candidate) for pair in pending},
        "revisions": {pair.key: event if alone and pair.revision == event - 1 else pair.revision for pair in pending},
    }


def _answer(desk: Desk, given: Answer) -> tuple[int, str]:
    catalogue, by = desk.catalogue, given.by.strip() or None
    if given.said not in SAID:
        raise CatalogueError(f"{given.said!r} is no answer; choose one of {', '.join(SAID)}.")
    row = catalogue.sighting(given.query)
    if row is None:
        raise CatalogueError(f"there is no sighting {given.query!r} (any more); load the page again.")
    if given.said == "new":
        alone = row["identity"] is not None and _encounters(desk, row["identity"]) == 1
        if not alone:
            name = catalogue.decide(row["run"], row["encounter"], "new", by, given.reason, given.revision)
            return catalogue.last_event, f"A new individual, {name}."
        if given.candidate is None:
            raise CatalogueError(
                f"{row['identity']} is an individual of its own already, met once; nothing was changed."
            )
        given = given.model_copy(update={"said": "different"})
    if given.candidate is None and given.said != "unusable":
        raise CatalogueError("there is nobody to compare with; choose somebody first (key C), or say that it is new.")
    event = catalogue.answer(
        given.query, given.candidate, given.said, by, given.reason, given.probability, _model(desk, given.season),
        given.revision,
    )  # fmt: skip
    name = (catalogue.sighting(given.query) or {}).get("identity")
    return event, f"Kept: {SAID[given.said]}" + (f", {name}." if given.said == "same" and name else ".")


def _encounters(desk: Desk, identity: str) -> int:
    return int(desk.catalogue.about(identity).get("encounters", 0)) if identity else 0


def _model(desk: Desk, season: str) -> str | None:
    """What the probability on the screen came from."""
    desk.board(season)
    return desk.catalogue.fingerprint


def _count(count: Count) -> dict[str, Any]:
    best, between = headline(
        {
            "individuals": count.best,
            "interval": {"low": count.low, "high": count.high, "confidence": count.confidence},
        }
    )
    return {
        "best": count.best, "low": count.low, "high": count.high, "confidence": count.confidence,
        "left_only": count.left_only, "right_only": count.right_only, "both": count.both, "neither": count.neither,
        "unsure": count.unsure_encounters, "headline": best, "between": between,
        "undecided": plural(count.unsure_encounters, "encounter") + " undecided",
    }  # fmt: skip
