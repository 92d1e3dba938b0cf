"""A site's own pair of keys for bundles, and the public halves that hospitals hand each other.

X25519 (RFC 7748) locks what is sent to a site, Ed25519 (RFC 8032) proves who sent it. Public keys
are compared by their fingerprint, over the telephone or on paper: nobody else vouches for them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from pathology.errors import VaultError

PUBLIC: Final = "pathology.site-public/1"
PRIVATE: Final = "pathology.site-keys/1"
RAW_BYTES: Final = 32
LARGEST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeys:
    """What a site tells everybody."""

    lock: bytes  # X25519
    sign: bytes  # Ed25519

    @property
    def fingerprint(self) -> str:
        """The first 128 bits of a hash over both, in groups of four signs."""
        text = hashlib.sha256(b"pathology site keys 1" + self.lock + self.sign).hexdigest()[:32]
        return "-".join(text[i : i + 4] for i in range(0, 32, 4))

    def document(self) -> bytes:
        """As a file."""
        told = {"schema": PUBLIC, "lock": _armoured(self.lock), "sign": _armoured(self.sign)}
        return json.dumps({**told, "fingerprint": self.fingerprint}, indent=1).encode() + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKeys:
    """A site's pair; ``repr`` shows no secret."""

    lock: X25519PrivateKey = field(repr=False)
    sign: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKeys:
        """The halves that are told."""
        return PublicKeys(
            lock=self.lock.public_key().public_bytes_raw(),
            sign=self.sign.public_key().public_bytes_raw(),
        )

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("keys do not travel between processes: read them again")


def fresh_site_keys() -> SiteKeys:
    """New keys, from the system's source of randomness."""
    return SiteKeys(lock=X25519PrivateKey.generate(), sign=Ed25519PrivateKey.generate())


def write_site_keys(keys: SiteKeys, file: Path) -> None:
    """A new file that its owner alone can read.

    Raises
    ------
    VaultError
        There is one already (what was sent to it could not be opened any more), or no right.
    """
    told = {
        "schema": PRIVATE,
        "lock": _armoured(keys.lock.private_bytes_raw()),
        "sign": _armoured(keys.sign.private_bytes_raw()),
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as opened:
            opened.write(json.dumps(told, indent=1).encode() + b"\n")
            opened.flush()
            os.fsync(opened.fileno())
    except FileExistsError as cause:
        raise VaultError("there are keys for bundles already; they are not written over") from cause
    except OSError as cause:
        raise VaultError(f"the keys for bundles cannot be written ({cause.strerror})") from cause


def read_site_keys(file: Path) -> SiteKeys:
    """The site's pair.

    Raises
    ------
    VaultError
        It is absent, readable by others, or no such file. No message holds a part of it.
    """
    text, mode = _text(file, "make them with `pathology bundle keys`")
    if stat.S_IMODE(mode) & 0o077:
        raise VaultError("the keys for bundles can be read by others: chmod 600 them")
    lock, sign = _halves(text, PRIVATE)
    return SiteKeys(
        lock=X25519PrivateKey.from_private_bytes(lock),
        sign=Ed25519PrivateKey.from_private_bytes(sign),
    )


def read_public_keys(file: Path) -> PublicKeys:
    """Another site's public keys; VaultError for anything else."""
    lock, sign = _halves(_text(file, "ask the other hospital for it")[0], PUBLIC)
    keys = PublicKeys(lock=lock, sign=sign)
    try:
        X25519PublicKey.from_public_bytes(lock)
        Ed25519PublicKey.from_public_bytes(sign)
    except ValueError as cause:
        raise VaultError("a public key that is none") from cause
    return keys


def _text(file: Path, remedy: str) -> tuple[bytes, int]:
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST_BYTES), os.fstat(opened.fileno()).st_mode
    except OSError as cause:
        raise VaultError(f"keys for bundles cannot be read ({cause.strerror}): {remedy}") from cause


def _halves(text: bytes, schema: str) -> tuple[bytes, bytes]:
    try:
        raw = json.loads(text)
        lock, sign = (base64.b64decode(raw[name], validate=True) for name in ("lock", "sign"))
        known = raw["schema"] == schema
    except (ValueError, KeyError, TypeError, RecursionError):
        # The cause would quote the document.
        raise VaultError("this is no file of keys for bundles") from None
    if not known or len(lock) != RAW_BYTES or len(sign) != RAW_BYTES:
        raise VaultError("this is no file of keys for bundles")
    return lock, sign


def _armoured(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
