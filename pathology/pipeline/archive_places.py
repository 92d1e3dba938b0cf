"""Where an archive lies; apart from opening it, which loads the database's library."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pathology.records.settings.ledger import ArchiveSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePlaces:
    """Where the parts of an archive lie on this machine."""

    database: Path  # SQLite's file; unused with PostgreSQL
    anchor: Path
    keys: Path  # unused when keys come from the environment or a command


def archive_places(settings: ArchiveSettings) -> ArchivePlaces:
    """The settings' paths, or those of the user's state folder where they are empty."""
    state = state_folder()
    keys = Path(settings.vault.file or state / "keys.json")
    return ArchivePlaces(
        database=Path(settings.ledger.file or state / "ledger.sqlite"),
        anchor=Path(settings.ledger.anchor or keys.parent / "ledger-anchor.json"),
        keys=keys,
    )


def state_folder() -> Path:
    """``$XDG_STATE_HOME/pathology``, by default ``~/.local/state/pathology``.

    A relative XDG_STATE_HOME counts as none, as the XDG Base Directory Specification asks.
    """
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".local" / "state") / "pathology"
