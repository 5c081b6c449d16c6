"""`reid catalogue check, backup, export, import, labels, embed`: looking after a catalogue."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reid.catalogue import Catalogue
from reid.errors import CatalogueError, ConfigError, InputError
from reid.tables import CROPS, from_rows
from reid.verbs.catalogue_words import Action, Request

__all__ = ["CARE", "kept_crops"]


def _check(request: Request) -> str:
    report = request.catalogue.check()
    if not report.sound:
        more = f" And {len(report.problems) - 1} more problems." if len(report.problems) > 1 else ""
        raise CatalogueError(
            f"{request.catalogue.path} is not sound: {report.problems[0]}.{more} Go back to a backup, and keep this file."
        )
    return "\n".join(["The catalogue is sound.", *(f"{note}." for note in report.notes)])


def _backup(request: Request) -> str:
    pictures = request.options.get("pictures", "true")
    if pictures not in ("true", "false"):
        raise ConfigError(f"pictures={pictures} must be true or false.")
    target = Path(request.words[0]).expanduser()
    count = request.catalogue.backup(target, pictures == "true")
    return f"The catalogue is copied to {target}, with {count} pictures that were not there yet."


def _export(request: Request) -> str:
    target = Path(request.words[0]).expanduser()
    return f"{request.catalogue.export(target)} rows in {target}."


def _import(request: Request) -> str:
    source, target = (Path(word).expanduser() for word in request.words)
    count = Catalogue.load(source, target)
    return (
        f"{count} rows of {source} are the catalogue {target} now; its pictures come when seasons are recorded again."
    )


def _labels(request: Request) -> str:
    if not request.options.get("output"):
        raise ConfigError("write where the labels go: reid catalogue labels FILE output=labels.csv.")
    output = Path(request.options["output"]).expanduser()
    crops, pairs, missing = request.catalogue.write_labels(output)
    out = f"{crops} sightings that a person named in {output}, {pairs} answers in {output.with_name(output.stem)}.pairs.csv."
    if missing:
        out += f"\n{missing} more have no picture beside the catalogue and were left out; record their season again."
    return out + f"\nUse them: reid train data={output}, reid calibrate data=[{output}]."


def kept_crops(catalogue: Catalogue) -> tuple[pd.DataFrame, int]:
    """A crops table of the pictures kept beside a catalogue, below its folder; and how many sightings have none to read."""
    from reid.photos import photo_size

    rows, missing = [], 0
    for sighting in catalogue.sightings().to_dict("records"):
        path = catalogue.picture(sighting["sighting"])
        try:
            if path is None:
                raise InputError("no picture is kept")
            width, height = photo_size(path)
        except InputError:
            missing += 1
            continue
        rows.append(
            {
                **{name: sighting[name] for name in CROPS.names if name in sighting},
                "crop_id": sighting["sighting"], "image_id": sighting["sighting"], "content_hash": path.stem,
                "path": path.relative_to(catalogue.data).as_posix(), "bbox": [0.0, 0.0, float(width), float(height)],
            }
        )  # fmt: skip
    return from_rows(rows, CROPS), missing


def _embed(request: Request) -> str:
    if not request.options.get("model"):
        raise ConfigError("write which network to use: reid catalogue embed FILE model=runs/train.")
    from reid.embed import load

    catalogue, embedder = request.catalogue, load(request.options["model"])
    if catalogue.fingerprint == embedder.fingerprint:
        raise CatalogueError(f"the catalogue's vectors are of {embedder.name!r} already; nothing was changed.")
    crops, _ = kept_crops(catalogue)
    if not len(crops):
        raise CatalogueError(
            "the catalogue has no pictures beside it to embed; record its seasons with the new network."
        )
    done = embedder.embed_table(crops, catalogue.data)
    left = catalogue.replace_vectors(list(done.crops["crop_id"]), done.vectors, embedder.fingerprint)
    out = f"{len(done.vectors)} sightings have vectors of {embedder.name} now; every decision stays."
    if left:
        out += f"\n{left} have no readable picture and are compared with nothing until their season is recorded again."
    return out


CARE = {
    "check": Action("FILE", "is it whole?", _check),
    "backup": Action("FILE COPY", "copy it, while others may be working", _backup, ("pictures",)),
    "export": Action("FILE TO.jsonl", "every row as JSON Lines", _export),
    "import": Action("FROM.jsonl FILE", "a new catalogue out of those", _import, makes_file=True),
    "labels": Action("FILE", "what persons decided, to train with: output=FILE.csv", _labels, ("output",)),
    "embed": Action("FILE", "bring it to another network: model=NAME", _embed, ("model", "by")),
}
