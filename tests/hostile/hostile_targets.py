"""Every reader of outside data, as a target: a sound file, how it is bent, and what must hold whatever comes.

A reader may take a bent file, or refuse it with an error of `reid.errors`; nothing else. The suite steers the targets
with hypothesis, `benchmarks/fuzz.py` with atheris.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import hostile_review
import numpy as np
from hostile_mutate import Bend, bent_bytes, bent_csv, bent_json, bent_text
from PIL import Image

from reid.errors import ReidError

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "formats" / "golden"
BOXES = ROOT / "tests" / "detect" / "files"


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        sound: The content of a sound file.
        bend: What makes it hostile.
        read: Gives a content to the reader, with a folder to write into; raises what the reader raises, and
            AssertionError where something does not hold that must.
    """

    sound: Callable[[], bytes]
    bend: Bend
    read: Callable[[bytes, Path], object]


def tried(target: Target, content: bytes, folder: Path) -> str:
    """Give a content to a target: "read", or the typed error's name; any other exception is a defect of the reader."""
    try:
        target.read(content, folder)
    except ReidError as error:
        assert str(error).strip() and "Traceback" not in str(error)
        return type(error).__name__
    return "read"


def _put(content: bytes, folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# photos


@cache
def _picture(kind: str) -> bytes:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (30, 40, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2015:06:03 14:22:05"
    out = io.BytesIO()
    image.save(out, kind, exif=exif) if kind != "BMP" else image.save(out, kind)
    return out.getvalue()


def _photo(content: bytes, folder: Path) -> None:
    from reid.photos import read_photo, scan

    path = _put(content, folder, "photos/cam/a.jpg")
    photos, _ = scan(folder / "photos")
    assert len(photos) == 1
    fine = photos["error"].isna()[0]
    try:
        pixels = read_photo(path)
    except ReidError:
        return
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    if fine:
        assert pixels.shape[:2] == (photos["height"][0], photos["width"][0])


def _tagged(content: bytes, folder: Path) -> None:
    from reid.formats.jpeg import put_xmp, xmp_of
    from reid.formats.xmp import new_packet, subjects_of, with_subjects

    packet = xmp_of(content)
    fresh = put_xmp(
        content, new_packet(["Individual|M01"]) if packet is None else with_subjects(packet, "Individual", ["M01"])
    )
    assert "Individual|M01" in subjects_of(xmp_of(fresh) or b"")


def _with_xmp() -> bytes:
    from reid.formats.jpeg import put_xmp
    from reid.formats.xmp import new_packet

    return put_xmp(_picture("JPEG"), new_packet(["Species|Leopard", "Individual|X"]))


# lists of boxes


def _detections(content: bytes, folder: Path) -> None:
    from reid.detect import DetectorSettings, detect
    from reid.formats import read_survey
    from reid.tables import PHOTOS, from_rows

    path = _put(content, folder, "detections.json")
    names = ("RL_5/a.jpg", "camera1/image1.jpg", "a/b.jpg", "IMG_0001.JPG")
    rows = [
        {
            "image_id": f"{name}@0",
            "path": name,
            "content_hash": "0" * 64,
            "width": 640,
            "height": 480,
            "date_source": "none",
        }
        for name in names
    ]
    with contextlib.suppress(ReidError):
        detect(from_rows(rows, PHOTOS), folder, DetectorSettings(name="recorded", file=str(path)))
    read_survey(path, "megadetector")


def _coco(content: bytes, folder: Path) -> None:
    from reid.detect.coco import read_boxes
    from reid.formats import read_survey
    from reid.train.coco import read_coco

    path = _put(content, folder, "coco.json")
    for read in (lambda: read_boxes(path, ("animal",)), lambda: read_coco(path), lambda: read_survey(path)):
        with contextlib.suppress(ReidError):
            read()
    read_survey(path, "coco")


# surveys


def _package() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted((GOLDEN / "camtrapdp").rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(path.relative_to(GOLDEN / "camtrapdp").as_posix()), path.read_bytes())
    return out.getvalue()


def _zip(content: bytes, folder: Path) -> None:
    _converted(_put(content, folder, "package.zip"), folder)


def _converted(path: Path, folder: Path) -> None:
    """Read a survey and write it again; nothing may come to lie outside of the folder it is written to."""
    from reid.formats import read_survey, write_survey

    shutil.rmtree(folder / "out", ignore_errors=True)
    inner = folder / "out" / "a" / "b"
    inner.mkdir(parents=True)
    survey = read_survey(path, "camtrapdp")
    try:
        write_survey(survey, inner, "camtrapdp")
    finally:
        others = [
            found
            for found in (folder / "out").rglob("*")
            if inner not in found.parents and found not in (inner, inner.parent)
        ]
        assert not others, others


def _member(name: str) -> Callable[[bytes, Path], None]:
    def read(content: bytes, folder: Path) -> None:
        package = folder / "package"
        if not package.exists():
            shutil.copytree(GOLDEN / "camtrapdp", package)
        sound = (package / name).read_bytes()
        try:
            (package / name).write_bytes(content)
            _converted(package, folder)
        finally:
            (package / name).write_bytes(sound)

    return read


INSIGHTS = {
    "deployments.csv": b"deployment_id,placename,latitude,longitude,start_date,end_date,camera_id\nd1,north,27.5,90.25,2015-06-01 00:00:00,2015-08-01 00:00:00,c1\n",
    "images_1.csv": b"deployment_id,image_id,filename,location,timestamp,is_blank,identified_by,genus,species,common_name,individual_id,number_of_objects\nd1,i1,a.jpg,gs://x/a.jpg,2015-06-03 14:22:05,0,Ugyen,Panthera,pardus,Leopard,M01,1\n",
}


def _insights(name: str) -> Callable[[bytes, Path], None]:
    def read(content: bytes, folder: Path) -> None:
        from reid.formats import read_survey, write_survey

        for other, text in INSIGHTS.items():
            _put(content if other == name else text, folder / "download", other)
        survey = read_survey(folder / "download", "insights")
        (folder / "insights").mkdir(exist_ok=True)
        write_survey(survey, folder / "insights", "insights")

    return read


STATIONS = (
    b"camera,location,latitude,longitude,start,end,clock_shift_s,time_zone\n"
    b"cam1,north,27.5,90.25,2015-06-01,2015-08-31,3600,Asia/Thimphu\ncam2,north,27.5,90.25,,,,\n"
)
LABELS = (
    b"image_id,identity,path,bbox,date,orientation,species,encounter,camera,station,latitude,longitude\n"
    b'1,M01,cam/a.jpg,"[1, 2, 20, 20]",2015-06-03 14:22:05,left,leopard,e1,cam1,north,27.5,90.25\n'
    b"2,unknown,cam/a.jpg,,31/12/2015,right side,leopard,,cam1,north,27.5,90.25\n"
)


def _stations(content: bytes, folder: Path) -> None:
    from reid.formats import read_survey, with_stations
    from reid.photos import read_stations

    path = _put(content, folder, "stations.csv")
    survey = read_survey(_put(LABELS, folder, "some.csv"))
    with contextlib.suppress(ReidError):
        with_stations(survey, path)
    read_stations(path)


def _labels(content: bytes, folder: Path) -> None:
    from reid.formats import read_survey, write_survey
    from reid.photos import read_labelled

    path = _put(content, folder, "labels.csv")
    if not (folder / "cam").exists():
        _put(_picture("JPEG"), folder, "cam/a.jpg")
    with contextlib.suppress(ReidError):
        read_labelled(path, identity_required=False)
    survey = read_survey(path)
    (folder / "csv").mkdir(exist_ok=True)
    write_survey(survey, folder / "csv", "csv")
    again = read_survey(folder / "csv" / "csv", "csv")
    assert len(again.animals) == len(survey.animals)


def _packed(content: bytes, folder: Path) -> None:
    from reid.formats import read_survey

    read_survey(_put(content, folder, "labels.csv.gz"))


def _sightings(content: bytes, folder: Path) -> None:
    from reid.formats import read_sightings

    _put(content, folder / "census", "sightings.csv")
    read_sightings(folder / "census")


SIGHTINGS = (
    b"path,bbox,orientation,station,date,encounter,identity,decision,probability,camera,confidence,crop_id\n"
    b'cam/a.jpg,"[1, 2, 20, 20]",left,north,2015-06-03 14:22:05,e1,M01,known,0.99,cam1,0.9,a@0#0\n'
)


@cache
def _parquet() -> bytes:
    import tempfile

    from reid.tables import PHOTOS, from_rows, write

    rows = [{"image_id": "a@0", "path": "a", "content_hash": "0" * 64, "width": 4, "height": 3, "date_source": "none"}]
    with tempfile.TemporaryDirectory() as folder:
        write(from_rows(rows, PHOTOS), Path(folder) / "a.parquet", PHOTOS)
        return (Path(folder) / "a.parquet").read_bytes()


def _table(content: bytes, folder: Path) -> None:
    from reid.tables import PHOTOS, read

    read(_put(content, folder, "photos.parquet"), PHOTOS)


# settings and cards

SETTINGS = b"""\
photos: season
output: runs/a
scan:
  camera_level: 1
  sequence_gap_s: 60
  extensions: [.jpg, .png]
matcher:
  points: 256
decision:
  accept: 0.95
"""


def _settings(content: bytes, folder: Path) -> None:
    from reid.config import compose
    from reid.verbs.census import CensusConfig

    compose("census", CensusConfig, [f"config={_put(content, folder, 'settings.yaml')}"])


def _calibration(content: bytes, folder: Path) -> None:
    from reid.match import load_calibration

    found = load_calibration("sift", _put(content, folder, "calibration.json"))
    said = found.probability(np.array([0.0, 1.0, 40.0]))
    assert np.isfinite(said).all() and (said >= 0).all() and (said <= 1).all()


@cache
def _network() -> dict[str, bytes]:
    import tempfile

    import torch

    from reid.embed.network import EmbeddingNetwork, NetworkSpec
    from reid.embed.weights import save_network

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        save_network(EmbeddingNetwork(NetworkSpec("test_vit", height=160, width=160)), folder, {"licence": "none"})
        return {name: (Path(folder) / name).read_bytes() for name in ("network.json", "weights.safetensors")}


def _model(name: str) -> Callable[[bytes, Path], None]:
    def read(content: bytes, folder: Path) -> None:
        from reid.embed import load_network

        for other, sound in _network().items():
            _put(content if other == name else sound, folder / "model", other)
        load_network(folder / "model")

    return read


def _hub(content: bytes, folder: Path) -> None:
    from reid.embed.hub import from_folder

    _put(content, folder / "hub", "README.md")
    _put(b'{"architecture": "test_vit", "license": "mit"}', folder / "hub", "config.json")
    _put(b"", folder / "hub", "model.safetensors")
    from_folder(folder / "hub")


@cache
def _pickled() -> bytes:
    import torch

    out = io.BytesIO()
    torch.save({"model": {"a": torch.zeros(2, 3)}}, out)
    return out.getvalue()


def _state(content: bytes, folder: Path) -> None:
    from reid.embed.hub import read_state

    read_state(_put(content, folder, "pytorch_model.bin"))


@cache
def _saved_index() -> tuple[bytes, bytes]:
    """A sound index with what says what it is, and its rows."""
    import tempfile

    from reid.match import Index

    vectors = np.eye(4, dtype=np.float32)
    index = Index(4, "f")
    index.add(vectors, list("abcd"), "f")
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder) / "a.faiss")
        parts = [(Path(folder) / f"a.faiss{ending}").read_bytes() for ending in ("", ".json", ".rows")]
    return parts[0] + parts[1], parts[2]


def _index() -> bytes:
    return _saved_index()[0]


def _index_rows() -> bytes:
    return _saved_index()[1]


def _faiss(content: bytes, folder: Path) -> None:
    from reid.match import Index

    at = content.rfind(b'{"')
    path = _put(content[:at] if at >= 0 else content, folder, "a.faiss")
    _put(content[at:] if at >= 0 else b"{}", folder, "a.faiss.json")
    _put(_index_rows(), folder, "a.faiss.rows")
    found = Index.load(path)
    found.search(np.eye(found.size, dtype=np.float32)[:1], 3, found.fingerprint)


def _faiss_rows(content: bytes, folder: Path) -> None:
    from reid.match import Index

    sound, at = _index(), _index().rfind(b'{"')
    path = _put(sound[:at], folder, "a.faiss")
    _put(sound[at:], folder, "a.faiss.json")
    _put(content, folder, "a.faiss.rows")
    found = Index.load(path)
    found.search(np.eye(found.size, dtype=np.float32)[:1], 3, found.fingerprint)


# bundles


@cache
def _key() -> object:
    import tempfile

    from reid.exchange import make_key

    with tempfile.TemporaryDirectory() as folder:
        return make_key(Path(folder) / "a.key")


@cache
def _bundle() -> bytes:
    """What is inside a bundle's seal."""
    import tempfile

    from reid.exchange import Bundle, write_bundle
    from reid.exchange.manifest import BundleCrop, Manifest, Member
    from reid.exchange.seal import HEAD
    from reid.match import Features

    manifest = Manifest(
        made="2024-05-01", sender="a", partner="b", fingerprint="f", matcher="sift",
        members=[Member(id="0" * 16), Member(id="1" * 16, name="M01", latitude=1.0, longitude=2.0)],
        crops=[BundleCrop(member=0, flank="left", sure=0.9), BundleCrop(member=1, flank="right", sure=0.8)],
    )  # fmt: skip
    features = tuple(Features(np.ones((3, 2), np.float32), np.ones((3, 8), np.float16), (20, 30)) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.reidx"
        write_bundle(path, Bundle(manifest, np.eye(2, 4, dtype=np.float32), features, (b"", _picture("JPEG"))), _key())  # type: ignore[arg-type]
        return path.read_bytes()[HEAD:]


def _bundled(content: bytes, folder: Path) -> None:
    """The signature holds: the hostile one is a partner."""
    from reid.exchange import read_bundle
    from reid.exchange.page import thumbnail
    from reid.exchange.seal import BUNDLE, seal

    path = folder / "a.reidx"
    seal(path, BUNDLE, content, _key())  # type: ignore[arg-type]
    found = read_bundle(path)
    assert len(found.vectors) == len(found.features) == len(found.thumbnails)
    for number in range(len(found.vectors)):
        thumbnail(found, number)


@cache
def _sealed() -> bytes:
    import tempfile

    from reid.exchange.seal import BUNDLE, seal

    with tempfile.TemporaryDirectory() as folder:
        seal(Path(folder) / "a.reidx", BUNDLE, _bundle(), _key())  # type: ignore[arg-type]
        return (Path(folder) / "a.reidx").read_bytes()


def _unsealed(content: bytes, folder: Path) -> None:
    """The signature does not hold any more, unless nothing was changed."""
    from reid.exchange import read_bundle

    read_bundle(_put(content, folder, "b.reidx"))
    assert content == _sealed()


@cache
def _key_file() -> bytes:
    from cryptography.hazmat.primitives import serialization as s

    private = _key().private  # type: ignore[attr-defined]
    return private.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())


def _keys(content: bytes, folder: Path) -> None:
    from reid.exchange import read_key, read_public

    path = _put(content, folder, "some.key")
    with contextlib.suppress(ReidError):
        read_public(str(path))
    read_key(path)


# the catalogue


@cache
def _record() -> tuple[bytes, bytes]:
    """A catalogue's file, and its export."""
    import sqlite3
    import sys
    import tempfile

    sys.path.insert(0, str(ROOT / "tests" / "catalogue"))
    from catalogue_makers import record

    from reid.catalogue import Catalogue

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.sqlite"
        with Catalogue(path, by="Anna") as catalogue:
            record(catalogue, "r1", {"e1": ["a1", "a2"], "e2": ["b1"]}, {"e1": "new-1", "e2": "?"})
            catalogue.export(Path(folder) / "a.jsonl")
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.close()
        return path.read_bytes(), (Path(folder) / "a.jsonl").read_bytes()


def _catalogue(content: bytes, folder: Path) -> None:
    from reid.catalogue import Catalogue

    path = folder / "a.sqlite"
    for leftover in folder.glob("a.sqlite*"):
        if leftover.is_file():
            leftover.unlink()
    path.write_bytes(content)
    with Catalogue(path, create=False, by="Anna") as catalogue:
        catalogue.individuals(), catalogue.sightings(), catalogue.runs(), catalogue.decisions("r1")
        catalogue.vectors()
        catalogue.check()


def _imported(content: bytes, folder: Path) -> None:
    from reid.catalogue import Catalogue

    for leftover in folder.glob("c.sqlite*"):
        leftover.unlink()
    Catalogue.load(_put(content, folder, "c.jsonl"), folder / "c.sqlite")
    with Catalogue(folder / "c.sqlite", create=False) as catalogue:
        catalogue.individuals(), catalogue.sightings(), catalogue.vectors()


def _golden(name: str) -> Callable[[], bytes]:
    return lambda: (GOLDEN / name).read_bytes()


TARGETS: dict[str, Target] = {
    **{f"photo-{kind}": Target(lambda kind=kind: _picture(kind), bent_bytes, _photo) for kind in ("JPEG", "PNG", "TIFF", "WEBP", "BMP")},
    "photo-xmp": Target(_with_xmp, bent_bytes, _tagged),
    **{
        f"detections-{path.stem}": Target(path.read_bytes, bent_json, _detections)
        for path in sorted(BOXES.glob("*.json")) if path.stem != "coco"
    },
    "coco": Target(_golden("coco.json"), bent_json, _coco),
    "coco-boxes": Target((BOXES / "coco.json").read_bytes, bent_json, _coco),
    "camtrapdp-zip": Target(_package, bent_bytes, _zip),
    "camtrapdp-descriptor": Target(_golden("camtrapdp/datapackage.json"), bent_json, _member("datapackage.json")),
    **{
        f"camtrapdp-{name}": Target(_golden(f"camtrapdp/{name}.csv"), bent_csv, _member(f"{name}.csv"))
        for name in ("deployments", "media", "observations")
    },
    **{f"insights-{name}": Target(lambda name=name: INSIGHTS[name], bent_csv, _insights(name)) for name in INSIGHTS},
    "stations": Target(lambda: STATIONS, bent_csv, _stations),
    "labels": Target(lambda: LABELS, bent_csv, _labels),
    "labels-gzip": Target(lambda: gzip.compress(LABELS, mtime=0), bent_bytes, _packed),
    "sightings": Target(lambda: SIGHTINGS, bent_csv, _sightings),
    "parquet": Target(_parquet, bent_bytes, _table),
    "settings": Target(lambda: SETTINGS, bent_text, _settings),
    "calibration": Target(lambda: (ROOT / "configs/calibration/sift.json").read_bytes(), bent_json, _calibration),
    "network-card": Target(lambda: _network()["network.json"], bent_json, _model("network.json")),
    "network-weights": Target(lambda: _network()["weights.safetensors"], bent_bytes, _model("weights.safetensors")),
    "hub-readme": Target(lambda: b"---\nlicense: mit\ntags: [a, b]\n---\n# A network\n", bent_text, _hub),
    "hub-pickle": Target(_pickled, bent_bytes, _state),
    "index": Target(_index, bent_bytes, _faiss),
    "index_rows": Target(_index_rows, bent_bytes, _faiss_rows),
    "bundle": Target(_bundle, bent_bytes, _bundled),
    "bundle-seal": Target(_sealed, bent_bytes, _unsealed),
    "key": Target(_key_file, bent_bytes, _keys),
    "catalogue": Target(lambda: _record()[0], bent_bytes, _catalogue),
    "catalogue-export": Target(lambda: _record()[1], bent_text, _imported),
    **{
        f"review-{name}": Target(lambda requests=requests: hostile_review.sound(requests), bent_json, hostile_review.asked)
        for name, requests in (("pages", hostile_review.PAGES), ("answers", hostile_review.ANSWERS), ("edits", hostile_review.EDITS))
    },
    "review-wire": Target(lambda: hostile_review.WIRE, bent_bytes, hostile_review.wired),
}  # fmt: skip

__all__ = ["TARGETS", "Target", "tried"]
