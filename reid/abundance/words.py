"""Estimates in words and tables, as sections of a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from reid.abundance.closed import MODELS
from reid.abundance.drawing import draw_estimates
from reid.abundance.population import Population
from reid.abundance.result import Estimate
from reid.counts import Cells, Plot, Section
from reid.counts.words import plural, sentence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ASSUMED", "cells_of", "number", "plain_text", "population_sections", "short_section", "svg_address"]

ASSUMED = (
    "Nobody was born, died, came or left between the first and the last occasion.",
    "Every animal of the area could have met a camera. One whose range holds no camera is in no estimate.",
    "Names are right, but for what is drawn: an encounter that was given a wrong name without a doubt stays wrong, and "
    "above all an animal that was taken for two makes every estimate too high.",
)
"""What every closed estimate takes for granted."""


def number(value: Any, digits: int = 1) -> str:
    """A number for readers; "–" for none.

    >>> number(12.34), number(None), number(1234.0, 0)
    ('12.3', '–', '1,234')
    """
    return "–" if value is None or value != value else f"{value:,.{digits}f}"


def _interval(low: Any, high: Any, digits: int = 1) -> str:
    if low is None or low != low:
        return "–"
    return f"{number(low, digits)} to {number(high, digits) if high is not None and high == high else 'no limit'}"


def svg_address(figure: Figure) -> str:
    """A figure as a `data:` address of SVG, the same every time."""
    from matplotlib import rc_context

    out = io.BytesIO()
    with rc_context({"svg.hashsalt": "reid", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def cells_of(frame: pd.DataFrame, columns: Sequence[tuple[str, str, Callable[[Any], str]]], title: str = "") -> Cells:
    """A table of text from a frame.

    Args:
        frame: Any.
        columns: Name in the frame, heading, and what writes a value; a column whose heading begins with ">" stands to
            the right. A column of nothing but empty text is left out.
        title: Of the table.
    """
    columns = [
        column for column in columns if column[2] is not plain_text or any(map(plain_text, frame.get(column[0], [])))
    ]
    rows = [[write(row.get(name)) for name, _, write in columns] for row in frame.to_dict("records")]
    heads = [head.lstrip(">") for _, head, _ in columns]
    return Cells(heads, rows, [i for i, (_, head, _) in enumerate(columns) if head.startswith(">")], title)


def plain_text(value: Any) -> str:
    """Text as it is; nothing for none."""
    return "" if value is None or value != value else str(value)


def _headline(e: Estimate) -> str:
    if e.n is None:
        return f"at least {e.captured}, and no estimate"
    high = "no upper limit" if e.high is None else f"{e.high:.0f}"
    return f"{e.n:.0f} animals, {100 * e.confidence:g} % interval {e.low:.0f} to {high}"


def _how(found: Population, model: str) -> str:
    flanks = [str(f) for f in found.captures["flank"] if f"from {f} flanks" not in found.refusals]
    by = "both flanks, averaged" if len(flanks) == 2 else f"{flanks[0]} flanks alone" if flanks else "neither flank"
    days = f"{found.occasion_days:g} {'day' if found.occasion_days == 1 else 'days'}"
    return f"{model} ({MODELS[model]}), from {by}, with {found.occasions} occasions of {days}"


def short_section(found: Population, model: str) -> Section:
    """The estimate in a census's report: a few lines, and where to find the rest."""
    text = [
        "The count above is of the animals that were photographed. How many there are, photographed or not, is another "
        "question, with an answer that rests on more: how often the same animals were met again."
    ]
    if not found.stands:
        text.append(f"Here it has no answer: {_refused(found)}.")
        return Section("population", "How many there may be", text, found.cautions)
    text.append(
        f"The estimate is {_headline(found.headline)}: by {_how(found, model)}. It is made from each flank by itself, and so "
        "may lie below the count, in which a left and a right side that may be one animal are two."
    )
    if found.density is not None:
        text.append(_density(found.density))
    rows = _main(found.estimates)
    return Section(
        "population",
        "How many there may be",
        [
            *text,
            "The command “reid estimate” gives every model by each flank, densities, and what one wrong name would change.",
        ],
        [*ASSUMED, *found.cautions],
        tables=[_table(rows, "")],
    )


def _refused(found: Population) -> str:
    said = [f"{what}, {why}" for what, why in found.refusals.items() if what.startswith("from")]
    return "; ".join(said) or "; ".join(found.refusals.values()) or "no animal was met"


def _density(e: Estimate) -> str:
    high = "no upper limit" if e.high is None else f"{e.high:.2f}"
    return f"The spatial model gives {number(e.n, 2)} animals per 100 km², {100 * e.confidence:g} % interval {e.low:.2f} to {high}."


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that matter most: both flanks where there are two, identities drawn where they were."""
    best = "averaged" if (rows["flanks"] == "averaged").any() else None
    out = rows[rows["flanks"] == best] if best else rows
    return out[out["identities"] == "drawn"] if (out["identities"] == "drawn").any() else out


def _table(rows: pd.DataFrame, title: str) -> Cells:
    frame = rows.assign(interval=[_interval(a, b) for a, b in zip(rows["low"], rows["high"], strict=True)])
    return cells_of(
        frame,
        [("model", "Model", plain_text), ("flanks", "Flanks", plain_text), ("identities", "Identities", plain_text), ("n", ">Animals", number),
         ("se", ">Error", number), ("interval", ">Interval", plain_text), ("captured", ">Met, at least", lambda v: number(v, 0)), ("notes", "Notes", plain_text)],
        title,
    )  # fmt: skip


def population_sections(found: Population, model: str, confidence: float) -> list[Section]:
    """Everything that is known of a season's population."""
    text = [f"By {_how(found, model)}: {_headline(found.headline)}."] if found.stands else []
    if not found.stands:
        text = [f"There is no estimate: {_refused(found)}. At least {found.headline.captured} animals were there."]
    captures = cells_of(
        found.captures,
        [("flank", "Flank", plain_text), ("animals", ">Animals", lambda v: number(v, 0)), ("captures", ">Captures", lambda v: number(v, 0)),
         ("recaptures", ">Recaptures", lambda v: number(v, 0)), ("met_again", ">Met more than once", lambda v: number(v, 0)),
         ("stations", ">Stations", lambda v: number(v, 0))],
        "What was captured. A capture is an animal on an occasion.",
    )  # fmt: skip
    refused = [
        sentence(f"No {'estimate ' if what.startswith('from') else ''}{what}: {why}")
        for what, why in found.refusals.items()
    ]
    sections = [
        Section("captures", "What the estimates rest on", [], [*refused, *found.cautions], tables=[captures]),
    ]
    if len(found.estimates):
        plot = Plot(
            svg_address(draw_estimates(found.estimates, confidence)),
            "Each model's estimate. Where undecided identities are drawn, the interval holds both errors: that of the "
            "sample, and that of who is who.",
            broad=True,
        )
        main = _main(found.estimates)
        text.append(
            "“As named” takes every name as right. “Drawn” draws each link between two encounters by its probability, "
            "estimates every time, and puts the results together."
        )
        whole = _table(found.estimates, "Every model, flank by flank")
        models = Cells(["Model", "What it allows"], [[name, MODELS[name]] for name in dict.fromkeys(found.estimates["model"])], (), "What the models allow")  # fmt: skip
        joined_rows = found.estimates[found.estimates["flanks"].str.startswith("joined")]
        ends = [_table(joined_rows, "Joined: left-only and right-only animals paired as far as they go, or not at all")] if len(joined_rows) else []  # fmt: skip
        sections.insert(
            0,
            Section(
                "population", "How many there are", text, ASSUMED, [plot], [_table(main, ""), *ends, whole, models]
            ),
        )
    else:
        sections.insert(0, Section("population", "How many there are", text))
    if len(found.spatial):
        sections.append(_spatial_section(found))
    if len(found.errors):
        sections.append(_errors_section(found, model))
    return sections


def _spatial_section(found: Population) -> Section:
    rows = found.spatial
    frame = rows.assign(
        said=[number(v, _digits(q)) for v, q in zip(rows["value"], rows["quantity"], strict=True)],
        error=[number(v, _digits(q)) for v, q in zip(rows["se"], rows["quantity"], strict=True)],
        interval=[
            _interval(a, b, _digits(q)) for a, b, q in zip(rows["low"], rows["high"], rows["quantity"], strict=True)
        ],
    )
    table = cells_of(
        frame,
        [("quantity", "Quantity", lambda v: str(v).replace("km2", "km²")), ("flanks", "Flanks", plain_text), ("identities", "Identities", plain_text),
         ("said", ">Value", plain_text), ("error", ">Error", plain_text), ("interval", ">Interval", plain_text), ("notes", "Notes", plain_text)],
    )  # fmt: skip
    whole = Cells(table.columns, table.rows, table.numbers, "Detection and the state space")
    table = replace(table, rows=[row for row in table.rows if row[0].startswith("density")])
    text = [_density(found.density)] if found.density is not None else []
    text.append(
        "Spatial capture–recapture by maximum likelihood: home ranges have their middles anywhere in the state space, and "
        "detection falls off with distance. A density does not depend on where the border of the survey is drawn; the "
        "number of animals in the state space does."
    )
    return Section("density", "How dense", text, tables=[table, whole])


def _digits(quantity: str) -> int:
    return {"density per 100 km2": 2, "sigma, metres": 0, "g0": 3, "lambda0": 3, "state space, km2": 0}.get(quantity, 1)


def _errors_section(found: Population, model: str) -> Section:
    text = []
    for row in found.errors.to_dict("records"):
        if not row["tried"] or row["mean"] is None or row["mean"] != row["mean"] or row["n"] != row["n"]:
            continue
        what = "two animals taken for one" if row["error"] == "merge" else "one capture taken for another animal"
        text.append(
            f"{str(row['flanks']).capitalize()} flanks: {what} would bring {row['n']:.1f} to {row['mean']:.1f} on average, and to "
            f"between {row['low']:.1f} and {row['high']:.1f} ({plural(int(row['tried']), 'error')} tried)."
        )
    return Section(
        "one-error", "What one wrong name would do", [f"To the estimate by {model} with the names as they are:", *text]
    )
