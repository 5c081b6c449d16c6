"""Names of individuals in a photo's XMP packet: `lr:hierarchicalSubject`, which camtrapR and digiKam read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from reid.errors import FormatError

__all__ = ["new_packet", "subjects_of", "with_subjects"]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
LIGHTROOM = "http://ns.adobe.com/lightroom/1.0/"
META = "adobe:ns:meta/"
NAMES = {"rdf": RDF, "lr": LIGHTROOM, "x": META}
SUBJECT = f"{{{LIGHTROOM}}}hierarchicalSubject"
BEGIN = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
END = b'\n<?xpacket end="w"?>'


def new_packet(subjects: Iterable[str]) -> bytes:
    """A packet that holds nothing but hierarchical subjects.

    >>> subjects_of(new_packet(["Individual|M01"]))
    ['Individual|M01']
    """
    root = ElementTree.Element(f"{{{META}}}xmpmeta")
    rdf = ElementTree.SubElement(root, f"{{{RDF}}}RDF")
    description = ElementTree.SubElement(rdf, f"{{{RDF}}}Description", {f"{{{RDF}}}about": ""})
    _fill(description, list(subjects))
    return _packet(root, {})


def subjects_of(packet: bytes) -> list[str]:
    """The hierarchical subjects of a packet.

    Raises:
        FormatError: it is no XMP.
    """
    root, _ = _parse(packet)
    return [item.text or "" for bag in root.iter(SUBJECT) for item in bag.iter(f"{{{RDF}}}li")]


def with_subjects(packet: bytes, tag: str, names: Sequence[str]) -> bytes:
    """A packet whose subjects below `tag` are these names; everything else in it stays.

    Args:
        packet: An XMP packet.
        tag: First level of the hierarchy, for example `Individual`.
        names: Second level; none takes the tag away.

    Raises:
        FormatError: it is no XMP.

    >>> packet = new_packet(["Species|Leopard", "Individual|X"])
    >>> subjects_of(with_subjects(packet, "Individual", ["M01", "F02"]))
    ['Species|Leopard', 'Individual|M01', 'Individual|F02']
    """
    root, prefixes = _parse(packet)
    kept = [subject for subject in subjects_of(packet) if subject.split("|")[0] != tag]
    subjects = [*kept, *(f"{tag}|{name}" for name in names)]
    holders = [parent for parent in root.iter() if any(child.tag == SUBJECT for child in parent)]
    for parent in holders:
        for child in [child for child in parent if child.tag == SUBJECT]:
            parent.remove(child)
    description = holders[0] if holders else root.find(f".//{{{RDF}}}Description")
    if description is None:
        rdf = root if root.tag == f"{{{RDF}}}RDF" else root.find(f".//{{{RDF}}}RDF")
        if rdf is None:
            raise FormatError("its XMP has no rdf:RDF")
        description = ElementTree.SubElement(rdf, f"{{{RDF}}}Description", {f"{{{RDF}}}about": ""})
    if subjects:
        _fill(description, subjects)
    return _packet(root, prefixes)


def _fill(description: ElementTree.Element, subjects: Sequence[str]) -> None:
    bag = ElementTree.SubElement(ElementTree.SubElement(description, SUBJECT), f"{{{RDF}}}Bag")
    for subject in subjects:
        ElementTree.SubElement(bag, f"{{{RDF}}}li").text = subject


def _parse(packet: bytes) -> tuple[ElementTree.Element, dict[str, str]]:
    """The packet's tree, and the prefixes that it uses."""
    # entities could make a small packet huge
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        raise FormatError("its XMP has a document type, which XMP must not have")
    text = packet.strip(b"\0 \t\r\n")
    prefixes: dict[str, str] = {}
    try:
        for _, (prefix, address) in ElementTree.iterparse(io.BytesIO(text), events=["start-ns"]):
            prefixes.setdefault(prefix, address)
        return ElementTree.fromstring(text), prefixes
    except ElementTree.ParseError as error:
        raise FormatError(f"its XMP is not well-formed ({error})") from None


def _packet(root: ElementTree.Element, prefixes: dict[str, str]) -> bytes:
    for prefix, address in {**NAMES, **prefixes}.items():
        if prefix and not re.fullmatch(r"ns\d+", prefix):
            ElementTree.register_namespace(prefix, address)
    return BEGIN + ElementTree.tostring(root, encoding="unicode").encode("utf-8") + END
