"""A folder into which the LIS drops orders, and where they go once they were read.

    FOLDER/            dropped, not read yet
    FOLDER/accepted/   read; some slide has not come yet. Read again after a restart
    FOLDER/done/       all its orders are in the worklist, or none is for this program
    FOLDER/refused/    not understood, wholly or in part, with NAME.reason beside

A message is moved, never copied or changed. Names in the folders begin with a digest of the
content, so that the same message dropped twice is one file and another one never writes over it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pathology.exchange.manifest_csv import read_manifest_rows
from pathology.exchange.order_files import MIB, read_orders
from pathology.exchange.whole_file import write_whole
from pathology.pipeline.watched_folder import is_temporary
from pathology.records.incoming import IntakeProblem, ManifestRead, OrdersRead
from pathology.records.settings.incoming import IncomingSettings
from pathology.records.watched import FolderLook, Stamp

Place = Literal["accepted", "done", "refused"]
REASON: Final = ".reason"
SCHEMA: Final = "pathology.intake-reason/1"
NAME_BYTES: Final = 200  # of the 255 that file systems allow, with digest and ".reason"


def dropped(folder: Path) -> FolderLook:
    """Files that lie in ``folder`` itself, each with its stamp; links and pipes too."""
    stamps: dict[Path, Stamp] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                if entry.is_dir(follow_symlinks=False) or is_temporary(path, folder):
                    continue
                with suppress(FileNotFoundError):  # taken away meanwhile
                    seen = entry.stat(follow_symlinks=False)
                    stamps[path] = ((entry.name, seen.st_size, seen.st_mtime_ns),)
    except OSError as cause:
        detail = cause.strerror or type(cause).__name__
        return FolderLook(state="share-gone", detail=detail)
    return FolderLook(state="there", stamps=stamps)


def accepted(folder: Path) -> tuple[Path, ...]:
    """Messages whose slides are waited for, the oldest first."""
    look = dropped(folder / "accepted")
    waiting = [p for p in look.stamps if not p.name.endswith(REASON)]
    return tuple(sorted(waiting, key=lambda p: (look.stamps[p][0][2], p.name)))


def read_message(path: Path, settings: IncomingSettings, zone: ZoneInfo) -> OrdersRead:
    """Its orders. Links are not followed, pipes not opened, large files not read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as cause:
        detail = cause.strerror or type(cause).__name__
        return _refused("not-a-file" if path.is_symlink() else "cannot-read", detail=detail)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return _refused("not-a-file")
        try:
            data = file.read(int(settings.largest_mib * MIB) + 1)
        except OSError as cause:
            return _refused("cannot-read", detail=cause.strerror or type(cause).__name__)
    return read_orders(data, settings, zone)


def read_list(path: Path) -> ManifestRead:
    """A manifest's rows as a night reads them, with slides by their real paths."""
    read = read_manifest_rows(path)
    rows = tuple(replace(row, slide=Path(os.path.realpath(row.slide))) for row in read.rows)
    return replace(read, rows=rows)


def put_away(path: Path, folder: Path, place: Place, read: OrdersRead, at_utc: datetime) -> Path:
    """Move a message; where it is now. One that another process moved first is left alone.

    Raises
    ------
    OutputError
        The reason cannot be written.
    OSError
        The message cannot be moved.
    """
    target = folder / place / _name(path)
    target.parent.mkdir(mode=0o750, exist_ok=True)
    if read.problems:
        write_whole(target.with_name(target.name + REASON), _reason(read, at_utc))
    with suppress(FileNotFoundError):
        path.rename(target)
    if path.parent != folder:  # from accepted/: its reason has moved along
        with suppress(FileNotFoundError):
            path.with_name(path.name + REASON).unlink()
    return target


def prune(folder: Path, days: int, now_utc: datetime) -> int:
    """Delete what was done or refused more than ``days`` ago; how many files."""
    before = (now_utc - timedelta(days=days)).timestamp()
    gone = 0
    for place in ("done", "refused"):
        for path, stamp in dropped(folder / place).stamps.items():
            if stamp[0][2] / 1e9 < before:
                with suppress(FileNotFoundError):
                    path.unlink()
                    gone += 1
    return gone


def _refused(code: str, **facts: object) -> OrdersRead:
    return OrdersRead(problems=(IntakeProblem(place=0, code=code, facts=facts),))


def _name(path: Path) -> str:
    """The file's name behind a digest of its content; a link's behind one of its target."""
    if path.parent.name == "accepted":
        return path.name
    digest = hashlib.sha256()
    if path.is_symlink():
        digest.update(os.fsencode(path.readlink()))
    elif path.is_file():
        with path.open("rb") as file:
            while block := file.read(MIB):
                digest.update(block)
    name = os.fsencode(path.name)[-NAME_BYTES:].decode("utf-8", errors="ignore")
    return f"{digest.hexdigest()[:12]}-{name}"


def _reason(read: OrdersRead, at_utc: datetime) -> bytes:
    told = {
        "schema": SCHEMA,
        "at_utc": at_utc.isoformat(timespec="seconds"),
        "orders_taken": len(read.orders),
        "problems": _problems(read.problems),
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8")


def _problems(problems: Sequence[IntakeProblem]) -> list[dict[str, object]]:
    return [
        {"order": p.place or None, "code": p.code, "en": p.text("en"), "zh": p.text("zh")}
        for p in problems
    ]
