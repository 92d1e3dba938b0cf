"""The audit chain for an inspector: every line as JSON, and as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pathology.errors import NotAllowed
from pathology.exchange.whole_file import write_whole
from pathology.ledger.open import OpenLedger, utc_now
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.audit import AuditLine, ChainReport
from pathology.records.plain import plain
from pathology.records.settings.run import RunSettings

COLUMNS: Final = (
    "sequence",
    "at_utc",
    "actor",
    "act",
    "subject",
    "before",
    "after",
    "reason",
    "previous_mac",
    "mac",
)
BROKEN_GLASS: Final = "break-glass"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWish:
    """Which lines; times are aware, ``to_utc`` is not among them any more."""

    file: Path  # its name without .jsonl and .csv
    from_utc: datetime | None = None
    to_utc: datetime | None = None
    case: str | None = None
    contents: bool = False  # what sealed entries say; for an auditor alone

    def holds(self, line: AuditLine) -> bool:
        """Whether a line is asked for."""
        if self.from_utc is not None and line.at_utc < self.from_utc:
            return False
        if self.to_utc is not None and line.at_utc >= self.to_utc:
            return False
        return self.case is None or self.case in (line.subject, line.after.get("case"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditExported:
    """What was written, how the chain is, and every time that somebody broke the glass."""

    files: tuple[Path, ...]
    lines: int
    chain: ChainReport
    broken_glass: tuple[AuditLine, ...]


def export_audit(settings: RunSettings, wish: AuditWish) -> AuditExported:
    """Write the lines that are asked for; that it was done is itself a line.

    Raises
    ------
    NotAllowed
        The user is neither auditor nor administrator; or asks for contents and is no auditor.
    OutputError
        The files cannot be written.
    LedgerError
        There is no ledger, or it cannot be read.
    """
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "export-audit")
        if wish.contents and "auditor" not in actor.roles:
            raise NotAllowed(f"{actor.name} may not read what is sealed: it needs the role auditor")
        chain = ledger.audit.verify()
        told = [line for line in ledger.audit.lines() if wish.holds(line)]
        contents = ledger.cases(settings.deciding).content_of if wish.contents else _nothing
        files = _written(wish.file, told, contents)
        if not chain.faults:  # a damaged chain is written to no more
            _note(ledger, actor.name, wish, len(told))
    glass = tuple(line for line in told if line.act == BROKEN_GLASS)
    return AuditExported(files=files, lines=len(told), chain=chain, broken_glass=glass)


def _note(ledger: OpenLedger, by: str, wish: AuditWish, lines: int) -> None:
    ledger.audit.append(
        actor=by,
        act="export-audit",
        subject="chain",
        now_utc=utc_now(),
        after={
            "lines": lines,
            "from": plain(wish.from_utc),
            "to": plain(wish.to_utc),
            "case": wish.case,
            "contents": wish.contents,
        },
    )


def _nothing(entry: int) -> None:
    """Contents that were not asked for."""


def _written(
    file: Path, lines: list[AuditLine], content_of: Callable[[int], Mapping[str, Any] | None]
) -> tuple[Path, ...]:
    stem = file.with_suffix("") if file.suffix in (".jsonl", ".csv") else file
    jsonl, table = stem.with_name(f"{stem.name}.jsonl"), stem.with_name(f"{stem.name}.csv")
    write_whole(jsonl, (_json_line(line, content_of) for line in lines))
    write_whole(table, _csv_lines(lines))
    return jsonl, table


def _json_line(line: AuditLine, content_of: Callable[[int], Mapping[str, Any] | None]) -> bytes:
    told = plain(line)
    entry = line.after.get("entry")
    if line.act.startswith("case-") and isinstance(entry, int):
        content = content_of(entry)
        if content is not None:
            told["content"] = content
    return json.dumps(told, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"


def _csv_lines(lines: list[AuditLine]) -> Iterator[bytes]:
    yield b"\xef\xbb\xbf" + _row(COLUMNS)  # so that a spreadsheet reads Chinese
    for line in lines:
        told = plain(line)
        yield _row([_cell(told[name]) for name in COLUMNS])


def _row(cells: tuple[str, ...] | list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8")


def _cell(value: object) -> str:
    """Text that no spreadsheet runs as a formula; the JSON has it letter for letter."""
    text = (
        json.dumps(value, ensure_ascii=False, sort_keys=True)
        if isinstance(value, dict)
        else str(value)
    )
    return f"'{text}" if text.startswith(FORMULA) else text
