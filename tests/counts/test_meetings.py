"""The count by first meetings: made-up seasons whose truth is known, and what certain words change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reid.counts import first_meetings, meetings_section
from reid.errors import InputError
from reid.identify import Evidence, gather_evidence
from reid.tables import LINKS, empty, from_rows


def season(seed: int, animals: int = 30, met: int = 5) -> tuple[pd.DataFrame, list[str], dict[str, str]]:
    """Encounters in random order, a link for every two: likely where they show one animal, now and then not."""
    random = np.random.default_rng(seed)
    visits = np.repeat(np.arange(animals), random.integers(1, 2 * met, animals))
    random.shuffle(visits)
    order = [f"e{n:03d}" for n in range(len(visits))]
    rows = []
    for later in range(len(order)):
        for earlier in range(later):
            same = visits[later] == visits[earlier]
            odds = random.normal(2.0 if same and random.random() < 0.7 else -4.0, 1.2)
            rows.append(
                {
                    "encounter": order[later], "other": order[earlier], "kind": "encounter",
                    "probability": 1 / (1 + np.exp(-odds)), "query": "q#0", "candidate": "c#0",
                }
            )  # fmt: skip
    truth = {name: f"a{animal}" for name, animal in zip(order, visits, strict=True)}
    return from_rows(rows, LINKS), order, truth


def held(seed: int, animals: int = 30) -> Evidence:
    links, order, truth = season(seed, animals)
    return gather_evidence(links, truth, order, what="made up")


def test_the_sum_is_the_number_of_animals() -> None:
    errors, holds = [], []
    for seed in range(10):
        links, order, truth = season(seed)
        found = first_meetings(links, order, held(1000 + seed))
        assert found is not None
        animals = len(set(truth.values()))
        errors.append(found.expected / animals - 1)
        holds.append(found.low <= animals <= found.high)
        assert found.low <= found.expected <= found.high
        assert (found.encounters, found.what) == (len(order), "made up")
    assert abs(np.mean(errors)) < 0.06
    assert np.mean(np.abs(errors)) < 0.15
    assert np.mean(holds) >= 0.75


def test_it_counts_better_than_names_at_a_fixed_threshold() -> None:
    """Joining at even odds, three pairs in ten of one animal look like strangers: animals met twice fall apart."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ours, plain = [], []
    for seed in range(4):
        links, order, truth = season(seed, met=2)
        animals = len(set(truth.values()))
        found = first_meetings(links, order, gather_evidence(*_again(1000 + seed)))
        assert found is not None
        sure = links[links["probability"] > 0.5]
        place = {name: n for n, name in enumerate(order)}
        ends = [[place[name] for name in sure[column]] for column in ("encounter", "other")]
        graph = coo_array((np.ones(len(sure)), ends), shape=(len(order),) * 2)
        ours.append(abs(found.expected / animals - 1))
        plain.append(abs(connected_components(graph)[0] / animals - 1))
    assert np.mean(ours) < np.mean(plain)


def _again(seed: int) -> tuple[pd.DataFrame, dict[str, str], list[str]]:
    links, order, truth = season(seed, 60, 2)
    return links, truth, order


def test_what_is_certain_counts() -> None:
    links, order, _ = season(3)
    evidence = held(7)
    plain = first_meetings(links, order, evidence)
    every = {frozenset((a, b)) for a in order for b in order if a != b}
    apart = first_meetings(links, order, evidence, apart=every)
    one = first_meetings(links, order, evidence, same={frozenset((order[0], b)) for b in order[1:]})
    assert plain is not None and apart is not None and one is not None
    assert one.expected < plain.expected / 2 < plain.expected < apart.expected
    assert one.low >= 1


def test_the_same_seed_gives_the_same_and_the_order_matters_only_through_who_came_first() -> None:
    links, order, _ = season(5)
    first, second = (first_meetings(links, order, held(7)) for _ in range(2))
    assert first == second
    turned = links.assign(encounter=links["other"], other=links["encounter"])
    assert first_meetings(turned, order, held(7)) == first


def test_little_to_learn_from_says_nothing_and_an_empty_season_has_nobody() -> None:
    links, order, _ = season(1)
    few = held(2)
    few = Evidence(few.probability[:15], few.same[:15], few.known[:15])
    assert first_meetings(links, order, few) is None
    found = first_meetings(empty(LINKS), [], held(2))
    assert found is not None and (found.expected, found.low, found.high) == (0.0, 0, 0)
    alone = first_meetings(empty(LINKS), ["e"], held(2))
    assert alone is not None and (alone.expected, alone.low, alone.high) == (1.0, 1, 1)
    with pytest.raises(InputError, match="not in the order"):
        first_meetings(links, order[:-1], held(2))


def test_what_the_report_says() -> None:
    links, order, _ = season(1)
    found = first_meetings(links, order, held(2))
    assert found is not None
    section = meetings_section(found)
    assert f"About {found.expected:.0f} animals, between {found.low} and {found.high}" in section.text[0]
    assert f"{found.held_out} held-out encounters of the calibration (made up)" in section.notes[0]
    assert found.to_json()["expected"] == round(found.expected, 1)
