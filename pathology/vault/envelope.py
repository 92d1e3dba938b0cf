"""Envelope encryption: AES-256-GCM under data keys, which a wrapping key of the ring locks.

Every sealed text is bound to where it stands (table, column, row): moved elsewhere it does not
open. Nonces are 96 random bits (NIST SP 800-38D, 8.2.2); a data key locks one record's few columns,
so that a repeated nonce is out of reach.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pathology.errors import VaultError
from pathology.vault.ring import KEY_BYTES, KeyRing

NONCE_BYTES = 12
TAG_BYTES = 16
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A locked data key: safe to store beside what it locks."""

    name: str  # of the data key, random
    wrapped_by: str  # id of the wrapping key
    sealed: bytes = field(repr=False)


class DataKey:
    """An open data key; it lives in memory only."""

    __slots__ = ("_cipher", "_key", "name")

    def __init__(self, name: str, key: bytes) -> None:
        self.name = name
        self._key = key
        self._cipher = AESGCM(key)

    def secret(self) -> bytes:
        """The key itself, for locking a file with it; 32 bytes that nobody stores or prints."""
        return self._key

    def seal(self, text: bytes, place: str) -> bytes:
        """Nonce and ciphertext of ``text``, bound to ``place`` (table.column:row)."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text, _bound(self.name, place))

    def unseal(self, sealed: bytes, place: str) -> bytes:
        """What was sealed at ``place``.

        Raises
        ------
        VaultError
            It was changed, or comes from another place.
        """
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, body, _bound(self.name, place))
        except (InvalidTag, ValueError) as cause:
            raise VaultError(
                "a sealed text was changed, moved, or locked by another key: it is not used"
            ) from cause


class Vault:
    """Makes and opens data keys with the ring; reads the ring again when a key is unknown to it.

    So a process that runs while another rotates the keys learns the new one when it meets it.
    """

    def __init__(self, ring: KeyRing, read_again: Callable[[], KeyRing] | None = None) -> None:
        self._ring = ring
        self._read_again = read_again

    @property
    def ring(self) -> KeyRing:
        """The ring as last read."""
        return self._ring

    def new_key(self, wrapped_by: str | None = None) -> tuple[DataKey, WrappedKey]:
        """A fresh data key, open and locked by the current wrapping key (or the one named)."""
        name, key = "D" + secrets.token_hex(16), secrets.token_bytes(KEY_BYTES)
        return DataKey(name, key), self._locked(name, key, wrapped_by or self._ring.current)

    def open_key(self, locked: WrappedKey) -> DataKey:
        """The data key.

        Raises
        ------
        VaultError
            Its wrapping key is not on the ring, or it was changed.
        """
        return DataKey(locked.name, self._opened(locked))

    def lock_again(self, locked: WrappedKey, wrapped_by: str | None = None) -> WrappedKey:
        """The same data key under the current wrapping key: what it locks stays as it is."""
        key = self._opened(locked)
        return self._locked(locked.name, key, wrapped_by or self._ring.current)

    def _opened(self, locked: WrappedKey) -> bytes:
        nonce, body = locked.sealed[:NONCE_BYTES], locked.sealed[NONCE_BYTES:]
        cipher = AESGCM(self._wrapping(locked.wrapped_by))
        try:
            return cipher.decrypt(nonce, body, _bound(locked.wrapped_by, locked.name))
        except (InvalidTag, ValueError) as cause:
            raise VaultError("a data key was changed or swapped: what it locks is lost") from cause

    def _locked(self, name: str, key: bytes, wrapped_by: str) -> WrappedKey:
        nonce = secrets.token_bytes(NONCE_BYTES)
        body = AESGCM(self._wrapping(wrapped_by)).encrypt(nonce, key, _bound(wrapped_by, name))
        return WrappedKey(name=name, wrapped_by=wrapped_by, sealed=nonce + body)

    def check(self, wrapped_by: str) -> None:
        """Nothing when the ring has this wrapping key.

        Raises
        ------
        VaultError
            It has not, also after it was read again.
        """
        self._wrapping(wrapped_by)

    def read_again(self) -> None:
        """Read the ring anew; keys known before are kept, for texts that were read before.

        Raises
        ------
        VaultError
            It cannot be read, or is another site's.
        """
        if self._read_again is None:
            return
        ring, before = self._read_again(), self._ring
        if (ring.pseudonym, ring.chain) != (before.pseudonym, before.chain):
            raise VaultError("the key ring was exchanged for another while the program ran")
        self._ring = replace(ring, wrapping={**before.wrapping, **ring.wrapping})

    def _wrapping(self, name: str) -> bytes:
        if name not in self._ring.wrapping:
            self.read_again()
        try:
            return self._ring.wrapping[name]
        except KeyError:
            raise VaultError(
                f"the wrapping key {name} is not on the key ring: restore the ring it was on"
            ) from None


def _bound(*parts: str) -> bytes:
    """Parts as associated data; lengths keep two lists of parts from reading alike."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
