"""The report: `metrics.json`, `report.md` and `report.html`, with several models in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reid.errors import OutputError
from reid.evaluate.page import html_page
from reid.store import write_json

__all__ = ["DEFINITIONS", "Report", "Table", "tables_of", "write_report"]

DEFINITIONS = {
    "top_1": "share of queries whose most similar photo shows the same animal; ties count against the network",
    "top_5": "share of queries with a right photo among the five most similar",
    "top_10": "share of queries with a right photo among the ten most similar",
    "balanced_top_1": "top-1 of each animal's queries, averaged over animals",
    "map": "average precision over the whole gallery (the mean of the precision at each right photo), averaged over queries",
    "map_r": "precision at the right photos among the first R, summed and divided by R, the number of right photos; averaged over queries",
    "auroc": "probability that a query of a known animal scores above one of a new animal",
    "oscr": "area under rightly named known queries against accepted new ones, over all thresholds",
    "dir_at_far": "share of known queries accepted and rightly named, at the lowest threshold that accepts at most that share of new ones",
    "baks": "share of accepted and rightly named queries of each known animal, averaged over animals",
    "baus": "share of rejected queries of each new animal, averaged over animals",
    "ari": "adjusted Rand index of groups against animals",
    "ami": "adjusted mutual information of groups against animals, arithmetic mean",
    "error": "groups minus animals; the same as splits minus merges",
    "splits": "for each animal its groups less one, summed",
    "merges": "for each group its animals less one, summed",
}
LABELS = {
    "top_1": "top-1",
    "top_5": "top-5",
    "top_10": "top-10",
    "balanced_top_1": "balanced top-1",
    "map": "mAP",
    "map_r": "mAP@R",
    "auroc": "AUROC",
    "oscr": "OSCR",
    "dir_at_far_0.01": "DIR at FAR 0.01",
    "dir_at_far_0.05": "DIR at FAR 0.05",
    "dir_at_far_0.1": "DIR at FAR 0.1",
    "ari": "ARI",
    "ami": "AMI",
    "animals": "animals",
    "groups": "groups",
    "splits": "splits",
    "merges": "merges",
}
RETRIEVAL = ("top_1", "balanced_top_1", "top_5", "top_10", "map", "map_r")
VIEWS = {
    "all": "Retrieval, whole gallery",
    "other_encounters": "Retrieval, other encounters only",
    "single_camera": "ATRW, single-camera track",
    "cross_camera": "ATRW, cross-camera track",
}
BY = {"gallery_photos": "right photos in the gallery", "flank": "flank of the query"}


@dataclass(frozen=True)
class Table:
    """A table of a report: a title, a note below it, a heading, and rows of text."""

    title: str
    note: str
    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Report:
    """What a report holds.

    Attributes:
        data: Name of the labelled table.
        protocol: The settings of the protocol.
        facts: Photos, animals and so on, by name.
        leaks: What the split lets through, in words.
        models: Name, fingerprint and figures of each model.
        draws: Of the bootstrap.
        pictures: File name and caption, beside the report.
    """

    data: str
    protocol: Mapping[str, Any]
    facts: Mapping[str, Any]
    leaks: Sequence[str]
    models: Sequence[Mapping[str, Any]]
    draws: int
    pictures: Sequence[tuple[str, str]]


def write_report(folder: Path, report: Report) -> None:
    """Write the three files, each whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    tables = tables_of(report)
    try:
        write_json(_metrics(report), folder / "metrics.json")
        _write(folder / "report.md", _markdown(report, tables))
        _write(folder / "report.html", html_page(report, tables, folder, _intro(report)))
    except OSError as error:
        raise OutputError(f"the report cannot be written to {folder}: {error.strerror}. Name another folder.") from None


def tables_of(report: Report) -> list[Table]:
    """The tables of a report, a row a model."""
    models, out = report.models, []
    for view in [v for v in VIEWS if any(v in model["figures"].get("retrieval", {}) for model in models)]:
        parts = [(model["name"], model["figures"]["retrieval"][view]) for model in models]
        names = [name for name in RETRIEVAL if name in parts[0][1]]
        first = parts[0][1]
        skipped = "skipped" if report.protocol.get("undefined") == "skip" else "counted as wrong"
        note = f"{first['queries']} queries; {first['undefined']} without a right photo in their gallery, {skipped}."
        out.append(_compared(VIEWS[view], note, parts, names))
    for key, title in BY.items():
        for view in ("all", "other_encounters"):
            out += _broken_down(models, view, key, f"{VIEWS[view]}: top-1 by {title}")
    if any(model["figures"].get("open_set") for model in models):
        parts = [(model["name"], model["figures"]["open_set"]) for model in models]
        names = [name for name in LABELS if name in parts[0][1]]
        note = f"{parts[0][1]['known']} queries of known animals, {parts[0][1]['new']} of new ones."
        out.append(_compared("Known or new", note, parts, names))
        # where no query shows a known animal there is nothing to weigh against the new ones
        best = [(name, figures["best"]) for name, figures in parts if "best" in figures]
        rows = [(name, *(_number(found[k]) for k in ("threshold", "baks", "baus"))) for name, found in best]
        note = (
            "The threshold is chosen on these very queries: the most that one could reach, not what a chosen one will."
        )
        if rows:
            out.append(Table("Best threshold", note, ("model", "threshold", "BAKS", "BAUS"), tuple(rows)))
    grouped = [(model["name"], model["figures"]["grouping"]) for model in models if model["figures"].get("grouping")]
    if grouped:
        note = f"{grouped[0][1]['photos']} queries of half of the animals; the threshold is chosen on the other half. Intervals leave out one animal at a time."
        out.append(
            _compared(
                "Sorted without a gallery", note, grouped, ["ari", "ami", "animals", "groups", "splits", "merges"]
            )
        )
    return out


def _compared(title: str, note: str, parts: Sequence[tuple[str, Mapping[str, Any]]], names: Sequence[str]) -> Table:
    rows = tuple((name, *(_cell(figures[key]) for key in names)) for name, figures in parts)
    return Table(title, note, ("model", *(LABELS[key] for key in names)), rows)


def _broken_down(models: Sequence[Mapping[str, Any]], view: str, key: str, title: str) -> list[Table]:
    parts = [(m["name"], m["figures"].get("by", {}).get(view, {}).get(key, {})) for m in models]
    groups = list(parts[0][1])
    if len(groups) < 2:
        return []
    heading = ("model", *(f"{name} ({parts[0][1][name]['queries']})" for name in groups))
    rows = tuple((name, *(_number(figures[group]["top_1"]) for group in groups)) for name, figures in parts)
    return [Table(title, "Number of queries in brackets.", heading, rows)]


def _cell(value: Any) -> str:
    if not isinstance(value, Mapping):
        return _number(value)
    if value["value"] is None:
        return "undefined"
    if value["low"] is None:
        return _number(value["value"])
    return f"{_number(value['value'])} ({_number(value['low'])} to {_number(value['high'])})"


def _number(value: float | int | None) -> str:
    if value is None:
        return "undefined"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _metrics(report: Report) -> dict[str, Any]:
    return {
        "data": report.data,
        "protocol": dict(report.protocol),
        "facts": dict(report.facts),
        "leaks": list(report.leaks),
        "interval": {"level": 0.95, "unit": "identity", "draws": report.draws},
        "definitions": DEFINITIONS,
        "models": [dict(model) for model in report.models],
    }


def _intro(report: Report) -> list[str]:
    """The first paragraphs: what was judged, and what it lets through."""
    facts = ", ".join(f"{value} {name}" for name, value in report.facts.items())
    said = f"Data: {report.data}. Protocol: {report.protocol['name']}. {facts[:1].upper()}{facts[1:]}."
    interval = f"In brackets: 95 % intervals over {report.draws} samples of the animals, drawn with replacement."
    return [said, interval] if report.draws else [said]


def _markdown(report: Report, tables: Sequence[Table]) -> str:
    lines = ["# Evaluation", ""]
    for paragraph in _intro(report):
        lines += [paragraph, ""]
    lines += ["What the protocol lets through:", "", *(f"- {leak}" for leak in report.leaks), ""]
    for table in tables:
        lines += [f"## {table.title}", "", table.note, "", _row(table.heading), _row(["---"] * len(table.heading))]
        lines += [*(_row(row) for row in table.rows), ""]
    for name, caption in report.pictures:
        lines += [f"![{caption}]({name})", "", caption, ""]
    lines += ["## Definitions", "", *(f"- {name}: {words}." for name, words in DEFINITIONS.items()), ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
