"""The summary of a night beside its results: pages and document, each whole or absent."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pathology.errors import OutputError
from pathology.exchange.documents import write_json
from pathology.exchange.whole_file import write_whole

FOLDER: Final = "nights"
OURS: Final = re.compile(r"night-\d{4}-\d{2}-\d{2}-\d+\.(json|en\.html|zh\.html)")
DAY_S: Final = 86400.0


def nights_folder(out: Path) -> Path:
    """Where summaries (and by default logs) of the nights of an output folder lie; made if need be.

    Raises
    ------
    OutputError
        It cannot be made.
    """
    folder = out / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OutputError(f"the folder of nights cannot be made ({cause.strerror})") from cause
    return folder


def write_night(
    folder: Path, name: str, document: Mapping[str, Any], pages: Mapping[str, str]
) -> Path:
    """``name.json`` and a page for each language; the document's path.

    Raises
    ------
    OutputError
        No room, no right, or the document breaks its schema.
    """
    for language, page in pages.items():
        write_whole(folder / f"{name}.{language}.html", page.encode("utf-8"))
    path = folder / f"{name}.json"
    write_json(path, document, "night-1")
    return path


def forget_old_nights(folder: Path, days: int) -> int:
    """Remove summaries older than ``days``; how many files. Nothing that is not a summary."""
    oldest, gone = time.time() - days * DAY_S, 0
    with suppress(OSError):
        for path in folder.iterdir():
            if OURS.fullmatch(path.name) and path.stat().st_mtime < oldest:
                path.unlink()
                gone += 1
    return gone
