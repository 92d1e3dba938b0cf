"""HL7 v2 messages as segments, fields and components (chapter 2): read strictly, never repaired."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pathology.records.incoming import NotUnderstood

FRAMING: Final = "\x0b\x1c"
"""MLLP's first and last bytes, left in files by some interfaces."""
BATCH: Final = ("BTS", "FTS", "BHS", "FHS")
ENCODINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ASCII": "ascii",
        "UNICODE": "utf-8",
        "UNICODE UTF-8": "utf-8",
        "UTF-8": "utf-8",
        "GB 18030-2000": "gb18030",
        "GB 18030": "gb18030",
        "GB18030": "gb18030",
        "GBK": "gb18030",
        **{f"8859/{n}": f"iso8859-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    }
)
"""Table 0211, and what systems write in its place; GB 18030 holds all of GBK."""
MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
                (codecs.BOM_UTF16_BE, "utf-16-be"))  # fmt: skip
SEGMENT_END: Final = re.compile(r"\r\n|\r|\n")
HEXADECIMAL: Final = re.compile(r"X([0-9A-Fa-f]{2})+")
SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimiters:
    """MSH-1 and MSH-2."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment; ``value`` counts fields as the standard does, MSH-1 included."""

    name: str
    fields: tuple[str, ...]  # fields[0] is the name
    delimiters: Delimiters

    def value(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """The text at a place in the first repetition, unescaped; empty where it is absent."""
        mine = self.delimiters
        if field >= len(self.fields):
            return ""
        if self.name == "MSH" and field <= 2:
            return self.fields[field]
        text = self.fields[field].split(mine.repetition)[0]
        for number, sign in ((component, mine.component), (subcomponent, mine.subcomponent)):
            parts = text.split(sign)
            text = parts[number - 1] if number <= len(parts) else ""
        return "" if text == '""' else _unescaped(text, mine).strip()  # "" deletes: nothing is said


def messages_in(data: bytes, encoding_unsaid: str) -> Iterator[Sequence[Segment] | NotUnderstood]:
    """The messages of a file, each as its segments, or what was wrong with it.

    Raises
    ------
    NotUnderstood
        The file as a whole: no MSH, no text, an encoding that is unknown or not kept.
    """
    text = _decoded(data, encoding_unsaid)
    groups: list[list[str]] = []
    for line in SEGMENT_END.split(text):
        bare = line.strip(FRAMING)
        if bare.startswith("MSH"):
            groups.append([bare])
        elif bare.strip() and groups and bare[:3] not in BATCH:
            groups[-1].append(bare)
        elif bare.strip() and bare[:3] not in BATCH:
            raise NotUnderstood("not-a-message", detail="it does not begin with MSH")
    for group in groups:
        try:
            yield _segments(group)
        except NotUnderstood as problem:
            yield problem


def ends_whole(data: bytes) -> bool:
    """Whether a file ends where a segment ends; else its writer may not have done.

    Interfaces that leave out the last carriage return are known by a file that no longer grows.
    """
    return data.rstrip(b"\x1c\n").endswith((b"\r",)) or data.endswith((b"\n", b"\x1c"))


def _decoded(data: bytes, encoding_unsaid: str) -> str:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding)
    start = data.find(b"MSH")
    if start < 0:
        raise NotUnderstood("not-a-message", detail="there is no MSH segment")
    header = re.split(rb"[\r\n]", data[start:], maxsplit=1)[0].decode("ascii", errors="replace")
    sign = header[3:4]
    if not sign or sign.isalnum():
        raise NotUnderstood("not-a-message", detail="MSH-1 is no delimiter")
    fields = header.split(sign)
    said = fields[17].partition("~")[0].strip() if len(fields) > 17 else ""
    codec = ENCODINGS.get((said or encoding_unsaid).upper())
    if codec is None:
        raise NotUnderstood("encoding-unknown", detail=said[:SHOWN])
    return _strictly(data, codec)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as cause:
        raise NotUnderstood("encoding-wrong") from cause
    if "\0" in text:
        raise NotUnderstood("not-text")
    return text


def _segments(lines: Sequence[str]) -> Sequence[Segment]:
    head = lines[0]
    signs = head[4:8]
    if len(signs) < 4 or len({head[3], *signs}) != 5 or any(s.isalnum() for s in head[3:8]):
        raise NotUnderstood("order-shape", detail="MSH-1 and MSH-2")
    delimiters = Delimiters(
        field=head[3],
        component=signs[0],
        repetition=signs[1],
        escape=signs[2],
        subcomponent=signs[3],
    )
    return [_segment(line, delimiters) for line in lines]


def _segment(line: str, delimiters: Delimiters) -> Segment:
    fields = line.split(delimiters.field)
    name = fields[0].strip()
    if not re.fullmatch(r"[A-Z][A-Z0-9]{2}", name):
        raise NotUnderstood("order-shape", detail="a segment without a name")
    if name == "MSH":  # MSH-1 is the delimiter itself
        fields = [name, delimiters.field, *fields[1:]]
    return Segment(name=name, fields=tuple(fields), delimiters=delimiters)


def _unescaped(text: str, signs: Delimiters) -> str:
    if signs.escape not in text:
        return text
    pieces = text.split(signs.escape)
    if len(pieces) % 2 == 0:
        raise NotUnderstood("order-escape", detail="an open one")
    return "".join(
        _meaning(piece, signs) if place % 2 else piece for place, piece in enumerate(pieces)
    )


def _meaning(code: str, signs: Delimiters) -> str:
    """What stands between two escape signs (chapter 2.7); highlighting (H, N) is left out."""
    plain = {
        "F": signs.field,
        "S": signs.component,
        "T": signs.subcomponent,
        "R": signs.repetition,
        "E": signs.escape,
        "H": "",
        "N": "",
    }
    if code in plain:
        return plain[code]
    if HEXADECIMAL.fullmatch(code):
        try:
            return bytes.fromhex(code[1:]).decode("utf-8")
        except UnicodeDecodeError:
            pass
    raise NotUnderstood("order-escape", detail=code[:1] if code.isascii() else "")
