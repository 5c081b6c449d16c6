"""A part of a page as data: sentences, tables and pictures, for reports that later rooms add to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Cells", "Plot", "Section"]


@dataclass(frozen=True)
class Cells:
    """A table of text.

    Attributes:
        columns: Headings.
        rows: Text, as long as the headings.
        numbers: Which columns stand to the right.
        title: Above it.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()
    title: str = ""


@dataclass(frozen=True)
class Plot:
    """A picture.

    Attributes:
        address: `data:` address.
        caption: Below it, and for those who cannot see it.
        broad: Whether it is scrolled rather than made small on a narrow screen.
    """

    address: str
    caption: str
    broad: bool = False


@dataclass(frozen=True)
class Section:
    """One heading and what is below it.

    Attributes:
        anchor: Its name in addresses.
        title: The heading.
        text: Paragraphs.
        notes: Sentences as a list, below everything.
        plots: Pictures.
        tables: Tables; those beyond the first are folded.
    """

    anchor: str
    title: str
    text: Sequence[str] = ()
    notes: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    tables: Sequence[Cells] = ()
