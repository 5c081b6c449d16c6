"""The shipped detector: what it is, the same boxes on every engine, and photos of every bad kind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import reid.detect.engines as engines
from reid.detect import DetectorSettings, detect, make_detector, write_megadetector
from reid.detect.drawing import draw_boxes, draw_sheets
from reid.detect.engines import network_engine, onnx_bytes
from reid.detect.kept import fingerprint, load_boxes, published_yolox, save_boxes
from reid.detect.network import STRIDES, BoxNetwork, BoxNetworkSpec, decode, places
from reid.errors import ConfigError, FormatError, InputError, MissingPartError
from reid.photos import scan
from reid.photos.scan import ScanSettings

ROOT = Path(__file__).resolve().parents[2]
TORCH = DetectorSettings(engine="torch", threads=1)


@pytest.fixture(scope="module")
def small() -> BoxNetwork:
    """A nano network with random weights that claims something here and there."""
    torch.manual_seed(0)
    network = BoxNetwork(BoxNetworkSpec(width=0.25, side=128, categories=("animal", "person")))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
    return network.eval()


def test_the_shipped_weights_are_small_and_have_a_card() -> None:
    folder = ROOT / "reid" / "detect" / "weights"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20e6
    about = json.loads((folder / "detector.json").read_text())
    loaded = load_boxes()
    assert about["fingerprint"] == loaded.fingerprint
    assert about["card"]["licence"] == "CC BY-NC-SA 4.0"
    assert {"data", "protocol", "figures", "started_from"} <= set(about["card"])


def test_places_and_decoding_by_hand() -> None:
    corners, strides = places(64, 96)
    assert len(corners) == sum((64 // s) * (96 // s) for s in STRIDES)
    first = torch.zeros(1, len(corners), 6)
    first[0, 13] = torch.tensor([0.5, 0.25, np.log(2), np.log(3), 0.0, 2.0])
    boxes, confidences = decode(first, corners, strides)
    # place 13 of the finest scale: row 1, column 1 of 12 columns; the centre is 12, 10, the size 16 by 24
    assert boxes[0, 13].tolist() == pytest.approx([4, -2, 20, 22])
    assert confidences[0, 13, 0].item() == pytest.approx(0.5 / (1 + np.exp(-2.0)))


def test_every_engine_gives_the_same_boxes(small: BoxNetwork) -> None:
    pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    names = ["torch", "onnxruntime"] + (["openvino"] if _there("openvino") else [])
    made = {name: network_engine(small, name, 1) for name in names}
    for shape in ((1, 3, 96, 128), (1, 3, 128, 64)):
        pictures = rng.uniform(0, 255, shape).astype(np.float32)
        expected = made["torch"](pictures)[0]
        for name in names[1:]:
            np.testing.assert_allclose(made[name](pictures)[0], expected, atol=2e-4, rtol=1e-4, err_msg=name)


def _there(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def test_the_onnx_file_reads_as_a_yolox(tmp_path: Path) -> None:
    """Our own export through the reader of other people's files gives the same boxes as the network itself."""
    pytest.importorskip("onnxruntime")
    from reid.detect.onnx_file import OnnxSettings

    (tmp_path / "photos" / "cam").mkdir(parents=True)
    for name in ("RL_5/20051003_1721.jpg", "RL_7/20051004_1735.jpg"):
        shutil.copy(ROOT / "samples" / "jaguars" / name, tmp_path / "photos" / "cam")
    photos = scan(tmp_path / "photos")[0]
    (tmp_path / "net.onnx").write_bytes(onnx_bytes(load_boxes().network))
    every = {"confidence": 0.05, "side": 256, "threads": 1}
    one, _ = detect(photos, tmp_path / "photos", DetectorSettings(engine="torch", **every))  # type: ignore[arg-type]
    settings = DetectorSettings(
        name="onnx", model=str(tmp_path / "net.onnx"), onnx=OnnxSettings("yolox"), engine="onnxruntime", **every
    )  # type: ignore[arg-type]
    other, _ = detect(photos, tmp_path / "photos", settings)
    assert len(one) >= 2 and one["image_id"].equals(other["image_id"])
    np.testing.assert_allclose(one["confidence"], other["confidence"], atol=3e-4)
    np.testing.assert_allclose(np.stack(one["bbox"]), np.stack(other["bbox"]), atol=0.05)


def test_no_engine_is_made_where_all_boxes_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(
        engines,
        "network_engine",
        lambda network, name, *rest: made.append(name) or network_engine(network, name, *rest),
    )
    (tmp_path / "photos").mkdir()
    for name in ("20051003_1721.jpg", "20051020_0204.jpg"):
        for source in sorted((ROOT / "samples" / "jaguars").rglob(name))[:1]:
            shutil.copy(source, tmp_path / "photos")
    photos = scan(tmp_path / "photos")[0]
    first = detect(photos, tmp_path / "photos", TORCH, tmp_path / "boxes")[0]
    assert made == ["torch"]
    again = detect(photos, tmp_path / "photos", TORCH, tmp_path / "boxes")[0]
    assert len(first) and again.equals(first)
    assert made == ["torch"]


def test_weights_are_kept_and_their_fingerprint_with_them(small: BoxNetwork, tmp_path: Path) -> None:
    mark = save_boxes(small, tmp_path / "kept", {"licence": "mine"})
    again = load_boxes(tmp_path / "kept")
    assert again.fingerprint == mark == fingerprint(small) and again.card == {"licence": "mine"}
    x = torch.rand(1, 3, 64, 64) * 255
    with torch.inference_mode():
        np.testing.assert_allclose(again.network(x), small(x), atol=0.02)
    other = BoxNetwork(BoxNetworkSpec(width=0.25, side=160, categories=("animal", "person")))
    other.load_state_dict(small.state_dict())
    assert fingerprint(other) != mark


def test_weights_that_do_not_do(small: BoxNetwork, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a folder"):
        load_boxes("leopards")
    with pytest.raises(InputError, match=r"detector\.json is missing"):
        load_boxes(tmp_path)
    save_boxes(small, tmp_path / "without")
    (tmp_path / "without" / "detector.safetensors").unlink()
    with pytest.raises(InputError, match=r"detector\.safetensors is missing"):
        load_boxes(tmp_path / "without")
    save_boxes(small, tmp_path / "cut")
    (tmp_path / "cut" / "detector.safetensors").write_bytes(b"\0" * 20)
    with pytest.raises(FormatError, match="cannot be read"):
        load_boxes(tmp_path / "cut")
    save_boxes(small, tmp_path / "other")
    about = json.loads((tmp_path / "other" / "detector.json").read_text())
    about["network"]["width"] = 0.5
    (tmp_path / "other" / "detector.json").write_text(json.dumps(about))
    with pytest.raises(FormatError, match="does not fit"):
        load_boxes(tmp_path / "other")
    (tmp_path / "x.pth").write_bytes(b"no weights")
    with pytest.raises(FormatError, match="no file of weights"):
        published_yolox(tmp_path / "x.pth", BoxNetworkSpec())
    torch.save({"model": {"a": torch.zeros(3)}}, tmp_path / "y.pth")
    with pytest.raises(FormatError, match="does not hold a YOLOX"):
        published_yolox(tmp_path / "y.pth", BoxNetworkSpec())


def test_published_weights_fit_in_order(tmp_path: Path) -> None:
    """A file laid out as YOLOX lays its own out, with other names."""
    network = BoxNetwork(BoxNetworkSpec(width=0.25))
    torch.save({"model": {f"layer.{n}": v for n, v in enumerate(network.state_dict().values())}}, tmp_path / "nano.pth")
    again = published_yolox(tmp_path / "nano.pth", BoxNetworkSpec(width=0.25))
    assert all(
        torch.equal(a, b) for a, b in zip(again.state_dict().values(), network.state_dict().values(), strict=True)
    )


def test_engines_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from reid.detect import engines

    with pytest.raises(ConfigError, match="auto, onnxruntime, openvino, torch"):
        engines.best_engine("tensorrt")
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert engines.best_engine("auto") == "torch"
    with pytest.raises(MissingPartError, match="pip install openvino"):
        engines.best_engine("openvino")


@pytest.fixture(scope="module")
def odd_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of each bad kind."""
    folder = tmp_path_factory.mktemp("odd") / "cam"
    folder.mkdir()
    good = ROOT / "samples/jaguars/RL_5/20051003_1721.jpg"
    shutil.copy(good, folder / "good.jpg")
    jaguar = Image.open(good).convert("RGB").resize((640, 432))
    Image.new("RGB", (1, 1)).save(folder / "one.png")
    Image.new("L", (10_000, 10_000), 90).save(folder / "huge.jpg", quality=50)
    jaguar.convert("RGBA").save(folder / "alpha.png")
    deep = np.asarray(jaguar.convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    (folder / "cut.jpg").write_bytes(good.read_bytes()[:9000])
    # whole by its markers, damaged in its pixels
    damaged = bytearray(good.read_bytes())
    damaged[3000:3400] = b"\xff\xd9" * 200
    (folder / "damaged.jpg").write_bytes(bytes(damaged))
    (folder / "empty.jpg").write_bytes(b"")
    Image.new("RGB", (4000, 10), (30, 60, 90)).save(folder / "strip.png")
    return folder.parent


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_odd_photos_are_boxes_or_rows_with_a_reason(odd_photos: Path, tmp_path: Path) -> None:
    photos, _ = scan(odd_photos, ScanSettings())
    found, problems = detect(photos, odd_photos, TORCH)
    path_of = dict(zip(photos["image_id"], photos["path"], strict=True))
    on = {path_of[image] for image in found["image_id"]}
    assert {"cam/good.jpg", "cam/alpha.png", "cam/deep.png"} <= on
    assert not on & {"cam/one.png", "cam/cut.jpg", "cam/empty.jpg"}
    for image, box in zip(found["image_id"], found["bbox"], strict=True):
        row = photos.set_index("image_id").loc[image]
        assert box[0] >= 0 and box[1] >= 0 and box[0] + box[2] <= row["width"] and box[1] + box[3] <= row["height"]
    write_megadetector(found, photos, tmp_path / "out.json", problems)
    said = {row["file"]: row for row in json.loads((tmp_path / "out.json").read_text())["images"]}
    assert "truncated" in said["cam/cut.jpg"]["failure"] and "empty file" in said["cam/empty.jpg"]["failure"]
    assert len(said) == 9 and all((row["detections"] is None) == ("failure" in row) for row in said.values())


def test_a_stopped_run_goes_on(odd_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is kept by content: a second run looks at nothing, and gives the same."""
    from reid.detect import pictures

    folder = tmp_path / "season" / "cam"
    folder.mkdir(parents=True)
    for name in ("good.jpg", "alpha.png"):
        shutil.copy(odd_photos / "cam" / name, folder / name)
    photos = scan(folder.parent)[0]
    first = detect(photos, folder.parent, TORCH, tmp_path / "cache")[0]

    def never(*_: object) -> np.ndarray:
        raise AssertionError("a photo was read again")

    monkeypatch.setattr(pictures, "read_photo", never)
    assert detect(photos, folder.parent, TORCH, tmp_path / "cache")[0].equals(first) and len(first) >= 2


def test_drawn_boxes_and_sheets(odd_photos: Path, tmp_path: Path) -> None:
    photos = scan(odd_photos)[0]
    photos = photos[photos["path"].isin(["cam/good.jpg", "cam/strip.png"])].reset_index(drop=True)
    found, _ = detect(photos, odd_photos, TORCH)
    (sheet,) = draw_sheets(photos, found, odd_photos, tmp_path / "drawn")
    assert Image.open(sheet).size == (1500, 225)
    black = np.zeros((100, 200, 3), np.uint8)
    row = next(found.itertuples(index=False))._replace(bbox=[40.0, 60.0, 100.0, 80.0], category="animal")
    drawn = draw_boxes(black, [row], (400, 200))
    # the photo was decoded at a half: the box runs from 20, 30 to 70, 70
    assert drawn[69, 45].tolist() == [255, 196, 0] and drawn[50, 20].tolist() == [255, 196, 0]
    assert drawn[50, 45].tolist() == [0, 0, 0] and not black.any()


@pytest.mark.parametrize("device", ["gpu", "cuda:one", "cuda:99"])
@pytest.mark.parametrize("name", ["own", "torchvision"])
def test_a_device_that_is_not_there(device: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"detector\.device="):
        make_detector(DetectorSettings(name=name, device=device, model="" if name == "own" else str(tmp_path)))
