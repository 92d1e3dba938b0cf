"""Whether the places that a night needs are there: the disk of results, the folders of slides."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident
from typing import Final

from pathology.pipeline.store import ASIDE

GIB: Final = 2**30
PROBE_BYTES: Final = 8 * 2**20
"""More than the smallest result: a disk that takes it has room to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The disk of the results."""

    free_gib: float
    writable: bool = True
    probed: bool = False  # whether that was tried, or only hoped


def disk_of(out: Path, *, probe: bool) -> Disk:
    """How much is free; with ``probe`` also whether some megabytes can be written and synced.

    Quotas and read-only remounts do not show in the free space, only in writing.

    Raises
    ------
    OSError
        The folder cannot be asked at all.
    """
    free = shutil.disk_usage(out).free / GIB
    return Disk(free_gib=free, writable=not probe or _takes(out / ASIDE), probed=probe)


def _takes(folder: Path) -> bool:
    path = folder / f"probe-{os.getpid()}-{get_ident()}"
    try:
        folder.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.write(b"\0" * PROBE_BYTES)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return True


def place_away(slide: Path) -> Path | None:
    """The highest folder above a slide that is not to be seen, None where its own folder is.

    A folder that is gone, cannot be listed or is empty is what an unmounted share looks like. Where
    the slide's folder shows other files, the slide itself is missing.
    """
    place: Path | None = None
    for folder in slide.parents:
        if not shows_nothing(folder):
            break
        place = folder
    return place


def shows_nothing(folder: Path) -> bool:
    """Whether a folder is gone, cannot be listed, or is empty. May hang with its share."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return True
