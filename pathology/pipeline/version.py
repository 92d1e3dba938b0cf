"""Which code is running, for provenance."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path


@cache
def source_commit() -> str | None:
    """Commit of a checkout, with ``+changes`` where files differ from it; None if installed."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None else commit + ("+changes" if changed else "")


def _git(root: Path, *words: str) -> str | None:
    try:
        run = subprocess.run(  # noqa: S603 - literal words only
            ["git", "-C", str(root), *words],  # noqa: S607 - git is found as the user finds it
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip()
