"""A folder or file made aside and put in place whole, or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pathology.errors import OutputError


@contextmanager
def folder_aside(out: Path) -> Iterator[Path]:
    """A fresh private folder beside ``out``, renamed to it at the end, or removed.

    Raises
    ------
    OutputError
        Something is at ``out`` already, or it cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out.name}: is there already. Name a place that is free")
    aside = out.parent / f".making-{secrets.token_hex(8)}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside.mkdir(mode=0o700)
        yield aside
        aside.rename(out)
    except OSError as cause:
        raise OutputError(f"{out.name}: cannot be written ({cause.strerror or cause})") from cause
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def file_aside(out: Path) -> Iterator[Path]:
    """A place in a fresh private folder for a file that is linked to ``out`` at the end.

    Raises
    ------
    OutputError
        Something is at ``out`` already, or it cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out.name}: is there already. Name a place that is free")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".making-", dir=out.parent) as folder:
            aside = Path(folder) / "made"
            yield aside
            out.hardlink_to(aside)  # fails where a file is, unlike a rename
    except OSError as cause:
        raise OutputError(f"{out.name}: cannot be written ({cause.strerror or cause})") from cause
