"""A file for one other site: locked to its public key, signed by ours. Format 1 (ADR 0024).

    magic (8) | length of the header (4) | header, JSON | chunks | signature (64)

The header names both sites, the one-time public key and the nonces' prefix. The chunks are STREAM,
as in ``sealed_file``: 1 MiB each, AES-256-GCM, the nonce holding number and end. Their key is
HKDF-SHA-256 (RFC 5869) of the X25519 secret between the one-time key and the recipient's, salted
with both public keys, bound to the header. The signature is Ed25519 over a hash of all before it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal, NoReturn

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pathology.errors import VaultError
from pathology.vault.site_keys import PublicKeys, SiteKeys

MAGIC: Final = b"PATHBUN1"
SCHEMA: Final = "pathology.bundle-sealed/1"
SIGNED: Final = b"pathology bundle 1"
CHUNK_BYTES: Final = 1 << 20
TAG_BYTES, PREFIX_BYTES, SIGNATURE_BYTES, KEY_BYTES = 16, 7, 64, 32
MOST_HEADER_BYTES: Final = 4096
MOST_CHUNKS: Final = 1 << 32
DAMAGED: Final = "the bundle was changed or cut off: nothing of it is used"

Kind = Literal["question", "answer"]


def seal_bundle(
    pieces: Iterable[bytes], target: Path, keys: SiteKeys, recipient: PublicKeys, kind: Kind
) -> None:
    """Lock ``pieces`` for ``recipient`` into ``target``, a new file.

    Raises
    ------
    VaultError
        The recipient's key is none, or there is too much.
    OSError
        The file is there already, or cannot be written.
    """
    once = X25519PrivateKey.generate()
    header = json.dumps(
        {
            "schema": SCHEMA,
            "kind": kind,
            "from": keys.public.fingerprint,
            "to": recipient.fingerprint,
            "once": _armoured(once.public_key().public_bytes_raw()),
            "prefix": _armoured(secrets.token_bytes(PREFIX_BYTES)),
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()
    cipher = AESGCM(_key(once, recipient.lock, recipient.lock, header))
    prefix = _prefix(header)
    with target.open("xb") as write:
        signed = _Signed(write)
        signed.write(MAGIC + len(header).to_bytes(4, "big") + header)
        for number, chunk, is_last in _rechunked(pieces):
            signed.write(cipher.encrypt(_nonce(prefix, number, is_last=is_last), chunk, header))
        write.write(keys.sign.sign(SIGNED + signed.digest.digest()))
        write.flush()
        os.fsync(write.fileno())


def open_bundle(
    source: BinaryIO, keys: SiteKeys, sender: PublicKeys, kind: Kind
) -> Iterator[bytes]:
    """What ``seal_bundle`` locked, piece by piece, once the whole file proved to be the sender's.

    Raises
    ------
    VaultError
        It is of another sender, for another site, of another kind, was changed or cut off.
    """
    header, first, end = _checked(source, sender)
    told = _told(header)
    if told.get("kind") != kind or told.get("from") != sender.fingerprint:
        raise VaultError("the bundle is of another sender or another kind")
    if told.get("to") != keys.public.fingerprint:
        raise VaultError("the bundle was made for another site's key")
    try:
        cipher = AESGCM(_key(keys.lock, _raw(told, "once"), keys.public.lock, header))
        prefix = _prefix(header)
    except (ValueError, KeyError, TypeError) as cause:
        raise VaultError(DAMAGED) from cause
    source.seek(first)
    left, number = end - first, 0
    while True:
        chunk = source.read(min(CHUNK_BYTES + TAG_BYTES, left))
        left -= len(chunk)
        nonce = _nonce(prefix, number, is_last=not left)
        try:
            yield cipher.decrypt(nonce, chunk, header)
        except (InvalidTag, ValueError) as cause:
            raise VaultError(DAMAGED) from cause
        number += 1
        if not left:
            return


def sender_of(source: Path) -> str:
    """Whom a bundle says it is of: to choose the key with, which alone proves it.

    Raises
    ------
    VaultError
        It is no bundle, or cannot be read.
    """
    try:
        with source.open("rb") as file:
            head = file.read(len(MAGIC) + 4)
            header = file.read(min(MOST_HEADER_BYTES, int.from_bytes(head[-4:], "big")))
    except OSError as cause:
        raise VaultError(f"the bundle cannot be read ({cause.strerror})") from cause
    if head[: len(MAGIC)] != MAGIC:
        raise VaultError("this is no bundle of this program, or of a later version")
    return str(_told(header).get("from"))


def bundle_sha256(source: Path) -> str:
    """The hash by which the audit chain knows a bundle."""
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Signed:
    """Writes, and hashes what it writes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, hashlib.sha512()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self._file.write(data)


def _checked(source: BinaryIO, sender: PublicKeys) -> tuple[bytes, int, int]:
    """Header, first byte and end of the chunks, of a file that the sender signed as it is."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    head = source.read(len(MAGIC) + 4)
    if head[: len(MAGIC)] != MAGIC or len(head) < len(MAGIC) + 4:
        raise VaultError("this is no bundle of this program, or of a later version")
    length, end = int.from_bytes(head[-4:], "big"), size - SIGNATURE_BYTES
    first = len(head) + length
    if length > MOST_HEADER_BYTES or first + TAG_BYTES > end:
        raise VaultError(DAMAGED)
    digest, left = hashlib.sha512(head), end - len(head)
    header = source.read(length)
    digest.update(header)
    left -= length
    while left:
        piece = source.read(min(CHUNK_BYTES, left))
        if not piece:
            raise VaultError(DAMAGED)
        digest.update(piece)
        left -= len(piece)
    signature = source.read(SIGNATURE_BYTES)
    try:
        key = Ed25519PublicKey.from_public_bytes(sender.sign)
        key.verify(signature, SIGNED + digest.digest())
    except (InvalidSignature, ValueError) as cause:
        raise VaultError("the bundle is not as its sender signed it, or of another") from cause
    return header, first, end


def _key(own: X25519PrivateKey, other: bytes, recipient: bytes, header: bytes) -> bytes:
    """The chunks' key; ``other`` is the public key of the other side of the agreement."""
    try:
        secret = own.exchange(X25519PublicKey.from_public_bytes(other))
    except ValueError as cause:  # a point of small order: the secret would be known to all
        raise VaultError("a public key that is none") from cause
    once = _raw(_told(header), "once")
    info = SIGNED + hashlib.sha256(header).digest()
    return HKDF(SHA256(), KEY_BYTES, once + recipient, info).derive(secret)


def _told(header: bytes) -> dict[str, object]:
    try:
        told = json.loads(header)
    except (ValueError, RecursionError):
        _damaged()
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise VaultError("this is no bundle of this program, or of a later version")
    return told


def _raw(told: dict[str, object], name: str) -> bytes:
    return base64.b64decode(str(told[name]), validate=True)


def _prefix(header: bytes) -> bytes:
    prefix = _raw(_told(header), "prefix")
    if len(prefix) != PREFIX_BYTES:
        _damaged()
    return prefix


def _damaged() -> NoReturn:
    raise VaultError(DAMAGED)


def _rechunked(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Number, bytes and whether it is the last; nothing at all is one empty chunk."""
    held, number = bytearray(), 0
    for piece in pieces:
        held += piece
        while len(held) > CHUNK_BYTES:
            yield number, bytes(held[:CHUNK_BYTES]), False
            del held[:CHUNK_BYTES]
            number += 1
            if number >= MOST_CHUNKS:
                raise VaultError("there is too much for one bundle")
    yield number, bytes(held), True


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([is_last])


def _armoured(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
