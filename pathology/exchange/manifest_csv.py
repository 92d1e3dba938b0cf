"""A manifest: the laboratory's list of slides, as spreadsheets write it."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import Final, TypeVar, get_args

from pathology.errors import UsageError
from pathology.records.geometry import Mpp
from pathology.records.manifest import ManifestRow, Priority
from pathology.records.result import Analysis

MANIFEST_COLUMNS: Final = (
    "slide",
    "analysis",
    "marker",
    "case_id",
    "specimen",
    "block",
    "order_id",
    "priority",
    "deadline",
    "mpp",
)
NEEDED: Final = MANIFEST_COLUMNS[:2]
DEADLINE_FORMS: Final = ("%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S")  # what spreadsheets make of ISO
SEPARATORS: Final = ",;\t"  # a spreadsheet's locale decides
SHOWN: Final = 40  # characters of a wrong value that a message repeats
Word = TypeVar("Word", bound=str)


def read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    """The rows of a manifest in their order; empty lines are passed over.

    UTF-8 and UTF-16 (with their marks) and GB18030 are understood, and comma, semicolon or tab
    between cells. Whether the slides exist is not asked here.

    Raises
    ------
    UsageError
        No such file; an unknown, missing or doubled column; a value that means nothing; the same
        analysis of the same slide twice. The message names the row and what is allowed.
    """
    lines = _lines(path)
    if not lines:
        raise UsageError(f"{path.name}: is empty. Its first row names the columns: {_listed()}")
    columns = _columns(lines[0], path.name)
    rows = tuple(
        _row(columns, line, number, path)
        for number, line in enumerate(lines[1:], start=2)
        if any(cell.strip() for cell in line)
    )
    if not rows:
        raise UsageError(f"{path.name}: names columns but no slide")
    _refuse_repeats(rows, path.name)
    return rows


def _listed() -> str:
    return ", ".join(MANIFEST_COLUMNS)


def _lines(path: Path) -> list[list[str]]:
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise UsageError(f"{path.name}: cannot be read ({cause.strerror})") from cause
    text = _decoded(data, path.name)
    heading = text.partition("\n")[0]
    separator = max(SEPARATORS, key=heading.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as cause:
        raise UsageError(f"{path.name}: is no CSV ({cause}). Save it as CSV UTF-8") from cause


def _decoded(data: bytes, name: str) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UsageError(f"{name}: is no text. Save the list as CSV UTF-8")


def _columns(heading: list[str], name: str) -> list[str]:
    columns = [c.strip().lower() for c in heading]
    while columns and not columns[-1]:
        columns.pop()
    if strangers := [c[:SHOWN] for c in columns if c not in MANIFEST_COLUMNS]:
        raise UsageError(f"{name}, row 1: unknown columns {strangers}; known are {_listed()}")
    if absent := [c for c in NEEDED if c not in columns]:
        raise UsageError(f"{name}, row 1: lacks the columns {absent}")
    if len(set(columns)) != len(columns):
        raise UsageError(f"{name}, row 1: a column is named twice")
    return columns


def _row(columns: list[str], line: list[str], number: int, path: Path) -> ManifestRow:
    where = f"{path.name}, row {number}"
    if any(cell.strip() for cell in line[len(columns) :]):
        raise UsageError(f"{where}: has more cells than there are columns")
    cells = {c: v.strip() for c, v in zip(columns, line, strict=False) if v.strip()}
    if absent := [c for c in NEEDED if c not in cells]:
        raise UsageError(f"{where}: lacks {' and '.join(absent)}")
    return ManifestRow(
        row=number,
        slide=_slide(cells["slide"], path.parent),
        analysis=_word(cells["analysis"], get_args(Analysis), f"{where}, analysis"),
        marker=cells.get("marker"),
        case_id=cells.get("case_id"),
        specimen=cells.get("specimen"),
        block=cells.get("block"),
        order_id=cells.get("order_id"),
        priority=_priority(cells, where),
        deadline=_deadline(cells, where),
        mpp=_mpp(cells, where),
    )


def _slide(text: str, folder: Path) -> Path:
    # A list made on Windows is often used on a server that is not.
    return folder / (PureWindowsPath(text).as_posix() if "\\" in text else text)


def _word(text: str, allowed: tuple[Word, ...], where: str) -> Word:
    for word in allowed:
        if text.casefold() == word:
            return word
    raise UsageError(f"{where}: {text[:SHOWN]!r} is none of {', '.join(allowed)}")


def _priority(cells: Mapping[str, str], where: str) -> Priority:
    allowed: tuple[Priority, ...] = get_args(Priority)
    return _word(cells.get("priority", "routine"), allowed, f"{where}, priority")


def _deadline(cells: Mapping[str, str], where: str) -> datetime | None:
    if "deadline" not in cells:
        return None
    text = cells["deadline"]
    # A date alone would parse as midnight, and nobody can say which of the two midnights is meant.
    if ":" in text:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
        for form in DEADLINE_FORMS:
            try:
                return datetime.strptime(text, form)
            except ValueError:
                continue
    raise UsageError(
        f"{where}, deadline: {text[:SHOWN]!r} is no date with a time, such as 2030-01-31 14:00"
    )


def _mpp(cells: Mapping[str, str], where: str) -> Mpp | None:
    if "mpp" not in cells:
        return None
    text = cells["mpp"]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{where}, mpp: {text[:SHOWN]!r} is no scale in µm/px, such as 0.25")
    return Mpp(value)


def _refuse_repeats(rows: tuple[ManifestRow, ...], name: str) -> None:
    seen: dict[tuple[Path, Analysis], int] = {}
    for row in rows:
        first = seen.setdefault((row.slide, row.analysis), row.row)
        if first != row.row:
            raise UsageError(
                f"{name}, row {row.row}: the same slide and analysis as row {first}. Remove one"
            )
