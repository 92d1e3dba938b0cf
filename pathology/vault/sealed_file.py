"""Files under lock: AES-256-GCM in chunks, so that a bundle of any size needs little memory.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption
and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): the nonce of a chunk holds its number and
whether it is the last, so chunks that are swapped, repeated, left out or cut off do not open.

    magic (8) | wrapping key's id (17) | data key's name (33) | locked data key (60) | prefix (7)
    then chunks of 1 MiB, each 16 bytes longer than its text; nonce = prefix | number (4) | last (1)
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pathology.errors import VaultError
from pathology.vault.envelope import TAG_BYTES, WRAPPED_BYTES, Vault, WrappedKey

MAGIC: Final = b"PATHSEA1"
ID_BYTES: Final = 17
NAME_BYTES: Final = 33
PREFIX_BYTES: Final = 7
CHUNK_BYTES: Final = 1 << 20
MOST_CHUNKS: Final = 1 << 32
DAMAGED: Final = "a sealed file was changed, cut off, or is another one: nothing of it is used"


def seal_file(source: Path, target: Path, vault: Vault, place: str) -> None:
    """Lock ``source`` into ``target``, which is whole or absent; ``place`` says what it is.

    Raises
    ------
    VaultError
        One of them cannot be read or written.
    """
    key, locked = vault.new_key()
    prefix = secrets.token_bytes(PREFIX_BYTES)
    with _files(source, target) as (plain, aside):
        aside.write(_header(locked, prefix))
        cipher = AESGCM(key.secret())
        bound = f"{locked.name} {place}".encode()
        for number, chunk, is_last in _chunks(plain, CHUNK_BYTES):
            aside.write(cipher.encrypt(_nonce(prefix, number, is_last=is_last), chunk, bound))


def unseal_file(source: Path, target: Path, vault: Vault, place: str) -> None:
    """Open what ``seal_file`` locked; ``target`` is there only when all of it proved whole.

    Raises
    ------
    VaultError
        It was changed or cut off, is of another place, or its key is not on the ring.
    """
    with _files(source, target) as (sealed, aside):
        locked, prefix = _read_header(sealed)
        cipher = AESGCM(vault.open_key(locked).secret())
        bound = f"{locked.name} {place}".encode()
        for number, chunk, is_last in _chunks(sealed, CHUNK_BYTES + TAG_BYTES):
            nonce = _nonce(prefix, number, is_last=is_last)
            try:
                aside.write(cipher.decrypt(nonce, chunk, bound))
            except (InvalidTag, ValueError) as cause:
                raise VaultError(DAMAGED) from cause


def lock_file_again(file: Path, vault: Vault) -> bool:
    """Lock a file's data key by the ring's current wrapping key; False when it was already.

    The text under lock is copied as it is.
    """
    with file.open("rb") as sealed:
        locked, prefix = _read_header(sealed)
    if locked.wrapped_by == vault.ring.current:
        return False
    with _files(file, file) as (sealed, aside):
        _read_header(sealed)
        aside.write(_header(vault.lock_again(locked), prefix))
        shutil.copyfileobj(sealed, aside, CHUNK_BYTES)
    return True


def wrapping_key_of(file: Path) -> str:
    """Id of the wrapping key that a file needs: it must stay on the ring."""
    with file.open("rb") as sealed:
        return _read_header(sealed)[0].wrapped_by


def _header(locked: WrappedKey, prefix: bytes) -> bytes:
    parts = (MAGIC, locked.wrapped_by.encode(), locked.name.encode(), locked.sealed, prefix)
    return b"".join(parts)


def _read_header(sealed: BinaryIO) -> tuple[WrappedKey, bytes]:
    sizes = (len(MAGIC), ID_BYTES, NAME_BYTES, WRAPPED_BYTES, PREFIX_BYTES)
    magic, wrapped_by, name, locked, prefix = (sealed.read(size) for size in sizes)
    if magic != MAGIC or len(prefix) != PREFIX_BYTES:
        raise VaultError("this is no sealed file of this program")
    try:
        names = name.decode("ascii"), wrapped_by.decode("ascii")
    except UnicodeDecodeError as cause:
        raise VaultError(DAMAGED) from cause
    return WrappedKey(name=names[0], wrapped_by=names[1], sealed=locked), prefix


def _chunks(file: BinaryIO, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Number, bytes, whether it is the last; an empty file has one empty chunk."""
    chunk = file.read(size)
    for number in range(MOST_CHUNKS):
        following = file.read(size)
        yield number, chunk, not following
        if not following:
            return
        chunk = following
    raise VaultError("the file is too large to be sealed")


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([is_last])


@contextmanager
def _files(source: Path, target: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Both opened; the target aside, synced and renamed at the end, or removed."""
    try:
        with source.open("rb") as read:
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            try:
                with os.fdopen(handle, "wb") as aside:
                    yield read, aside
                    aside.flush()
                    os.fsync(aside.fileno())
                Path(name).replace(target)
            finally:
                with suppress(FileNotFoundError):
                    Path(name).unlink()
    except OSError as cause:
        raise VaultError(f"a sealed file cannot be read or written ({cause.strerror})") from cause
