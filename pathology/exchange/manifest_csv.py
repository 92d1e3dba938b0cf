"""A manifest: the laboratory's list of slides, as spreadsheets write it."""

from __future__ import annotations

import codecs
import csv
import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import Final, TypeVar, get_args

from pathology.errors import UsageError
from pathology.records.geometry import Mpp
from pathology.records.incoming import IntakeProblem, ManifestRead
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
LARGEST_BYTES: Final = 64 * 1024 * 1024  # some 400,000 rows
SHOWN: Final = 40  # characters of a wrong value that a message repeats
Word = TypeVar("Word", bound=str)


class ManifestWrong(UsageError):
    """One thing that is wrong with a manifest; ``row`` 0 is the file as a whole.

    The message repeats what was typed, for the person who typed it. ``problem`` does not: it may
    be kept and shown to others.
    """

    def __init__(self, message: str, row: int, code: str, **facts: object) -> None:
        super().__init__(message)
        self.problem = IntakeProblem(place=row, code=code, facts=facts)


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
    columns, lines = _table(path)
    rows = tuple(_row(columns, line, number, path) for number, line in lines)
    if not rows:
        raise ManifestWrong(f"{path.name}: names columns but no slide", 0, "empty")
    seen: dict[tuple[Path, Analysis], int] = {}
    for row in rows:
        first = seen.setdefault((row.slide, row.analysis), row.row)
        if first != row.row:
            raise UsageError(
                f"{path.name}, row {row.row}: the same slide and analysis as row {first}. "
                "Remove one"
            )
    return rows


def read_manifest_rows(path: Path) -> ManifestRead:
    """As ``read_manifest``, but nothing is raised: each wrong row is a problem, the rest goes on.

    Of rows that say the same of one slide the first counts. Where they ask for the same analysis
    otherwise (another case, another scale) none does: nobody here knows which is right.
    """
    try:
        columns, lines = _table(path)
    except ManifestWrong as wrong:
        return ManifestRead(problems=(wrong.problem,))
    right: list[ManifestRow] = []
    problems: list[IntakeProblem] = []
    for number, line in lines:
        try:
            right.append(_row(columns, line, number, path))
        except ManifestWrong as wrong:
            problems.append(wrong.problem)
    kept, repeated = _without_repeats(right)
    return ManifestRead(
        rows=kept, problems=tuple(sorted([*problems, *repeated], key=lambda p: p.place))
    )


def _without_repeats(
    rows: list[ManifestRow],
) -> tuple[tuple[ManifestRow, ...], list[IntakeProblem]]:
    alike: dict[tuple[str, Analysis], list[ManifestRow]] = {}
    for row in rows:  # one slide may be named by two paths
        alike.setdefault((os.path.realpath(row.slide), row.analysis), []).append(row)
    kept: list[ManifestRow] = []
    problems: list[IntakeProblem] = []
    for first, *others in alike.values():
        facts = {"first": first.row}
        if all(replace(o, row=first.row, slide=first.slide) == first for o in others):
            kept.append(first)
            problems += [
                IntakeProblem(place=o.row, code="row-repeated", facts=facts) for o in others
            ]
        else:
            problems += [
                IntakeProblem(place=o.row, code="row-contradicts", facts=facts)
                for o in (first, *others)
            ]
    return tuple(kept), problems


def _table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Columns, and the lines that are not empty with their numbers as a spreadsheet has them."""
    lines = _lines(path)
    if not lines:
        raise ManifestWrong(
            f"{path.name}: is empty. Its first row names the columns: {_listed()}", 0, "empty"
        )
    columns = _columns(lines[0], path.name)
    numbered = enumerate(lines[1:], start=2)
    return columns, [(n, line) for n, line in numbered if any(cell.strip() for cell in line)]


def _listed() -> str:
    return ", ".join(MANIFEST_COLUMNS)


def _lines(path: Path) -> list[list[str]]:
    try:
        size = path.stat().st_size if path.is_file() else None
        data = None if size is None or size > LARGEST_BYTES else path.read_bytes()
    except OSError as cause:
        detail = cause.strerror or type(cause).__name__
        raise ManifestWrong(
            f"{path.name}: cannot be read ({detail})", 0, "cannot-read", detail=detail
        ) from cause
    if data is None:
        detail = "no regular file" if size is None else "no list of slides is so large"
        raise ManifestWrong(
            f"{path.name}: cannot be read ({detail})", 0, "cannot-read", detail=detail
        )
    text = _decoded(data, path.name)
    heading = text.partition("\n")[0]
    separator = max(SEPARATORS, key=heading.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as cause:
        raise ManifestWrong(
            f"{path.name}: is no CSV ({cause}). Save it as CSV UTF-8",
            0,
            "not-csv",
            detail=str(cause)[:SHOWN],
        ) from cause


def _decoded(data: bytes, name: str) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ManifestWrong(f"{name}: is no text. Save the list as CSV UTF-8", 0, "not-text")


def _columns(heading: list[str], name: str) -> list[str]:
    columns = [c.strip().lower() for c in heading]
    while columns and not columns[-1]:
        columns.pop()
    if strangers := [c[:SHOWN] for c in columns if c not in MANIFEST_COLUMNS]:
        raise ManifestWrong(
            f"{name}, row 1: unknown columns {strangers}; known are {_listed()}",
            0,
            "columns-unknown",
            number=len(strangers),
            known=_listed(),
        )
    if absent := [c for c in NEEDED if c not in columns]:
        raise ManifestWrong(
            f"{name}, row 1: lacks the columns {absent}",
            0,
            "columns-missing",
            columns=", ".join(absent),
        )
    if len(set(columns)) != len(columns):
        raise ManifestWrong(f"{name}, row 1: a column is named twice", 0, "columns-twice")
    return columns


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """A row, as messages name it."""

    file: str
    row: int

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}"

    def wrong(self, column: str, message: str, *, allowed: str) -> ManifestWrong:
        """A value of this row that means nothing."""
        told = f"{self}, {column}: {message}"
        return ManifestWrong(told, self.row, "row-value", column=column, allowed=allowed)


def _row(columns: list[str], line: list[str], number: int, path: Path) -> ManifestRow:
    where = _Where(file=path.name, row=number)
    if any(cell.strip() for cell in line[len(columns) :]):
        raise ManifestWrong(f"{where}: has more cells than there are columns", number, "row-cells")
    cells = {c: v.strip() for c, v in zip(columns, line, strict=False) if v.strip()}
    if absent := [c for c in NEEDED if c not in cells]:
        raise ManifestWrong(
            f"{where}: lacks {' and '.join(absent)}", number, "row-lacks", columns=", ".join(absent)
        )
    return ManifestRow(
        row=number,
        slide=_slide(cells["slide"], path.parent),
        analysis=_word(cells["analysis"], get_args(Analysis), where, "analysis"),
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


def _word(text: str, allowed: tuple[Word, ...], where: _Where, column: str) -> Word:
    for word in allowed:
        if text.casefold() == word:
            return word
    told = ", ".join(allowed)
    raise where.wrong(column, f"{text[:SHOWN]!r} is none of {told}", allowed=told)


def _priority(cells: Mapping[str, str], where: _Where) -> Priority:
    allowed: tuple[Priority, ...] = get_args(Priority)
    return _word(cells.get("priority", "routine"), allowed, where, "priority")


def _deadline(cells: Mapping[str, str], where: _Where) -> datetime | None:
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
    allowed = "2030-01-31 14:00"
    raise where.wrong(
        "deadline", f"{text[:SHOWN]!r} is no date with a time, such as {allowed}", allowed=allowed
    )


def _mpp(cells: Mapping[str, str], where: _Where) -> Mpp | None:
    if "mpp" not in cells:
        return None
    text = cells["mpp"]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise where.wrong(
            "mpp", f"{text[:SHOWN]!r} is no scale in µm/px, such as 0.25", allowed="0.25"
        )
    return Mpp(value)
