"""A look into a folder into which scanners write: which slides lie there, as large as they are now.

Nothing here decides whether a slide is whole (``nightly.settling`` does) and nothing is raised: a
share that vanishes is a state, and the next look may find it again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final

from pathology.errors import SlideUnreadable
from pathology.records.watched import FolderLook, Stamp
from pathology.slides.find import files_of, find_slides

TEMPORARY: Final = re.compile(
    r"\..*|~.*|.*~|.*\.(part|partial|filepart|tmp|temp|crdownload|download|swp)", re.IGNORECASE
)
"""Names that editors and copying programs give to what they have not finished."""


def look_into(
    folder: Path,
    *,
    known: Container[Path] = (),
    held_before: bool = False,
    marker_file: str = "",
) -> FolderLook:
    """Slides of ``folder`` not yet ``known``, by real path, with the stamps of all their files.

    ``held_before``: slides were seen here earlier, so that an empty folder means an empty mount
    point. A ``marker_file`` that is not there means the same.
    """
    try:
        real = folder.resolve(strict=True)
        with os.scandir(real) as entries:
            is_empty = next(entries, None) is None
        marked = not marker_file or (real / marker_file).exists()
    except OSError as cause:
        return _gone(cause)
    except RuntimeError:  # a link that leads to itself, as pathlib says it
        return FolderLook(state="share-gone", detail="a link leads to itself")
    if not marked or (is_empty and held_before):
        return FolderLook(state="share-empty")
    found = find_slides([real], within=real)
    if real in found:
        return FolderLook(state="share-gone", detail="cannot be listed")
    return _stamped(found, real, known)


def stamp_of(path: Path) -> Stamp:
    """Sizes and times of all files of a slide.

    Raises
    ------
    OSError
        One of them cannot be looked at now.
    SlideUnreadable
        A folder of the slide cannot be listed.
    """
    files = files_of(path)
    seen = [(str(file), file.stat()) for file in files]
    return tuple(sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in seen))


def is_temporary(path: Path, folder: Path) -> bool:
    """Whether a name between ``folder`` and the file says that it is not finished, or hidden."""
    parts = path.relative_to(folder).parts
    return any(TEMPORARY.fullmatch(part) for part in parts)


def _stamped(paths: Iterable[Path], folder: Path, known: Container[Path]) -> FolderLook:
    stamps: dict[Path, Stamp] = {}
    leads_out: list[Path] = []
    unreadable: list[Path] = []
    for named in paths:
        path = Path(os.path.realpath(named))
        if path in known or is_temporary(named, folder):
            continue
        if not _all_inside(path, folder):
            leads_out.append(named)
            continue
        try:
            stamps[path] = stamp_of(path)
        except (OSError, SlideUnreadable):
            unreadable.append(path)
    return FolderLook(
        state="there",
        stamps=stamps,
        leads_out=tuple(leads_out),
        unreadable=tuple(unreadable),
    )


def _all_inside(path: Path, folder: Path) -> bool:
    """Whether neither the slide nor a file of it is a link that leads out."""
    try:
        files = (path, *files_of(path))
    except SlideUnreadable:
        files = (path,)
    return all(Path(os.path.realpath(file)).is_relative_to(folder) for file in files)


def _gone(cause: OSError) -> FolderLook:
    return FolderLook(state="share-gone", detail=cause.strerror or type(cause).__name__)
