"""The page on which a person looks at the proposals: both animals, the spots that agree, and how sure that is."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from reid._version import __version__
from reid.counts import draw_match, jpeg_data_uri
from reid.counts.draw import HEIGHT
from reid.counts.words import percent, plural
from reid.exchange.bundle import Bundle
from reid.exchange.propose import Proposed

__all__ = ["drawings", "thumbnail", "write_page"]

MOST = 60
"""Proposals that are drawn, the likeliest; the table has them all."""
CANVAS = 232
"""Grey of the ground on which spots are drawn where there is no picture."""

Show = Callable[[int], "np.ndarray | None"]
"""Gives the picture of a bundle's crop by its number, uint8 RGB, where there is one."""


def thumbnail(bundle: Bundle, number: int) -> np.ndarray | None:
    """A bundle's thumbnail of a crop; None where there is none, or where it is no small JPEG."""
    data = bundle.thumbnails[number]
    if not data:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            # the size is known before anything is decoded
            if max(image.size) > max(bundle.manifest.thumbnail_px, 1):
                return None
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def drawings(proposed: Proposed, mine: Bundle, theirs: Bundle, show_mine: Show, show_theirs: Show) -> dict[int, str]:
    """Each proposal's best comparison, drawn, as an address that a page can hold in itself; by row of the table."""
    owner = mine.owner, theirs.owner
    best = proposed.matches.assign(
        mine=[mine.ids[owner[0][int(c[1:])]] for c in proposed.matches["query"]],
        theirs=[theirs.ids[owner[1][int(c[1:])]] for c in proposed.matches["candidate"]],
    ).sort_values(["local_score", "query", "candidate"], ascending=[False, True, True], kind="stable")
    first = best.drop_duplicates(["mine", "theirs"]).set_index(["mine", "theirs"])
    drawn = {}
    for number, row in proposed.table.head(MOST).iterrows():
        match = first.loc[(row["mine"], row["theirs"])]
        ids = str(match["query"]), str(match["candidate"])
        # compared as it was scored: one order for both sides
        order = ids if theirs.digest >= mine.digest else ids[::-1]
        verified = proposed.verifier.verify(*order)
        halves = (verified.points[:, :2], verified.points[:, 2:])
        points = halves if order == ids else halves[::-1]
        sides = [
            _side(bundle, int(crop[1:]), show, spots)
            for bundle, crop, show, spots in zip((mine, theirs), ids, (show_mine, show_theirs), points, strict=True)
        ]
        picture = draw_match(sides[0][0], sides[1][0], sides[0][1], sides[1][1], verified.confidences)
        drawn[int(str(number))] = jpeg_data_uri(picture, 80, 900)
    return drawn


def _side(bundle: Bundle, number: int, show: Show, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A crop's picture, or a plain ground of its shape with its spots, and the matched spots in pixels of it."""
    height, width = bundle.features[number].size
    picture = show(number)
    if picture is None:
        # both sides are bounded: what a bundle says of its crops' sizes is a stranger's
        scale = min(HEIGHT / height, 3 * HEIGHT / width)
        shape = [max(round(side * scale), 1) for side in (height, width)]
        picture = np.full((*shape, 3), CANVAS, np.uint8)
        for x, y in (bundle.features[number].points * scale).round().astype(int):
            picture[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 120
    factor = np.array([picture.shape[1] / width, picture.shape[0] / height])
    return picture, spots * factor


def write_page(
    path: Path,
    table: pd.DataFrame,
    pictures: Mapping[int, str],
    mine: Bundle,
    theirs: Bundle,
    facts: Mapping[str, Any],
    names: Mapping[str, str],
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: The file.
        table: Proposals, with `number`.
        pictures: From `drawings`.
        mine: My bundle.
        theirs: The other.
        facts: What the summary says.
        names: Names of my animals by id.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(percent=percent, plural=plural)
    template = environment.from_string((files("reid.exchange") / "proposals.html.jinja").read_text(encoding="utf-8"))
    css = (files("reid.counts") / "report.css").read_text(encoding="utf-8")
    theirs_of = {member.id: member for member in theirs.manifest.members}
    rows = [
        {**row, "picture": pictures.get(i), "my_name": names.get(row["mine"]), "them": theirs_of[row["theirs"]]}
        for i, row in enumerate(table.to_dict("records"))
        if row["verdict"] != "unlikely"
    ]
    page = template.render(
        rows=rows, facts=facts, mine=mine, theirs=theirs, css=Markup(css), version=__version__,
        unlikely=len(table) - len(rows),
    )  # fmt: skip
    partial = path.with_name(path.name + ".part")
    partial.write_text(page, encoding="utf-8", errors="backslashreplace")
    partial.replace(path)
