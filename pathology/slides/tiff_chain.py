"""The directories of a TIFF: whether all of them are there, and tifffile without its chatter.

tifffile ends the chain of directories silently where a link leads past the end of the file, and
leaves out a tag whose value does: a slide cut short would look whole, with its lower levels or its
scale missing. So the chain is walked here first.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import tifffile


class _Form(NamedTuple):
    """How a kind of TIFF writes its links; struct codes."""

    order: str
    first_at: int  # byte of the first link
    link: str
    entries: str
    entry: str  # tag, type, count, value or its offset

    def size(self, code: str) -> int:
        return struct.calcsize("=" + code)


_CLASSIC: Final = (4, "I", "H", "HHII")
_BIG: Final = (8, "Q", "Q", "HHQQ")
TIFF_MAGIC: Final[Mapping[bytes, _Form]] = {
    b"II*\0": _Form("<", *_CLASSIC),
    b"MM\0*": _Form(">", *_CLASSIC),
    b"II+\0": _Form("<", *_BIG),
    b"MM\0+": _Form(">", *_BIG),
}
TYPE_BYTES: Final = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)
"""Bytes of a value by TIFF's number of its type."""
LONGEST_CHAIN: Final = 100_000


@contextmanager
def quiet_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """A TIFF, opened without words on tags that break a rule of form, as many scanners' do.

    What is needed of the tags is checked where it is used. Its log would also name the file.
    """
    log = logging.getLogger("tifffile")
    spoken, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings(), tifffile.TiffFile(path) as tiff:
            warnings.simplefilter("ignore")
            yield tiff
    finally:
        log.disabled = spoken


def has_tiff_magic(path: Path) -> bool:
    """Whether a file begins as a classic or big TIFF."""
    try:
        with path.open("rb") as file:
            return file.read(4) in TIFF_MAGIC
    except OSError:
        return False


def directories_end_early(path: Path) -> bool:
    """Whether a directory or a value of one lies past the end, or the chain runs in a circle."""
    size = path.stat().st_size
    with path.open("rb") as file:
        form = TIFF_MAGIC[file.read(4)]
        seen: set[int] = set()
        (at,) = _read(file, form.first_at, form.order + form.link)
        while at:
            if at >= size or at in seen or len(seen) > LONGEST_CHAIN:
                return True
            seen.add(at)
            (entries,) = _read(file, at, form.order + form.entries)
            first = at + form.size(form.entries)
            after = first + entries * form.size(form.entry)
            if after + form.size(form.link) > size or _value_past(file, form, (first, after, size)):
                return True
            (at,) = _read(file, after, form.order + form.link)
    return False


def _value_past(file: BinaryIO, form: _Form, span: tuple[int, int, int]) -> bool:
    """Whether an entry in the bytes ``span`` (first, after, end of file) points past the end."""
    first, after, end = span
    file.seek(first)
    for _, kind, count, value in struct.iter_unpack(
        form.order + form.entry, file.read(after - first)
    ):
        length = count * (TYPE_BYTES[kind] if kind < len(TYPE_BYTES) else 0)
        if length > form.size(form.link) and value + length > end:
            return True
    return False


def _read(file: BinaryIO, at: int, form: str) -> tuple[int, ...]:
    file.seek(at)
    return struct.unpack(form, file.read(struct.calcsize(form)))
