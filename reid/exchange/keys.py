"""Keys: a private one that signs, made by the user and kept in a file, and the public one that others know it by.

The signatures are Ed25519 (Bernstein et al. 2012) by the package `cryptography`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid.errors import FormatError, InputError, MissingPartError, OutputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Key", "make_key", "read_key", "read_public", "verifies"]

PUBLIC = re.compile(r"[0-9a-f]{64}")
LARGEST = 10_000
"""Bytes of a key's file, at most."""


@dataclass(frozen=True)
class Key:
    """A private key, and the secret behind the names that a bundle gives to animals."""

    private: Ed25519PrivateKey
    public: str
    """64 hexadecimal digits."""
    naming: bytes

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self.private.sign(message)


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise MissingPartError(
            "an exchange needs the package cryptography: pip install 'reid[exchange]', or pip install cryptography."
        ) from None
    return ed25519


def make_key(path: str | Path) -> Key:
    """Make a key and write it: the private part to `path`, the public one to `path` with the ending `.pub`.

    Raises:
        OutputError: one of the files is there already, or cannot be written. A key that is lost cannot be made again.
    """
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives import serialization as s

    path = Path(path).expanduser()
    public_path = path.with_name(path.name + ".pub")
    for there in (path, public_path):
        if there.exists():
            raise OutputError(f"{there} exists already; a key is never written over. Name another file.")
    private = ed25519.Ed25519PrivateKey.generate()
    text = private.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    key = _key(private)
    try:
        # nobody else may read it, from the first byte on
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
        public_path.write_text(key.public + "\n", encoding="ascii")
    except OSError as error:
        raise OutputError(f"the key {path} cannot be written: {error.strerror}. Name another place.") from None
    return key


def _key(private: Any) -> Key:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    secret = HKDF(hashes.SHA256(), 32, salt=None, info=b"reid exchange, names of animals").derive(
        private.private_bytes_raw()
    )
    return Key(private, private.public_key().public_bytes_raw().hex(), secret)


def read_key(path: str | Path) -> Key:
    """Read a private key.

    Raises:
        InputError: the file is not there.
        FormatError: it holds no such key.
    """
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = Path(path).expanduser()
    text = _small(path)
    try:
        private = load_pem_private_key(text, password=None)
    except Exception:  # of hostile bytes OpenSSL says many things
        raise FormatError(f"{path} holds no private key; `reid exchange key output=FILE` makes one.") from None
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise FormatError(f"{path} holds a key of another kind; `reid exchange key output=FILE` makes one of ours.")
    return _key(private)


def read_public(value: str) -> str:
    """A public key as the user names it: its 64 digits, in groups or not, or the file that holds them.

    Raises:
        InputError: no such file.
        FormatError: it is no public key.

    >>> read_public("AB" * 32) == "ab" * 32
    True
    """
    plain = re.sub(r"[\s:-]", "", value).lower()
    if PUBLIC.fullmatch(plain):
        return plain
    path = Path(value).expanduser()
    text = re.sub(r"[\s:-]", "", _small(path).decode("ascii", errors="replace")).lower()
    if not PUBLIC.fullmatch(text):
        raise FormatError(f"{value} holds no public key; 64 hexadecimal digits are expected, as in KEY.pub.")
    return text


def _small(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"there is no key {path}; `reid exchange key output=FILE` makes one, and FILE.pub beside it.")
    with path.open("rb") as file:
        return file.read(LARGEST)


def verifies(public: str, signature: bytes, message: bytes) -> bool:
    """Whether the signature of a message was made with the private key behind a public one."""
    ed25519 = _ed25519()
    from cryptography.exceptions import InvalidSignature

    try:
        ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
