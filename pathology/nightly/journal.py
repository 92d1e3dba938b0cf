"""The night's log: one JSON object a line, rotated, without a name of a patient or a file.

A line has a fixed set of fields and nothing else: no free text of an exception comes in, since a
library's message may hold a path, and a path a patient's name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from pathology.errors import OutputError

LOGGER: Final = logging.getLogger("pathology.nightly")
FIELDS: Final = frozenset(
    [
        "shift",
        "item",
        "slide",
        "slide_id",
        "case",
        "analysis",
        "priority",
        "state",
        "reason",
        "attempt",
        "seconds",
        "number",
        "call",
        "detail",
        "code",
        "until",
        "retry",
        "owner",
        "actor",
        "end",
        "address",
        "scanner",
        "peak_gib",
        "version",
    ]
)
"""What a line may say. Ids, pseudonyms, codes, numbers, times, accounts: never a path."""
MIB: Final = 2**20
NAME: Final = "night.jsonl"


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, event, and the fields it was given."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; fields that are not known are left out."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.msg,
        }
        given: Mapping[str, object] = getattr(record, "told", {})
        told |= {k: v for k, v in given.items() if k in FIELDS and v is not None}
        if record.exc_info and record.exc_info[0]:
            told["error"] = record.exc_info[0].__name__
        return json.dumps(told, ensure_ascii=False, default=str)


class RotatedLines(RotatingFileHandler):
    """The standard library's rotated file; what cannot be written is lost, and nothing else."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name there
        """A full disk costs lines, never the night, and no traceback holds a line's fields."""


def tell(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """One line of the log. ``event`` is a fixed word; a field that is not known is a bug.

    Raises
    ------
    ValueError
        A field that a line may not have.
    """
    if strangers := fields.keys() - FIELDS:
        raise ValueError(f"the log knows no fields {sorted(strangers)}")
    LOGGER.log(level, event, extra={"told": fields})


@contextmanager
def journal(folder: Path, *, most_mib: float, files: int) -> Iterator[Path]:
    """Write the log to ``folder`` while the block runs; its path.

    Raises
    ------
    OutputError
        The folder cannot be written when the night begins.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = RotatedLines(
            path, maxBytes=round(most_mib * MIB), backupCount=files, encoding="utf-8"
        )
    except OSError as cause:
        raise OutputError(f"the folder of logs cannot be written ({cause.strerror})") from cause
    file.setFormatter(JsonLines())
    before, carried_on = LOGGER.level, LOGGER.propagate
    LOGGER.addHandler(file)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    try:
        yield path
    finally:
        LOGGER.removeHandler(file)
        LOGGER.setLevel(before)
        LOGGER.propagate = carried_on
        file.close()
