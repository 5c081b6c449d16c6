"""Files from strangers run no code, leave their folder never, and take no more than they may; odd files hang nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_targets import GOLDEN, TARGETS
from PIL import Image

from reid import outside
from reid.config import compose
from reid.detect import read_detections
from reid.embed import load_network
from reid.embed.hub import read_state
from reid.embed.network import NetworkSpec
from reid.errors import ConfigError, FormatError, InputError, ReidError
from reid.formats import read_survey, write_survey
from reid.match import Index, load_calibration
from reid.photos import read_photo, read_stations, scan
from reid.photos.header import MOST_PIXELS
from reid.verbs.census import CensusConfig

MARK = "a stranger's code ran"


class Evil:
    """Writes a mark into the working folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({MARK!r}, 'w').close()",)


# weights, indexes, settings


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors", "last.ckpt"])
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_run_no_code(name: str, zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    if zipped:
        torch.save({"state_dict": {"a": torch.zeros(1)}, "more": Evil()}, name)
    else:
        (tmp_path / name).write_bytes(pickle.dumps({"state_dict": Evil()}))
    with pytest.raises(FormatError):
        read_state(tmp_path / name)
    assert not (tmp_path / MARK).exists()
    pickle.loads(pickle.dumps(Evil()))  # the mark does tell
    assert (tmp_path / MARK).exists()


def test_a_card_loads_nothing_from_elsewhere() -> None:
    for wrong in (
        {"backbone": "hf-hub:stranger/model"},
        {"backbone": "local-dir:/tmp/model"},
        {"arguments": {"checkpoint_path": "/tmp/model.bin"}},
        {"arguments": {"pretrained_cfg": {"url": "http://127.0.0.1/x"}}},
        {"arguments": {"pretrained": True}},
    ):
        with pytest.raises(ConfigError, match=r"no place|load nothing"):
            NetworkSpec.from_dict(wrong)


def test_a_card_takes_no_more_memory_than_its_weights_fill(tmp_path: Path) -> None:
    for name, sound in TARGETS["network-card"].sound.__globals__["_network"]().items():
        (tmp_path / name).write_bytes(sound)
    card = json.loads((tmp_path / "network.json").read_text())
    card["network"] |= {"neck": "linear", "embedding_size": 16_000, "pooling": "grid", "grid": [50, 50, 16]}
    (tmp_path / "network.json").write_text(json.dumps(card))  # 16,000 x 40,000 numbers of 4 bytes
    with pytest.raises(FormatError, match="does not fit"):
        load_network(tmp_path)
    card["network"]["height"] = 10**9
    (tmp_path / "network.json").write_text(json.dumps(card))
    with pytest.raises(FormatError, match="go up to"):
        load_network(tmp_path)


def test_an_index_is_not_larger_than_its_file(tmp_path: Path) -> None:
    index = Index(4, "f")
    index.add(np.eye(4, dtype=np.float32), list("abcd"), "f")
    index.save(tmp_path / "a.faiss")
    sound = (tmp_path / "a.faiss").read_bytes()
    assert Index.load(tmp_path / "a.faiss").search(np.eye(4, dtype=np.float32), 1, "f") == [
        [(name, 1.0)] for name in "abcd"
    ]
    for at, value in ((8, 1 << 40), (37, 1 << 60), (37, (1 << 64) - 1)):
        (tmp_path / "a.faiss").write_bytes(sound[:at] + struct.pack("<Q", value) + sound[at + 8 :])
        with pytest.raises(FormatError, match="no flat index of its stated size"):
            Index.load(tmp_path / "a.faiss")
    (tmp_path / "a.faiss").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(FormatError):
        Index.load(tmp_path / "a.faiss")


def test_the_catalogue_reads_no_index_of_another_layout(tmp_path: Path) -> None:
    import faiss

    from reid.catalogue.index import Content, build, load

    vectors = np.eye(4, dtype=np.float32)
    facts = {"count": 4, "vectors": "v", "fingerprint": "f"}
    content = Content(vectors, np.arange(4), list("abcd"), facts)
    build(tmp_path, content)
    assert load(tmp_path, content) is not None
    other = faiss.IndexHNSWFlat(4, 8, faiss.METRIC_INNER_PRODUCT)
    other.add(vectors)
    data = faiss.serialize_index(other).tobytes()
    (tmp_path / "index.faiss").write_bytes(data)
    said = json.loads((tmp_path / "index.json").read_text())
    import hashlib

    (tmp_path / "index.json").write_text(json.dumps(said | {"sha256": hashlib.sha256(data).hexdigest()}))
    assert load(tmp_path, content) is None


@pytest.mark.parametrize(
    "text",
    [
        "photos: !!python/object/apply:os.system ['touch mark']\noutput: b",
        "a: &a [1, 1]\nb: &b [*a, *a]\nphotos: *b",
        "a: &a {b: *a}",
        "[" * 5000,
        "photos: " + "[" * 2000 + "]" * 2000,
        "scan: {camera_level: 2001-99-99}",
    ],
)
def test_settings_are_plain(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match="is not YAML"):
        compose("census", CensusConfig, ["config=a.yaml"])
    assert not (tmp_path / "mark").exists()


# archives


def package(path: Path, change: Callable[[dict[str, Any]], None], **members: bytes) -> Path:
    """A zip of a sound package with another descriptor and further members."""
    descriptor = json.loads((GOLDEN / "camtrapdp" / "datapackage.json").read_text())
    change(descriptor)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("datapackage.json", json.dumps(descriptor))
        for table in ("deployments", "media", "observations"):
            archive.write(GOLDEN / "camtrapdp" / f"{table}.csv", f"{table}.csv")
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name",
    ["../escaped.csv", "a/../../escaped.csv", "/tmp/escaped.csv", "..\\escaped.csv", "C:\\escaped.csv", "run.json"],
)
def test_a_package_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    found = package(tmp_path / "a.zip", lambda d: d["resources"].append({"name": "more", "path": name}), **{name: b"x"})
    (tmp_path / "out" / "inner").mkdir(parents=True)
    with pytest.raises(FormatError, match="none of a package's own"):
        write_survey(read_survey(found), tmp_path / "out" / "inner", "camtrapdp")
    assert not any(path.is_file() for path in (tmp_path / "out").rglob("*"))


def test_a_package_reads_nothing_through_a_link(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    for path in (GOLDEN / "camtrapdp").iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    (tmp_path / "secret.csv").write_text("secret")
    (folder / "media.csv").unlink()
    (folder / "media.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(FormatError, match="outside the package"):
        read_survey(folder)


def test_a_zip_is_not_unpacked_beyond_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reid.formats.camtrapdp_package.LARGEST", 1 << 20)
    found = package(tmp_path / "a.zip", lambda d: None, **{"bomb.csv": b"0" * (1 << 21)})
    assert found.stat().st_size < 20_000
    with pytest.raises(FormatError, match="would unpack to more"):
        read_survey(found)


def test_gzip_is_not_unpacked_beyond_its_bound() -> None:
    text = b"a,b\n" * 1000
    assert outside.gunzip(gzip.compress(text) + gzip.compress(b"more") + b"\0" * 9) == text + b"more"
    bomb = gzip.compress(b"0" * (8 << 20))
    with pytest.raises(OSError, match="larger than the 1 MB"):
        outside.gunzip(bomb, most=1 << 20)
    for wrong in (gzip.compress(text)[:-3], b"PK" + gzip.compress(text), gzip.compress(text)[:40]):
        with pytest.raises(OSError, match=r"damaged|cut short"):
            outside.gunzip(wrong)


# photos and their folder


def huge_png(width: int, height: int) -> bytes:
    """The head of a PNG of so many pixels, with hardly any data behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def test_a_gigapixel_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = io.BytesIO()
    Image.new("RGB", (8, 8)).save(small, "JPEG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # other packages lift Pillow's own limit
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    start = small.getvalue().index(b"\xff\xc0")  # the frame's head: length, depth, height, width
    jpeg = small.getvalue()[: start + 5] + struct.pack(">HH", 40_000, 40_000) + small.getvalue()[start + 9 :]
    for name, content in (("a.png", huge_png(40_000, 40_000)), ("b.jpg", jpeg), ("c.png", huge_png(2, MOST_PIXELS))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="too many pixels"):
            read_photo(tmp_path / name)
    assert list(scan(tmp_path)[0]["error"]) == ["too many pixels"] * 3


@pytest.mark.timeout(60)
def test_odd_files_among_the_photos(tmp_path: Path) -> None:
    camera = tmp_path / "season" / "cam"
    camera.mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(camera / "fine.jpg")
    os.mkfifo(camera / "pipe.jpg")
    (camera / "linked.jpg").symlink_to(camera / "fine.jpg")
    (camera / "broken.jpg").symlink_to(camera / "nowhere.jpg")
    (camera / "round.jpg").symlink_to(camera / "round.jpg")
    (camera / "endless").symlink_to(tmp_path / "season")
    (camera / "zeros.jpg").symlink_to("/dev/zero")
    (camera / "to-pipe.jpg").symlink_to(camera / "pipe.jpg")
    (camera / "folder.jpg").mkdir()
    server = socket.socket(socket.AF_UNIX)
    before = Path.cwd()
    os.chdir(camera)  # the name of a socket is short
    try:
        server.bind("socket.jpg")
    finally:
        os.chdir(before)
    photos, _ = scan(tmp_path / "season")
    server.close()
    said = {path.removeprefix("cam/"): error for path, error in zip(photos["path"], photos["error"], strict=True)}
    assert {name: error for name, error in said.items() if isinstance(error, str)} == {
        "pipe.jpg": "not a regular file", "to-pipe.jpg": "not a regular file", "socket.jpg": "not a regular file",
        "zeros.jpg": "not a regular file", "broken.jpg": "broken link",
        "round.jpg": said["round.jpg"],
    }  # fmt: skip
    assert "link" in said["round.jpg"]
    assert set(said) - {"fine.jpg", "linked.jpg"} == {
        "pipe.jpg", "to-pipe.jpg", "socket.jpg", "zeros.jpg", "broken.jpg", "round.jpg",
    }  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "read",
    [
        read_detections, read_stations, read_survey, lambda path: load_calibration("sift", path),
        lambda path: compose("census", CensusConfig, [f"config={path}"]), lambda path: read_survey(path, "coco"),
        lambda path: read_survey(path, "wildlife"),
    ],
)  # fmt: skip
def test_no_reader_waits_for_a_pipe(read: Callable[[Path], Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReidError, match=r"not a regular file"):
        read(tmp_path / "pipe")


def test_files_are_bounded(tmp_path: Path) -> None:
    with (tmp_path / "sparse.json").open("wb") as file:
        file.truncate(outside.LARGEST + 1)
    with pytest.raises(InputError, match="larger than the 2048 MB"):
        read_detections(tmp_path / "sparse.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(FormatError, match="nested too deeply"):
        read_detections(tmp_path / "deep.json")
