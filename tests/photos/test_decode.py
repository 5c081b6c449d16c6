"""Decoding against Pillow's own helper, against arrays turned by hand, and on files that are broken."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import reid.photos.header as header
from reid.errors import InputError
from reid.photos import photo_size, read_photo, read_share

GRADIENT = np.stack(np.meshgrid(np.arange(6) * 40, np.arange(4) * 60), -1)
PICTURE = np.concatenate([GRADIENT, np.full((4, 6, 1), 90)], -1).astype(np.uint8)

# How a picture is stored so that its EXIF orientation turns it upright: written out by hand from EXIF.
STORED = {
    1: PICTURE,
    2: PICTURE[:, ::-1],
    3: PICTURE[::-1, ::-1],
    4: PICTURE[::-1],
    5: PICTURE.transpose(1, 0, 2),
    6: np.rot90(PICTURE, 1),
    7: PICTURE.transpose(1, 0, 2)[::-1, ::-1],
    8: np.rot90(PICTURE, -1),
}


@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(tmp_path: Path, orientation: int, ending: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{ending}"
    options = {"lossless": True, "exact": True} if ending == "webp" else {}
    Image.fromarray(np.ascontiguousarray(STORED[orientation])).save(path, exif=exif, **options)
    np.testing.assert_array_equal(read_photo(path), PICTURE)
    assert photo_size(path) == (6, 4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_orientation_is_pillows(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(path))
    np.testing.assert_array_equal(read_photo(path), np.asarray(upright))
    assert photo_size(path) == upright.size


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_nonsense_orientation_is_none(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PICTURE).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), PICTURE)


def test_damaged_exif_does_not_lose_the_photo(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*" + b"\xff" * 40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_photo(tmp_path / "a.jpg").shape == (4, 6, 3)
        assert photo_size(tmp_path / "a.jpg") == (6, 4)


def test_real_odd_photos(camera_traps: Path) -> None:
    plain = read_photo(camera_traps / "african_elephants.jpg").astype(float)
    for name in ("bw", "cmyk", "with_exif_orientation"):
        photo = read_photo(camera_traps / f"african_elephants_{name}.jpg")
        assert photo.shape == plain.shape and photo.dtype == np.uint8
        grey, expected = photo.mean(2).ravel(), plain.mean(2).ravel()
        assert np.corrcoef(grey, expected)[0, 1] > 0.98, name
        assert abs(grey - expected).mean() < 12, name
    with pytest.raises(InputError, match=r"^truncated after 600000 bytes$"):
        read_photo(camera_traps / "african_elephants_truncated_file.jpg")


def test_grey_palette_and_one_bit(tmp_path: Path) -> None:
    grey = Image.fromarray(PICTURE[..., 0])
    grey.save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "grey.png"), PICTURE[..., [0, 0, 0]])
    Image.fromarray(PICTURE).quantize(64).save(tmp_path / "palette.png")
    assert abs(read_photo(tmp_path / "palette.png").astype(int) - PICTURE).max() < 40
    grey.point(lambda v: 255 * (v > 100), "1").save(tmp_path / "bits.bmp")
    np.testing.assert_array_equal(read_photo(tmp_path / "bits.bmp")[..., 1], 255 * (PICTURE[..., 0] > 100))


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_over_their_full_range(tmp_path: Path, ending: str) -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{ending}")
    assert read_photo(tmp_path / f"a.{ending}")[0, :, 0].tolist() == [0, 1, 128, 255]


def test_transparent_is_black(tmp_path: Path) -> None:
    rgba = np.zeros((1, 3, 4), dtype=np.uint8)
    rgba[0, :, 0], rgba[0, :, 3] = 200, [0, 255, 128]
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png")[0, :, 0].tolist() == pytest.approx([0, 200, 100], abs=1)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((2, 2), dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match="floating point"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize(("longest", "expected"), [(2048, 2048), (1025, 2048), (1024, 1024), (300, 512), (1, 256)])
def test_longest_takes_the_smallest_scale_that_is_large_enough(tmp_path: Path, longest: int, expected: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.linear_gradient("L").resize((2048, 1536)).convert("RGB").save(tmp_path / "a.jpg", exif=exif)
    small, full = read_photo(tmp_path / "a.jpg", longest=longest), read_photo(tmp_path / "a.jpg")
    assert small.shape == (expected, expected * 3 // 4, 3)
    resized = np.asarray(Image.fromarray(full).resize((small.shape[1], small.shape[0]), Image.Resampling.BOX))
    assert abs(small.astype(int) - resized).max() <= 6


@pytest.mark.parametrize("size", [(1, 1), (9, 4), (17, 3), (1001, 999), (7, 1203)])
def test_longest_never_gives_less(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("L", size, 77).save(tmp_path / "a.jpg")
    for longest in (1, 2, 5, 100, 126, 500, 1001, 5000):
        assert max(read_photo(tmp_path / "a.jpg", longest).shape) >= min(longest, max(size))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_cut_anywhere_is_an_error(tmp_path: Path, options: dict) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    thumbnail = io.BytesIO()
    Image.new("RGB", (8, 8)).save(thumbnail, "jpeg")
    whole = io.BytesIO()  # with an end-of-image marker inside its EXIF data, too
    Image.fromarray(noise).save(whole, "jpeg", exif=b"Exif\0\0" + thumbnail.getvalue(), **options)
    data = whole.getvalue()
    path = tmp_path / "a.jpg"
    for cut in [*range(3, len(data) - 1, 97), len(data) - 2, len(data) - 1]:
        path.write_bytes(data[:cut])
        with pytest.raises(InputError, match=f"^truncated after {cut} bytes$"):
            read_photo(path)
    for tail in (b"", b"\0" * 5000):  # some cameras fill up the last block
        path.write_bytes(data + tail)
        assert read_photo(path).shape == (64, 64, 3)


@pytest.mark.parametrize("size", [7, 8, 9, 10])
def test_the_end_marker_is_found_wherever_the_reading_breaks_off(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header, "CHUNK", size)
    for seed in range(12):
        noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "a.jpg")
        assert photo_size(tmp_path / "a.jpg") == (9, 9)


@pytest.mark.parametrize("ending", ["png", "tif", "webp", "bmp"])
def test_other_formats_cut_short_are_errors(tmp_path: Path, ending: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"a.{ending}"
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    for cut in (5, len(data) // 3, len(data) - 200):
        path.write_bytes(data[:cut])
        with pytest.raises(InputError) as caught:
            read_photo(path)
        assert str(tmp_path) not in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_photo_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a photo at all")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nowhere")
    Image.new("L", (3, 3)).save(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "gif.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, reason in {
        "text": "not an image",
        "gif": "not an image",
        "empty": r"^empty file \(0 bytes\)$",
        "folder": "^a folder, not a file$",
        "link": "^broken link$",
        "absent": "^no such file$",
        "pipe": "^not a regular file$",
    }.items():
        for read in (read_photo, photo_size):
            with pytest.raises(InputError, match=reason):
                read(tmp_path / f"{name}.jpg")


def test_the_content_decides_the_format(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.jpg"), PICTURE)


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 2, "quality": 30}, {"restart_marker_rows": 1}],
)
def test_plain_jpegs_have_pillows_pixels(tmp_path: Path, options: dict) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (45, 67, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg", **options)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.jpg"), np.asarray(Image.open(tmp_path / "a.jpg")))


@pytest.mark.parametrize(
    ("share", "scale"), [(1.5, 1), (1.0, 1), (0.51, 1), (0.5, 2), (0.26, 2), (0.25, 4), (0.2, 4), (0.125, 8), (0, 8)]
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_share_never_gives_less(tmp_path: Path, share: float, scale: int, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(tmp_path / "a.jpg", exif=exif)
    pixels, full = read_share(tmp_path / "a.jpg", share)
    upright = (480, 640) if orientation == 1 else (640, 480)
    assert full == upright and pixels.shape == (upright[0] // scale, upright[1] // scale, 3)
    whole = read_photo(tmp_path / "a.jpg")
    resized = np.asarray(Image.fromarray(whole).resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.BOX))
    assert abs(pixels.astype(int) - resized).max() <= 6


def test_a_share_of_other_formats_is_all(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    pixels, full = read_share(tmp_path / "a.png", 0.1)
    np.testing.assert_array_equal(pixels, PICTURE)
    assert full == (4, 6)
