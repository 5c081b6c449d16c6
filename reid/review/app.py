"""The page as an application: its parts put together behind the guard, and errors said in words."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import Request

from reid.catalogue import LostUpdateError
from reid.errors import InputError, ReidError
from reid.review import answers, edits, entry, finding, media, pages
from reid.review.desk import Desk
from reid.review.security import Guard, RefusedError
from reid.review.show import Show

__all__ = ["make_app"]

HERE = Path(__file__).parent


def make_app(desk: Desk, guard: Guard) -> Any:
    """The ASGI application of a desk, which answers only to who has the guard's token."""
    show = Show(desk, HERE / "templates")
    app = FastAPI(title="reid review", docs_url=None, redoc_url=None, openapi_url=None)
    for part in (entry.routes(guard, show), pages.routes(desk, show), media.routes(desk)):
        app.include_router(part)
    for part in (answers.routes(desk), edits.routes(desk), finding.routes(desk, show)):
        app.include_router(part, prefix="/api")
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")

    def said(request: Request, status: int, words: str) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": words}, status)
        return HTMLResponse(show.error(status, words), status)

    @app.exception_handler(ReidError)
    def _(request: Request, error: ReidError) -> Response:
        status = 409 if isinstance(error, LostUpdateError) else 404 if isinstance(error, InputError) else 400
        return said(request, status, str(error))

    @app.exception_handler(HTTPException)
    def _(request: Request, error: HTTPException) -> Response:
        words = "There is no such page." if error.status_code == 404 else str(error.detail)
        return said(request, error.status_code, words)

    @app.exception_handler(RequestValidationError)
    def _(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return said(request, 422, f"{where or 'the request'}: {first['msg']}.")

    @app.exception_handler(Exception)
    def _(request: Request, error: Exception) -> Response:
        traceback.print_exception(error)  # a defect of ours: whoever started the page can report it
        return said(request, 500, "This is a defect of reid, and nothing was changed. The terminal says more.")

    def refusal(refused: RefusedError) -> Response:
        return HTMLResponse(show.error(refused.status, refused.reason, nav=False), refused.status)

    return guard.middleware(app, refusal)
