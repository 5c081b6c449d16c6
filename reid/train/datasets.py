"""Labelled data sets of several layouts, read into one table of crops; each has its own space of identities."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pandas as pd

from reid.errors import FormatError, InputError
from reid.photos import read_labelled
from reid.photos.files import image_id, inspect_all
from reid.photos.scan import EXTENSIONS
from reid.tables import CROPS, FLANKS, UNKNOWN, check
from reid.train.coco import Labelled, read_coco

__all__ = ["labels_hash", "read_data_sets", "set_names"]

LEFT_OUT = ["dataset", "path", "reason"]
"""Columns of the table of rows that are not trained on."""
FILES = (".csv", ".txt", ".json")


def read_data_sets(sources: Sequence[str], cache: Path | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read labelled data sets.

    Args:
        sources: Each is a labelled CSV (as for `reid.photos.read_labelled`), a COCO file (`.json`) whose
            annotations name an `identity`, or a folder with a folder of photos for each individual; below it,
            photos in a folder called `left`, `right`, `front` or `back` show that flank.
        cache: Folder that keeps hashes and sizes of photos between calls.

    Returns:
        The crops table with the further columns `dataset` (its name), `root` (the folder that `path` is below)
        and `split` (null where not given); and a table of what was left out: dataset, path, reason.

    Raises:
        InputError: a source is missing or empty, or none of its photos can be used.
        FormatError: a file is of no layout known here.
        TableError: a column is missing or a value is wrong.
    """
    parts, lost = [], []
    for name, source in zip(set_names(sources), sources, strict=True):
        path = Path(source).expanduser()
        if path.is_dir():
            crops, problems = _read_folders(path, cache)
        elif path.suffix.lower() == ".json":
            crops, problems = _inspected(read_coco(path), path.parent, path, cache)
        elif path.suffix.lower() in (".csv", ".txt"):
            crops, problems = read_labelled(path, cache=cache)
        else:
            raise FormatError(
                f"data={source}: expected a labelled .csv, a COCO .json, or a folder with a folder for each individual."
            )
        if not len(crops):
            reason = f"; the first: {problems['path'].iloc[0]}: {problems['reason'].iloc[0]}" if len(problems) else ""
            raise InputError(f"none of the photos of data={source} can be used{reason}.")
        root = path if path.is_dir() else path.parent
        split = crops["split"] if "split" in crops else pd.Series([None] * len(crops), dtype="object")
        parts.append(crops[CROPS.names].assign(dataset=name, root=str(root.resolve()), split=split.astype("object")))
        lost.append(problems[["path", "reason"]].assign(dataset=name))
    frame = pd.concat(parts, ignore_index=True)
    return frame, pd.concat(lost, ignore_index=True)[LEFT_OUT]


def set_names(sources: Sequence[str]) -> list[str]:
    """A name for each data set, from the folder that it lies in; the file's name is added where two are alike.

    >>> set_names(["sets/nyala/annotations.csv", "sets/atrw"])
    ['nyala', 'atrw']
    >>> set_names(["sets/a.csv", "sets/b.csv"])
    ['sets-a', 'sets-b']

    Raises:
        InputError: a source is missing, or given twice.
    """
    paths = [Path(source).expanduser().absolute() for source in sources]
    folders = [p.parent.name if p.suffix.lower() in FILES else p.name for p in paths]
    names = [
        folder if folders.count(folder) == 1 else f"{path.parent.name}-{path.stem}"
        for folder, path in zip(folders, paths, strict=True)
    ]
    if not names:
        raise InputError("data=[] names no data set; give a labelled CSV, a COCO file or a folder of named folders.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"the data sets {', '.join(map(str, sources))} have one name, {twice[0]}; rename one of their folders."
        )
    return names


def labels_hash(frame: pd.DataFrame) -> str:
    """SHA-256 over what a data set says and shows: photos' hashes, boxes, identities, flanks, encounters.

    It does not change with the order of the rows, or when the data set is moved.
    """
    columns = ["path", "content_hash", "bbox", "identity", "orientation", "encounter"]
    rows = sorted(
        str([row[c] if row[c] is not pd.NA else None for c in columns]) for row in frame[columns].to_dict("records")
    )
    return sha256("\n".join(rows).encode()).hexdigest()


def _read_folders(root: Path, cache: Path | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows: list[Labelled] = []
    for path in sorted(root.glob("*/**/*")):
        if path.suffix.lower() not in EXTENSIONS or not path.is_file():
            continue
        below = path.relative_to(root)
        flanks = [part.lower() for part in below.parts[1:-1] if part.lower() in FLANKS]
        rows.append(Labelled(below.as_posix(), below.parts[0], None, flanks[-1] if flanks else UNKNOWN))
    if not rows:
        raise InputError(
            f"data={root}: no photos in its folders; expected a folder for each individual, with photos in it."
        )
    return _inspected(rows, root, root, cache)


def _inspected(
    rows: Sequence[Labelled], root: Path, where: Path, cache: Path | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labels with their photos' facts; photos that are missing and boxes outside are left out with a reason."""
    paths = list(dict.fromkeys(row.path for row in rows))
    facts = dict(zip(paths, inspect_all([root / path for path in paths], cache, "read"), strict=True))
    good, lost, splits = [], [], []
    numbers: dict[str, int] = {}
    for row in rows:
        number = numbers[row.path] = numbers.get(row.path, -1) + 1
        fact = facts[row.path]
        if fact.error or not fact.width or not fact.height:
            lost.append({"path": row.path, "reason": fact.error or "its size is not known"})
            continue
        x, y, width, height = row.bbox or (0.0, 0.0, float(fact.width), float(fact.height))
        left, top = max(x, 0.0), max(y, 0.0)
        wide, high = min(x + width, fact.width) - left, min(y + height, fact.height) - top
        if not (wide >= 1 and high >= 1):  # a number that is none counts as outside
            shown = ", ".join(f"{v:g}" for v in (x, y, width, height))
            lost.append(
                {
                    "path": row.path,
                    "reason": f"the box [{shown}] covers no pixel of the photo ({fact.width} x {fact.height})",
                }
            )
            continue
        photo = image_id(row.path, fact.content_hash)
        splits.append(row.split)
        good.append(
            {
                "crop_id": f"{photo}#{number}",
                "image_id": photo,
                "path": row.path,
                "content_hash": fact.content_hash,
                "bbox": [left, top, wide, high],
                "orientation": row.orientation,
                "orientation_probability": None if row.orientation == UNKNOWN else 1.0,
                "encounter": row.encounter,
                "identity": row.identity,
            }
        )
    problems = pd.DataFrame(lost, columns=["path", "reason"])
    if not good:
        return pd.DataFrame(columns=[*CROPS.names, "split"]), problems
    frame = check(pd.DataFrame(good, columns=CROPS.names), CROPS, where=str(where))
    return frame.assign(split=pd.Series(splits, dtype="object")), problems
