"""Opening a photo file: is it a whole image, how large is it upright, when was it taken.

Every failure comes out as `InputError` with a short reason and without the path, fit for a table's row.
"""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from reid.errors import InputError
from reid.outside import open_regular
from reid.photos.clock import exif_time

__all__ = ["Header", "UnreadableError", "open_file", "opened", "orientation_of", "photo_size", "read_header"]

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")  # what opens JPEG opens its kin MPO too
ORIENTATION = 0x0112
CHUNK = 1 << 20
MOST_PIXELS = 178_000_000
"""Of a photo that is decoded: no camera for wildlife has a fifth of it, and its decoded pixels take 0.7 GB at most."""


class UnreadableError(InputError):
    """The bytes of a file cannot be had, which may be otherwise another time."""


@dataclass(frozen=True)
class Header:
    """What a photo's header says; sizes in pixels with the EXIF orientation applied."""

    width: int
    height: int
    orientation: int
    """EXIF orientation, 1 to 8; 1 where it is absent or nonsense."""
    taken: datetime | None
    """Capture time from EXIF, see `reid.photos.clock.exif_time`."""


def open_file(path: str | Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        UnreadableError: with the reason why not.
    """
    try:
        return open_regular(path)
    except FileNotFoundError:
        raise UnreadableError("broken link" if Path(path).is_symlink() else "no such file") from None
    except PermissionError:
        raise UnreadableError("permission denied") from None
    except OSError as error:
        if error.errno in (errno.EISDIR, errno.EINVAL):
            raise UnreadableError(str(error.strerror)) from None
        raise UnreadableError(f"cannot be read ({error.strerror})") from None


@contextmanager
def opened(path: str | Path) -> Iterator[Image.Image]:
    """Open a photo; decoding errors inside the `with` become `InputError` with a short reason.

    A JPEG is whole when an end-of-image marker follows the start of its first scan; without one it is
    refused as truncated, whatever a decoder could make of it. The content decides the format, not the name.

    Raises:
        InputError: the reason, in a few words.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise InputError("empty file (0 bytes)")
        try:
            if file.read(3) == b"\xff\xd8\xff" and not _jpeg_ends(file):
                raise InputError(f"truncated after {size} bytes")
            file.seek(0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is our own
                image = Image.open(file, formats=FORMATS)
            with image:
                if image.width * image.height > MOST_PIXELS:
                    raise InputError("too many pixels")
                yield image
        except (InputError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise InputError("not an image (of JPEG, PNG, TIFF, WebP or BMP)") from None
        except Image.DecompressionBombError:
            raise InputError("too many pixels") from None
        except Exception as error:  # decoders meet hostile bytes with every kind of exception
            if isinstance(error, OSError) and error.errno is not None:
                raise UnreadableError(f"cannot be read ({error.strerror})") from None
            text = str(error)
            if "truncated" in text.lower() or isinstance(error, EOFError):
                raise InputError(f"truncated after {size} bytes") from None
            raise InputError(f"damaged ({text or type(error).__name__})") from None


def _jpeg_ends(file: BinaryIO) -> bool:
    """Whether an end-of-image marker follows the first scan; the one of an EXIF thumbnail comes before it."""
    file.seek(2)
    while True:
        marker = file.read(2)
        while marker == b"\xff\xff":  # fill bytes may precede a marker
            marker = b"\xff" + file.read(1)
        if len(marker) < 2:
            return False
        if marker[0] != 0xFF:  # garbage between segments: decoders skip it, so search from here
            break
        if marker[1] == 0x01 or 0xD0 <= marker[1] <= 0xD8:  # markers that stand alone
            continue
        length = int.from_bytes(file.read(2), "big")
        if marker[1] == 0xDA:
            break
        file.seek(max(length - 2, 0), os.SEEK_CUR)
    before = b""
    while chunk := file.read(CHUNK):
        if b"\xff\xd9" in before + chunk:
            return True
        before = chunk[-1:]
    return False


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation of an open image, 1 to 8; 1 where it is absent, nonsense or damaged."""
    value = _exif(image).get(ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def read_header(image: Image.Image) -> Header:
    """Size, orientation and time of an image that was opened and not yet decoded."""
    exif = _exif(image)
    width, height = image.size
    if image.format == "TIFF":  # Pillow may have turned this size already; the tags hold the stored one
        width, height = int(image.tag_v2[256]), int(image.tag_v2[257])  # type: ignore[attr-defined]
    orientation = orientation_of(image)
    if orientation >= 5:
        width, height = height, width
    try:
        taken = exif_time(exif)
    except Exception:  # damaged EXIF is no reason to lose the photo
        taken = None
    return Header(width, height, orientation, taken)


def _exif(image: Image.Image) -> Any:
    try:
        return image.getexif()
    except Exception:  # damaged EXIF is no reason to lose the photo
        return Image.Exif()


def photo_size(path: str | Path) -> tuple[int, int]:
    """Width and height of a photo in pixels, upright, without decoding a JPEG.

    Raises:
        InputError: it is not a whole photo; the message is the reason alone.
    """
    with opened(path) as image:
        header = read_header(image)
    return header.width, header.height
