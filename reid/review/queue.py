"""What is asked, in which order, and what is left.

A question is an open link: a pair of sightings of two encounters, or of an encounter and an individual. They come in
the order of their gain (see `reid.review.gain`), the pair that settles the count most first. An undecided encounter
without an open link is asked about too: it may be anyone. It counts with the share of the season's animals that were
met once, which estimates how often the next encounter is a stranger (Good 1953). One that was told apart from all that
it resembles counts as an animal already, and is asked about last, for its name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from reid.catalogue import Standing
from reid.counts.evidence import FLOOR
from reid.counts.season import Season as Drawn
from reid.counts.season import build_season
from reid.review.gain import Gains, told
from reid.review.inputs import Inputs, Link
from reid.store import digest

__all__ = ["MATTERS", "NOTHING", "Question", "Queue", "draw_season", "make_queue"]

MATTERS = 0.005
"""A gain, in animals squared, below which a question hardly moves the count."""


@dataclass(frozen=True)
class Question:
    """One thing to ask.

    Attributes:
        key: The same for the same two, whatever was answered of others.
        query: A sighting.
        candidate: Another one; None where there is nobody to compare with.
        encounter: The query's.
        other: The candidate's encounter, or the individual that it shows.
        probability: That both are one animal, by their spots; None if they were not compared.
        gain: By how much the answer lowers the variance of the number of animals, on average.
        open: Whether the two may well be one animal; false where an encounter is like nobody.
    """

    key: str
    query: str
    candidate: str | None
    encounter: str
    other: str | None
    probability: float | None
    gain: float
    open: bool = True

    @property
    def matters(self) -> bool:
        """Whether the answer moves the count."""
        return self.gain >= MATTERS


@dataclass(frozen=True)
class Queue:
    """Questions, the one that settles most first, and the state that they are of."""

    questions: tuple[Question, ...]
    revision: int


NOTHING = 3 * FLOOR
"""Links below this are as good as pairs that were never found worth comparing, and a season has very many of them."""


def draw_season(inputs: Inputs) -> Drawn:
    """The season's nodes and edges as `reid.counts.count` draws them."""
    links = (
        (link.encounter, link.other, link.kind, link.probability)
        for link in inputs.links
        if link.probability >= NOTHING
    )
    return build_season(
        inputs.groups, inputs.unsure, inputs.flanks, links, inputs.cannot, inputs.joined, inputs.known_flanks,
        inputs.prior,
    )  # fmt: skip


def make_queue(standing: Standing, inputs: Inputs, gains: Gains, reviewer: float) -> Queue:
    """The questions of a season as it stands.

    Args:
        standing: The season.
        inputs: What its count is made of.
        gains: Remembers what was worked out before.
        reviewer: How often a person is right.
    """
    drawn = draw_season(inputs)
    encounters = sorted({*inputs.groups, *inputs.unsure})
    people = sorted({*inputs.known_flanks, *(link.other for link in inputs.links if link.kind == "individual")})
    names = [("encounter", name) for name in encounters] + [("individual", name) for name in people]
    links = {_ends(link): link for link in inputs.links}
    open_now: set[str] = set()
    questions = []
    for edge, gain in gains.of(drawn, reviewer):
        (_, one), (kind, other) = names[edge.a], names[edge.b]
        first, second = sorted((one, other)) if kind == "encounter" else (one, other)
        link = links.get((first, second, kind))
        if link is None:
            continue
        open_now |= {one, other} if kind == "encounter" else {one}
        if frozenset((one, other)) not in inputs.answered:
            questions.append(_question(standing.run, link, gain))
    questions += _strangers(standing, inputs, open_now, reviewer)
    ranked = sorted(questions, key=lambda q: (-round(q.gain, 9), -(q.probability or 0), q.key))
    return Queue(tuple(ranked), standing.revision)


def _ends(link: Link) -> tuple[str, str, str]:
    if link.kind == "individual":
        return link.encounter, link.other, link.kind
    one, other = sorted((link.encounter, link.other))
    return one, other, link.kind


def _question(run: str, link: Link, gain: float) -> Question:
    return Question(
        key=digest(run, link.query, link.candidate, length=12),
        query=link.query,
        candidate=link.candidate,
        encounter=link.encounter,
        other=link.other,
        probability=link.probability,
        gain=gain,
    )


def _strangers(standing: Standing, inputs: Inputs, open_now: set[str], reviewer: float) -> list[Question]:
    """Undecided encounters that no open link is about, and that no person has looked at."""
    alone = sorted(name for name in inputs.unsure if name not in open_now and name not in inputs.decided)
    alone += sorted(inputs.apart)
    if not alone:
        return []
    met = Counter(inputs.groups.values())
    share = min(0.5, max(0.05, sum(n == 1 for n in met.values()) / max(1, len(inputs.groups))))
    asked = {end for pair in inputs.answered for end in pair}  # who was compared once is not shown others, one by one
    best: dict[str, Link] = {}
    for link in inputs.links:
        ends = (link.encounter, link.other) if link.kind == "encounter" else (link.encounter,)
        for end in ends:
            known = best.get(end)
            if end not in asked and (known is None or known.probability < link.probability):
                best[end] = link
    sightings: dict[str, str] = {}
    for key, seen in standing.seen.items():
        if seen.usable:
            sightings.setdefault(seen.encounter, key)
    out = []
    for name in alone:
        # who counts as an animal already only waits for its name
        gain = 0.0 if name in inputs.apart else told(share, reviewer)
        surest = best.get(name)
        if surest is None:
            key = digest(standing.run, sightings[name], None, length=12)
            out.append(Question(key, sightings[name], None, name, None, None, gain, False))
            continue
        turned = surest.encounter != name
        query, candidate = (surest.candidate, surest.query) if turned else (surest.query, surest.candidate)
        other = surest.encounter if turned else surest.other
        key = digest(standing.run, surest.query, surest.candidate, length=12)
        out.append(Question(key, query, candidate, name, other, surest.probability, gain, False))
    return out
