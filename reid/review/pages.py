"""The pages: review, individuals, one individual, sightings without identity, merge, contact sheet, changes, history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from reid.catalogue import Filter, Page
from reid.catalogue.browse import ORDERS
from reid.catalogue.state import AGES, SEXES
from reid.errors import CatalogueError
from reid.review.desk import Desk
from reid.review.history import past
from reid.review.individual import individual_page
from reid.review.show import Show, link

__all__ = ["routes"]

SIZE = 48
CERTAINTIES = {
    "": "any certainty",
    "0.95-1": "sure (95 % and more)",
    "0.5-0.95": "less sure (50 to 95 %)",
    "0-0.5": "doubtful (below 50 %)",
}


def _certainty(text: str) -> tuple[float, float] | None:
    low, _, high = text.partition("-")
    try:
        return (float(low), float(high)) if text else None
    except ValueError:
        raise CatalogueError(f"certainty={text!r} is no range; write for example 0.5-0.95.") from None


def _wanted(text: str, season: str, station: str, sex: str, flank: str, certainty: str) -> Filter:
    return Filter(
        text=text[:300], season=season or None, station=station or None, sex=sex or None, flank=flank or None,
        certainty=_certainty(certainty),
    )  # fmt: skip


def pager(path: str, page: Page, query: Mapping[str, Any]) -> dict[str, Any]:
    """Addresses of the pages around one."""
    around = sorted({1, page.page - 1, page.page, page.page + 1, page.pages} & set(range(1, page.pages + 1)))
    return {
        "page": page.page, "pages": page.pages, "total": page.total,
        "links": [(number, link(path, **{**query, "page": number})) for number in around],
        "before": link(path, **{**query, "page": page.page - 1}) if page.page > 1 else None,
        "after": link(path, **{**query, "page": page.page + 1}) if page.page < page.pages else None,
    }  # fmt: skip


def routes(desk: Desk, show: Show) -> APIRouter:
    """Every page that has an address of its own."""
    router = APIRouter()
    catalogue = desk.catalogue

    def html(template: str, **values: Any) -> Response:
        return HTMLResponse(show.page(template, **values))

    @router.get("/review")
    def review(season: str = "") -> Response:
        runs = desk.runs()
        if not runs:
            return html("nothing.html.jinja", title="Nothing to review", here="review")
        if season and season not in runs:
            desk.board(season)  # says which there are
        return html(
            "review.html.jinja", title="Review", here="review", season=season or runs[0], seasons=runs, query="",
            candidate="",
        )  # fmt: skip

    @router.get("/compare")
    def compare(query: str, candidate: str = "") -> Response:
        row = catalogue.sighting(query)
        if row is None or (candidate and catalogue.sighting(candidate) is None):
            raise CatalogueError("one of these sightings is not there (any more); load the page again.")
        return html(
            "review.html.jinja", title="Compare", here="review", season=row["run"], seasons=[row["run"]], query=query,
            candidate=candidate,
        )  # fmt: skip

    @router.get("/individuals")
    def individuals(
        text: str = "", season: str = "", station: str = "", sex: str = "", flank: str = "", certainty: str = "",
        order: str = "name", page: int = 1,
    ) -> Response:  # fmt: skip
        found = catalogue.find(_wanted(text, season, station, sex, flank, certainty), order, page, SIZE)
        query = {"text": text, "season": season, "station": station, "sex": sex, "flank": flank,
                 "certainty": certainty, "order": order}  # fmt: skip
        return html(
            "individuals.html.jinja", title="Individuals", here="individuals", rows=found.rows, query=query,
            pager=pager("/individuals", found, query), facets=catalogue.facets(), sexes=SEXES, orders=ORDERS,
            certainties=CERTAINTIES,
        )  # fmt: skip

    @router.get("/individual/{number}")
    def individual(number: int, flank: str = "", page: int = 1) -> Response:
        return html("individual.html.jinja", here="individuals", ages=AGES, sexes=SEXES,
                    **individual_page(desk, number, flank, page))  # fmt: skip

    @router.get("/unidentified")
    def unidentified(
        text: str = "", season: str = "", station: str = "", flank: str = "", certainty: str = "", page: int = 1
    ) -> Response:
        found = catalogue.unidentified(_wanted(text, season, station, "", flank, certainty), page, SIZE)
        query = {"text": text, "season": season, "station": station, "flank": flank, "certainty": certainty}
        return html(
            "unidentified.html.jinja", title="Without identity", here="unidentified", rows=found.rows, query=query,
            pager=pager("/unidentified", found, query), facets=catalogue.facets(), certainties=CERTAINTIES,
            revision=found.revision,
        )  # fmt: skip

    @router.get("/merge")
    def merge(keep: str, gone: str) -> Response:
        preview = catalogue.preview_merge(keep, gone)
        both = [catalogue.about(name) for name in (keep, gone)]
        flanks = [set(one.get("flanks", [])) & {"left", "right"} for one in both]
        walls = [catalogue.gallery(name, size=8).rows for name in (keep, gone)]
        return html(
            "merge.html.jinja", title="Merge", here="individuals", preview=preview, both=both, walls=walls,
            join=bool(flanks[0] and flanks[1] and not flanks[0] & flanks[1]),
        )  # fmt: skip

    @router.get("/sheet")
    def sheet(
        text: str = "", season: str = "", station: str = "", sex: str = "", flank: str = "", certainty: str = "",
        order: str = "name", page: int = 1, number: int = 0,
    ) -> Response:  # fmt: skip
        if number:
            about = catalogue.about(str(number))
            found = Page([about] if "encounters" in about else [], 1, 1, 24, about["revision"])
        else:
            found = catalogue.find(_wanted(text, season, station, sex, flank, certainty), order, page, 24)
        rows = found.rows
        limit = 24 if number else 4
        for row in rows:
            sides = [flank] if flank else ["left", "right"]
            each = limit // len(sides)
            shown = [
                catalogue.gallery(row["identity"], Filter(flank=side, usable=True), size=each).rows for side in sides
            ]
            if not any(shown):
                shown = [catalogue.gallery(row["identity"], size=limit).rows]
            row["pictures"] = [picture for one in shown for picture in one]
        query = {"text": text, "season": season, "station": station, "sex": sex, "flank": flank,
                 "certainty": certainty, "order": order, "number": number or ""}  # fmt: skip
        return html("sheet.html.jinja", title="Contact sheet", rows=rows, pager=pager("/sheet", found, query),
                    query=query, total=found.total)  # fmt: skip

    @router.get("/changes")
    def changes() -> Response:
        rows = catalogue.changes().to_dict("records")
        return html("changes.html.jinja", title="Proposed changes", here="changes", rows=rows)

    @router.get("/history")
    def history(page: int = 1) -> Response:
        return html("history.html.jinja", title="History", here="history", events=past(desk, None, max(1, page)))

    return router
