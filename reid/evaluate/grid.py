"""Queries and their first hits as one picture: what the network takes for alike."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from reid.embed import crop_picture
from reid.errors import InputError
from reid.evaluate.retrieval import Ranking

__all__ = ["choose_queries", "draw_grid"]

WIDTH, HEIGHT, FRAME, EDGE, TEXT = 176, 128, 4, 5, 15
WORDS = {"hit": "right:", "miss": "wrong:"}
COLOURS = {"query": (70, 70, 70), "hit": (20, 140, 60), "miss": (190, 40, 40)}


def choose_queries(table: pd.DataFrame, each: int = 6) -> np.ndarray:
    """Rows worth a look: the surest misses, then the surest hits, of as many animals as there are.

    Args:
        table: Of a ranking.
        each: How many of either.
    """
    asked = table[table["positives"] > 0].sort_values(["score", "query"], ascending=[False, True], kind="stable")
    asked = asked.drop_duplicates("identity")
    right = (asked["first_rank"] == 1).to_numpy(dtype=bool, na_value=False)
    return np.r_[asked.index[~right][:each], asked.index[right][:each]].astype(int)


def draw_grid(
    path: Path, ranking: Ranking, queries: pd.DataFrame, gallery: pd.DataFrame, root: Path, hits: int = 5
) -> bool:
    """Write a picture with a row a query: the query, then its hits, green where right and red where wrong.

    Args:
        path: The JPEG to write.
        ranking: Of the queries against the gallery.
        queries: Their crops, in the ranking's order.
        gallery: Its crops, likewise.
        root: Folder that the crops' paths are below.
        hits: How many to show.

    Returns:
        Whether there was a query to show.
    """
    chosen = choose_queries(ranking.table)
    if not len(chosen):
        return False
    sheet = Image.new("RGB", ((hits + 1) * (WIDTH + EDGE) + EDGE, len(chosen) * (HEIGHT + TEXT + EDGE) + EDGE), "white")
    for line, row in enumerate(chosen):
        y = EDGE + line * (HEIGHT + TEXT + EDGE)
        query = queries.iloc[row]
        _place(sheet, 0, y, query, root, "query", f"query {query['identity']}")
        for n, (at, score) in enumerate(zip(ranking.hits[row, :hits], ranking.similarities[row, :hits], strict=True)):
            if at >= 0:
                found = gallery.iloc[at]
                kind = "hit" if found["identity"] == query["identity"] else "miss"
                _place(sheet, n + 1, y, found, root, kind, f"{WORDS[kind]} {found['identity']}  {score:.3f}")
    sheet.save(path, "JPEG", quality=82)
    return True


def _place(sheet: Image.Image, column: int, y: int, crop: pd.Series, root: Path, kind: str, text: str) -> None:
    left = EDGE + column * (WIDTH + EDGE)
    tile = Image.new("RGB", (WIDTH, HEIGHT), COLOURS[kind])
    tile.paste((236, 236, 236), (FRAME, FRAME, WIDTH - FRAME, HEIGHT - FRAME))
    # a photo that has gone since it was embedded leaves its frame empty
    with suppress(InputError):
        picture = Image.fromarray(crop_picture(root, {str(k): v for k, v in crop.items()}, longest=2 * WIDTH))
        picture.thumbnail((WIDTH - 2 * FRAME, HEIGHT - 2 * FRAME))
        tile.paste(picture, ((WIDTH - picture.width) // 2, (HEIGHT - picture.height) // 2))
    sheet.paste(tile, (left, y))
    ImageDraw.Draw(sheet).text((left, y + HEIGHT + 1), text, fill=COLOURS[kind])
