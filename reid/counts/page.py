"""A page of sections: one HTML file that asks for nothing from anywhere, in the look of the census's report."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from reid._version import __version__
from reid.counts.section import Section
from reid.errors import OutputError

__all__ = ["write_page"]


def write_page(
    path: str | Path, kind: str, title: str, headline: tuple[str, str], summary: str, sections: Sequence[Section]
) -> None:
    """Write the page, whole or not at all. The same data gives the same bytes.

    Args:
        path: The file.
        kind: What kind of page it is, in a few words.
        title: What it is about.
        headline: The number, and its interval.
        summary: One sentence.
        sections: What it shows.

    Raises:
        OutputError: the file cannot be written.
    """
    from jinja2 import DictLoader, Environment, StrictUndefined
    from markupsafe import Markup

    counts = files("reid.counts")
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader({"section.html.jinja": (counts / "section.html.jinja").read_text(encoding="utf-8")}),
    )
    template = environment.from_string((counts / "page.html.jinja").read_text(encoding="utf-8"))
    page = template.render(
        kind=kind, title=title, headline=headline, summary=summary, sections=list(sections), version=__version__,
        css=Markup((counts / "report.css").read_text(encoding="utf-8")),
    )  # fmt: skip
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(page, encoding="utf-8", errors="backslashreplace")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Name another folder.") from None
