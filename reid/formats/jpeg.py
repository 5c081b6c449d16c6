"""The segments of a JPEG file before its picture: finding and replacing the XMP packet, and nothing else."""

from __future__ import annotations

from reid.errors import FormatError

__all__ = ["put_xmp", "scan_of", "xmp_of"]

XMP = b"http://ns.adobe.com/xap/1.0/\0"
LONGEST = 65533 - len(XMP)
"""Bytes of a packet that fit into one segment."""

Segment = tuple[int, int, int]
"""Marker, start, end in the file."""


def xmp_of(content: bytes) -> bytes | None:
    """The XMP packet of a JPEG file; None where it has none.

    Raises:
        FormatError: it is no JPEG, or its segments are damaged.
    """
    for marker, start, end in _segments(content)[0]:
        if marker == 0xE1 and content[start + 4 : end].startswith(XMP):
            return content[start + 4 + len(XMP) : end]
    return None


def scan_of(content: bytes) -> bytes:
    """Everything from the first segment that makes the picture on."""
    segments, scan = _segments(content)
    first = next((start for marker, start, _ in segments if not _is_extra(marker)), scan)
    return content[first:]


def put_xmp(content: bytes, packet: bytes) -> bytes:
    """The file with this XMP packet in place of its own, or after its EXIF; every other byte stays as it was.

    Raises:
        FormatError: it is no JPEG, its segments are damaged, or the packet does not fit.
    """
    if len(packet) > LONGEST:
        raise FormatError(f"its XMP would have {len(packet)} bytes; {LONGEST} fit")
    body = XMP + packet
    segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    segments, _ = _segments(content)
    place = 2
    for marker, start, end in segments:
        if marker == 0xE1 and content[start + 4 : end].startswith(XMP):
            return content[:start] + segment + content[end:]
    for marker, _, end in segments:
        # offsets inside later segments count from themselves to the end, so the packet goes before those
        if marker not in (0xE0, 0xE1):
            break
        place = end
    return content[:place] + segment + content[place:]


def _is_extra(marker: int) -> bool:
    return 0xE0 <= marker <= 0xEF or marker == 0xFE


def _segments(content: bytes) -> tuple[list[Segment], int]:
    """Segments up to the first scan, and where that begins."""
    if not content.startswith(b"\xff\xd8\xff"):
        raise FormatError("not a JPEG file")
    segments: list[Segment] = []
    place = 2
    while place + 4 <= len(content):
        if content[place] != 0xFF:
            raise FormatError("its segments are damaged")
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == 0xDA:
            return segments, place
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:
            raise FormatError("its segments are damaged")
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if end > len(content):
            break
        segments.append((marker, place, end))
        place = end
    raise FormatError("it has no picture")
