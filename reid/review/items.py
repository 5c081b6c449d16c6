"""A question as the page shows it: two sides, what is known of each, and whom else it may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from reid.catalogue import Filter
from reid.errors import CatalogueError
from reid.review.desk import Desk
from reid.review.queue import Question
from reid.review.words import apart, how_far, likely, side, when

__all__ = ["best_of", "comparison", "lookalikes", "question_item", "side_of", "still_open"]


def side_of(desk: Desk, sighting: str) -> dict[str, Any]:
    """What the page shows of one sighting.

    Raises:
        CatalogueError: There is none.
    """
    row = desk.catalogue.sighting(sighting)
    if row is None:
        raise CatalogueError(f"there is no sighting {sighting!r} (any more); load the page again.")
    burst = desk.catalogue.encounter(row["run"], row["encounter"])
    return {
        "sighting": sighting,
        "identity": row["identity"],
        "number": row["number"],
        "season": row["run"],
        "encounter": row["encounter"],
        "flank": row["orientation"],
        "side": side(row["orientation"]),
        "station": row["station"],
        "camera": row["camera"],
        "when": when(row["date"]),
        "path": row["path"],
        "usable": row["usable"],
        "human": row["human"],
        "width": row["bbox"][2],
        "height": row["bbox"][3],
        "share": _share(desk, row),
        "photo": desk.pictures.has_photo(row),
        "burst": [
            {"sighting": other["sighting"], "side": side(other["orientation"]), "when": when(other["date"])}
            for other in burst[:24]
        ],
        "more": max(0, len(burst) - 24),
    }


def _share(desk: Desk, row: dict[str, Any]) -> list[float] | None:
    """The box as shares of its photo's width and height, where those are known."""
    size = desk.given[row["run"]].sizes.get(row["image_id"]) if row["run"] in desk.given else None
    if size is None:
        return None
    x, y, w, h = row["bbox"]
    return [x / size[0], y / size[1], w / size[0], h / size[1]]


def comparison(desk: Desk, run: str, query: str, candidate: str | None, probability: float | None) -> dict[str, Any]:
    """Two sightings side by side.

    Args:
        desk: Has the catalogue.
        run: The season that the query is of.
        query: A sighting.
        candidate: Another one, or None.
        probability: That both are one animal; None if they were not compared.
    """
    revision = desk.catalogue.last_event  # before anything is read: a change meanwhile is then noticed
    one = side_of(desk, query)
    other = side_of(desk, candidate) if candidate else None
    places = dict(desk.places(run))
    here = desk.catalogue.sighting(query) or {}
    there = (desk.catalogue.sighting(candidate) or {}) if candidate else {}
    facts = [
        apart(here.get("date"), there.get("date")),
        how_far(here.get("station"), there.get("station"), places),
    ]
    mirrored = bool(other) and {one["flank"], other["flank"] if other else ""} == {"left", "right"}
    return {
        "season": run,
        "query": one,
        "candidate": other,
        "probability": probability,
        "likely": likely(probability) if candidate else "nobody to compare with",
        "between": [fact for fact in facts if fact],
        "mirrored": mirrored,
        "revision": revision,
    }


def question_item(desk: Desk, run: str, question: Question) -> dict[str, Any]:
    """A question of the queue, with the other candidates that the spots named."""
    item = comparison(desk, run, question.query, question.candidate, question.probability)
    others = desk.candidates(run, question.encounter)
    shown = []
    for link in others:
        row = desk.catalogue.sighting(link.candidate)
        if row is not None:
            shown.append(
                {
                    "query": link.query,
                    "candidate": link.candidate,
                    "name": row["identity"] or "nobody yet",
                    "probability": link.probability,
                    "likely": likely(link.probability),
                }
            )
    return {
        **item,
        "key": question.key,
        "gain": question.gain,
        "matters": question.matters,
        "candidates": shown,
        "reason": _why(item) if question.open else STRANGER,
    }


STRANGER = "Like nobody who is known. Is it a new individual?"


def _why(item: dict[str, Any]) -> str:
    """The question in words."""
    one, other = item["query"], item["candidate"]
    if other is None:
        return STRANGER
    if one["identity"] is not None and one["identity"] == other["identity"]:
        return "The census took these for one animal. Is that right?"
    if one["identity"] is not None and other["identity"] is not None:
        return "The census took these for two animals. Are they one?"
    return "The census left this to a person. Are these one animal?"


def still_open(desk: Desk, query: str, candidate: str | None) -> bool:
    """Whether a question that is already on somebody's screen still has to be asked."""
    one = desk.catalogue.sighting(query)
    other = desk.catalogue.sighting(candidate) if candidate else None
    if one is None or not one["usable"]:
        return False
    if candidate is None:
        return not one["human"]
    if other is None or not other["usable"] or other["encounter"] == one["encounter"]:
        return False
    joined = one["identity"] is not None and one["identity"] == other["identity"]
    return not (joined and one["human"] and other["human"])


def lookalikes(desk: Desk, sighting: str, most: int = 8) -> list[dict[str, Any]]:
    """Individuals whose vectors are nearest to a sighting's, one sighting of each; empty where it has no vector."""
    run = sighting.partition(":")[0]
    if run not in desk.given:
        return []
    vector = desk.board(run).season.vectors.get(sighting)
    if vector is None:
        return []
    index, keys = desk.catalogue.index()
    if not index.ntotal or index.d != len(vector):
        return []
    _, found = index.search(np.asarray(vector, np.float32)[None], min(200, index.ntotal))
    own = desk.catalogue.sighting(sighting) or {}
    out: dict[str, dict[str, Any]] = {}
    for number in found[0]:
        key = keys.get(int(number))
        row = desk.catalogue.sighting(key) if key else None
        if row is None or row["identity"] is None or row["identity"] in out:
            continue
        if row["encounter"] == own.get("encounter") or {row["orientation"], own.get("orientation")} == {
            "left",
            "right",
        }:
            continue
        out[row["identity"]] = {"identity": row["identity"], "number": row["number"], "sighting": row["sighting"]}
        if len(out) == most:
            break
    return list(out.values())


def best_of(desk: Desk, identity: str, flank: str) -> str | None:
    """The sighting of an individual to compare with: of the same flank if there is one."""
    for wanted in (Filter(flank=flank, usable=True), Filter(usable=True), Filter()):
        page = desk.catalogue.gallery(identity, wanted, size=200)
        if page.rows:
            return str(max(page.rows, key=lambda row: row["bbox"][2] * row["bbox"][3])["sighting"])
    return None
