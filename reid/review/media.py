"""Pictures by the sighting that they show."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from reid.errors import InputError
from reid.review.desk import Desk

__all__ = ["routes"]

HEADERS = {"cache-control": "private, max-age=86400"}


def routes(desk: Desk) -> APIRouter:
    """`/picture` and `/photo`, of `sighting` and `size`."""
    router = APIRouter()

    def row(sighting: str) -> dict[str, object]:
        found = desk.catalogue.sighting(sighting)
        if found is None:
            raise InputError("there is no such sighting.")
        return found

    @router.get("/picture")
    def picture(sighting: str, size: int = 480) -> Response:
        return Response(desk.pictures.crop(row(sighting), size), media_type="image/jpeg", headers=HEADERS)

    @router.get("/photo")
    def photo(sighting: str, size: int = 1280) -> Response:
        return Response(desk.pictures.photo(row(sighting), size), media_type="image/jpeg", headers=HEADERS)

    return router
