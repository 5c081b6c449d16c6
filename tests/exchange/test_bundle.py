"""A bundle says what it may and nothing else, reads back as it was written, and a hostile one is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from reid.catalogue import Catalogue
from reid.errors import ConfigError, FormatError, InputError, OutputError
from reid.exchange import Bundle, RevealSettings, make_key, names_of, read_bundle, read_key, read_public
from reid.exchange.page import thumbnail
from reid.exchange.seal import ANSWERS, BUNDLE, HEAD, LARGEST, seal, unseal

SECRETS = ("Narva", "waterhole", "IMG_0042", "DCIM", "ind-002", "12.3456", "2015", "park.sqlite")


def test_what_is_in_a_bundle_and_what_is_not(west: Any, tmp_path: Path, make_bundle: Callable[..., Bundle]) -> None:
    bundle = make_bundle(west, tmp_path / "plain.reidx", "east")
    plain = (tmp_path / "plain.reidx").read_bytes()
    for secret in SECRETS:
        assert secret.encode() not in plain, secret
    assert b"\xff\xd8\xff" not in plain, "a picture"
    with Catalogue(west.catalogue, create=False) as catalogue:
        for text in catalogue.sightings()["content_hash"]:
            assert text.encode() not in plain
            assert bytes.fromhex(text) not in plain
        vectors, _ = catalogue.vectors()
    assert len(bundle.ids) == 4
    assert len(bundle.features) == len(bundle.vectors) == 8
    # the vectors are the catalogue's own, in an order that does not tell who came first
    assert {v.tobytes() for v in bundle.vectors} == {v.tobytes() for v in vectors.astype(np.float32)}
    assert bundle.ids == sorted(bundle.ids)


def test_what_is_asked_for_is_told(west: Any, tmp_path: Path, make_bundle: Callable[..., Bundle]) -> None:
    told = make_bundle(west, tmp_path / "a.reidx", "east", names=True, years=True, grid_deg=0.5, thumbnails=64)
    members = told.manifest.members
    assert "Narva" in {member.name for member in members}
    assert {(m.first_year, m.last_year) for m in members} == {(2015, 2015)}
    assert {(m.latitude, m.longitude) for m in members} == {(12.25, 45.75)}, "the middle of the cell, not the station"
    pictures = [thumbnail(told, i) for i in range(len(told.features))]
    assert all(picture is not None and max(picture.shape) == 64 for picture in pictures)
    raw = (tmp_path / "a.reidx").read_bytes()
    # the catalogue's pictures carry a description and a comment; thumbnails carry pixels
    assert not any(secret.encode() in raw for secret in ("waterhole", "IMG_0042", "Exif", "DCIM"))


@pytest.mark.parametrize("wrong", [{"grid_deg": 0.01}, {"grid_deg": -1}, {"thumbnails": 5000}])
def test_places_that_are_too_fine_and_large_pictures_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        RevealSettings(**wrong)


def test_ids_last_for_a_partner_and_tell_another_nothing(west: Any, tmp_path: Path, make_bundle: Callable[..., Bundle]) -> None:  # fmt: skip
    once, again = (make_bundle(west, tmp_path / f"{n}.reidx", "east") for n in range(2))
    other = make_bundle(west, tmp_path / "other.reidx", "north")
    assert once.ids == again.ids
    assert once.digest == again.digest, "the same catalogue gives the same bytes"
    assert not set(once.ids) & set(other.ids)
    with Catalogue(west.catalogue, create=False) as catalogue:
        names = names_of(catalogue, west.key, "east")
        assert set(names) == set(once.ids)
        assert set(names.values()) == set(catalogue.individuals()["identity"])
        assert not set(names_of(catalogue, make_key(tmp_path / "another.key"), "east")) & set(once.ids)


def test_round_trip(bundles: tuple[Path, Path], west: Any) -> None:
    read = read_bundle(bundles[0], west.key.public)
    again = read_bundle(bundles[0])
    assert read.manifest == again.manifest
    assert read.signer == west.key.public
    for a, b in zip(read.features, again.features, strict=True):
        np.testing.assert_array_equal(a.points, b.points)
        assert a.descriptors.dtype == np.float16
        assert len(a.points) > 20
    assert np.allclose(np.linalg.norm(read.vectors, axis=1), 1, atol=1e-5)


def test_another_key_is_refused(bundles: tuple[Path, Path], west: Any, east: Any) -> None:
    with pytest.raises(FormatError, match=east.key.public):
        read_bundle(bundles[0], east.key.public)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_changed_bit_is_found(bundles: tuple[Path, Path], tmp_path: Path, place: float, bit: int) -> None:
    data = bytearray(bundles[0].read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    (tmp_path / "changed.reidx").write_bytes(data)
    with pytest.raises(FormatError):
        read_bundle(tmp_path / "changed.reidx", read_bundle(bundles[0]).signer)


@pytest.mark.parametrize("length", [0, 5, 100, HEAD - 1, HEAD, 5000])
def test_cut_files_are_refused(bundles: tuple[Path, Path], tmp_path: Path, length: int) -> None:
    (tmp_path / "cut.reidx").write_bytes(bundles[0].read_bytes()[:length])
    with pytest.raises(FormatError, match=r"cut\.reidx"):
        read_bundle(tmp_path / "cut.reidx")


def test_wrong_files_are_named(bundles: tuple[Path, Path], tmp_path: Path, west: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    with pytest.raises(InputError, match="there is no file"):
        read_bundle(tmp_path / "none.reidx")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff" + bytes(500))
    with pytest.raises(FormatError, match=r"photo\.jpg is no file"):
        read_bundle(tmp_path / "photo.jpg")
    seal(tmp_path / "answers", ANSWERS, b"{}", west.key)
    with pytest.raises(FormatError, match="holds 'answers'; a bundle is expected"):
        read_bundle(tmp_path / "answers")
    newer = bytearray(bundles[0].read_bytes())
    newer[14:16] = b"07"
    (tmp_path / "newer").write_bytes(newer)
    with pytest.raises(FormatError, match="version '07'"):
        read_bundle(tmp_path / "newer")
    monkeypatch.setitem(LARGEST, BUNDLE, 1000)
    with pytest.raises(FormatError, match="is not read"):
        read_bundle(bundles[0])
    with pytest.raises(OutputError, match="fewer"):
        seal(tmp_path / "large", BUNDLE, bytes(2000), west.key)


def hostile(change: Callable[[dict[str, Any], dict[str, Any]], None], source: Path) -> bytes:
    """The content of a bundle with its arrays and manifest changed, as its own signer might."""
    arrays = {name: array.copy() for name, array in load(unseal(source, BUNDLE).content).items()}
    manifest = json.loads(arrays["manifest"].tobytes())
    change(arrays, manifest)
    if "manifest" in arrays and arrays["manifest"].dtype == np.uint8:
        arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    return save(arrays)


def put(name: str, value: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda arrays, manifest: arrays.update({name: value(arrays[name])})


def say(**values: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda arrays, manifest: manifest.update(values)


def member(**values: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda arrays, manifest: manifest["members"][0].update(values)


HOSTILE: list[tuple[Callable[[dict[str, Any], dict[str, Any]], None], str]] = [
    (lambda a, m: a.update(extra=np.zeros(1)), "holds the arrays"),
    (lambda a, m: a.pop("points"), "holds the arrays"),
    (lambda a, m: a.update({"../../evil": np.zeros(1, np.uint8)}), "holds the arrays"),
    (put("vectors", lambda v: v.astype(np.float64)), "vectors"),
    (put("vectors", lambda v: v[:-1]), "7 vectors"),
    (put("vectors", lambda v: v * 3), "unit length"),
    (put("vectors", lambda v: np.full_like(v, np.nan)), "not finite"),
    (put("points", lambda v: v - 5000), "outside its picture"),
    (put("points", lambda v: v[:, :1].copy()), "do not belong together"),
    (put("descriptors", lambda v: v[:-1].copy()), "do not belong together"),
    (put("starts", lambda v: v[::-1].copy()), "do not rise"),
    (put("starts", lambda v: v + 10**12), "do not rise"),
    (put("thumbnail_starts", lambda v: v + 1), "do not rise"),
    (put("sizes", lambda v: v * 0), "side outside"),
    (put("sizes", lambda v: v + 10**9), "side outside"),
    (put("manifest", lambda v: v.astype(np.int64)), "manifest"),
    (say(more="x"), "more"),
    (say(format="other"), "format"),
    (say(sender="a\nb"), "sender"),
    (say(fingerprint=5), "fingerprint"),
    (say(made="yesterday"), "made"),
    (say(grid_deg=1e999), "grid_deg"),
    (member(id="../../../etc/passwd"), r"members\.0\.id"),
    (member(name="x" * 5000), r"members\.0\.name"),
    (member(latitude=123.0), r"members\.0\.latitude"),
    (lambda a, m: m["members"].append(dict(m["members"][0])), "names one animal twice"),
    (lambda a, m: m["crops"][0].update(member=77), "has a crop of animal 77"),
    (lambda a, m: m["crops"][0].update(member=-1), r"crops\.0\.member"),
    (lambda a, m: m["crops"][0].update(flank="top"), r"crops\.0\.flank"),
]


@pytest.mark.parametrize(("change", "message"), HOSTILE, ids=[str(i) for i in range(len(HOSTILE))])
def test_a_signed_bundle_may_still_be_hostile(
    change: Callable[[dict[str, Any], dict[str, Any]], None], message: str, bundles: tuple[Path, Path], west: Any, tmp_path: Path
) -> None:  # fmt: skip
    seal(tmp_path / "bad.reidx", BUNDLE, hostile(change, bundles[0]), west.key)
    with pytest.raises(FormatError, match=message) as caught:
        read_bundle(tmp_path / "bad.reidx")
    assert "bad.reidx" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 64, b"\xff" * 64, (2**60).to_bytes(8, "little") + b"{}", b"\x80\x04\x95junk", b'\x02' + bytes(7) + b"{}",
     (100_000).to_bytes(8, "little") + b"[" * 100_000, b"PK\x03\x04" + bytes(100)],
)  # fmt: skip
def test_content_that_is_no_arrays(content: bytes, west: Any, tmp_path: Path) -> None:
    seal(tmp_path / "bad.reidx", BUNDLE, content, west.key)
    with pytest.raises(FormatError, match=r"bad\.reidx holds"):
        read_bundle(tmp_path / "bad.reidx")


def test_a_deep_manifest_is_refused(bundles: tuple[Path, Path], west: Any, tmp_path: Path) -> None:
    arrays = load(unseal(bundles[0], BUNDLE).content)
    arrays["manifest"] = np.frombuffer(b"[" * 200_000, np.uint8)
    seal(tmp_path / "deep.reidx", BUNDLE, save(arrays), west.key)
    with pytest.raises(FormatError, match="manifest"):
        read_bundle(tmp_path / "deep.reidx")


def test_a_thumbnail_that_is_none_is_not_shown(bundles: tuple[Path, Path]) -> None:
    from dataclasses import replace

    bundle = read_bundle(bundles[1])
    assert thumbnail(bundle, 0) is not None
    for data in (b"GIF89a" + bytes(50), b"\xff\xd8\xff" + bytes(50), b"not a picture"):
        assert thumbnail(replace(bundle, thumbnails=(data,) * len(bundle.thumbnails)), 0) is None
    lied = replace(bundle, manifest=bundle.manifest.model_copy(update={"thumbnail_px": 8}))
    assert thumbnail(lied, 0) is None, "larger than the manifest says"


def test_keys(tmp_path: Path) -> None:
    key = make_key(tmp_path / "a.key")
    assert (tmp_path / "a.key").stat().st_mode & 0o077 == 0, "nobody else may read it"
    assert read_key(tmp_path / "a.key").public == key.public == read_public(str(tmp_path / "a.key.pub"))
    assert read_public(key.public.upper()) == read_public(" ".join(key.public[i : i + 8] for i in range(0, 64, 8)))
    with pytest.raises(OutputError, match="never written over"):
        make_key(tmp_path / "a.key")
    for wrong in ("nothing", "-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n"):
        (tmp_path / "wrong").write_text(wrong)
        with pytest.raises(FormatError, match="no private key"):
            read_key(tmp_path / "wrong")
        with pytest.raises(FormatError, match="no public key"):
            read_public(str(tmp_path / "wrong"))
    with pytest.raises(InputError, match="there is no key"):
        read_public("none.pub")


def test_the_signature_is_ed25519_of_the_stated_bytes(bundles: tuple[Path, Path]) -> None:
    """Checked without the code that made it, from the layout that the module states."""
    import hashlib

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    raw = bundles[0].read_bytes()
    assert raw[:16] == b"reid-exchange-01"
    public, signature = raw[32:64], raw[64:128]
    Ed25519PublicKey.from_public_bytes(public).verify(signature, raw[:64] + hashlib.sha512(raw[128:]).digest())


FLOATS = st.floats(-1, 1, width=16)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bundle_comes_back_as_it_was(data: Any, tmp_path: Path, west: Any) -> None:
    from reid.exchange import write_bundle
    from reid.exchange.manifest import BundleCrop, Manifest, Member
    from reid.match import Features

    members = data.draw(st.integers(0, 4))
    word = st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=20)
    year, optional = st.integers(1990, 2100), st.none()
    people = [
        Member(id=f"{n:016x}", name=data.draw(optional | word), first_year=data.draw(optional | year), latitude=data.draw(optional | st.floats(-90, 90)))
        for n in range(members)
    ]  # fmt: skip
    count = data.draw(st.integers(0, 5)) if members else 0
    crops = [
        BundleCrop(member=data.draw(st.integers(0, members - 1)), flank=data.draw(st.sampled_from(["left", "right"])), sure=data.draw(st.floats(0, 1)))
        for _ in range(count)
    ]  # fmt: skip
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    features = []
    for _ in crops:
        spots, size = data.draw(st.integers(0, 6)), (int(rng.integers(10, 90)), int(rng.integers(10, 90)))
        points = (rng.random((spots, 2)) * size[::-1]).astype(np.float32)
        features.append(Features(points, rng.normal(size=(spots, 8)).astype(np.float16), size))
    vectors = rng.normal(size=(count, 12)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    thumbnails = tuple(data.draw(st.binary(max_size=30)) for _ in crops)
    manifest = Manifest(made="2026-01-02", sender=data.draw(word), partner=data.draw(word), fingerprint="f", matcher="m", thumbnail_px=64, members=people, crops=crops)  # fmt: skip
    write_bundle(tmp_path / "any.reidx", Bundle(manifest, vectors, tuple(features), thumbnails), west.key)
    again = read_bundle(tmp_path / "any.reidx", west.key.public)
    assert again.manifest == manifest
    assert again.thumbnails == thumbnails
    np.testing.assert_array_equal(again.vectors, vectors)
    for before, after in zip(features, again.features, strict=True):
        np.testing.assert_array_equal(before.points, after.points)
        np.testing.assert_array_equal(before.descriptors, after.descriptors.reshape(before.descriptors.shape))
        assert before.size == after.size


def test_sightings_without_a_vector_are_left_out(west: Any, tmp_path: Path, make_bundle: Callable[..., Bundle]) -> None:
    """After another network was taken, a sighting whose picture is lost has no vector, and is compared with nothing."""
    import shutil
    from dataclasses import replace

    folder = tmp_path / "west"
    shutil.copytree(west.catalogue.parent, folder)
    side = replace(west, catalogue=folder / west.catalogue.name)
    with Catalogue(side.catalogue, create=False) as catalogue:
        keys = list(catalogue.vectors()[1])
        left = keys[1:]
        vectors = np.eye(len(left), 24, dtype=np.float32)
        assert catalogue.replace_vectors(left, vectors, "net-2", by="Anna") == 1
    bundle = make_bundle(side, tmp_path / "b.reidx", "east")
    assert len(bundle.manifest.crops) == len(bundle.vectors) == len(left)
    assert len(bundle.ids) == len(west.coats)


def test_a_ground_for_spots_is_small_whatever_size_a_bundle_states(bundles: tuple[Path, Path]) -> None:
    from dataclasses import replace

    from reid.exchange.page import _side
    from reid.match import Features

    bundle = read_bundle(bundles[0])
    for size in ((1, 20_000), (20_000, 1), (150, 240)):
        points = np.array([[size[1] / 2, size[0] / 2]], np.float32)
        odd = replace(bundle, features=(Features(points, np.zeros((1, 128), np.float16), size),))
        picture, spots = _side(odd, 0, lambda number: None, points)
        assert picture.size < 3 * 420 * 1260 + 1
        assert spots[0] == pytest.approx([picture.shape[1] / 2, picture.shape[0] / 2], abs=1)


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "small.reidx"
    path.write_bytes(b"reid-exchange-01" + bytes(200))
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            unseal(path, ANSWERS)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
