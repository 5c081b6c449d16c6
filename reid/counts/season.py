"""A season as encounters, individuals of the catalogue, and the links between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from reid.counts.bounds import sides_of
from reid.counts.evidence import PRIOR, Edge, between, inside, settle, weigh_again
from reid.errors import TableError

__all__ = ["Season", "build_season"]


@dataclass(frozen=True)
class Season:
    """Encounters, then the catalogue's individuals, as nodes; all sequences are by node."""

    encounter: tuple[bool, ...]
    """Whether the node is an encounter: an animal without one was not seen and is not counted."""
    named: tuple[bool, ...]
    """Whether the node has a name: an individual, or an encounter that is not unsure."""
    catalogued: tuple[bool, ...]
    """Whether the node is an individual of the catalogue, of which no two are one animal."""
    sides: tuple[int, ...]
    members: tuple[int, ...]
    forbidden: tuple[int, ...]
    edges: tuple[Edge, ...]
    """Certain ones first, then by falling probability."""


def build_season(
    groups: Mapping[str, str],
    unsure: Collection[str],
    flanks: Mapping[str, Collection[str]],
    links: Iterable[tuple[str, str, str, float]],
    cannot: Iterable[Collection[str]],
    joined: Iterable[Collection[str]],
    known_flanks: Mapping[str, Collection[str]],
    prior: float = PRIOR,
) -> Season:
    """Reduce a season to what the draws need; see `reid.counts.count` for the arguments.

    Args:
        links: Encounter, the other one, its kind ("encounter" or "individual"), and the probability.
        cannot: Pairs of encounters; one end may be an individual.

    Raises:
        TableError: a link or a constraint names an encounter that is in neither `groups` nor `unsure`.
    """
    links = list(links)
    encounters = sorted({*groups, *unsure})
    individuals = sorted({*known_flanks, *(other for _, other, kind, _ in links if kind == "individual")})
    node = {("encounter", name): i for i, name in enumerate(encounters)}
    met = set(encounters)
    node.update({("individual", name): len(encounters) + i for i, name in enumerate(individuals)})

    def find(name: str, kind: str = "encounter") -> int:
        try:
            return node[kind, name]
        except KeyError:
            raise TableError(
                f"a link or a constraint names the encounter {name!r}, which has no decision; "
                "give every encounter a name or put it among the unsure ones."
            ) from None

    owner = [groups.get(name) for name in encounters] + list(individuals)
    candidates = [(find(a), find(b, kind), float(p)) for a, b, kind, p in links]
    sure = [tuple(sorted(find(name) for name in pair)) for pair in joined]
    people = {name for kind, name in node if kind == "individual"}
    apart = sorted(
        {
            tuple(
                sorted(find(name, "individual" if name not in met and name in people else "encounter") for name in pair)
            )
            for pair in cannot
        }
    )
    members, forbidden = _masks(len(node), apart)
    linked = {end for a, b, p in candidates if p > 0 for end in (a, b)}
    sides = [
        # An unsure encounter without a link was compared with nothing: its flank tells it apart from no one.
        sides_of(flanks.get(name, ())) if name in groups or node["encounter", name] in linked else 0
        for name in encounters
    ] + [sides_of(known_flanks.get(name, ())) for name in individuals]
    edges = settle(inside(owner, candidates, sure) + weigh_again(between(owner, sides, candidates), prior))
    return Season(
        encounter=tuple([True] * len(encounters) + [False] * len(individuals)),
        named=tuple(name is not None for name in owner),
        catalogued=tuple([False] * len(encounters) + [True] * len(individuals)),
        sides=tuple(sides),
        members=members,
        forbidden=forbidden,
        edges=tuple(sorted(edges, key=lambda edge: (-edge.probability, edge.a, edge.b))),
    )


def _masks(nodes: int, apart: list[tuple[int, ...]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    bit = {name: 1 << i for i, name in enumerate(sorted({end for pair in apart for end in pair}))}
    forbidden = [0] * nodes
    for a, b in apart:
        forbidden[a] |= bit[b]
        forbidden[b] |= bit[a]
    return tuple(bit.get(i, 0) for i in range(nodes)), tuple(forbidden)
