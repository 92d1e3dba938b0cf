"""What a path leads to, asked without an error: a closed door or an endless name is no crash.

``pathlib`` raises where a folder may not be entered or a name is too long, and its ``resolve``
where a link leads to itself. Whoever opens such a path is told why; whoever only looks goes on.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether a regular file can be seen there; pipes, sockets and devices are none."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether a folder can be seen there."""
    return stat.S_ISDIR(_mode(path))


def real_path(path: Path) -> Path:
    """The path without symbolic links, as far as they can be followed."""
    return Path(os.path.realpath(path))


def may_read(path: Path) -> bool:
    """Whether this user may read the file, or list and enter the folder."""
    return os.access(path, os.R_OK | os.X_OK if is_folder(path) else os.R_OK)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return 0
