"""Sealed files: a head of fixed length with a signature, and what was signed. Nothing behind the head is read before
the signature holds.

    bytes 0 to 15     "reid-exchange-", and the version of the format in two digits
    bytes 16 to 31    what the file is, filled up with blanks
    bytes 32 to 63    the signer's public key, Ed25519
    bytes 64 to 127   the signature of bytes 0 to 63 and of the SHA-512 of everything after byte 127
    from byte 128     the content
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from reid.errors import FormatError, InputError, OutputError
from reid.exchange.keys import Key, verifies

__all__ = ["ANSWERS", "BUNDLE", "LARGEST", "Sealed", "seal", "unseal"]

NAME, VERSION = b"reid-exchange-", 1
BUNDLE, ANSWERS = "bundle", "answers"
HEAD = 128
LARGEST = {BUNDLE: 2 << 30, ANSWERS: 64 << 20}
"""Bytes of a file, at most."""


@dataclass(frozen=True)
class Sealed:
    """What a sealed file held.

    Attributes:
        content: Signed bytes.
        signer: Public key of who signed, 64 hexadecimal digits.
        digest: SHA-256 of the whole file: what others name it by.
    """

    content: bytes
    signer: str
    digest: str


def seal(path: str | Path, kind: str, content: bytes, key: Key) -> Sealed:
    """Sign content and write it, whole or not at all. The same content and key give the same bytes.

    Raises:
        OutputError: the content is too large, or the file cannot be written.
    """
    path = Path(path)
    if len(content) + HEAD > LARGEST[kind]:
        raise OutputError(
            f"the {kind} would have {len(content) >> 20} MB, more than the {LARGEST[kind] >> 20} MB that others read; "
            "choose fewer seasons, or fewer crops of each animal."
        )
    head = NAME + f"{VERSION:02d}".encode() + kind.encode().ljust(16) + bytes.fromhex(key.public)
    whole = head + key.sign(head + hashlib.sha512(content).digest()) + content
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(whole)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Name another place.") from None
    return Sealed(content, key.public, hashlib.sha256(whole).hexdigest())


def unseal(path: str | Path, kind: str, signer: str = "") -> Sealed:
    """The content of a sealed file, if its signature holds.

    Args:
        path: The file.
        kind: What it must be: `BUNDLE` or `ANSWERS`.
        signer: Public key of who must have signed it; empty takes any, and then the signature says only that the
            file is as its signer, whoever that is, left it.

    Raises:
        InputError: there is no such file.
        FormatError: it is something else, too large, of a newer version, was changed, or another one signed it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}; a {kind} of `reid exchange` is expected.")
    with path.open("rb") as file:
        # no more than there is: Python takes as much memory at once as it is asked to read
        whole = file.read(min(LARGEST[kind], os.fstat(file.fileno()).st_size) + 1)
    if not whole.startswith(NAME) or len(whole) < HEAD:
        raise FormatError(f"{path} is no file of `reid exchange`; a {kind} is expected.")
    version, found = whole[14:16], whole[16:32].decode("ascii", errors="replace").rstrip()
    if version != f"{VERSION:02d}".encode():
        raise FormatError(f"{path} is of version {version.decode('ascii', 'replace')!r}, this reid reads {VERSION:02d}. Update the older one.")  # fmt: skip
    if found != kind:
        raise FormatError(f"{path} holds {found!r}; a {kind} is expected.")
    if len(whole) > LARGEST[kind]:
        raise FormatError(f"{path} has more than {LARGEST[kind] >> 20} MB, and is not read. Ask for a smaller one.")
    public = whole[32:64].hex()
    if signer and public != signer:
        raise FormatError(f"{path} was signed with the key {public}, expected was {signer}. Ask its sender which key is theirs.")  # fmt: skip
    content = whole[HEAD:]
    if not verifies(public, whole[64:HEAD], whole[:64] + hashlib.sha512(content).digest()):
        raise FormatError(f"the signature of {path} does not hold: it was damaged or changed on its way. Ask for it again.")  # fmt: skip
    return Sealed(content, public, hashlib.sha256(whole).hexdigest())
