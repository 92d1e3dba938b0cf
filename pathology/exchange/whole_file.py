"""A file that is whole or absent: written aside, synced, renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pathology.errors import OutputError


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """``data`` at ``path``, replacing what was there; a reader never sees half of it.

    What comes in pieces is written piece by piece and need never be in memory whole.

    Raises
    ------
    OutputError
        No right to write there, no such folder, or no room; what was there before stays.
    """
    pieces = (data,) if isinstance(data, bytes) else data
    try:
        _write_aside_and_rename(path, pieces)
    except OSError as cause:
        raise OutputError(f"{path.name}: cannot be written ({cause.strerror or cause})") from cause


def _write_aside_and_rename(path: Path, pieces: Iterable[bytes]) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; a result is as readable as its folder allows.
        umask = os.umask(0)
        os.umask(umask)
        aside.chmod(0o666 & ~umask)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
