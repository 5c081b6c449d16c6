"""What a season's count is made of, as the spots and the persons have it now.

The spots give links with a probability. A person's word is certain: what somebody called one animal is joined, what
somebody told apart has no link, an encounter that somebody made a new individual of is none of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import pandas as pd

from reid.catalogue import Standing
from reid.counts import encounter_flanks
from reid.identify import link_encounters
from reid.identify.vote import PRIOR
from reid.tables import LINKS, empty

__all__ = ["Inputs", "Link", "Links", "make_inputs"]


class Link(NamedTuple):
    """Two encounters, or an encounter and an individual of the catalogue, that may be one animal."""

    encounter: str
    other: str
    kind: str
    probability: float
    query: str
    candidate: str


@dataclass(frozen=True)
class Inputs:
    """The arguments of `reid.counts.count`.

    Attributes:
        groups: Individual by encounter.
        unsure: Encounters of nobody.
        apart: Encounters of nobody that count as an animal of their own, since they were told apart from the others.
        flanks: By encounter.
        links: Open ones and those that a person made certain.
        cannot: Pairs of encounters that are two animals.
        joined: Pairs of encounters that are one.
        known_flanks: Of the individuals that other seasons know.
        answered: Pairs of an encounter and the other end, in any order, that somebody said something of.
        decided: Encounters that a person decided about.
        prior: Share of compared pairs that are one animal, for which the probabilities were made.
    """

    groups: dict[str, str]
    unsure: frozenset[str]
    apart: frozenset[str]
    flanks: dict[str, frozenset[str]]
    links: tuple[Link, ...]
    cannot: frozenset[frozenset[str]]
    joined: frozenset[frozenset[str]]
    known_flanks: dict[str, frozenset[str]]
    answered: frozenset[frozenset[str]]
    decided: frozenset[str]
    prior: float = PRIOR

    def table(self) -> pd.DataFrame:
        """The links with the columns of a LINKS table."""
        return pd.DataFrame(self.links, columns=LINKS.names) if self.links else empty(LINKS)


class Links:
    """The links of a season, found anew only where a sighting has changed its encounter or its use.

    Args:
        matches: `query`, `candidate` and `probability`, one row a pair of sightings.
        vote: As the census made its links, see `reid.identify.link_encounters`; so are the other two.
        side_of: What each sighting shows.
        prior: Share of pairs that are one animal, for which the probabilities were made.
    """

    def __init__(
        self,
        matches: pd.DataFrame,
        vote: str = "best",
        side_of: Mapping[str, str] | None = None,
        prior: float = PRIOR,
    ) -> None:
        self.matches, self.vote, self.side_of, self.prior = matches, vote, side_of or {}, prior
        self._made_of: tuple[object, ...] | None = None
        self._links: tuple[Link, ...] = ()

    def of(self, standing: Standing) -> tuple[Link, ...]:
        """The link of every two that were compared."""
        here = {key: seen.encounter for key, seen in standing.seen.items() if seen.usable}
        made_of = (here, standing.elsewhere)
        if made_of != self._made_of:
            usable = self.matches["query"].isin(here) & (
                self.matches["candidate"].isin(here) | self.matches["candidate"].isin(standing.elsewhere)
            )
            frame = link_encounters(self.matches[usable], here, standing.elsewhere, self.vote, self.side_of, self.prior)
            self._links = tuple(Link(*row) for row in frame[list(Link._fields)].itertuples(index=False, name=None))
            self._made_of = made_of
        return self._links


def make_inputs(standing: Standing, links: Links, reject: float = 0.3) -> Inputs:
    """Put the season together as it stands.

    Args:
        standing: The season.
        links: Finds its links.
        reject: Below this probability an encounter is like nobody: the census's `decision.reject`.
    """
    usable = {seen.encounter for seen in standing.seen.values() if seen.usable}
    met = {name: one for name, one in standing.encounters.items() if name in usable}
    groups = {name: one.identity for name, one in met.items() if one.identity is not None}
    crops = [(seen.encounter, seen.orientation) for seen in standing.seen.values() if seen.usable]
    flanks = encounter_flanks(pd.DataFrame(crops, columns=["encounter", "orientation"]))
    same, different, asked = _answers(standing)
    # of an answer and a later edit that contradicts it, the later one counts: it is what stands
    together = {pair for pair in same | different if len({groups.get(end, end) for end in pair}) == 1}
    same, different = same & together, different - together
    cannot = _in_one_photo(standing) | {pair for pair in different if pair <= met.keys()}
    joined = {pair for pair in same if pair <= met.keys()} | _joined_by_hand(standing, groups)
    denied = different | _denied(standing, groups)
    found: dict[tuple[str, str, str], Link] = {}
    for link in links.of(standing):
        pair = frozenset((link.encounter, link.other))
        if link.kind == "encounter" and pair in joined:
            continue  # certain, and no link any more
        if pair in denied or _founded(standing, link):
            link = link._replace(probability=0.0)
        found[link.encounter, link.kind, link.other] = link
    for name, identity in groups.items():
        if met[name].human and identity in standing.known_flanks:
            old = found.get((name, "individual", identity))
            found[name, "individual", identity] = (
                old._replace(probability=1.0) if old else Link(name, identity, "individual", 1.0, "", "")
            )
    unsure = frozenset(met.keys() - groups.keys())
    told = {end for pair in different for end in pair} & unsure
    apart = frozenset(
        name
        for name in told - _resembling(found.values(), reject)
        if flanks[name] & {"left", "right"} and (not met[name].human or met[name].divided)
    )
    return Inputs(
        # no name holds a control character, so that nobody is called like these
        groups=groups | {name: f"\0{name}" for name in apart},
        unsure=unsure - apart,
        apart=apart,
        flanks=flanks,
        links=tuple(found.values()),
        cannot=frozenset(cannot - joined),
        joined=frozenset(joined),
        known_flanks=standing.known_flanks,
        answered=frozenset(same | different | asked | together),
        decided=frozenset(name for name, one in met.items() if one.human),
        prior=links.prior,
    )


def _answers(standing: Standing) -> tuple[set[frozenset[str]], set[frozenset[str]], set[frozenset[str]]]:
    """Pairs that were called the same, different, and anything else; each an encounter and the other end."""
    found: tuple[set[frozenset[str]], ...] = (set(), set(), set())
    for said in standing.said:
        ends = [
            standing.seen[key].encounter if key in standing.seen else standing.elsewhere.get(key)
            for key in (said.query, said.candidate)
        ]
        inside = [key in standing.seen for key in (said.query, said.candidate)]
        if None not in ends and any(inside) and ends[0] != ends[1]:
            found[("same", "different").index(said.said) if said.said in ("same", "different") else 2].add(
                frozenset(str(end) for end in ends)
            )
    return found[0], found[1], found[2]


def _resembling(links: Iterable[Link], least: float) -> set[str]:
    """Encounters with a link of at least this probability."""
    return {
        end
        for link in links
        if link.probability >= least
        for end in ((link.encounter, link.other) if link.kind == "encounter" else (link.encounter,))
    }


def _in_one_photo(standing: Standing) -> set[frozenset[str]]:
    """Encounters of one photo are two animals."""
    by_photo: dict[str, set[str]] = {}
    for seen in standing.seen.values():
        if seen.usable:
            by_photo.setdefault(seen.image_id, set()).add(seen.encounter)
    return {
        frozenset((one, other))
        for names in by_photo.values()
        if len(names) > 1
        for one in names
        for other in names
        if one < other
    }


def _joined_by_hand(standing: Standing, groups: Mapping[str, str]) -> set[frozenset[str]]:
    """Encounters that persons gave to one individual, and individuals that persons merged, each as a chain."""
    chains: dict[str, list[str]] = {}
    merged: dict[str, dict[int | None, str]] = {}
    for name, identity in sorted(groups.items()):
        one = standing.encounters[name]
        if one.human:
            chains.setdefault(identity, []).append(name)
        merged.setdefault(identity, {}).setdefault(one.individual, name)
    every = [*chains.values(), *(list(names.values()) for names in merged.values())]
    return {frozenset(pair) for chain in every for pair in pairwise(chain) if pair[0] != pair[1]}


def _denied(standing: Standing, groups: Mapping[str, str]) -> set[frozenset[str]]:
    """Encounters that a person took away from an individual, against all that is left of it."""
    owned: dict[str, list[str]] = {}
    for name, identity in groups.items():
        owned.setdefault(identity, []).append(name)
    out: set[frozenset[str]] = set()
    for name, one in standing.encounters.items():
        if one.denied is not None and one.denied != one.identity and one.identity is not None:
            out.add(frozenset((name, one.denied)))
            out.update(frozenset((name, other)) for other in owned.get(one.denied, ()))
    return out


def _founded(standing: Standing, link: Link) -> bool:
    """Whether a person made a new individual of one end, and the other end is somebody else's."""
    one = standing.encounters[link.encounter]
    if link.kind == "individual":
        return one.founding and one.identity != link.other
    other = standing.encounters[link.other]
    if not (one.founding or other.founding):
        return False
    return one.identity is not None and other.identity is not None and one.identity != other.identity
