"""The two parks together: joint numbers for the animals, and a total that counts each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid.counts.evidence import root_of

__all__ = ["Joint", "join", "settle_answers"]

Pair = tuple[str, str]
OPEN = "open"


@dataclass(frozen=True)
class Joint:
    """Both parks.

    Attributes:
        table: A row for each animal of either side: `joint` number, `mine`, `theirs` (ids; one of them is empty for an
            animal of one side alone).
        total: Animals, with the pairs that both sides confirmed as one.
        low: Of the total's interval, which the open proposals make.
        high: See `low`.
        confidence: Of the interval.
        confirmed: Pairs that both sides say are one.
        open: Proposals on which the sides do not agree, or have not both answered.
        expected: Mean of the total over the draws.
    """

    table: pd.DataFrame
    total: int
    low: int
    high: int
    confidence: float
    confirmed: int
    open: int
    expected: float


def settle_answers(
    table: pd.DataFrame, mine: Mapping[Pair, bool], theirs: Mapping[Pair, bool]
) -> tuple[list[Pair], pd.DataFrame]:
    """What both sides said of the proposals.

    Args:
        table: Proposals.
        mine: My answers, by my id and theirs.
        theirs: Their answers, by their id and mine.

    Returns:
        The pairs that both confirm; and the proposals with `mine_says` and `theirs_say` ("yes", "no", "nothing") and
        `outcome`: "one animal", "two animals", or "open". A pair that both confirm counts although it was not proposed.
    """
    turned = {(b, a): same for (a, b), same in theirs.items()}
    confirmed = sorted(pair for pair, same in mine.items() if same and turned.get(pair))
    said = {True: "yes", False: "no", None: "nothing"}
    rows = []
    for row in table.to_dict("records"):
        pair = str(row["mine"]), str(row["theirs"])
        answers = mine.get(pair), turned.get(pair)
        outcome = "one animal" if answers == (True, True) else "two animals" if answers == (False, False) else OPEN
        rows.append({**row, "mine_says": said[answers[0]], "theirs_say": said[answers[1]], "outcome": outcome})
    columns = [*table.columns, "mine_says", "theirs_say", "outcome"]
    return confirmed, pd.DataFrame(rows, columns=columns)


def join(
    mine: Sequence[str],
    theirs: Sequence[str],
    confirmed: Sequence[Pair],
    settled: pd.DataFrame,
    flanks: tuple[Mapping[str, int], Mapping[str, int]],
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Joint:
    """Number the animals of both sides, and count them.

    Each draw settles the open proposals by their probabilities, the likeliest first; an animal becomes one with two of
    the other side only where those two show no flank in common, and then those two are one.

    Args:
        mine: My ids.
        theirs: Their ids.
        confirmed: Pairs that both sides say are one.
        settled: From `settle_answers`.
        flanks: Bits of the flanks of each of my animals, and of each of theirs, by id.
        confidence: Of the interval.
        draws: How many.
        seed: Of the draws.
    """
    node = {("m", name): i for i, name in enumerate(mine)} | {
        ("t", name): len(mine) + i for i, name in enumerate(theirs)
    }
    shown = [flanks[0].get(name, 0) for name in mine] + [flanks[1].get(name, 0) for name in theirs]
    side = [0] * len(mine) + [1] * len(theirs)
    groups = _Groups(shown, side)
    for one, other in confirmed:
        groups.join(node["m", one], node["t", other], force=True)
    undecided = settled[settled["outcome"] == OPEN].sort_values("probability", ascending=False, kind="stable")
    edges = [(node["m", a], node["t", b], float(p)) for a, b, p in zip(undecided["mine"], undecided["theirs"], undecided["probability"], strict=True)]  # fmt: skip
    random = np.random.default_rng(seed)
    totals = np.empty(draws, int)
    for i in range(draws):
        drawn = groups.copy()
        for (a, b, p), u in zip(edges, random.random(len(edges)), strict=True):
            if u < p:
                drawn.join(a, b)
        totals[i] = drawn.count()
    tail = (1 - confidence) / 2
    low, high = np.quantile(totals, tail, method="lower"), np.quantile(totals, 1 - tail, method="higher")
    total = groups.count()
    return Joint(
        _numbered(groups, mine, theirs), total, min(int(low), total), max(int(high), total), confidence,
        len(confirmed), len(edges), float(totals.mean()),
    )  # fmt: skip


class _Groups:
    """Animals of both sides, joined so far."""

    def __init__(self, shown: Sequence[int], side: Sequence[int]) -> None:
        self.parent = list(range(len(shown)))
        self.flanks = [(bits, 0) if where == 0 else (0, bits) for bits, where in zip(shown, side, strict=True)]

    def copy(self) -> _Groups:
        other = _Groups([], [])
        other.parent, other.flanks = list(self.parent), list(self.flanks)
        return other

    def join(self, a: int, b: int, force: bool = False) -> None:
        """Join two, unless two animals of one side would meet that show the same flank and so were told apart."""
        a, b = root_of(self.parent, a), root_of(self.parent, b)
        if a == b:
            return
        ours, others = self.flanks[a], self.flanks[b]
        if not force and (ours[0] & others[0] or ours[1] & others[1]):
            return
        self.parent[max(a, b)] = min(a, b)
        self.flanks[min(a, b)] = ours[0] | others[0], ours[1] | others[1]

    def count(self) -> int:
        return sum(parent == i for i, parent in enumerate(self.parent))


def _numbered(groups: _Groups, mine: Sequence[str], theirs: Sequence[str]) -> pd.DataFrame:
    """Joint numbers in an order that both sides find: by the least id of each animal."""
    members: dict[int, list[tuple[str, str]]] = {}
    for i, name in enumerate([*mine, *theirs]):
        members.setdefault(root_of(groups.parent, i), []).append((name, "mine" if i < len(mine) else "theirs"))
    ordered = sorted(members.values(), key=lambda group: min(name for name, _ in group))
    digits = max(3, len(str(len(ordered))))
    rows = []
    for number, group in enumerate(ordered, 1):
        own = sorted(name for name, where in group if where == "mine")
        other = sorted(name for name, where in group if where == "theirs")
        pairs = [(a, b) for a in own or [""] for b in other or [""]]
        rows += [{"joint": f"J-{number:0{digits}d}", "mine": a, "theirs": b} for a, b in pairs]
    return pd.DataFrame(rows, columns=["joint", "mine", "theirs"])
