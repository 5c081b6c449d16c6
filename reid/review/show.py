"""HTML out of the templates, everything escaped."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reid._version import __version__
from reid.counts.words import percent, plural
from reid.errors import ReidError
from reid.review.desk import Desk
from reid.review.words import likely, side, when

__all__ = ["Show"]


class Show:
    """Renders pages.

    Args:
        desk: What the frame around every page shows: the catalogue's name, its numbers, who signs.
        folder: Of the templates.
    """

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.environment = Environment(
            loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self.environment.globals.update(link=link, version=__version__)
        self.environment.filters.update(
            percent=percent, plural=plural, likely=likely, side=side, when=when, pair=lambda one: (one, one)
        )

    def page(self, template: str, nav: bool = True, **values: Any) -> str:
        """A page as text.

        Args:
            template: Its file.
            nav: Whether the frame shows what is in the catalogue: a stranger sees nothing of it.
            **values: What the template takes.
        """
        frame: dict[str, Any] = {
            "nav": nav,
            "catalogue": "",
            "by": "",
            "waiting": 0,
            "here": "",
            "title": "reid review",
        }
        if nav:
            frame.update(
                catalogue=self.desk.catalogue.path.name,
                by=self.desk.settings.by or self._login(),
                waiting=len(self.desk.catalogue.changes()),
            )
        return self.environment.get_template(template).render({**frame, **values})

    def _login(self) -> str:
        try:
            return self.desk.catalogue.signatory
        except ReidError:
            return ""

    def error(self, status: int, words: str, nav: bool = True) -> str:
        """A page that says what went wrong."""
        name = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
        return self.page("error.html.jinja", nav=nav, title=name, status=status, words=words)


def link(path: str, **query: Any) -> str:
    """An address of the page; empty values are left out.

    >>> link("/picture", sighting="r:<a>#0", size=480, flank=None)
    '/picture?sighting=r%3A%3Ca%3E%230&size=480'
    """
    given = {key: value for key, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path
