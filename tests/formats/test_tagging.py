"""Names into photos: only the XMP changes; the picture, the other metadata and the file's times stay."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reid.errors import ConfigError, FormatError, InputError
from reid.formats.jpeg import put_xmp, scan_of, xmp_of
from reid.formats.model import Survey, make_survey
from reid.formats.tagging import tag_photos
from reid.formats.xmp import new_packet, subjects_of, with_subjects

DARKTABLE = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
   xmlns:lr="http://ns.adobe.com/lightroom/1.0/" xmp:Rating="3">
   <dc:creator><rdf:Seq><rdf:li>Ugyen</rdf:li></rdf:Seq></dc:creator>
   <lr:hierarchicalSubject><rdf:Bag><rdf:li>Species|Leopard</rdf:li><rdf:li>Individual|Old name</rdf:li></rdf:Bag></lr:hierarchicalSubject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>

<?xpacket end="w"?>"""


def photo(path: Path, xmp: bytes | None = None, **how: object) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0132] = "2012:07:22 01:53:20"
    exif[0x010F] = "Reconyx"
    exif[0x8769] = {0x9003: "2012:07:22 01:53:20"}
    Image.fromarray(pixels).save(path, "JPEG", exif=exif, comment=b"kept", **how)
    if xmp is not None:
        path.write_bytes(put_xmp(path.read_bytes(), xmp))
    return path.read_bytes()


def named(*animals: tuple[str, str]) -> Survey:
    rows = [{"animal_id": f"{i}", "path": path, "identity": name} for i, (path, name) in enumerate(animals)]
    return make_survey([{"path": path} for path in sorted({path for path, _ in animals})], (), rows)


def everything_but_xmp(content: bytes) -> tuple:
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return (
            image.getexif().tobytes(),
            image.info.get("comment"),
            image.tobytes(),
            image.quantization,
            scan_of(content),
        )


def packet_of(path: Path) -> str:
    with Image.open(path) as image:  # found by another reader than ours
        head = b"http://ns.adobe.com/xap/1.0/\0"
        parts = [part for _, part in image.applist if part.startswith(head)]  # info["xmp"] is there since Pillow 11
        return parts[0].removeprefix(head).decode("utf-8")


def subjects(path: Path) -> list[str]:
    found = re.search(r"<lr:hierarchicalSubject>(.*)</lr:hierarchicalSubject>", packet_of(path), re.DOTALL)
    assert found
    return re.findall(r"<rdf:li>(.*?)</rdf:li>", found[1])


@pytest.mark.parametrize(
    "how", [{}, {"progressive": True}, {"quality": 30, "subsampling": 2}, {"icc_profile": b"x" * 200}]
)
def test_a_copy_has_the_names_and_the_original_is_untouched(tmp_path: Path, how: dict) -> None:
    before = photo(tmp_path / "in/RL_5/a.jpg", **how)
    survey = named(("RL_5/a.jpg", "M01"), ("RL_5/a.jpg", "F02"), ("RL_5/a.jpg", "unknown"))
    assert tag_photos(survey, tmp_path / "in", tmp_path / "out") == (1, [])
    assert (tmp_path / "in/RL_5/a.jpg").read_bytes() == before
    after = (tmp_path / "out/RL_5/a.jpg").read_bytes()
    assert everything_but_xmp(after) == everything_but_xmp(before)
    assert subjects(tmp_path / "out/RL_5/a.jpg") == ["Individual|F02", "Individual|M01"]


def test_in_place_keeps_all_else_in_the_xmp(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    before = photo(path, DARKTABLE)
    os.utime(path, (1e9, 1e9))
    assert tag_photos(named(("a.jpg", "M|01")), tmp_path, inplace=True) == (1, [])
    after = path.read_bytes()
    assert everything_but_xmp(after) == everything_but_xmp(before)
    assert subjects(path) == ["Species|Leopard", "Individual|M/01"]
    assert 'xmp:Rating="3"' in packet_of(path) and "<dc:creator><rdf:Seq><rdf:li>Ugyen</rdf:li>" in packet_of(path)
    assert path.stat().st_mtime == 1e9
    assert [p.name for p in tmp_path.iterdir()] == ["a.jpg"]
    # once more gives the same bytes
    tag_photos(named(("a.jpg", "M|01")), tmp_path, inplace=True)
    assert path.read_bytes() == after


def test_exiftool_reads_the_names(tmp_path: Path) -> None:
    if not shutil.which("exiftool"):
        pytest.skip("ExifTool is not installed; camtrapR reads photos through it")
    photo(tmp_path / "a.jpg", DARKTABLE)
    photo(tmp_path / "b.jpg")
    tag_photos(named(("a.jpg", "M01"), ("b.jpg", "M01"), ("b.jpg", "F02")), tmp_path, inplace=True)
    command = [
        "exiftool",
        "-j",
        "-G1",
        "-HierarchicalSubject",
        "-Creator",
        "-DateTimeOriginal",
        "-validate",
        "-warning",
    ]
    out = subprocess.run([*command, "a.jpg", "b.jpg"], cwd=tmp_path, capture_output=True, text=True, check=True)
    first, second = json.loads(out.stdout)
    assert first["XMP-lr:HierarchicalSubject"] == ["Species|Leopard", "Individual|M01"]
    assert second["XMP-lr:HierarchicalSubject"] == ["Individual|F02", "Individual|M01"]
    assert (first["XMP-dc:Creator"], first["ExifIFD:DateTimeOriginal"]) == ("Ugyen", "2012:07:22 01:53:20")


def test_photos_are_not_written_to_by_accident(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    with pytest.raises(ConfigError, match="inplace=true"):
        tag_photos(named(("a.jpg", "M01")), tmp_path)
    with pytest.raises(InputError, match="inside the photo folder"):
        tag_photos(named(("a.jpg", "M01")), tmp_path, tmp_path / "copies")
    with pytest.raises(InputError, match="no such folder"):
        tag_photos(named(("a.jpg", "M01")), tmp_path / "none", tmp_path / "out")


def test_what_cannot_hold_names_is_said(tmp_path: Path) -> None:
    root = tmp_path / "in"
    photo(root / "good.jpg")
    (root / "bad.jpg").write_bytes(photo(root / "good.jpg")[:100])
    (root / "text.jpg").write_text("no photo")
    Image.new("RGB", (4, 4)).save(root / "a.png")
    photo(root / "evil.jpg", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    photo(root / "broken.jpg", b"<x:xmpmeta")
    photo(root / "full.jpg", new_packet(["Place|" + "x" * 64000]))
    names = ["bad.jpg", "text.jpg", "a.png", "evil.jpg", "broken.jpg", "full.jpg", "gone.jpg", "../out.jpg", "good.jpg"]
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    done, notes = tag_photos(named(*((name, "M" * 2000) for name in names)), root, inplace=True)
    assert done == 1
    reasons = {note.found: note.reason for note in notes}
    for name, start in {
        "bad.jpg": "it has no picture", "text.jpg": "not a jpeg file", "a.png": "not a jpeg file",
        "evil.jpg": "its xmp has a document type", "broken.jpg": "its xmp is not well-formed",
        "gone.jpg": "no such file", "full.jpg": "its xmp would have 66", "../out.jpg": "its path leads out of the folder",
    }.items():  # fmt: skip
        assert reasons.pop(name).startswith(start), name
    assert not reasons
    after = {path.name: path.read_bytes() for path in root.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"good.jpg"}


def test_a_write_that_fails_leaves_the_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = photo(tmp_path / "a.jpg")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done, notes = tag_photos(named(("a.jpg", "M01")), tmp_path, inplace=True)
    assert (done, [note.reason for note in notes]) == (0, ["no space left on device"])
    assert (tmp_path / "a.jpg").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.jpg"]


def test_a_sample_photo_of_the_project(jaguars: Path, tmp_path: Path) -> None:
    paths = sorted(path.relative_to(jaguars).as_posix() for path in jaguars.rglob("*.jpg"))
    done, notes = tag_photos(named(*((path, "J1") for path in paths)), jaguars, tmp_path)
    assert (done, notes) == (len(paths), [])
    for path in paths:
        assert scan_of((tmp_path / path).read_bytes()) == scan_of((jaguars / path).read_bytes())
        assert subjects(tmp_path / path) == ["Individual|J1"]


TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="|\ufffe\uffff"), min_size=1, max_size=12
)


@given(st.lists(TEXT, unique=True, max_size=4), st.lists(TEXT, unique=True, max_size=4))
def test_subjects_come_back(others: list[str], names: list[str]) -> None:
    packet = new_packet([f"Tag|{other}" for other in others])
    changed = with_subjects(packet, "Individual", names)
    assert subjects_of(changed) == [f"Tag|{other}" for other in others] + [f"Individual|{name}" for name in names]
    assert subjects_of(with_subjects(changed, "Individual", [])) == subjects_of(packet)


def test_segments_of_odd_files() -> None:
    with pytest.raises(FormatError):
        xmp_of(b"\xff\xd8\xff\xd9")
    with pytest.raises(FormatError):
        xmp_of(b"\xff\xd8\xff\xe0\xff\xff")
