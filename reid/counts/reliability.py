"""How far the probabilities can be trusted: what the calibration's held-out pairs showed, as a part of a page."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

from reid.counts.section import Cells, Plot, Section
from reid.counts.words import percent, plural

__all__ = ["diagram", "reliability_section"]

SIDE, EDGE = 320, 44
"""Pixels of the diagram's square, and of the room for its labels."""
SURE = 0.95
Z = 1.959964


def reliability_section(protocol: Mapping[str, Any]) -> Section | None:
    """What a calibration's protocol says of pairs of individuals that the fit did not see; None where it held none out.

    Args:
        protocol: Of a calibration; `held_out` as `reid calibrate` writes it.
    """
    found = protocol.get("held_out")
    if not isinstance(found, Mapping) or not found.get("reliability"):
        return None
    bins: Sequence[Mapping[str, float]] = found["reliability"]
    figures, meaning = [f"AUROC {found['auroc']:.3f}"], []
    if "ece" in found:
        figures.append(f"expected calibration error {found['ece']:.3f}")
        meaning.append(
            " The expected calibration error is how far the share of true pairs lies from the probability, on average."
        )
    if "brier" in found:
        figures.append(f"Brier score {found['brier']:.3f}")
        meaning.append(" The Brier score is the mean square of what each probability was off.")
    text = [
        f"Judged by {plural(int(found['pairs']), 'pair')} of photos, {int(found['same']):,} of them of one individual, of "
        f"{plural(int(found['individuals']), 'individual')} that were held out of the fit: {', '.join(figures)}.{''.join(meaning)}"
    ]
    if sure := [row for row in bins if row["from"] >= SURE]:
        pairs = int(sum(row["pairs"] for row in sure))
        wrong = round(sum(row["pairs"] * (1 - row["true"]) for row in sure))
        text.append(
            f"Of {plural(pairs, 'pair')} that were given {SURE:g} or more, {wrong or 'none'} showed two individuals."
        )
    rows = [
        [
            f"{row['from']:g} to {row['to']:g}",
            percent(row["said"]),
            f"{round(row['true'] * row['pairs']):,} of {int(row['pairs']):,}",
        ]
        for row in bins
    ]
    return Section(
        "reliability",
        "How far the probabilities can be trusted",
        text=text,
        plots=[Plot(diagram(bins), "What was said, and what was true of held-out pairs, with 95 % intervals. On the line, both are equal.")],
        tables=[Cells(["Probability", "Said, mean", "True"], rows, (1, 2))],
        notes=[
            "The held-out pairs are weighed for their own share of true ones; in a season most pairs are of two individuals. Another "
            "species, camera or crop may behave otherwise, which nothing here can show; the command reid calibrate fits and judges on your own.",
        ],
    )  # fmt: skip


def diagram(bins: Sequence[Mapping[str, float]]) -> str:
    """The reliability diagram as a `data:` address of an SVG picture; the same bins give the same bytes.

    Args:
        bins: `said`, `true` and `pairs` of each.
    """
    most = max(row["pairs"] for row in bins)
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x, y = _place(tick, tick)
        parts.append(
            f'<path d="M{x:g} {_place(0, 0)[1]:g}V{_place(0, 1)[1]:g}M{_place(0, 0)[0]:g} {y:g}H{_place(1, 0)[0]:g}" stroke="#ddd"/>'
        )
        parts.append(f'<text x="{x:g}" y="{EDGE / 2 + SIDE + 18:g}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{EDGE - 6}" y="{y + 4:g}" text-anchor="end">{tick:g}</text>')
    (x0, y0), (x1, y1) = _place(0, 0), _place(1, 1)
    parts.append(f'<path d="M{x0:g} {y0:g}L{x1:g} {y1:g}" stroke="#888" stroke-dasharray="5 4"/>')
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in (_place(row["said"], row["true"]) for row in bins))
    parts.append(f'<path d="M{line}" stroke="#b4551d" stroke-width="1.5" fill="none"/>')
    for row in bins:
        x, y = _place(row["said"], row["true"])
        low, high = _wilson(row["true"], row["pairs"])
        parts.append(
            f'<path d="M{x:.1f} {_place(0, low)[1]:.1f}V{_place(0, high)[1]:.1f}" stroke="#b4551d" stroke-opacity=".5" stroke-width="2"/>'
        )
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 6 * math.sqrt(row["pairs"] / most):.1f}" fill="#b4551d"/>'
        )
    middle = EDGE / 2 + SIDE / 2
    parts.append(
        f'<text x="{EDGE + SIDE / 2:g}" y="{EDGE / 2 + SIDE + 38:g}" text-anchor="middle">probability that was said</text>'
    )
    parts.append(
        f'<text transform="translate(11 {middle:g}) rotate(-90)" text-anchor="middle">share that was true</text>'
    )
    wide, high_ = SIDE + 1.5 * EDGE, SIDE + 1.6 * EDGE
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high_:g}" width="{wide:g}" height="{high_:g}" '
        f'font-family="sans-serif" font-size="12" fill="#333"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode("ascii")


def _place(x: float, y: float) -> tuple[float, float]:
    """Shares of 0 to 1 to pixels."""
    return EDGE + SIDE * x, EDGE / 2 + SIDE * (1 - y)


def _wilson(share: float, many: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    >>> low, high = _wilson(0.5, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    centre = (share + Z * Z / (2 * many)) / (1 + Z * Z / many)
    half = Z / (1 + Z * Z / many) * math.sqrt(share * (1 - share) / many + Z * Z / (4 * many * many))
    return max(0.0, centre - half), min(1.0, centre + half)
