"""Links between animals weighed for how many of them are true: against a plain search for the most probable share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from reid.counts import count
from reid.counts.evidence import PSEUDO, Edge, weigh_again
from reid.tables import LINKS, empty, from_rows


def edges(probabilities: list[float]) -> list[Edge]:
    return [Edge(2 * n, 2 * n + 1, p, False) for n, p in enumerate(probabilities)]


@pytest.mark.parametrize("prior", [0.05, 0.2])
def test_the_share_is_the_most_probable_one(prior: float) -> None:
    random = np.random.default_rng(1)
    said = np.r_[random.uniform(0.001, 0.1, 300), random.uniform(0.3, 0.99, 6)]
    ratio = said / (1 - said) * (1 - prior) / prior

    def less_probable(share: float) -> float:
        of_links = np.log(1 - share + share * ratio).sum()
        return -float(of_links + PSEUDO * (prior * np.log(share) + (1 - prior) * np.log(1 - share)))

    share = minimize_scalar(less_probable, bounds=(1e-6, prior), method="bounded", options={"xatol": 1e-9}).x
    expected = ratio * share / (1 - share + ratio * share)
    assert share < prior
    found = [edge.probability for edge in weigh_again(edges(said.tolist()), prior)]
    assert found == pytest.approx(expected.tolist(), rel=2e-3)


def test_a_few_good_links_stay_as_they_are_and_certain_ones_always() -> None:
    few = edges([0.3, 0.9])
    assert weigh_again(few, 0.05) == few
    many = weigh_again(edges([1.0, *[0.01] * 200]), 0.2)
    assert many[0].probability == 1.0
    assert many[1].probability < 0.01
    assert weigh_again([], 0.05) == []


def test_what_a_person_told_apart_from_a_known_animal_is_another_one() -> None:
    links = from_rows(
        [{"encounter": "e1", "other": "A", "kind": "individual", "probability": 0.97, "query": "q", "candidate": "c"}], LINKS
    )  # fmt: skip
    known = {"A": {"left"}, "B": {"left"}}
    groups, flanks = {"e1": "B", "e2": "A"}, {"e1": {"left"}, "e2": {"left"}}
    joined = count(groups, flanks, links, known_flanks=known)
    assert (joined.low, joined.high) == (2, 2)  # two of the catalogue never join
    lone = count({"e2": "A", "e1": "new"}, flanks, links, known_flanks=known)
    told = count({"e2": "A", "e1": "new"}, flanks, links, cannot=[("e1", "A")], known_flanks=known)
    assert (lone.low, told.low) == (1, 2)
    assert count({}, {}, empty(LINKS)).best == 0
