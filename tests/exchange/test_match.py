"""Who is who across two bundles: found where the truth is known, refused where it cannot be, and counted once."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reid.api import exchange
from reid.catalogue import Catalogue
from reid.cli import main, run_verb
from reid.errors import ConfigError, FingerprintError, FormatError, InputError, ReidError, TableError
from reid.exchange import (
    Answers,
    check_pair,
    join,
    names_of,
    propose,
    read_answers,
    read_bundle,
    settle_answers,
    write_answers,
)
from reid.exchange.evidence import believe, likelihood_ratios
from reid.match import IndexSettings, MatcherSettings, load_calibration, make_matcher

SIFT = ["matcher=sift"]


def coats_of(side: Any, partner: str) -> dict[str, int]:
    """Which coat the animal behind each id wears: the truth."""
    with Catalogue(side.catalogue, create=False) as catalogue:
        return {name: side.coats[who] for name, who in names_of(catalogue, side.key, partner).items()}


@pytest.fixture(scope="module")
def matcher() -> Any:
    return make_matcher(MatcherSettings("sift"))


@pytest.fixture(scope="module")
def proposed(bundles: tuple[Path, Path], matcher: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    mine, theirs = map(read_bundle, bundles)
    cache = tmp_path_factory.mktemp("proposed")
    return propose(mine, theirs, matcher, load_calibration("sift"), IndexSettings(), cache)


def test_the_animals_in_common_are_found_and_no_others(proposed: Any, west: Any, east: Any) -> None:
    here, there = coats_of(west, "east"), coats_of(east, "west")
    likely = proposed.table[proposed.table["verdict"] == "likely"]
    assert {(here[a], there[b]) for a, b in zip(likely["mine"], likely["theirs"], strict=True)} == {(3, 3), (4, 4)}
    assert 1.5 < proposed.expected < 2.5
    assert proposed.blind == (0, 0)


def test_both_sides_find_the_same(bundles: tuple[Path, Path], proposed: Any, matcher: Any, tmp_path: Path) -> None:
    mine, theirs = map(read_bundle, bundles)
    turned = propose(theirs, mine, matcher, load_calibration("sift"), IndexSettings(), tmp_path).table
    said = {(a, b): p for a, b, p in zip(proposed.table["mine"], proposed.table["theirs"], proposed.table["probability"], strict=True)}  # fmt: skip
    assert said == {(b, a): p for a, b, p in zip(turned["mine"], turned["theirs"], turned["probability"], strict=True)}


def test_left_never_meets_right(bundles: tuple[Path, Path], matcher: Any, tmp_path: Path) -> None:
    mine, theirs = map(read_bundle, bundles)
    turned = [crop.model_copy(update={"flank": "right"}) for crop in theirs.manifest.crops]
    other = replace(theirs, manifest=theirs.manifest.model_copy(update={"crops": turned}))
    found = propose(mine, other, matcher, load_calibration("sift"), IndexSettings(), tmp_path)
    assert not len(found.matches)
    assert not len(found.table)
    assert found.blind == (4, 4)


def test_bundles_that_cannot_be_compared(bundles: tuple[Path, Path], matcher: Any) -> None:
    mine, theirs = map(read_bundle, bundles)
    names = "mine.reidx", "theirs.reidx"
    with pytest.raises(FormatError, match="one sender"):
        check_pair(mine, mine, matcher, names)
    other = replace(theirs, manifest=theirs.manifest.model_copy(update={"fingerprint": "net-2"}))
    with pytest.raises(FingerprintError, match=r"theirs\.reidx holds vectors of fingerprint net-2, these are of net-1"):
        check_pair(mine, other, matcher, names)
    other = replace(theirs, manifest=theirs.manifest.model_copy(update={"matcher": "surf"}))
    with pytest.raises(FingerprintError, match=r"theirs\.reidx holds spots of 'surf'"):
        check_pair(mine, other, matcher, names)
    with pytest.raises(FormatError, match="other lengths"):
        check_pair(mine, replace(theirs, vectors=theirs.vectors[:, :4]), matcher, names)


RATIOS = st.integers(1, 5).flatmap(
    lambda n: st.integers(1, 5).flatmap(
        lambda m: st.tuples(
            arrays.arrays(float, (n, m), elements=st.sampled_from([0.0, 0.01, 0.3, 1.0, 20.0, 1e3, 1.9e4])),
            arrays.arrays(bool, (n, 2), elements=st.booleans()),
            arrays.arrays(bool, (m, 2), elements=st.booleans()),
        )
    )
)


@settings(max_examples=80, deadline=None)
@given(RATIOS)
def test_beliefs_are_probabilities_and_keep_to_one_partner(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    ratio, here, there = case
    found = believe(ratio, (here, there))
    assert ((found.probability >= 0) & (found.probability <= 1)).all()
    assert (found.probability[ratio == 0] == 0).all()
    turned = believe(ratio.T, (there, here))
    np.testing.assert_allclose(found.probability, turned.probability.T, atol=1e-9)
    same_flank = np.ones_like(here), np.ones_like(there)
    alone = believe(ratio, same_flank).probability
    assert (alone.sum(axis=0) <= 1 + 1e-9).all()
    assert (alone.sum(axis=1) <= 1 + 1e-9).all()


def test_strangers_are_not_matched_by_their_number() -> None:
    """Likelihood ratios drawn as two animals give them: no pair becomes likely, however many are compared."""
    rng = np.random.default_rng(0)
    # log-normal with mean 1, as the ratios of strangers have
    ratio = rng.lognormal(-2, 2, (40, 40))
    sides = np.ones((40, 2), bool)
    assert believe(ratio, (sides, sides)).probability.max() < 0.95
    ratio[3, 5] = likelihood_ratios(np.array([0.9999]), 0.05)[0]
    found = believe(ratio, (sides, sides)).probability
    assert found[3, 5] == found.max()


def test_the_share_in_common_is_found_from_the_scores() -> None:
    """Simulated scores of a known mixture: about as many in common are expected as there are, and few are false."""
    expected, right, wrong = [], 0, 0
    n, common = 30, 8
    for seed in range(10):
        z = np.random.default_rng(seed).normal(0, 1, (n, n))
        z[np.arange(common), np.arange(common)] += 5
        ratio = np.exp(5 * z - 12.5)  # of normals with means 5 and 0
        sides = np.ones((n, 2), bool)
        found = believe(ratio, (sides, sides))
        expected.append(found.common)
        likely = found.probability > 0.95
        right += likely[np.arange(common), np.arange(common)].sum()
        wrong += likely.sum() - likely[np.arange(common), np.arange(common)].sum()
    assert np.mean(expected) == pytest.approx(common, abs=1)
    assert right >= 50
    assert wrong <= 0.05 * right


def settled(pairs: list[tuple[str, str, float, str]]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["mine", "theirs", "probability", "outcome"])


def test_the_total_counts_each_animal_once_and_holds_the_open_ones() -> None:
    """Against every outcome of the open proposals, weighed by hand."""
    pairs = [("a1", "b1", 0.7, "open"), ("a1", "b2", 0.2, "open"), ("a2", "b3", 0.5, "open")]
    flanks = {f"a{i}": 1 for i in range(4)}, {f"b{i}": 1 for i in range(5)}
    found = join(sorted(flanks[0]), sorted(flanks[1]), [("a0", "b0")], settled(pairs), flanks, 0.9, 20_000, 0)
    expected = 0.0
    for outcome in itertools.product([True, False], repeat=3):
        chance = np.prod([p if held else 1 - p for held, (_, _, p, _) in zip(outcome, pairs, strict=True)])
        merges = int(outcome[0]) + int(outcome[1] and not outcome[0]) + int(outcome[2])
        expected += float(chance) * (8 - merges)
    assert found.total == 8
    assert found.expected == pytest.approx(expected, abs=0.02)
    assert (found.low, found.high) == (6, 8)
    assert found.confirmed == 1
    assert found.open == 3


def test_joint_numbers_map_to_both_sides_and_are_the_same_for_both() -> None:
    here, there = ["a1", "a2", "a3"], ["b1", "b2"]
    flanks = dict.fromkeys(here, 1), dict.fromkeys(there, 1)
    none = settled([])
    found = join(here, there, [("a2", "b1")], none, flanks).table
    turned = join(there, here, [("b1", "a2")], none, flanks[::-1]).table
    assert found.to_dict("records") == [
        {"joint": "J-001", "mine": "a1", "theirs": ""},
        {"joint": "J-002", "mine": "a2", "theirs": "b1"},
        {"joint": "J-003", "mine": "a3", "theirs": ""},
        {"joint": "J-004", "mine": "", "theirs": "b2"},
    ]
    assert list(zip(turned["joint"], turned["theirs"], turned["mine"], strict=True)) == list(found.itertuples(index=False, name=None))  # fmt: skip


def test_a_left_and_a_right_of_one_side_may_be_one_of_the_other() -> None:
    flanks = {"left only": 1, "right only": 2}, {"both": 3}
    pairs = settled([("left only", "both", 0.999999, "open"), ("right only", "both", 0.999999, "open")])
    found = join(["left only", "right only"], ["both"], [], pairs, flanks, 0.9, 500, 0)
    assert (found.low, found.total) == (1, 3)
    two = {"left 1": 1, "left 2": 1}, {"both": 3}
    pairs = settled([("left 1", "both", 0.999999, "open"), ("left 2", "both", 0.999999, "open")])
    assert join(["left 1", "left 2"], ["both"], [], pairs, two, 0.9, 500, 0).low == 2, "two lefts were told apart"


def test_only_what_both_confirm_is_one_animal() -> None:
    table = pd.DataFrame({"mine": ["a", "b", "c", "d"], "theirs": ["w", "x", "y", "z"], "probability": [0.9] * 4})
    mine = {("a", "w"): True, ("b", "x"): True, ("c", "y"): False, ("e", "v"): True}
    theirs = {("w", "a"): True, ("x", "b"): False, ("y", "c"): False, ("v", "e"): True}
    confirmed, said = settle_answers(table, mine, theirs)
    assert confirmed == [("a", "w"), ("e", "v")]
    assert said["outcome"].tolist() == ["one animal", "open", "two animals", "open"]
    assert said["theirs_say"].tolist() == ["yes", "no", "no", "nothing"]


def test_answers_are_signed_and_about_these_bundles(bundles: tuple[Path, Path], west: Any, east: Any, tmp_path: Path) -> None:  # fmt: skip
    mine, theirs = map(read_bundle, bundles)
    pair = (mine.ids[0], theirs.ids[0])
    given = Answers({pair: True, (mine.ids[1], theirs.ids[1]): False}, "Anna", "2026-01-02")
    write_answers(tmp_path / "a", given, mine, theirs, west.key)
    assert read_answers(tmp_path / "a", mine, theirs) == given
    with pytest.raises(FormatError, match="signed with the key"):
        read_answers(tmp_path / "a", theirs, mine)
    with pytest.raises(InputError, match="own bundle"):
        write_answers(tmp_path / "b", given, mine, theirs, east.key)
    with pytest.raises(InputError, match="do not hold"):
        write_answers(tmp_path / "b", Answers({("0" * 16, pair[1]): True}, "A", "2026-01-02"), mine, theirs, west.key)
    with pytest.raises(FormatError, match="other bundles"):
        read_answers(tmp_path / "a", mine, replace(theirs, digest="0" * 64))
    data = bytearray((tmp_path / "a").read_bytes())
    data[-20] ^= 1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(FormatError, match="does not hold"):
        read_answers(tmp_path / "a", mine, theirs)
    from reid.exchange.seal import ANSWERS, seal

    for content in (b"{}", b"[" * 100_000, json.dumps({"bundles": [mine.digest, theirs.digest], "by": "x", "made": "2026-01-02", "answers": [{"mine": "../x", "theirs": pair[1], "same": True}]}).encode()):  # fmt: skip
        seal(tmp_path / "h", ANSWERS, content, west.key)
        with pytest.raises(FormatError, match="are wrong at"):
            read_answers(tmp_path / "h", mine, theirs)


def test_the_whole_way_by_commands(west: Any, east: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = {}
    for name, side, partner in (("west", west, "east"), ("east", east, "west")):
        keys[name] = side.catalogue.parent / "park.key"
        words = [f"catalogue={side.catalogue}", f"key={keys[name]}", f"output={tmp_path / name}", f"sender={name}", f"partner={partner}"]  # fmt: skip
        told = run_verb("exchange", ["export", *words, *SIFT, *(["reveal.thumbnails=96"] if name == "east" else [])])
        assert "4 animals, 4 of them with 8 crops" in told
        assert "not in it: whole photos, file names, EXIF" in told
    bundle = {name: tmp_path / name / "bundle.reidx" for name in keys}
    shown = exchange("show", {"bundle": bundle["east"]})
    assert "8 thumbnails of at most 96 pixels" in shown
    assert "compare it with them" in shown
    words = [f"mine={bundle['west']}", f"theirs={bundle['east']}", f"output={tmp_path / 'w'}", f"catalogue={west.catalogue}", f"key={keys['west']}"]  # fmt: skip
    assert main(["exchange", "match", *words, *SIFT]) == 2
    assert "needs their_key" in capsys.readouterr().err
    assert main(["exchange", "match", *words, *SIFT, f"their_key={keys['west']}.pub"]) == 2
    assert "was signed with the key" in capsys.readouterr().err
    told = run_verb("exchange", ["match", *words, *SIFT, f"their_key={keys['east']}.pub"])
    assert told.startswith("2 likely and 0 possible pairs among 4 and 4 animals")
    page = (tmp_path / "w" / "proposals.html").read_text(encoding="utf-8")
    assert page.count("<img") == 2
    assert "http:" not in page
    table = pd.read_csv(tmp_path / "w" / "proposals.csv", dtype=str)
    assert west.coats[table["my_name"][0]] in (3, 4)
    other = [f"mine={bundle['east']}", f"theirs={bundle['west']}", f"their_key={west.key.public}", f"output={tmp_path / 'e'}"]  # fmt: skip
    run_verb("exchange", ["match", *other, *SIFT])
    # one side answers in the table, the other by numbers
    table["answer"] = ["Yes", "yes", *["no"] * (len(table) - 2)]
    table.to_csv(tmp_path / "answered.csv", index=False)
    run_verb("exchange", ["confirm", f"proposals={tmp_path / 'w'}", f"key={keys['west']}", "by=Anna", f"answers={tmp_path / 'answered.csv'}", f"output={tmp_path / 'w.answers'}"])  # fmt: skip
    run_verb("exchange", ["confirm", f"proposals={tmp_path / 'e'}", f"key={keys['east']}", "by=Bela", "same=[1,2]", f"output={tmp_path / 'e.answers'}"])  # fmt: skip
    answers = [f"mine={tmp_path / 'w.answers'}", f"theirs={tmp_path / 'e.answers'}"]
    told = run_verb("exchange", ["join", f"proposals={tmp_path / 'w'}", *answers, f"output={tmp_path / 'joint'}", f"catalogue={west.catalogue}", f"key={keys['west']}"])  # fmt: skip
    assert told.startswith("6 animals in both parks (4 here, 4 there, 2 confirmed in common)")
    joint = pd.read_csv(tmp_path / "joint" / "joint.csv", keep_default_na=False)
    assert len(joint) == 6
    both = joint[(joint["mine"] != "") & (joint["theirs"] != "")]
    there = coats_of(east, "west")
    assert {(west.coats[a], there[b]) for a, b in zip(both["my_name"], both["theirs"], strict=True)} == {(3, 3), (4, 4)}
    with pytest.raises(ReidError):
        run_verb("exchange", ["join", f"proposals={tmp_path / 'w'}", f"mine={tmp_path / 'e.answers'}", f"theirs={tmp_path / 'w.answers'}", f"output={tmp_path / 'x'}"])  # fmt: skip


def test_places_come_from_a_stations_table_and_are_coarse(west: Any, tmp_path: Path) -> None:
    words = [f"catalogue={west.catalogue}", f"key={west.catalogue.parent / 'park.key'}", "per_flank=1", *SIFT, "reveal.grid_deg=0.5", f"stations={tmp_path / 's.csv'}"]  # fmt: skip
    (tmp_path / "s.csv").write_text("camera,location,latitude,longitude\nwaterhole,waterhole,12.3456,45.6789\n")
    run_verb("exchange", ["export", *words, f"output={tmp_path / 'out'}"])
    bundle = read_bundle(tmp_path / "out" / "bundle.reidx")
    assert {(m.latitude, m.longitude) for m in bundle.manifest.members} == {(12.25, 45.75)}
    assert len(bundle.features) == 4
    (tmp_path / "s.csv").write_text("camera,location,latitude,longitude\nwaterhole,waterhole,123,45\n")
    with pytest.raises(TableError, match=r"row 2.*swapped"):
        run_verb("exchange", ["export", *words, f"output={tmp_path / 'b'}"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "an action is missing"),
        (["send"], "'send' is unknown; choose one of confirm, export, join, key, match, show"),
        (["export", "catalogue=a"], "needs key, output"),
        (["export", "catalogue=a", "key=b", "output=c", "reveal.grid_deg=0.5"], "needs stations"),
        (["export", "catalogue=nowhere.sqlite", "key=b", "output=c"], "no such file"),
        (["match", "mine=a", "theirs=b", "their_key=c", "output=d"], "there is no key c"),
        (["match", "mine=a", "theirs=b", "their_key=c", "output=d", "key=e"], "go together"),
        (["confirm", "proposals=nowhere", "key=b", "by=c", "output=d"], "there is no key b"),
    ],
)
def test_mistakes_end_with_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["exchange", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_answers_in_a_table_are_checked(west: Any, east: Any, bundles: tuple[Path, Path], tmp_path: Path) -> None:
    key = west.catalogue.parent / "park.key"
    run_verb("exchange", ["match", f"mine={bundles[0]}", f"theirs={bundles[1]}", f"their_key={east.key.public}", f"output={tmp_path / 'w'}", *SIFT])  # fmt: skip
    table = pd.read_csv(tmp_path / "w" / "proposals.csv", dtype=str)

    def confirm(*words: str) -> str:
        return run_verb("exchange", ["confirm", f"proposals={tmp_path / 'w'}", f"key={key}", "by=A", f"output={tmp_path / 'out'}", *words])  # fmt: skip

    table.assign(answer="perhaps").to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(TableError, match="row 2, column answer: 'perhaps'"):
        confirm(f"answers={tmp_path / 'a.csv'}")
    table.assign(answer="yes", mine="0" * 16).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(TableError, match="were not proposed"):
        confirm(f"answers={tmp_path / 'a.csv'}")
    table.drop(columns="answer").to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(TableError, match="needed are mine, theirs and answer"):
        confirm(f"answers={tmp_path / 'a.csv'}")
    for words, message in (([], "nothing is answered"), (["same=[99]"], "no proposal 99"), (["same=[1]", "different=[1]"], "as the same and as different")):  # fmt: skip
        with pytest.raises(ConfigError, match=message):
            confirm(*words)


def test_settings_of_every_step_fit_their_files() -> None:
    import dataclasses

    from reid.config import compose
    from reid.verbs.exchange import ACTIONS

    for name, action in ACTIONS.items():
        needed = [f.name for f in dataclasses.fields(action.schema) if f.default is f.default_factory is dataclasses.MISSING]  # fmt: skip
        config = compose(f"exchange {name}", action.schema, [f"{key}=x" for key in needed])
        assert config == action.schema(**dict.fromkeys(needed, "x")), name


def test_help_names_every_step_and_setting(capsys: pytest.CaptureFixture[str]) -> None:
    import dataclasses

    from reid.verbs.exchange import ACTIONS

    assert main(["exchange", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name}" in text for name in ACTIONS)
    for name, action in ACTIONS.items():
        assert main(["exchange", name, "--help"]) == 0
        text = capsys.readouterr().out
        assert all(field.name in text for field in dataclasses.fields(action.schema)), name
