"""Corrections over HTTP: each is one edit of the catalogue, signed, undoable, and refused if its subject has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from reid.catalogue import Catalogue
from reid.counts.words import plural
from reid.errors import CatalogueError
from reid.review.desk import Desk

__all__ = ["routes"]


class Edit(BaseModel):
    """What is to be done; which of the fields an action needs is in `ACTIONS`."""

    action: str
    by: str = ""
    reason: str = ""
    revision: int | None = None
    identity: str = ""
    other: str = ""
    value: str = ""
    sightings: list[str] = []
    numbers: list[int] = []

    def signed(self) -> dict[str, Any]:
        """The arguments that every edit takes."""
        return {"by": self.by.strip() or None, "reason": self.reason, "revision": self.revision}

    @property
    def signatory(self) -> str | None:
        return self.by.strip() or None


def _rename(catalogue: Catalogue, edit: Edit) -> str:
    catalogue.rename(edit.identity, edit.value, **edit.signed())
    return f"{edit.identity} is now {catalogue.resolve(edit.value)}."


def _alias(catalogue: Catalogue, edit: Edit) -> str:
    catalogue.alias(edit.identity, edit.value, **edit.signed())
    return f"{edit.value} finds {catalogue.resolve(edit.identity)} now."


def _merge(catalogue: Catalogue, edit: Edit) -> str:
    name = catalogue.merge(edit.identity, edit.other, **edit.signed())
    return f"{edit.other} and {edit.identity} are one individual now, {name}."


def _split(catalogue: Catalogue, edit: Edit) -> str:
    name = catalogue.split(edit.identity, edit.sightings, **edit.signed())
    return f"{plural(len(edit.sightings), 'photo')} of {edit.identity} are {name} now."


def _move(catalogue: Catalogue, edit: Edit) -> str:
    name = catalogue.move(edit.sightings, edit.value or None, **edit.signed())
    return f"{plural(len(edit.sightings), 'photo')}: {f'now of {name}' if name else 'of nobody now'}."


def _join(catalogue: Catalogue, edit: Edit) -> str:
    return f"Both flanks are {catalogue.join(edit.identity, edit.other, **edit.signed())} now."


def _part(catalogue: Catalogue, edit: Edit) -> str:
    return f"The {edit.value} flank is {catalogue.part(edit.identity, edit.value, **edit.signed())} now."


def _flank(catalogue: Catalogue, edit: Edit) -> str:
    catalogue.set_flank(edit.sightings, edit.value, **edit.signed())
    return f"{plural(len(edit.sightings), 'photo')}: flank {edit.value} now."


def _usable(catalogue: Catalogue, edit: Edit) -> str:
    catalogue.set_usable(edit.sightings, edit.value == "yes", **edit.signed())
    return f"{plural(len(edit.sightings), 'photo')}: {'usable' if edit.value == 'yes' else 'unusable'} now."


def _sex(catalogue: Catalogue, edit: Edit) -> str:
    catalogue.set_sex(edit.identity, edit.value, **edit.signed())
    return f"The sex of {edit.identity} is {edit.value} now."


def _age(catalogue: Catalogue, edit: Edit) -> str:
    catalogue.set_age(edit.identity, edit.value, **edit.signed())
    return f"The age of {edit.identity} is {edit.value} now."


def _note(catalogue: Catalogue, edit: Edit) -> str:
    catalogue.note(edit.value, identity=edit.identity, by=edit.signatory)
    return f"Noted about {edit.identity}."


def _tag(catalogue: Catalogue, edit: Edit) -> str:
    catalogue.tag(edit.value, identity=edit.identity, by=edit.signatory)
    return f"{edit.identity} has the tag {edit.value} now."


def _untag(catalogue: Catalogue, edit: Edit) -> str:
    catalogue.untag(edit.value, identity=edit.identity, by=edit.signatory)
    return f"{edit.identity} has the tag {edit.value} no more."


def _undo(catalogue: Catalogue, edit: Edit) -> str:
    event = catalogue.undo(edit.signatory, edit.numbers[0] if edit.numbers else None, own=not edit.numbers)
    return f"Event {event} was taken back."


def _accept(catalogue: Catalogue, edit: Edit) -> str:
    return f"Made: {plural(catalogue.accept(edit.numbers, edit.signatory, edit.reason), 'change')}."


def _dismiss(catalogue: Catalogue, edit: Edit) -> str:
    return (
        f"Kept what stands: {plural(catalogue.dismiss(edit.numbers, edit.signatory, edit.reason), 'change')} dismissed."
    )


ACTIONS: dict[str, Callable[[Catalogue, Edit], str]] = {
    "rename": _rename, "alias": _alias, "merge": _merge, "split": _split, "move": _move, "join": _join, "part": _part,
    "flank": _flank, "usable": _usable, "sex": _sex, "age": _age, "note": _note, "tag": _tag, "untag": _untag,
    "undo": _undo, "accept": _accept, "dismiss": _dismiss,
}  # fmt: skip


def routes(desk: Desk) -> APIRouter:
    """`/edit` and `/preview`."""
    router = APIRouter()

    @router.post("/edit")
    def edit(given: Edit) -> dict[str, Any]:
        if given.action not in ACTIONS:
            raise CatalogueError(f"{given.action!r} is no edit; choose one of {', '.join(sorted(ACTIONS))}.")
        words = ACTIONS[given.action](desk.catalogue, given)
        event = desk.catalogue.last_event
        return {"event": event, "words": words, "revision": event, "undoable": given.action != "undo"}

    @router.post("/preview")
    def preview(given: Edit) -> dict[str, Any]:
        if given.action == "merge":
            return asdict(desk.catalogue.preview_merge(given.identity, given.other))
        if given.action == "split":
            return asdict(desk.catalogue.preview_split(given.identity, given.sightings))
        raise CatalogueError(f"{given.action!r} has no preview; merge and split have one.")

    return router
