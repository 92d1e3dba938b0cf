"""The key ring: every secret of a site in one document, and where it is read from.

Three secrets with three purposes, none derived from another: keys that wrap data keys (several,
one of them current), one key for pseudonyms, one for the audit chain. The document is JSON::

    {"schema": "pathology.keys/1", "current": "K...", "wrapping": {"K...": "base64 of 32 bytes"},
     "pseudonym": "...", "chain": "..."}
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from pathology.errors import VaultError
from pathology.records.settings.ledger import VaultSettings

SCHEMA = "pathology.keys/1"
KEY_BYTES = 32
REMEDY = "restore it from its copy; without it nothing that it locks can be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """All secrets of a site. Nothing of it is ever printed or logged: ``repr`` shows ids alone."""

    current: str  # id of the key that wraps new data keys
    wrapping: Mapping[str, bytes] = field(repr=False)
    pseudonym: bytes = field(repr=False)
    chain: bytes = field(repr=False)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a key ring does not travel between processes: read it again")


def key_id(key: bytes) -> str:
    """Name of a wrapping key, derived from it, so that a name cannot stand for another key."""
    return "K" + hmac.new(key, b"pathology key id", hashlib.sha256).hexdigest()[:16]


def fresh_ring() -> KeyRing:
    """New secrets, from the system's source of randomness."""
    key = secrets.token_bytes(KEY_BYTES)
    return KeyRing(
        current=key_id(key),
        wrapping={key_id(key): key},
        pseudonym=secrets.token_bytes(KEY_BYTES),
        chain=secrets.token_bytes(KEY_BYTES),
    )


def with_fresh_key(ring: KeyRing) -> KeyRing:
    """The ring with one more wrapping key, which is current; the old ones still open."""
    key = secrets.token_bytes(KEY_BYTES)
    return replace(ring, current=key_id(key), wrapping={**ring.wrapping, key_id(key): key})


def without_key(ring: KeyRing, retired: str) -> KeyRing:
    """The ring without a key that no record uses any more.

    Raises
    ------
    VaultError
        It is the current one.
    """
    if retired == ring.current:
        raise VaultError("the current key cannot be taken from the ring: make a new one first")
    left = {name: key for name, key in ring.wrapping.items() if name != retired}
    return replace(ring, wrapping=left)


def read_ring(settings: VaultSettings, file: Path) -> KeyRing:
    """The ring from where the settings say; ``file`` is used when they say "file".

    Raises
    ------
    VaultError
        It is absent, readable by others, or no key ring. No message holds a part of it.
    """
    if settings.keys == "environment":
        text = os.environ.get(settings.environment, "").encode()
        if not text:
            raise VaultError(f"[vault] the variable {settings.environment} is empty or not set")
    elif settings.keys == "command":
        text = _told_by(settings)
    else:
        text = _private_text(file)
    return _parsed(text)


def write_ring(ring: KeyRing, file: Path, *, new: bool = False) -> None:
    """Write a ring that only its owner can read: aside, synced, renamed.

    With ``new`` a file that is there already is refused.

    Raises
    ------
    VaultError
        The file is there, or cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as aside:
                aside.write(_document(ring))
                aside.flush()
                os.fsync(aside.fileno())
            if new:
                os.link(name, file)  # fails where a file is, unlike a rename
            else:
                Path(name).replace(file)
        finally:
            with suppress(FileNotFoundError):
                Path(name).unlink()
    except FileExistsError as cause:
        raise VaultError("[vault] there is a key file already; it is not written over") from cause
    except OSError as cause:
        raise VaultError(f"[vault] the key file cannot be written ({cause.strerror})") from cause


def _document(ring: KeyRing) -> bytes:
    text = {
        "schema": SCHEMA,
        "current": ring.current,
        "wrapping": {name: _armoured(key) for name, key in ring.wrapping.items()},
        "pseudonym": _armoured(ring.pseudonym),
        "chain": _armoured(ring.chain),
    }
    return json.dumps(text, indent=1).encode() + b"\n"


def _armoured(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")


def _private_text(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read()
    except FileNotFoundError as cause:
        raise VaultError(f"[vault] the key file is missing: {REMEDY}") from cause
    except OSError as cause:
        raise VaultError(f"[vault] the key file cannot be read ({cause.strerror})") from cause
    if stat.S_IMODE(mode) & 0o077:
        raise VaultError("[vault] the key file can be read by others: chmod 600 it")
    return text


def _told_by(settings: VaultSettings) -> bytes:
    try:
        told = subprocess.run(  # noqa: S603 -- words from the site's own settings, no shell
            settings.command, capture_output=True, timeout=settings.command_s, check=False
        )
    except subprocess.TimeoutExpired as cause:
        raise VaultError(f"[vault] command gave no keys within {settings.command_s:g} s") from cause
    except OSError as cause:
        raise VaultError(f"[vault] command cannot be started ({cause.strerror})") from cause
    if told.returncode:
        raise VaultError(f"[vault] command ended with code {told.returncode}")
    return told.stdout


def _parsed(text: bytes) -> KeyRing:
    try:
        raw = json.loads(text)
        wrapping = {str(name): _key(key) for name, key in raw["wrapping"].items()}
        ring = KeyRing(
            current=raw["current"],
            wrapping=wrapping,
            pseudonym=_key(raw["pseudonym"]),
            chain=_key(raw["chain"]),
        )
        known = raw["schema"] == SCHEMA and ring.current in wrapping
    except (ValueError, KeyError, TypeError, AttributeError):
        # The cause would quote the document.
        raise VaultError(f"[vault] what was read is no key ring: {REMEDY}") from None
    if not known or any(key_id(key) != name for name, key in wrapping.items()):
        raise VaultError(f"[vault] the key ring does not fit together: {REMEDY}")
    if len({ring.pseudonym, ring.chain, *wrapping.values()}) < len(wrapping) + 2:
        raise VaultError("[vault] the key ring uses one key for two purposes")
    return ring


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("no base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError("of another length")
    return key
