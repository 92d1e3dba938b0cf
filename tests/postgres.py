"""A real PostgreSQL server for tests, from Debian's package: started on a socket, thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from secrets import token_hex

import psycopg

PASSWORD = token_hex(8)


def programs() -> Path | None:
    """The folder of the newest server's programs, None where no server is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    return found[-1].parent if found else None


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is room: hundreds of commits need not wait for the disk.

    Its path is short (a socket's may have 107 bytes) and the server's user is let in.
    """
    memory = Path("/dev/shm")  # noqa: S108 -- mkdtemp makes a private folder in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30
    folder = Path(tempfile.mkdtemp(prefix="ledger-", dir=memory if roomy else None))
    yield folder
    shutil.rmtree(folder)


class PostgresServer:
    """A server of its own data, asking for a password, listening on a socket alone.

    Without ``fsync`` it forgets at a power cut, which no test makes; killed processes are survived.
    """

    def __init__(self, bin_folder: Path, folder: Path, *, fsync: bool = False) -> None:
        self._bin, self.folder = bin_folder, folder
        self._numbers = count(1)
        self._as_user: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(self.folder, "postgres", "postgres")
            self._as_user = ["runuser", "-u", "postgres", "--"]
        secret = self.folder / "password"
        secret.write_text(PASSWORD, encoding="ascii")
        secret.chmod(0o644)
        self._do("initdb", "-D", self.data, "-U", "pathology", "-A", "scram-sha-256",
                 f"--pwfile={secret}", "-E", "UTF8", "--no-sync")  # fmt: skip
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="ascii") as settings:
            settings.write(f"unix_socket_directories = '{self.folder}'\nlisten_addresses = ''\n")
            settings.write(
                f"fsync = {'on' if fsync else 'off'}\nshared_buffers = 32MB\nmax_connections = 40\n"
            )
        self.passfile = folder / "pgpass"
        self.passfile.write_text(f"*:*:*:pathology:{PASSWORD}\n", encoding="ascii")
        self.passfile.chmod(0o600)
        self.start()

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def start(self) -> None:
        self._do("pg_ctl", "-D", self.data, "-w", "-l", str(self.folder / "log"), "start")

    def stop(self, how: str = "fast") -> None:
        self._do("pg_ctl", "-D", self.data, "-w", "-m", how, "stop")

    def new_database(self, template: str = "template1") -> str:
        """A fresh database; its name."""
        name = f"ledger_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def url(self, database: str) -> str:
        """As a site writes it: without the password."""
        return f"postgresql://pathology@/{database}?host={self.folder}"

    def cut_connections(self, url: str) -> None:
        """End every connection to the database of a url."""
        name = url.split("/")[3].split("?")[0]
        ask = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        with self.connect() as connection:
            connection.execute(ask, (name,))

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.folder), dbname=database, user="pathology", password=PASSWORD,
            autocommit=True,
        )  # fmt: skip

    def execute(self, statement: str, database: str = "postgres") -> None:
        with self.connect(database) as connection:
            connection.execute(statement)

    def _do(self, program: str, *words: str) -> None:
        command = [*self._as_user, str(self._bin / program), *words]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")
