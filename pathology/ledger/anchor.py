"""The chain's head in a second place: a file that says which line was last, proved by the key.

It is written after the line is committed, so it may lag behind the chain and never leads: lines
beyond it are proved by their own codes, lines missing before it were cut off.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pathology.errors import LedgerError
from pathology.vault.codes import chain_mac, pseudonym, same_code

SCHEMA = "pathology.anchor/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last line of a chain: its number (0 for none) and its code."""

    sequence: int
    mac: str


class Anchor:
    """The file. One process at a time moves it; it is whole or absent."""

    def __init__(self, file: Path, key: bytes) -> None:
        self._file, self._key = file, key

    @property
    def place(self) -> str:
        """Pseudonym of this machine and file, fit for the database."""
        where = os.fsencode(socket.gethostname()) + b"\0" + os.fsencode(self._file)
        return pseudonym(self._key, "anchor", where)

    def exists(self) -> bool:
        """Whether there is a file, proved or not."""
        return self._file.exists()

    def read(self) -> Head | None:
        """Where the chain stood; None when the file is absent or does not carry the key's proof."""
        try:
            raw = json.loads(self._file.read_bytes())
            head = Head(sequence=raw["sequence"], mac=raw["mac"])
            proof = raw["proof"]
            proved = raw["schema"] == SCHEMA and same_code(proof, self._proof(head))
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise LedgerError(f"the anchor cannot be read ({cause.strerror})") from cause
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return head if proved else None

    def advance(self, head: Head) -> None:
        """Move it to ``head`` unless it stands further on already.

        Raises
        ------
        LedgerError
            It cannot be written; it stays where it was.
        """
        with self._alone():
            now = self.read()
            if now is None or now.sequence < head.sequence:
                self._write(head)

    def put(self, head: Head) -> None:
        """Set it to ``head``, also backwards: only where that is itself written in the chain."""
        with self._alone():
            self._write(head)

    def _proof(self, head: Head) -> str:
        return chain_mac(self._key, f"anchor {head.sequence} {head.mac}".encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self._file.with_name(f".{self._file.name}.lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as cause:
            raise LedgerError(f"the anchor cannot be locked ({cause.strerror})") from cause
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, head: Head) -> None:
        told = {"schema": SCHEMA, "sequence": head.sequence, "mac": head.mac}
        text = json.dumps({**told, "proof": self._proof(head)}).encode() + b"\n"
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self._file.name}.", dir=self._file.parent)
            try:
                with os.fdopen(handle, "wb") as aside:
                    aside.write(text)
                    aside.flush()
                    os.fsync(aside.fileno())
                # The folder is not synced: a power cut may leave the older anchor, which only lags.
                Path(name).replace(self._file)
            finally:
                with suppress(FileNotFoundError):
                    Path(name).unlink()
        except OSError as cause:
            raise LedgerError(f"the anchor cannot be written ({cause.strerror})") from cause
