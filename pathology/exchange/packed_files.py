"""Files one after another behind a list of their names and sizes: what a bundle holds inside.

No format of archives: those know links, devices, owners and packed data that grows without end.
Here a name is a few plain words, a size is said before its bytes come, and nothing is unpacked.

    length of the list (4) | list, JSON | bytes of the files in the order of the list
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pathology.errors import UsageError

SCHEMA: Final = "pathology.bundle/1"
PART: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
MOST_PARTS, MOST_FILES, MOST_LIST_BYTES = 16, 200_000, 64 * 2**20
MOST_BYTES: Final = 2**40
PIECE: Final = 1 << 20
BROKEN: Final = "the bundle's content is not as its list says: nothing of it is used"


def packed(files: Mapping[str, Path], about: Mapping[str, Any]) -> Iterator[bytes]:
    """The list, which also holds ``about``, and the bytes of all files.

    Raises
    ------
    UsageError
        A name is not plain, a file cannot be read or changed meanwhile.
    """
    listed: list[dict[str, Any]] = []
    for name, path in files.items():
        _check_name(name)
        listed.append({"name": name, "size": path.stat().st_size, "sha256": _sha256(path)})
    head = json.dumps(
        {"schema": SCHEMA, "about": dict(about), "files": listed}, allow_nan=False
    ).encode()
    yield len(head).to_bytes(4, "big") + head
    for (name, path), entry in zip(files.items(), listed, strict=True):
        left = entry["size"]
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                left -= len(piece)
                yield piece
        if left:
            raise UsageError(f"{PurePosixPath(name).name}: changed while it was packed")


def unpacked(pieces: Iterable[bytes], folder: Path) -> Mapping[str, Any]:
    """Write the files into ``folder``, which is empty; what ``about`` told.

    Raises
    ------
    UsageError
        A name leads elsewhere or stands twice, a size or hash is wrong, or something follows.
    OSError
        A file cannot be written.
    """
    stream = _Stream(pieces)
    length = int.from_bytes(stream.take(4), "big")
    if length > MOST_LIST_BYTES:
        raise UsageError(BROKEN)
    listed, about = _list(stream.take(length))
    for name, size, sha256 in listed:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("xb") as file:
            for piece in stream.pieces(size):
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != sha256:
            raise UsageError(BROKEN)
    stream.end()
    return about


def _list(data: bytes) -> tuple[list[tuple[str, int, str]], Mapping[str, Any]]:
    try:
        told = json.loads(data)
        if told["schema"] != SCHEMA or len(told["files"]) > MOST_FILES:
            raise UsageError(BROKEN)
        listed = [(e["name"], e["size"], e["sha256"]) for e in told["files"]]
        about = told["about"]
    except (ValueError, KeyError, TypeError, RecursionError) as cause:
        raise UsageError(BROKEN) from cause
    sizes = [size for _, size, _ in listed]
    if not all(type(s) is int and s >= 0 for s in sizes) or sum(sizes) > MOST_BYTES:
        raise UsageError(BROKEN)
    for name, _, _ in listed:
        _check_name(name)
    names = {name.lower() for name, _, _ in listed}  # some file systems know one case only
    if len(names) != len(listed) or not isinstance(about, dict):
        raise UsageError(BROKEN)
    return listed, about


def _check_name(name: object) -> None:
    parts = name.split("/") if isinstance(name, str) else []
    if not 0 < len(parts) <= MOST_PARTS or not all(PART.fullmatch(part) for part in parts):
        raise UsageError("a file in the bundle has a name that is not plain: it is refused")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Stream:
    """Bytes by count from pieces of any size."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._held = iter(pieces), b""

    def pieces(self, count: int) -> Iterator[bytes]:
        while count:
            if not self._held:
                self._held = next(self._pieces, b"")
                if not self._held:
                    raise UsageError(BROKEN)
            piece, self._held = self._held[:count], self._held[count:]
            count -= len(piece)
            yield piece

    def take(self, count: int) -> bytes:
        if count > MOST_LIST_BYTES:
            raise UsageError(BROKEN)
        return b"".join(self.pieces(count))

    def end(self) -> None:
        if self._held or any(self._pieces):
            raise UsageError(BROKEN)
