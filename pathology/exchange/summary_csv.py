"""``summary.csv``: one row per slide and analysis, for spreadsheets and for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Final, get_args

from pathology.errors import UsageError
from pathology.exchange.whole_file import write_whole
from pathology.records.result import Analysis
from pathology.records.summary import SummaryRow, SummaryState

SUMMARY_COLUMNS: Final = tuple(f.name for f in fields(SummaryRow))
FLAG_SEPARATOR: Final = "; "
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""A cell that begins with one of these is a formula to a spreadsheet, and a file name may."""

NUMBERS: Final[Mapping[str, Callable[[str], float]]] = MappingProxyType(
    {"value": float, "low": float, "high": float, "part": int, "whole": int, "seconds": float}
)


def write_summary(path: Path, rows: Sequence[SummaryRow]) -> None:
    """All ``rows`` at ``path``, replacing what was there; UTF-8 with a mark that Excel looks for.

    Raises
    ------
    OutputError
        The file cannot be written; what was there before stays.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(SUMMARY_COLUMNS)
    writer.writerows([_cell(row, name) for name in SUMMARY_COLUMNS] for row in rows)
    write_whole(path, text.getvalue().encode("utf-8-sig"))


def _cell(row: SummaryRow, name: str) -> str:
    value = getattr(row, name)
    if value is None:
        return ""
    if name in NUMBERS:
        return repr(value)
    text = FLAG_SEPARATOR.join(value) if isinstance(value, tuple) else str(value)
    # An apostrophe of the text's own is doubled, so that reading gives back what was written.
    return f"'{text}" if text.startswith((*FORMULA_SIGNS, "'")) else text


def read_summary(path: Path) -> tuple[SummaryRow, ...]:
    """The rows of a summary; none where there is no file yet.

    Raises
    ------
    UsageError
        The file is no summary, or a row was spoilt by hand; the message names the row.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as cause:
        raise UsageError(
            f"{path.name}: cannot be read as UTF-8. Move it away, run again"
        ) from cause
    lines = csv.reader(io.StringIO(text, newline=""))
    if tuple(next(lines, ())) != SUMMARY_COLUMNS:
        raise UsageError(f"{path.name}: has not the columns of a summary. Move it away, run again")
    return tuple(_row(line, f"{path.name}, line {lines.line_num}") for line in lines if line)


def _row(line: Sequence[str], where: str) -> SummaryRow:
    try:
        cells = dict(zip(SUMMARY_COLUMNS, line, strict=True))
        values: dict[str, object] = {n: c.removeprefix("'") for n, c in cells.items()}
        values |= {n: read(cells[n]) if cells[n] else None for n, read in NUMBERS.items()}
    except ValueError as cause:
        raise UsageError(f"{where}: was changed by hand ({cause}). Move the file away") from cause
    known = cells["analysis"] in get_args(Analysis) and cells["state"] in get_args(SummaryState)
    if not known or values["seconds"] is None:
        raise UsageError(f"{where}: was changed by hand. Move the file away, run again")
    flags = str(values["flags"])
    values["flags"] = tuple(flags.split(FLAG_SEPARATOR)) if flags else ()
    return SummaryRow(**values)  # type: ignore[arg-type]
