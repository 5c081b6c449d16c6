"""Finding over HTTP: individuals by name, by looks, the spots of two sightings, and an individual's history."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from reid.catalogue import Filter
from reid.review.desk import Desk
from reid.review.history import past
from reid.review.items import best_of, lookalikes
from reid.review.show import Show
from reid.review.words import likely

__all__ = ["routes"]


def routes(desk: Desk, show: Show) -> APIRouter:
    """`/search`, `/lookalikes`, `/best`, `/spots` and `/past`."""
    router = APIRouter()

    @router.get("/search")
    def search(text: str = "", limit: int = 12) -> dict[str, Any]:
        page = desk.catalogue.find(Filter(text=text[:300]), order="name", size=max(1, min(limit, 50)))
        keys = ("identity", "number", "sightings", "encounters", "flanks", "sex", "cover")
        return {"total": page.total, "found": [{key: row[key] for key in keys} for row in page.rows]}

    @router.get("/lookalikes")
    def alike(sighting: str) -> dict[str, Any]:
        return {"found": lookalikes(desk, sighting)}

    @router.get("/best")
    def best(identity: str, flank: str = "unknown") -> dict[str, Any]:
        return {"sighting": best_of(desk, identity, flank)}

    @router.get("/spots")
    def spots(query: str, candidate: str) -> dict[str, Any]:
        rows = [desk.catalogue.sighting(key) for key in (query, candidate)]
        if rows[0] is None or rows[1] is None or query == candidate:
            return {"points": [], "spots": 0, "inliers": 0, "probability": None, "likely": likely(None), "turn": None}
        found = desk.board(rows[0]["run"]).spots.of(rows[0], rows[1])
        points = [
            [round(float(v), 4) for v in (*point, weight)] + [bool(inlier)]
            for point, weight, inlier in zip(found.points, found.weights, found.inlier, strict=True)
        ]
        return {
            "points": points, "spots": found.spots, "inliers": int(found.inlier.sum()),
            "probability": round(found.probability, 4), "likely": likely(found.probability), "turn": found.turn,
        }  # fmt: skip

    @router.get("/past")
    def history(identity: str) -> Response:
        return HTMLResponse(show.page("events.html.jinja", nav=False, events=past(desk, identity)))

    return router
