"""What a split lets through: counted, and said in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["find_leaks"]


def find_leaks(
    frame: pd.DataFrame, gallery: np.ndarray, queries: np.ndarray, among_themselves: bool
) -> tuple[str, ...]:
    """Sentences on what queries share with the gallery besides the animal.

    Args:
        frame: Labelled table; columns that it lacks are not looked at.
        gallery: Row numbers of the known photos.
        queries: Row numbers of the photos asked about.
        among_themselves: Whether both are the same photos; a photo is then never compared with itself.
    """
    out = []
    for column, what in (("content_hash", "the same file"), ("encounter", "a photo of the same encounter")):
        if column in frame.columns and frame[column].notna().any():
            out.append(_shared(frame[column], gallery, queries, among_themselves, what))
    if "date" in frame.columns and frame["date"].notna().any():
        day = frame["date"].dt.strftime("%Y-%m-%d") + " " + frame["identity"].astype(str)
        out.append(_shared(day, gallery, queries, among_themselves, "a photo of the same animal and day"))
    if "encounter" not in frame.columns or frame["encounter"].isna().all():
        out.append("the table names no encounters: how many queries have their own visit in the gallery is not known")
    if not among_themselves:
        known = set(frame["identity"].iloc[gallery])
        strangers = sum(identity not in known for identity in frame["identity"].iloc[queries])
        out.append(f"{strangers} of {len(queries)} queries show an animal that is not in the gallery")
    return tuple(out)


def _shared(values: pd.Series, gallery: np.ndarray, queries: np.ndarray, among_themselves: bool, what: str) -> str:
    counts = values.iloc[gallery].value_counts()
    here = values.iloc[queries].map(counts).fillna(0)
    count = int((here > (1 if among_themselves else 0)).sum())
    return f"{count} of {len(queries)} queries have {what} in the gallery"
