"""The order of the queue and the count behind it, against plain enumeration and against the census itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from review_makers import PAIRS, RUN, Made, encounter, probability, sighting

import reid
from reid.catalogue import Catalogue
from reid.counts import count
from reid.counts.draws import Animals
from reid.counts.season import build_season
from reid.errors import InputError
from reid.review import Desk, ReviewSettings, bare_season, read_season
from reid.review.gain import Gains
from reid.review.queue import draw_season
from reid.tables import LINKS, from_rows


def brute_force(season, which: int, right: float) -> float:
    """Variance of the number of animals, less its mean once a person who is mostly right has answered."""
    edges = season.edges
    rows = []
    for state in product((0, 1), repeat=len(edges)):
        animals = Animals(season)
        weight = 1.0
        for edge, holds in zip(edges, state, strict=True):
            weight *= edge.probability if holds else 1 - edge.probability
            if holds:
                animals.join(edge)
        counted = [animal.sides for animal in animals.counted()]
        left, right_, both = counted.count(1), counted.count(2), counted.count(3)
        rows.append((weight, state[which], (len(counted) + both + max(left, right_)) / 2))
    weights, truth, value = (np.array(column, float) for column in zip(*rows, strict=True))

    def variance(w: np.ndarray) -> float:
        w = w / w.sum()
        return float(w @ value**2 - (w @ value) ** 2)

    after = 0.0
    for answer in (0, 1):
        joint = weights * np.where(truth == answer, right, 1 - right)
        after += joint.sum() * variance(joint)
    return variance(weights) - after


@pytest.mark.parametrize("right", [1.0, 0.96])
@pytest.mark.parametrize("seed", range(6))
def test_a_gain_is_the_fall_of_the_variance(seed: int, right: float) -> None:
    random = np.random.default_rng(seed)
    names = [f"e{n}" for n in range(7)]
    groups = {name: name for name in names[:5]} | {"e1": "e0"}
    pairs = sorted({tuple(sorted(random.choice(names, 2, replace=False))) for _ in range(7)} | {("e0", "e1")})
    # all known from both sides, so that the fewest and the most are one number
    flanks = {name: {"left", "right"} for name in names}
    links = [(a, b, "encounter", float(random.uniform(0.05, 0.95))) for a, b in pairs]
    season = build_season(groups, {"e5", "e6"}, flanks, links, [("e2", "e3")], [], {})
    gains = Gains().of(season, right)
    assert gains and len(season.edges) <= 9
    for edge, gain in gains:
        assert gain == pytest.approx(brute_force(season, season.edges.index(edge), right), abs=1e-9)


def test_gains_with_left_and_right_sides_follow_the_more_numerous() -> None:
    # three known from the left, one from the right: only the left ones decide the fewest
    flanks = {"a": {"left"}, "b": {"left"}, "c": {"left"}, "r": {"right"}, "s": {"right"}}
    groups = {name: name for name in flanks}
    links = [("a", "b", "encounter", 0.5), ("r", "s", "encounter", 0.5)]
    (first, left), (_, right) = sorted(
        Gains().of(build_season(groups, (), flanks, links, (), (), {}), 1.0), key=lambda pair: -pair[1]
    )
    assert first.a == 0 and left > right


def test_many_links_are_drawn_as_enumeration_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part too large to enumerate, against the same part enumerated."""
    random = np.random.default_rng(8)
    names = [f"e{n}" for n in range(8)]
    pairs = sorted({tuple(sorted(random.choice(names, 2, replace=False))) for _ in range(10)})
    links = [(a, b, "encounter", float(random.uniform(0.05, 0.9))) for a, b in pairs]
    flanks = {name: {"left"} if n % 3 else {"left", "right"} for n, name in enumerate(names)}
    season = build_season({n: n for n in names[2:]}, set(names[:2]), flanks, links, [("e4", "e5")], (), {})
    exact = Gains().of(season, 0.96)
    monkeypatch.setattr("reid.review.gain.EXACT", 0)
    for (_, wanted), (_, found) in zip(exact, Gains().of(season, 0.96), strict=True):
        assert found == pytest.approx(wanted, rel=0.25, abs=0.01)


def test_a_chain_of_links_is_worth_what_each_link_is() -> None:
    random = np.random.default_rng(5)
    names = [f"e{n:02d}" for n in range(12)]
    links = [(a, b, "encounter", float(random.uniform(0.2, 0.6))) for a, b in pairwise(names)]
    season = build_season({n: n for n in names}, (), {n: {"left"} for n in names}, links, (), (), {})
    exact = {edge: edge.probability * (1 - edge.probability) for edge in season.edges}  # a chain: each join is one less
    for edge, gain in Gains().of(season, 1.0):
        assert gain == pytest.approx(exact[edge], rel=1e-6)


def test_what_an_answer_does_not_touch_is_remembered() -> None:
    flanks = {f"e{n}": {"left"} for n in range(6)}
    groups = {name: name for name in flanks}
    gains = Gains()
    links = [("e0", "e1", "encounter", 0.5), ("e2", "e3", "encounter", 0.4), ("e4", "e5", "encounter", 0.3)]
    gains.of(build_season(groups, (), flanks, links, (), (), {}), 0.96)
    before = dict(gains._known)
    gains.of(build_season(groups, (), flanks, links[1:], (), (), {}), 0.96)
    assert len(gains._known) == 2 and all(before[part] is moments for part, moments in gains._known.items())


def test_the_most_telling_question_comes_first_and_answers_take_it_away(made: Made) -> None:
    with made.desk() as desk:
        queue = desk.queue(RUN)
        asked = [question.probability for question in queue.questions]
        assert len(asked) == PAIRS
        told = [round(abs(p - 0.5), 6) for p in asked]
        assert told == sorted(told)
        first = queue.questions[0]
        before = desk.count(RUN)[1]
        desk.catalogue.answer(first.query, first.candidate, "same")
        after = desk.queue(RUN)
        assert first.key not in [question.key for question in after.questions] and len(after.questions) == PAIRS - 1
        assert desk.count(RUN)[1].best == before.best + 1
        assert desk.count(RUN)[1].unsure_encounters == before.unsure_encounters - 2
        desk.catalogue.undo()
        assert [q.key for q in desk.queue(RUN).questions] == [q.key for q in queue.questions]
        assert desk.count(RUN)[1] == before


@pytest.mark.parametrize("said", ["different", "not sure", "other flank"])
def test_what_was_answered_is_not_asked_again(made: Made, said: str) -> None:
    with made.desk() as desk:
        first = desk.queue(RUN).questions[0]
        desk.catalogue.answer(first.query, first.candidate, said)
        assert first.key not in [question.key for question in desk.queue(RUN).questions]


def test_all_answers_leave_a_count_that_is_certain(made: Made) -> None:
    with made.desk() as desk:
        assert desk.count(RUN)[1].low < desk.count(RUN)[1].high
        for _ in range(200):
            questions = [question for question in desk.queue(RUN).questions if question.candidate]
            if not questions:
                break
            pair = int(questions[0].encounter[1:3])
            desk.catalogue.answer(questions[0].query, questions[0].candidate, "same" if pair % 2 else "different")
        for question in desk.queue(RUN).questions:  # those that are like nobody now
            desk.catalogue.decide(RUN, question.encounter, "new")
        found = desk.count(RUN)[1]
        same = sum(pair % 2 for pair in range(PAIRS))
        assert (found.low, found.best, found.high) == (same + 2 * (PAIRS - same) + 1,) * 3
        assert not desk.queue(RUN).questions


def test_a_split_is_no_open_question(made: Made) -> None:
    with made.desk() as desk:
        name = desk.catalogue.sighting(_known(desk, "known3"))["identity"]
        before = desk.count(RUN)[1]
        desk.catalogue.split(name, [(RUN, "known3")])
        found = desk.count(RUN)[1]
        assert (found.best, found.low, found.high) == (before.best + 1, before.low + 1, before.high + 1)
        assert len(desk.queue(RUN).questions) == PAIRS


def test_a_merge_is_certain(made: Made) -> None:
    with made.desk() as desk:
        one = desk.catalogue.decide(RUN, encounter(0, 0), "new")
        other = desk.catalogue.decide(RUN, encounter(1, 0), "new")
        before = desk.count(RUN)[1]
        desk.catalogue.merge(one, other)
        found = desk.count(RUN)[1]
        assert (found.best, found.high) == (before.best - 1, before.high - 1)


def test_an_unusable_photo_leaves_the_count(made: Made) -> None:
    with made.desk() as desk:
        before = desk.count(RUN)[1]
        desk.catalogue.answer(sighting(0, 0), None, "unusable")
        assert desk.count(RUN)[1].unsure_encounters == before.unsure_encounters - 1
        assert encounter(0, 0) not in {q.encounter for q in desk.queue(RUN).questions}


def test_the_catalogue_alone_is_enough(made: Made) -> None:
    with Catalogue(made.file, create=False, by="Anna") as catalogue:
        desk = Desk(catalogue, [], ReviewSettings(draws=50))
        assert len(desk.queue(RUN).questions) == PAIRS
        assert {q.probability for q in desk.queue(RUN).questions} == {probability(pair) for pair in range(PAIRS)}
        assert bare_season(catalogue, RUN).folder is None


def test_the_count_is_the_censuss(make_season: Callable[..., Path], tmp_path: Path) -> None:
    """Without an answer, the page shows what `census.json` says; and a first answer is kept by the next census."""
    photos = make_season(tmp_path / "photos", [("C1", 0, [1]), ("C1", 90, [2]), ("C2", 200, [1]), ("C2", 300, [3])])
    settings = {"matcher": "sift", "decision.needs_flank": False, "matcher.points": 128}
    taken = reid.census(photos, tmp_path / "out", photos / "detections.json", tmp_path / "c.sqlite", settings)
    with Catalogue(tmp_path / "c.sqlite", create=False, by="Anna") as catalogue:
        season = read_season(tmp_path / "out")
        desk = Desk(catalogue, [season], ReviewSettings())
        found = desk.count(season.run)[1]
        given = taken.counts["interval"]
        assert (found.best, found.low, found.high) == (taken.counts["individuals"], given["low"], given["high"])
        _, inputs = desk.state(season.run)
        links = pd.read_parquet(tmp_path / "out" / "links.parquet")
        assert {(link.encounter, link.other) for link in inputs.links} == set(
            links[["encounter", "other"]].itertuples(index=False, name=None)
        )
        # spots come out of the census's folder, and nothing is compared again
        row = season.matches.iloc[0]
        one, other = catalogue.sighting(row["query"]), catalogue.sighting(row["candidate"])
        shared = desk.board(season.run).spots.of(one, other)
        turned = desk.board(season.run).spots.of(other, one)
        assert shared.probability == pytest.approx(row["probability"], abs=1e-5)
        assert not list(catalogue.data.glob("compared/pairs/*"))
        assert np.allclose(shared.points[:, [2, 3, 0, 1]], turned.points)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("run.json", "[1]"),
        ("run.json", '{"verb": "census"}'),
        ("settings.yaml", "index: 3"),
        ("settings.yaml", "matcher: {no_longer_there: 1}"),
        ("settings.yaml", "index: {flank_sure: much}"),
    ],
)
def test_a_folder_of_another_version_is_refused(made: Made, file: str, text: str) -> None:
    (made.census / file).write_text(text)
    with pytest.raises(InputError, match="census"):
        read_season(made.census)


def test_a_season_of_another_catalogue_counts_known_individuals_once() -> None:
    links = from_rows(
        [
            {
                "encounter": "e1",
                "other": "Bella",
                "kind": "individual",
                "probability": 1.0,
                "query": "x",
                "candidate": "y",
            }
        ],
        LINKS,
    )
    assert count({"e1": "Bella"}, {"e1": {"left"}}, links, known_flanks={"Bella": {"left"}}, draws=20).best == 1


def _known(desk: Desk, name: str) -> str:
    return next(row["sighting"] for row in desk.catalogue.encounter(RUN, name))


def test_nodes_are_named_as_the_season_names_them(made: Made) -> None:
    with made.desk() as desk:
        _, inputs = desk.state(RUN)
        assert len(draw_season(inputs).encounter) == 2 * PAIRS + 3
