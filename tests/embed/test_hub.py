"""Networks that others published: from folders, from the hub, and by timm's names."""

from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import timm
import torch
from huggingface_hub.utils import (
    EntryNotFoundError,
    GatedRepoError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors.torch import save_file
from torch import Tensor, nn

import reid
from reid.embed import EmbeddingNetwork, NetworkSpec, load_network, save_network
from reid.embed.preprocess import preprocess
from reid.errors import ConfigError, FormatError, InputError, MissingPartError
from reid.photos import read_photo

SWIN: dict[str, Any] = {
    "img_size": (64, 64),
    "embed_dim": 24,
    "depths": [1, 2, 1, 1],
    "num_heads": [1, 2, 3, 6],
    "window_size": 2,
}
"""A small one of MegaDescriptor's kind."""

MEGADESCRIPTOR: dict[str, Any] = {
    "architecture": "swin_tiny_patch4_window7_224", "num_classes": 0, "num_features": 192, "global_pool": "avg",
    "pretrained_cfg": {
        "custom_load": False, "input_size": [3, 64, 64], "fixed_input_size": True, "interpolation": "bicubic",
        "crop_pct": 0.9, "crop_mode": "center", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
        "num_classes": 0, "pool_size": [7, 7], "first_conv": "patch_embed.proj", "license": "mit", "classifier": "head",
    },
    "model_args": SWIN,
}  # fmt: skip
"""Its config.json, key for key, with the sizes of the small one."""

MIEWID: dict[str, Any] = {
    "architectures": ["MiewIdNet"],
    "auto_map": {"AutoConfig": "configuration_miewid.MiewIdNetConfig", "AutoModel": "modeling_miewid.MiewIdNet"},
    "dropout": 0.0, "fc_dim": 512, "k": None, "loss_module": "softmax", "ls_eps": 0.0, "margin": 0.5, "margins": None,
    "model_name": "test_efficientnet", "model_type": "miewid", "n_classes": 10, "pretrained": True, "s": 30.0,
    "theta_zero": 0.785, "torch_dtype": "float32", "transformers_version": "4.41.2", "use_fc": False,
}  # fmt: skip
"""MiewID's config.json, key for key, with a small backbone."""


class MiewGeM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor([2.6]))

    def forward(self, x: Tensor) -> Tensor:
        return (x.clamp(min=1e-6) ** self.p).mean((-2, -1)) ** (1 / self.p)


class Miew(nn.Module):
    """What MiewID computes, put together apart from the package, with the names of its weights."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.backbone = timm.create_model(backbone, num_classes=0)
        self.backbone.global_pool = MiewGeM()
        self.bn = nn.BatchNorm1d(self.backbone.num_features)
        self.final = nn.Linear(self.backbone.num_features, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.backbone(x))


def shaken(network: Any) -> Any:
    """Random weights and statistics everywhere, so that a layer left out or at its start shows."""
    torch.manual_seed(3)
    for name, value in network.state_dict().items():
        if value.is_floating_point() and value.numel() > 1:
            noise = torch.rand_like(value) if "running_var" in name else torch.randn_like(value)
            value.copy_(value + 0.1 * noise)
    return network.eval()


def write(folder: Path, config: dict[str, Any], state: Any, name: str = "model.safetensors", readme: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if name.endswith(".safetensors"):
        save_file({k: v.contiguous() for k, v in state.items()}, folder / name)
    else:
        torch.save(state, folder / name)
    if readme:
        (folder / "README.md").write_text(readme)
    return folder


def tiny_swin() -> Any:
    return shaken(timm.create_model("swin_tiny_patch4_window7_224", num_classes=0, **SWIN))


def timm_folder(folder: Path, architecture: str, **arguments: Any) -> tuple[Path, Any]:
    """A network in timm's layout, classifier and all, and the same network without its classifier."""
    model = shaken(timm.create_model(architecture, **arguments))
    facts = {k: v for k, v in model.pretrained_cfg.items() if k not in ("url", "hf_hub_id", "architecture")}
    facts |= {"num_classes": model.num_classes, "input_size": (3, *arguments.get("img_size", facts["input_size"][1:]))}
    given = {k: v for k, v in arguments.items() if k != "num_classes"}
    config = {
        "architecture": architecture,
        "num_classes": model.num_classes,
        "pretrained_cfg": facts,
        "model_args": given,
    }
    write(folder, config, model.state_dict())
    model.reset_classifier(0)
    return folder, model


def unit(vectors: Tensor) -> np.ndarray:
    return nn.functional.normalize(vectors).numpy()


def seen(pictures: np.ndarray, mean: Any, std: Any) -> Tensor:
    """uint8 (B, h, w, 3) of the network's size to its input."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255
    return (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def pictures(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (3, height, width, 3), dtype=np.uint8)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, list[tuple[str, str, str | None]]]:
    """A hub made of the folders of `tmp_path/hub`, and what was asked of it."""
    root, asked = tmp_path / "hub", []

    def download(repo_id: str, filename: str, revision: str | None = None, **_: Any) -> str:
        asked.append((repo_id, filename, revision))
        path = root / repo_id / filename
        if not path.parent.is_dir():
            raise bare(RepositoryNotFoundError)
        if revision not in (None, "v1"):
            raise bare(RevisionNotFoundError)
        if not path.is_file():
            raise EntryNotFoundError(filename)
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return root, asked


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The hub's real client without a network; its cache."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def bare(kind: type[Exception]) -> Exception:
    """An error of the hub's client without the answer that it wants to be made from."""
    return kind.__new__(kind)


@pytest.mark.parametrize(
    ("architecture", "arguments", "size"),
    [
        ("swin_tiny_patch4_window7_224", {**SWIN, "num_classes": 5}, 192),  # channels last
        ("test_vit", {"num_classes": 7}, 64),  # a token makes the vector
        ("test_vit", {"num_classes": 7, "global_pool": "avg"}, 64),  # the mean of the others, and a norm of its own
        ("test_vit", {"num_classes": 7, "img_size": (96, 64)}, 64),  # not square, not its usual size
        ("test_convnext", {}, 64),  # a norm after the pooling
        ("test_mambaout", {}, 256),  # channels last, and a head that widens
        ("test_efficientnet", {"num_classes": 0}, 256),
    ],
)  # fmt: skip
def test_any_timm_folder_gives_timms_own_vectors(
    tmp_path: Path, architecture: str, arguments: dict[str, Any], size: int
) -> None:
    folder, reference = timm_folder(tmp_path / "net", architecture, **arguments)
    loaded = reid.load(folder)
    given = pictures(loaded.spec.height, loaded.spec.width)
    facts = reference.pretrained_cfg
    with torch.inference_mode():
        expected = unit(reference(seen(given, facts["mean"], facts["std"])))
    found = loaded.embed(list(given))
    assert found.shape == (3, size) == (3, loaded.size)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 1e-3  # the pictures differ, or the comparison says little


@pytest.mark.parametrize("architecture", ["test_vit", "test_convnext"])
def test_timm_reads_the_same_folder_alike(tmp_path: Path, architecture: str) -> None:
    folder, _ = timm_folder(tmp_path / "net", architecture, num_classes=7)
    try:
        reference = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0).eval()
    except pickle.UnpicklingError:
        pytest.skip(f"timm {timm.__version__} takes the safetensors of a folder for a pickle and is no reference here")
    facts = timm.data.resolve_model_data_config(reference)
    loaded = reid.load(folder)
    assert [3, loaded.spec.height, loaded.spec.width] == list(facts["input_size"])
    given = pictures(loaded.spec.height, loaded.spec.width)
    with torch.inference_mode():
        expected = unit(reference(seen(given, facts["mean"], facts["std"])))
    np.testing.assert_allclose(loaded.embed(list(given)), expected, atol=1e-5)


def test_the_layout_of_megadescriptor(tmp_path: Path) -> None:
    """Its weights name the layers as the first Swin did, keep buffers, and lie inside a training checkpoint."""
    reference = tiny_swin()
    old = {
        re.sub(r"layers\.(\d)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", k): v
        for k, v in reference.state_dict().items()
    }
    old |= {"layers.1.blocks.1.attn_mask": torch.zeros(4, 4, 4), "layers.0.blocks.0.attn.relative_position_index": torch.zeros(4, 4)}  # fmt: skip
    checkpoint = {"model": old, "optimizer": {"state": {}, "lr": 0.1}, "rng": torch.ByteTensor([1, 2])}
    folder = write(tmp_path / "MegaDescriptor-T-64", MEGADESCRIPTOR, checkpoint, "pytorch_model.bin")
    loaded = load_network(folder)
    given = pictures(64, 64)
    with torch.inference_mode():
        expected = unit(reference(seen(given, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])))
    np.testing.assert_allclose(reid.load(folder).embed(list(given)), expected, atol=1e-5)
    assert loaded.name == "MegaDescriptor-T-64"
    assert loaded.spec.resize == "squash"
    assert "cc-by-nc-4.0" in loaded.card["licence"], "the config's mit is the backbone's"
    assert reid.load(f"local-dir:{folder}").fingerprint == loaded.fingerprint


def test_preprocessing_is_near_timms_on_a_photo(tmp_path: Path, jaguars: Path) -> None:
    from PIL import Image

    config = {
        **MEGADESCRIPTOR,
        "pretrained_cfg": {**MEGADESCRIPTOR["pretrained_cfg"], "crop_pct": 1.0, "crop_mode": "squash"},
    }
    loaded = load_network(write(tmp_path / "net", config, tiny_swin().state_dict()))
    facts = timm.data.resolve_data_config(pretrained_cfg=config["pretrained_cfg"])
    transform = timm.data.create_transform(**facts, is_training=False)
    picture = read_photo(jaguars / "RL_5/20051003_1721.jpg")
    expected: Tensor = transform(Image.fromarray(picture))  # type: ignore[assignment, operator]
    own = loaded.network.normalised(torch.from_numpy(preprocess(picture, loaded.spec))[None])[0]
    levels = (own - expected).abs() * torch.tensor(loaded.spec.std).view(3, 1, 1) * 255
    assert levels.mean() < 4, "of 255; without averaging it would be above 10"


def test_a_border_is_padded(tmp_path: Path) -> None:
    config = {**MEGADESCRIPTOR, "pretrained_cfg": {**MEGADESCRIPTOR["pretrained_cfg"], "crop_mode": "border"}}
    assert load_network(write(tmp_path / "net", config, tiny_swin().state_dict())).spec.resize == "pad"


def test_the_first_layout_of_timm_is_read(tmp_path: Path) -> None:
    state = shaken(timm.create_model("test_convnext", num_classes=3)).state_dict()
    config = {
        "architecture": "test_convnext",
        "num_classes": 3,
        "input_size": [3, 96, 64],
        "mean": [0.5] * 3,
        "labels": [],
    }
    spec = load_network(write(tmp_path / "net", config, state)).spec
    assert (spec.height, spec.width, spec.mean) == (96, 64, (0.5, 0.5, 0.5))
    assert spec.arguments == {}, "a network of any size needs no argument"


@pytest.mark.parametrize("exponent", ["backbone.global_pool.p", "pooling.p"])
def test_miewid(tmp_path: Path, exponent: str) -> None:
    reference = shaken(Miew("test_efficientnet"))
    state = {exponent if k == "backbone.global_pool.p" else k: v for k, v in reference.state_dict().items()}
    loaded = reid.load(write(tmp_path / "miewid-msv9", MIEWID, state))
    given = pictures(440, 440)
    with torch.inference_mode():
        expected = unit(reference(seen(given, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])))
    np.testing.assert_allclose(loaded.embed(list(given)), expected, atol=1e-5)
    assert (loaded.name, loaded.size, loaded.spec.resize) == ("miewid-msv9", 256, "squash")
    assert loaded.card["licence"].startswith("none stated")
    assert loaded.card["source"] == "miewid-msv9"


def test_the_names_of_miewids_weights_fit_its_real_backbone() -> None:
    with torch.device("meta"):
        published = set(Miew("efficientnetv2_rw_m").state_dict())
        network = EmbeddingNetwork(NetworkSpec(backbone="efficientnetv2_rw_m", pooling="gem", neck="bn"))
    assert network.size == 2152
    renamed = {k.replace("pool.power", "backbone.global_pool.p").replace("norm.", "bn.") for k in network.state_dict()
               if k.startswith(("pool.", "norm."))}  # fmt: skip
    body = {k for k in network.state_dict() if k.startswith("backbone.")}
    assert published == renamed | body | {"final.weight", "final.bias"}


def test_by_name_on_the_hub(hub: tuple[Path, list[Any]]) -> None:
    root, asked = hub
    readme = "---\ntags:\n- ecology\nlicense: cc-by-nc-4.0\n---\n# MegaDescriptor\n"
    swin = write(
        root / "BVRA/MegaDescriptor-T-64", MEGADESCRIPTOR, tiny_swin().state_dict(), "pytorch_model.bin", readme
    )
    miew = write(root / "conservationxlabs/miewid-msv9", MIEWID, shaken(Miew("test_efficientnet")).state_dict())
    loaded = load_network("hf-hub:BVRA/MegaDescriptor-T-64@v1")
    assert loaded.name == "MegaDescriptor-T-64@v1"
    assert loaded.card["source"] == "hf-hub:BVRA/MegaDescriptor-T-64@v1"
    assert loaded.card["licence"] == "cc-by-nc-4.0 (README.md)"
    assert loaded.fingerprint == load_network(swin).fingerprint
    assert {revision for _, _, revision in asked} == {"v1"}
    assert load_network("hf-hub:conservationxlabs/miewid-msv9").fingerprint == load_network(miew).fingerprint
    assert asked[-1][2] is None
    for name, error, words in (
        ("hf-hub:BVRA/MegaDescriptor-T-64@v2", InputError, "no revision 'v2'"),
        ("hf-hub:BVRA/Nothing", InputError, "hf-hub:BVRA/Nothing does not exist, or is private.*model=FOLDER"),
        ("hf-hub:MegaDescriptor-T-64", InputError, "write hf-hub:OWNER/NAME"),
        ("hf-hub:", InputError, "write hf-hub:OWNER/NAME"),
        ("BVRA/MegaDescriptor-T-64", InputError, "write hf-hub:BVRA/MegaDescriptor-T-64"),
    ):
        with pytest.raises(error, match=words):
            load_network(name)
    (swin / "pytorch_model.bin").unlink()
    with pytest.raises(FormatError, match=r"has no model\.safetensors or pytorch_model\.bin"):
        load_network("hf-hub:BVRA/MegaDescriptor-T-64")


@pytest.mark.parametrize(
    ("raised", "expected", "words"),
    [
        (bare(GatedRepoError), InputError, "asks for consent"),
        (LocalEntryNotFoundError("no connection"), MissingPartError, "neither in the cache.*no connection.*model=FOLDER"),
        (ConnectionResetError("reset by peer"), MissingPartError, "o/n: config.json.*reset by peer"),
    ],
)  # fmt: skip
def test_a_hub_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: type[Exception], words: str
) -> None:
    def download(*_: Any, **__: Any) -> str:
        raise raised

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(expected, match=words):
        load_network("hf-hub:o/n")


def test_without_a_network_the_cache_is_enough(offline: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match=r"hf-hub:o/n: config\.json is neither in the cache"):
        load_network("hf-hub:o/n")
    kept = offline / "models--o--n"
    write(kept / "snapshots/abc", MEGADESCRIPTOR, tiny_swin().state_dict(), "pytorch_model.bin")
    (kept / "refs").mkdir()
    (kept / "refs/main").write_text("abc")
    assert load_network("hf-hub:o/n").fingerprint == load_network(kept / "snapshots/abc").fingerprint
    (kept / "snapshots/abc/pytorch_model.bin").unlink()
    with pytest.raises(MissingPartError, match=r"model\.safetensors or pytorch_model\.bin is neither"):
        load_network("hf-hub:o/n")


def test_the_weights_that_timm_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    published = shaken(timm.create_model("test_vit"))
    asked = []

    def state(model_id: str, *_: Any, **__: Any) -> dict[str, Tensor]:
        asked.append(model_id)
        return dict(published.state_dict())

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", state)
    loaded = reid.load("test_vit.r160_in1k")
    assert asked == ["timm/test_vit.r160_in1k"]
    assert loaded.name == reid.load("timm:test_vit").name == "test_vit.r160_in1k"
    assert loaded.spec.arguments == {}
    assert (loaded.spec.backbone, loaded.spec.height, loaded.spec.width) == ("test_vit", 160, 160)
    assert loaded.card["licence"] == "apache-2.0"
    given = pictures(160, 160)
    with torch.inference_mode():
        x = published.forward_features(seen(given, [0.5] * 3, [0.5] * 3))
        expected = unit(published.forward_head(x, pre_logits=True))
    np.testing.assert_allclose(loaded.embed(list(given)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("timm:resnet81", "timm has no network 'resnet81'.*resnet18"),
        ("timm:zzz", r"near names are in timm\.list_models"),
        ("timm:test_vit.of_nobody", r"does not publish the weights 'of_nobody'.*test_vit\.r160_in1k"),
        ("test_vit.of_nobody", r"does not publish.*test_vit\.r160_in1k"),
        ("resnet18", "neither a folder nor one of lite0-imagenet.*timm:resnet18"),
        ("lite0", "neither a folder nor one of lite0-imagenet"),
        ("local-dir:nowhere", "there is no folder 'nowhere'"),
    ],
)
def test_unknown_names(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_network(name)


def test_a_timm_network_without_published_weights() -> None:
    bare_names = sorted(set(timm.list_models()) - {name.partition(".")[0] for name in timm.list_pretrained()})
    with pytest.raises(InputError, match="does not publish any weights"):
        load_network(f"timm:{bare_names[0]}")


def test_timms_weights_without_a_network(offline: Path) -> None:
    with pytest.raises(MissingPartError, match=r"timm:test_vit are neither in the cache.*model=FOLDER"):
        load_network("timm:test_vit")


def edited(**changes: Any) -> Callable[[dict[str, Any], dict[str, Any]], Any]:
    return lambda config, state: ({**config, **changes}, state)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edited(architecture="swin_tiny_patch4_windw7_224"), "near names are swin_tiny_patch4_window7_224"),
        (edited(architecture="test_resnet", model_args={}, pretrained_cfg={"num_classes": 0}), "do not fit timm's test_resnet: .*conv1.0.weight"),
        (edited(architecture=None, model_type="dinov2"), "describes a 'dinov2' of another library.*MiewID"),
        (edited(architecture=None), "describes no network"),
        (edited(pretrained_cfg=[]), "must hold settings by name"),
        (edited(pretrained_cfg={"input_size": [1, 64, 64]}), "channels than RGB's 3"),
        (edited(pretrained_cfg={"input_size": 64}), "input_size=64 must be three numbers"),
        (edited(pretrained_cfg={"mean": [0.5]}), r"mean=\[0.5\] must be three numbers"),
        (edited(model_args={**SWIN, "depths": "many"}), "cannot build timm's swin_tiny"),
        (edited(model_args={**SWIN, "window_size": 2, "embed_dim": 48}), "do not fit timm's swin_tiny"),
        (lambda c, s: (c, {k: v for k, v in s.items() if k != "norm.weight"}), "Missing key.*norm.weight"),
        (lambda c, s: (c, {**s, "extra": torch.zeros(2)}), "Unexpected key.*extra"),
    ],
)  # fmt: skip
def test_folders_that_do_not_fit(tmp_path: Path, change: Callable[..., Any], words: str) -> None:
    config, state = change(MEGADESCRIPTOR, tiny_swin().state_dict())
    with pytest.raises(FormatError, match=words):
        load_network(write(tmp_path / "net", {k: v for k, v in config.items() if v is not None}, state))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edited(use_fc=True), "use_fc=true"),
        (edited(model_name=None), "does not name its backbone"),
        (edited(model_name="test_nobody"), "timm has no network 'test_nobody'"),
        (edited(model_name="test_resnet"), "do not fit MiewID with test_resnet: .*backbone"),
        (edited(model_name="test_vit"), "transformer test_vit"),
        (lambda c, s: (c, {k: v for k, v in s.items() if k != "bn.bias"}), "Missing key.*norm.bias"),
    ],
)  # fmt: skip
def test_miewids_that_do_not_fit(tmp_path: Path, change: Callable[..., Any], words: str) -> None:
    config, state = change(MIEWID, shaken(Miew("test_efficientnet")).state_dict())
    with pytest.raises(FormatError, match=words):
        load_network(write(tmp_path / "net", config, state))


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"echo ran > '{self.path}'",)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    folder = write(tmp_path / "net", MEGADESCRIPTOR, {"model": Evil(mark)}, "pytorch_model.bin")
    with pytest.raises(FormatError, match=r"pytorch_model\.bin is refused.*system.*model\.safetensors"):
        load_network(folder)
    assert not mark.exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert mark.exists(), "the trap must work, or the test says nothing"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.safetensors", b"\x00" * 40, "cannot be read as weights"),
        ("pytorch_model.bin", b"", "cannot be read as weights"),
        ("pytorch_model.bin", b"PK\x03\x04 torn", "cannot be read as weights"),
        ("config.json", b"{", r"config\.json of net cannot be read|cannot be read"),
        ("config.json", b"[]", "holds no settings by name"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    folder = write(tmp_path / "net", MEGADESCRIPTOR, tiny_swin().state_dict())
    if name == "pytorch_model.bin":
        (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(content)
    with pytest.raises(FormatError, match=words):
        load_network(folder)


def test_weights_without_tensors_and_folders_without_weights(tmp_path: Path) -> None:
    folder = write(tmp_path / "net", MEGADESCRIPTOR, {"epoch": 3}, "pytorch_model.bin")
    with pytest.raises(FormatError, match="no named tensors"):
        load_network(folder)
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(FormatError, match=r"expected model\.safetensors or pytorch_model\.bin"):
        load_network(folder)


def test_what_was_loaded_can_be_saved_and_trained_on(tmp_path: Path) -> None:
    from reid.train.start import starting_network

    loaded = load_network(write(tmp_path / "swin", MEGADESCRIPTOR, tiny_swin().state_dict()))
    save_network(loaded.network, tmp_path / "saved", loaded.card)
    again = load_network(tmp_path / "saved")
    assert (again.fingerprint, again.spec, again.card) == (loaded.fingerprint, loaded.spec, loaded.card)
    miew = write(tmp_path / "miew", MIEWID, shaken(Miew("test_efficientnet")).state_dict())
    spec = NetworkSpec(backbone="test_efficientnet", pooling="gem", neck="bn", height=64, width=64)
    network, words = starting_network(spec, str(miew), seed=0)
    for name, value in load_network(miew).network.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
    assert words.startswith("miew (fingerprint ")


def test_names_reach_the_verbs_as_they_are() -> None:
    from reid.config import compose
    from reid.verbs.train import TrainConfig

    for name in ("hf-hub:BVRA/MegaDescriptor-T-224@main", "timm:resnet18.a1_in1k", "local-dir:../net"):
        assert compose("train", TrainConfig, ["data=d.csv", "output=o", f"model={name}"]).model == name


def test_pooling_of_tokens_and_arguments_that_do_not_fit() -> None:
    network = EmbeddingNetwork(NetworkSpec(backbone="test_vit", height=160, width=160)).eval()
    with torch.inference_mode():
        images = torch.rand(2, 3, 160, 160)
        tokens = network.backbone.forward_features(images)
        np.testing.assert_allclose(network(images), tokens[:, 1:].mean(1), atol=1e-6)
    assert "arguments" not in NetworkSpec().to_dict(), "networks without any keep their fingerprint"
    with pytest.raises(ConfigError, match="does not take arguments"):
        EmbeddingNetwork(NetworkSpec(backbone="test_vit", arguments={"colour": 1}))
    several = EmbeddingNetwork(NetworkSpec(backbone="crossvit_9_240", height=240, width=240, pooling="own"))
    with pytest.raises(ConfigError, match="several feature maps"):
        several(torch.rand(1, 3, 240, 240))
