"""Engines give what plain torch gives, of real crops too; classes of vectors stay apart; the choice is measured once and kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from reid.detect import DetectorSettings, detect
from reid.embed import EngineSettings, embed_crops, load, load_network, make_crops
from reid.embed import choice as choices_module
from reid.embed.choice import FEW, chosen
from reid.embed.engine_settings import TOLERANCES
from reid.embed.engines import missing
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.way import Way, plain_way
from reid.embed.weights import LoadedNetwork, fingerprint
from reid.errors import ConfigError, FingerprintError
from reid.match import Index
from reid.photos import scan

PLAIN = EngineSettings(name="torch")


def needs(engine: str) -> None:
    if lacking := missing(engine):
        pytest.skip(f"{engine} needs the packages {', '.join(lacking)}")


def tiny(**heads: Any) -> LoadedNetwork:
    torch.manual_seed(0)
    spec = NetworkSpec(**{"backbone": "test_efficientnet", "height": 64, "width": 96, "neck": "bn"} | heads)
    network = EmbeddingNetwork(spec).eval()
    return LoadedNetwork(network, "tiny", fingerprint(network), "heads" if spec.flank else "")


@pytest.fixture(scope="module")
def crops(jaguars: Path) -> pd.DataFrame:
    photos, _ = scan(jaguars)
    found, _ = detect(photos, jaguars, DetectorSettings(file=str(jaguars / "megadetector.json")))
    return make_crops(photos, found)


@pytest.fixture(scope="module")
def plain(jaguars: Path, crops: pd.DataFrame) -> np.ndarray:
    return embed_crops(jaguars, crops.head(6), load_network("reid-base", PLAIN)).vectors


@pytest.mark.parametrize(
    ("engine", "precision"),
    [("onnxruntime", "float32"), ("openvino", "float32"), ("openvino", "bf16"), ("torch", "mixed")],
)
def test_engines_see_real_crops_as_torch_does(
    engine: str, precision: str, jaguars: Path, crops: pd.DataFrame, plain: np.ndarray
) -> None:
    needs(engine)
    network = load_network("reid-base", EngineSettings(name=engine, precision=precision))
    vectors = embed_crops(jaguars, crops.head(6), network).vectors
    assert np.abs(vectors - plain).max() <= TOLERANCES[precision]
    assert (vectors * plain).sum(1).min() >= {"float32": 0.9999, "bf16": 0.97, "mixed": 0.5}[precision]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_eight_bits_see_real_crops_nearly_as_torch_does(
    engine: str, jaguars: Path, crops: pd.DataFrame, plain: np.ndarray
) -> None:
    needs(engine)
    needs("onnxruntime")
    network = load_network("reid-base", EngineSettings(name=engine, precision="int8"))
    vectors = embed_crops(jaguars, crops.head(6), network).vectors
    assert np.abs(vectors - plain).max() <= TOLERANCES["int8"]
    # 0.878 was measured on an AMD EPYC with AVX2 alone
    least = 0.85 if engine == "openvino" and not adds_eight_bits() else 0.9
    assert np.median((vectors * plain).sum(1)) >= least


def adds_eight_bits() -> bool:
    """Whether the processor has instructions for sums of eight-bit products; taken for granted where the system does not say."""
    said = Path("/proc/cpuinfo")
    flags = re.search(r"^flags\s*:.*$", said.read_text(), re.MULTILINE) if said.is_file() else None
    return flags is None or "vnni" in flags[0] or "amx_int8" in flags[0]


@pytest.mark.slow
def test_the_compiler_sees_what_torch_sees() -> None:
    network = tiny(flank=True, quality=True)
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 64, 96), np.uint8)
    try:
        found = Way(network, EngineSettings(name="compiled", device="cpu")).vectors(images)
    except Exception as error:
        pytest.skip(f"torch's compiler does not work here: {type(error).__name__}")
    for one, other in zip(found, plain_way(network).vectors(images), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


HEADS = pytest.mark.parametrize(
    "heads",
    [
        {},
        {"flank": True, "quality": True},
        {"flank": True, "face": "left"},
        {"flank": True, "face": "left", "flank_scale": 0.6, "quality": True},
    ],
    ids=str,
)


@HEADS
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_flanks_and_quality_are_those_of_torch(
    engine: str, heads: dict[str, Any], jaguars: Path, crops: pd.DataFrame
) -> None:
    needs(engine)
    network = tiny(**heads)
    one, other = (
        embed_crops(jaguars, crops.head(7), network.run_by(settings))
        for settings in (EngineSettings(name=engine, threads=2), PLAIN)
    )
    assert np.abs(one.vectors - other.vectors).max() <= TOLERANCES["float32"]
    for name in ("orientation_probability", "quality"):
        np.testing.assert_allclose(
            one.crops[name].to_numpy(float), other.crops[name].to_numpy(float), atol=1e-4, equal_nan=True
        )
    assert one.crops["orientation"].tolist() == other.crops["orientation"].tolist()


def test_a_vector_does_not_depend_on_its_neighbours_in_another_engine(jaguars: Path, crops: pd.DataFrame) -> None:
    needs("openvino")
    network = tiny(flank=True, face="left").run_by(EngineSettings(name="openvino"))
    together = embed_crops(jaguars, crops.head(7), network).vectors
    alone = embed_crops(jaguars, crops.iloc[5:6].reset_index(drop=True), network).vectors
    assert together[5].tobytes() == alone[0].tobytes()


def test_the_fingerprint_says_the_class_and_an_index_keeps_classes_apart() -> None:
    network = tiny()
    marks = {
        settings: network.run_by(settings).fingerprint
        for settings in (
            PLAIN,
            EngineSettings(name="openvino"),
            EngineSettings(precision="bf16"),
            EngineSettings(precision="int8"),
            EngineSettings(precision="mixed"),
            EngineSettings(decode="reduced"),
        )
    }
    same, other, *rest = marks.values()
    assert same == other == network.fingerprint
    assert [mark.removeprefix(same) for mark in rest] == ["+bf16", "+int8", "+mixed", "+reduced"]
    assert network.run_by(EngineSettings(precision="bf16")).run_by(PLAIN).fingerprint == same
    index = Index(2, same)
    index.add(np.eye(2, dtype=np.float32), ["a", "b"], other)
    for mark in rest:
        with pytest.raises(FingerprintError, match="another precision"):
            index.add(np.eye(2, dtype=np.float32), ["c", "d"], mark)


def test_kept_vectors_of_another_class_are_not_taken(jaguars: Path, crops: pd.DataFrame, tmp_path: Path) -> None:
    network, few = tiny(), crops.head(3)
    first = embed_crops(jaguars, few, network.run_by(PLAIN), tmp_path).vectors
    half = embed_crops(jaguars, few, network.run_by(replace(PLAIN, precision="mixed")), tmp_path).vectors
    assert 0 < np.abs(first - half).max() <= TOLERANCES["mixed"]
    assert embed_crops(jaguars, few, network.run_by(PLAIN), tmp_path).vectors.tobytes() == first.tobytes()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "onxruntime"}, "engine.name='onxruntime' is unknown; choose one of auto, compiled"),
        ({"precision": "fp16"}, "engine.precision='fp16' is unknown"),
        (
            {"name": "onnxruntime", "precision": "bf16"},
            "is not there for engine=onnxruntime; .* one of openvino",
        ),
        ({"name": "torch", "precision": "int8"}, "is not there for engine=torch"),
        ({"batch": -1}, "must be 0 or more"),
    ],
)
def test_wrong_settings_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EngineSettings(**settings)


def test_a_gpu_that_is_not_there_is_named(jaguars: Path, crops: pd.DataFrame) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ConfigError, match="torch finds no GPU"):
        embed_crops(jaguars, crops.head(1), tiny().run_by(EngineSettings(name="torch", device="cuda")))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["float32", "mixed"])
def test_a_gpu_sees_what_torch_sees(precision: str, jaguars: Path, crops: pd.DataFrame, plain: np.ndarray) -> None:
    network = load_network("reid-base", EngineSettings(name="torch", device="cuda", precision=precision))
    assert np.abs(embed_crops(jaguars, crops.head(6), network).vectors - plain).max() <= TOLERANCES[precision]


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    """Sets how fast engines are said to be; returns the list of those that were measured."""
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))

    def use(**fast: float) -> list[str]:
        asked: list[str] = []

        def measured(way: Way) -> float:
            asked.append(way.engine)
            return fast[way.engine]

        monkeypatch.setattr(choices_module, "measured", measured)
        return asked

    return use


def test_the_choice_is_measured_once_and_kept(speeds: Callable[..., list[str]], tmp_path: Path) -> None:
    needs("onnxruntime")
    needs("openvino")
    network = tiny()
    asked = speeds(torch=1.0, onnxruntime=3.0, openvino=2.0)
    assert chosen(network, FEW).name == "onnxruntime"
    assert sorted(asked) == ["onnxruntime", "openvino", "torch"]
    again = speeds(torch=9.0, onnxruntime=1.0, openvino=1.0)
    assert chosen(network, 10 * FEW).name == "onnxruntime" and not again
    kept = tmp_path / "cache" / "engines.json"
    assert list(json.loads(kept.read_text()).values()) == [{"onnxruntime": 3.0, "openvino": 2.0, "torch": 1.0}]
    # another network, and a file that cannot be read, are measured anew
    assert chosen(replace(network, fingerprint="another"), FEW).name == "torch" and len(again) == 3
    kept.write_text("nonsense")
    assert chosen(network, FEW).name == "torch" and len(again) == 6


def test_few_crops_and_named_engines_are_not_measured(speeds: Callable[..., list[str]]) -> None:
    asked = speeds()
    assert chosen(tiny(), FEW - 1).name == "torch"
    assert chosen(tiny().run_by(EngineSettings(name="compiled")), FEW).name == "compiled"
    assert not asked


def test_a_cache_that_cannot_be_written_is_done_without(
    jaguars: Path, crops: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    needs("openvino")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "file" / "cache"))
    network = tiny().run_by(EngineSettings(name="openvino"))
    assert len(embed_crops(jaguars, crops.head(2), network).vectors) == 2


def test_an_embedder_takes_an_engine() -> None:
    needs("onnxruntime")
    pictures = list(np.random.default_rng(0).integers(0, 256, (5, 50, 70, 3), np.uint8))
    one, other = load("lite0-imagenet", engine="onnxruntime"), load("lite0-imagenet", engine="torch")
    assert np.abs(one.embed(pictures) - other.embed(pictures)).max() <= TOLERANCES["float32"]
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_export_leaves_what_it_read_in_evaluation(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Networks are shared within a process: one left in training would see something else each time."""
    pytest.importorskip(name)
    from reid.embed.torso import load_finder, look

    monkeypatch.setenv("REID_CACHE", str(tmp_path))
    picture = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    before = look([picture], 4)
    load("reid-base", engine=name).embed([picture] * 3)
    assert not load_finder()[0].training
    np.testing.assert_array_equal(look([picture], 4), before)
