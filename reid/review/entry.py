"""The way in: the terminal's address leaves its token in a cookie, and never in the browser's history again."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from reid.review.security import ENTRY, Guard
from reid.review.show import Show

__all__ = ["routes"]


def routes(guard: Guard, show: Show) -> APIRouter:
    """`/enter?token=...` and `/`."""
    router = APIRouter()

    @router.get(ENTRY)
    def enter() -> Response:
        # A page, not a redirect: a strict cookie does not travel along a redirect that another program began.
        answer = HTMLResponse(show.page("enter.html.jinja", nav=False))
        answer.set_cookie(guard.cookie, guard.token, httponly=True, samesite="strict", path="/")
        return answer

    @router.get("/")
    def first() -> Response:
        return RedirectResponse("/review", 303)

    return router
