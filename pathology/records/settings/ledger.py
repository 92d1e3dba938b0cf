"""Where the ledger's database lies, and where its keys come from. No secret stands in a setting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pathology.records.settings.ranges import check_names, check_positive

KeySource = Literal["file", "environment", "command"]
PASSWORD = re.compile(r"://[^/@]*:[^/@]*@|[?&](password|passfile)=", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings:
    """The database and the second place that holds the audit chain's head.

    Empty paths mean the folder of this user's state: ``$XDG_STATE_HOME/pathology``, by default
    ``~/.local/state/pathology``.
    """

    source: str
    url: str = ""  # postgresql://user@host/database without a password; empty: embedded SQLite
    file: str = ""  # of SQLite: an absolute path on a disk of this machine, or empty
    passfile: str = ""  # of libpq, for PostgreSQL: an absolute path, or empty
    password_environment: str = ""  # name of a variable that holds PostgreSQL's password
    anchor: str = ""  # the chain's second place: an absolute path, or empty
    busy_s: float = 30.0  # how long a writer waits for another
    connections: int = 5  # to PostgreSQL, a process

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "busy_s", "connections")
        if self.url and not self.url.startswith("postgresql://"):
            raise ValueError("url must begin with postgresql://, or be empty for SQLite")
        if PASSWORD.search(self.url):
            raise ValueError("url must hold no password: name a passfile or password_environment")
        if self.url and self.file:
            raise ValueError("url and file are two databases: name one")
        if not self.url and (self.passfile or self.password_environment):
            raise ValueError("passfile and password_environment belong to a url")
        if self.passfile and self.password_environment:
            raise ValueError("passfile and password_environment are two sources: name one")
        _check_absolute(self, "file", "passfile", "anchor")


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """Where the key ring is read from: a file, an environment variable, or a program's output."""

    source: str
    keys: KeySource = "file"
    file: str = ""  # an absolute path, or empty: keys.json in the user's state folder
    environment: str = ""  # the variable that holds the ring
    command: tuple[str, ...] = ()  # program and arguments; no shell reads them
    command_s: float = 30.0  # how long the program may take

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "command_s")
        _check_absolute(self, "file")
        if (self.keys == "environment") != bool(self.environment):
            raise ValueError('environment names a variable when keys = "environment", else nothing')
        if (self.keys == "command") != bool(self.command):
            raise ValueError('command is a list of words when keys = "command", else empty')
        if self.file and self.keys != "file":
            raise ValueError('file belongs to keys = "file"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSettings:
    """``ledger.toml``."""

    ledger: LedgerSettings
    vault: VaultSettings


def _check_absolute(record: LedgerSettings | VaultSettings, *names: str) -> None:
    for name in names:
        path = getattr(record, name)
        if path and not Path(path).is_absolute():
            raise ValueError(f"{name} must be an absolute path, or empty")
