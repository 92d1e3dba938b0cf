"""Directories of a TIFF, byte by byte: read within bounds, and written anew."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

TYPE_BYTES: Final[Mapping[int, int]] = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
    16: 8, 17: 8, 18: 8,
}  # fmt: skip
CODES: Final[Mapping[int, str]] = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
LONG, LONG8 = 4, 16
MOST_ENTRIES: Final = 1000
MOST_VALUE_BYTES: Final = 2**28
MOST_DIRECTORIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Form:
    """Byte order, and whether links have 64 bits (BigTIFF)."""

    order: str  # "<" or ">"
    big: bool

    @property
    def link(self) -> struct.Struct:
        """An offset in the file."""
        return struct.Struct(self.order + ("Q" if self.big else "I"))

    @property
    def entry(self) -> struct.Struct:
        """Tag, type, count, and the value or where it lies."""
        return struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))

    @property
    def count(self) -> struct.Struct:
        """Number of entries of a directory."""
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def header(self) -> bytes:
        """The file's first bytes, up to the first link."""
        mark = b"II" if self.order == "<" else b"MM"
        version = struct.pack(self.order + "H", 43 if self.big else 42)
        return mark + version + (struct.pack(self.order + "HH", 8, 0) if self.big else b"")


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag's value, as its bytes."""

    kind: int
    count: int
    data: bytes


Directory = Mapping[int, Entry]


def read_form(file: BinaryIO) -> tuple[Form, int]:
    """The form, and where the first directory lies; ValueError for what is no TIFF."""
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise ValueError("no TIFF")
    (version,) = struct.unpack(order + "H", head[2:4])
    if version == 42:
        return Form(order, big=False), struct.unpack(order + "I", head[4:8])[0]
    if version != 43 or len(head) < 16 or struct.unpack(order + "HH", head[4:8]) != (8, 0):
        raise ValueError("no TIFF")
    return Form(order, big=True), struct.unpack(order + "Q", head[8:16])[0]


def read_chain(file: BinaryIO, form: Form, first: int) -> list[Directory]:
    """All directories of the chain; ValueError where it runs in a circle or past the end."""
    found: list[Directory] = []
    seen: set[int] = set()
    at = first
    while at:
        if at in seen or len(seen) >= MOST_DIRECTORIES:
            raise ValueError("the chain of directories does not end")
        seen.add(at)
        directory, at = read_directory(file, form, at)
        found.append(directory)
    return found


def read_directory(file: BinaryIO, form: Form, at: int) -> tuple[Directory, int]:
    """One directory and the link to the next; ValueError where they cannot be followed."""
    size = os.fstat(file.fileno()).st_size
    (count,) = form.count.unpack(_bytes(file, at, form.count.size))
    if not 0 < count <= MOST_ENTRIES:
        raise ValueError(f"a directory of {count} entries")
    table = _bytes(file, at + form.count.size, count * form.entry.size + form.link.size)
    found: dict[int, Entry] = {}
    for number in range(count):
        tag, kind, values, inline = form.entry.unpack_from(table, number * form.entry.size)
        length = values * TYPE_BYTES.get(kind, 0)
        if kind not in TYPE_BYTES or tag in found or length > min(size, MOST_VALUE_BYTES):
            raise ValueError(f"tag {tag} cannot be read, or stands twice")
        if length > form.link.size:
            inline = _bytes(file, form.link.unpack(inline)[0], length)
        found[tag] = Entry(kind, values, inline[:length])
    return found, form.link.unpack(table[-form.link.size :])[0]


def integers(form: Form, entry: Entry) -> tuple[int, ...]:
    """The values of an entry of whole numbers; ValueError for another type."""
    if entry.kind not in CODES:
        raise ValueError("a tag of another type than whole numbers")
    return struct.unpack(f"{form.order}{entry.count}{CODES[entry.kind]}", entry.data)


def offsets_entry(form: Form, values: tuple[int, ...] | list[int]) -> Entry:
    """Offsets or lengths in the widest type of the form; OverflowError past 4 GiB of a classic."""
    kind = LONG8 if form.big else LONG
    if values and max(values) >= 1 << (8 * TYPE_BYTES[kind]):
        raise OverflowError("more than 4 GiB in a classic TIFF")
    return Entry(kind, len(values), struct.pack(f"{form.order}{len(values)}{CODES[kind]}", *values))


def text_entry(text: str) -> Entry:
    """A text in UTF-8, as TIFF's ASCII with its closing NUL."""
    data = text.encode() + b"\0"
    return Entry(2, len(data), data)


def write_directory(file: BinaryIO, form: Form, directory: Directory) -> tuple[int, int]:
    """Write values and entries at the end; where the directory lies, and where its link."""
    entries = b""
    for tag, entry in sorted(directory.items()):
        inline = entry.data.ljust(form.link.size, b"\0")
        if len(entry.data) > form.link.size:
            inline = form.link.pack(aligned(file))
            file.write(entry.data)
        entries += form.entry.pack(tag, entry.kind, entry.count, inline)
    at = aligned(file)
    file.write(form.count.pack(len(directory)) + entries + form.link.pack(0))
    return at, file.tell() - form.link.size


def aligned(file: BinaryIO) -> int:
    """The end of the file, after padding to a multiple of 8."""
    file.write(b"\0" * (-file.tell() % 8))
    return file.tell()


def _bytes(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    data = file.read(count)
    if len(data) != count:
        raise ValueError("a value past the end of the file")
    return data
