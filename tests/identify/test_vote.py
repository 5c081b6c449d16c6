"""How all pairs of two encounters speak together: worked examples, what must always hold, and made-up worlds."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.identify import agreed, crop_sides, link_encounters, picture_keys
from reid.tables import CROPS, MATCHES, from_rows

SIDES = ("left", "right", "", "end")
pairs_of = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(SIDES)), min_size=1, max_size=8)


def odds(p: float) -> float:
    return p / (1 - p)


def test_copies_of_one_flank_add_nothing_and_contradictions_weigh() -> None:
    assert agreed([(0.8, "left")]) == 0.8
    assert agreed([(0.8, "left")] * 9) == pytest.approx(0.8)
    # the mean of the two odds, since the prior's odds are a common factor
    expected = (odds(0.99) + odds(0.01)) / 2
    assert odds(agreed([(0.99, "left"), (0.01, "left")])) == pytest.approx(expected)


def test_two_flanks_are_two_witnesses() -> None:
    # likelihood ratios multiply: the odds of both, over the prior's once
    said = odds(agreed([(0.6, "left"), (0.7, "right")], prior=0.1))
    assert said == pytest.approx(odds(0.6) * odds(0.7) / odds(0.1))
    assert agreed([(0.6, "left"), (0.7, "right")]) > agreed([(0.6, "left"), (0.7, "left")])
    # a flank that does not match speaks against one that does
    assert agreed([(0.9, "left"), (0.01, "right")]) < 0.9


def test_front_and_behind_are_weak_but_not_mute() -> None:
    high, low = agreed([(0.99, "end")]), agreed([(0.001, "end")])
    assert 0.05 < high < 0.99
    assert 0.001 < low < 0.05
    assert odds(high) == pytest.approx(odds(0.05) * (odds(0.99) / odds(0.05)) ** 0.5)


def test_pairs_whose_flank_is_not_told_are_averaged_with_the_others() -> None:
    ratio = [odds(p) / odds(0.05) for p in (0.9, 0.3, 0.6)]
    expected = (2 / 3 * (ratio[0] * ratio[1]) + 1 / 3 * ratio[2]) * odds(0.05)
    assert odds(agreed([(0.9, "left"), (0.3, "right"), (0.6, "")])) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(pairs_of, st.floats(0.001, 0.5), st.randoms())
def test_it_is_a_probability_and_knows_no_order(pairs: list[tuple[float, str]], prior: float, random: object) -> None:
    said = agreed(pairs, prior)
    assert 0 <= said <= 1
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert agreed(shuffled, prior) == pytest.approx(said, abs=1e-12)
    # more of the same side's evidence never lowers it
    n = int(np.argmin([p for p, _ in pairs]))
    surer = [(min(1.0, p + 0.1), side) if k == n else (p, side) for k, (p, side) in enumerate(pairs)]
    assert agreed(surer, prior) >= said - 1e-12


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_two_different_animals_seldom_look_sure(alike: float) -> None:
    """An e-value: whatever the pairs share, the chance that two animals reach odds of k times the prior's is below 1/k."""
    random = np.random.default_rng(5)
    worlds = 1500
    shared = random.normal(0, np.sqrt(alike), (worlds, 2, 1))
    own = random.normal(0, np.sqrt(1 - alike), (worlds, 2, 4))
    # log-likelihood ratios between two normals of distance 2, of pairs of two different animals
    ratio = 2 * (shared + own) - 2
    p = 1 / (1 + np.exp(-(ratio + np.log(odds(0.05)))))
    said = np.array([agreed([(q, "left") for q in one[0]] + [(q, "right") for q in one[1]]) for one in p])
    for k in (4, 20, 100):
        assert np.mean(odds(0.05) * k <= said / (1 - said)) <= 1 / k + 2.5 * np.sqrt(1 / k / worlds)


def test_links_by_either_vote() -> None:
    rows = [("a1", "b1", 0.9), ("a2", "b1", 0.02), ("b2", "a1", 0.7), ("a1", "X1", 0.6)]
    matches = from_rows(
        [{"query": a, "candidate": b, "similarity": 0.0, "probability": p} for a, b, p in rows], MATCHES
    )
    encounter = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    side = {"a1": "left", "a2": "left", "b1": "left", "b2": "left"}
    best = link_encounters(matches, encounter, {"X1": "X"})
    voted = link_encounters(matches, encounter, {"X1": "X"}, "all", side)
    assert best["probability"].tolist() == [0.6, 0.9] or best["probability"].tolist() == [0.9, 0.6]
    assert voted.set_index("other")["probability"].to_dict() == pytest.approx(
        {"b": agreed([(0.9, "left"), (0.02, "left"), (0.7, "left")]), "X": 0.6}, abs=1e-6
    )
    # the evidence to look at is the surest pair, the first encounter's crop first
    assert voted.set_index("other").loc["b", ["query", "candidate"]].tolist() == ["a1", "b1"]


def test_a_copied_file_is_no_second_witness_and_no_second_animal() -> None:
    rows = [
        {"crop_id": c, "image_id": c, "path": c, "content_hash": h, "bbox": [0, 0, 9, 9], "orientation": "left"}
        for c, h in (("a1", "h1"), ("b1", "h2"), ("b2", "h2"), ("c1", "h1"), ("X1", "h2"))
    ]
    keys = picture_keys(from_rows(rows, CROPS))
    pairs = [("a1", "b1", 0.9), ("a1", "b2", 0.9), ("a1", "c1", 0.1)]
    matches = from_rows(
        [{"query": a, "candidate": b, "similarity": 0.0, "probability": p} for a, b, p in pairs], MATCHES
    )
    found = link_encounters(matches, {"a1": "a", "b1": "b", "b2": "b", "c1": "c"}, {"X1": "X"}, "all", {}, 0.05, keys)
    said = found.set_index(["encounter", "other"])["probability"].to_dict()
    assert said == {("a", "b"): 0.9, ("a", "c"): 1.0, ("b", "X"): 1.0}


def test_sides_of_crops() -> None:
    rows = [
        {"crop_id": str(n), "image_id": "i", "path": "p", "content_hash": "h", "bbox": [0, 0, 1, 1], "orientation": side,
         "orientation_probability": p}
        for n, (side, p) in enumerate([("left", 0.95), ("right", 0.6), ("back", 0.95), ("unknown", 1.0), ("right", None)])
    ]  # fmt: skip
    assert list(crop_sides(from_rows(rows, CROPS), 0.9).values()) == ["left", "", "end", "", "right"]


def test_the_vote_tells_more_than_the_best_pair(bench: ModuleType) -> None:
    for world in (bench.make_world(0, 12),):
        who = dict(zip(world.crops["crop_id"], world.crops["identity"], strict=True))
        share = float((world.matches["query"].map(who) == world.matches["candidate"].map(who)).mean())
        loss = {vote: bench.log_loss(bench.links_of(world, vote, share), world.truth()) for vote in ("best", "all")}
        assert loss["all"] < loss["best"]
