"""dask: a cluster of our own, run by a foreman, or a scheduler that is already there."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from distributed import Client
from distributed.security import Security

from pathology.errors import ClusterError, UsageError
from pathology.pipeline.workplace import Workplace
from pathology.records.settings.site import ClusterSettings, RunningSettings

GIB: Final = 1024**3
CONNECTING: Final = "10s"
FOREMAN_S: Final = 120.0
"""For a foreman to start; on a machine under load Python alone takes many seconds."""
CLOSING_S: Final = 20.0


@dataclass(slots=True, kw_only=True, eq=False)
class Cluster:
    """A client, and the foreman whose cluster it speaks to; None where it is somebody else's."""

    client: Client
    foreman: subprocess.Popen[str] | None = None
    workers_here: bool = False  # the foreman's own children
    dashboard: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the scheduler still answers."""
        if self.foreman is not None and is_gone(self.foreman):
            return False
        return str(self.client.status) == "running"

    def kill_worker(self, pid: int) -> bool:
        """Kill a worker of this machine for good; False where it is none of the foreman's."""
        if self.foreman is None or not self.workers_here:  # elsewhere, a number is another's
            return False
        try:
            if os.getpgid(pid) != self.foreman.pid:
                return False
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def close(self, *, at_once: bool = False) -> None:
        """Leave; a foreman and all of its processes are gone afterwards, stopped ones too.

        ``at_once`` waits for no work that still goes on.
        """
        with suppress(OSError, TimeoutError, RuntimeError):
            self.client.close(timeout=2)
        if self.foreman is not None:
            dismiss(self.foreman, at_once=at_once)


def is_gone(foreman: subprocess.Popen[str]) -> bool:
    """Whether the process has ended. It is not reaped: its number must stay its own till then."""
    asked = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        return os.waitid(os.P_PID, foreman.pid, asked) is not None
    except ChildProcessError:
        return True


def dismiss(foreman: subprocess.Popen[str], *, at_once: bool = False) -> None:
    """End a foreman and everybody in its group."""
    for pipe in (foreman.stdin, foreman.stdout):
        if pipe is not None:
            with suppress(OSError):  # it may have gone before
                pipe.close()
    deadline = time.monotonic() + (0 if at_once else CLOSING_S)
    while not is_gone(foreman) and time.monotonic() < deadline:
        time.sleep(0.02)
    if foreman.returncode is None:  # not reaped yet: the number of the group is still its own
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(foreman.pid, signal.SIGKILL)
    foreman.wait()


def own_cluster(
    workers: int, site: ClusterSettings, *, threads: int = 1, writers: int = 0
) -> Cluster:
    """A fresh cluster as the site's settings say, run by a foreman.

    On this machine it listens on loopback only. ``threads`` is how many each worker takes for a
    network; ``writers`` word drafts, on this machine only.

    Raises
    ------
    UsageError
        Fewer than one worker.
    ClusterError
        It could not be started; the message says why.
    """
    if workers < 1:
        raise UsageError("--workers must be 1 or more")
    place = replace(_workplace(workers, site, threads), writers=writers)
    foreman = _hired(place)
    client: Client | None = None
    try:
        told = _told(foreman)
        client = _connected(told["address"], place.security)
    finally:
        if client is None:  # also where the user had enough of waiting
            dismiss(foreman, at_once=True)
    return Cluster(
        client=client,
        foreman=foreman,
        workers_here=place.kind == "local",
        dashboard=told["dashboard"],
    )


def _workplace(workers: int, site: ClusterSettings, threads: int) -> Workplace:
    batch = site.kind in ("slurm", "pbs")
    if batch:
        ca, certificate, key = (str(Path(f).absolute()) for f in _certificates(site))
    else:
        passing = Security.temporary()
        ca, certificate, key = (
            str(getattr(passing, f"tls_{part}"))
            for part in ("ca_file", "client_cert", "client_key")
        )
    return Workplace(
        kind=site.kind if batch else "local",
        workers=workers,
        threads=threads,
        cards=() if batch else site.cards,
        job=site.job if batch else None,
        ca=ca,
        certificate=certificate,
        key=key,
    )


def _hired(place: Workplace) -> subprocess.Popen[str]:
    """A foreman who was told the workplace: over a pipe, since a key belongs in no command line."""
    package = str(Path(__file__).parents[2])
    paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    foreman = subprocess.Popen(
        # -P: no module of the folder in which the user happens to be
        [sys.executable, "-P", "-m", "pathology.pipeline.foreman"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        process_group=0,  # a terminal's Ctrl-C is for the crew to hear, see ``dismiss`` as well
        text=True,
    )
    if foreman.stdin is None:
        raise ClusterError("the process for the workers has no standard input")
    with suppress(BrokenPipeError):  # it died; ``_told`` says so
        foreman.stdin.write(place.told() + "\n")
        foreman.stdin.flush()
    return foreman


def _told(foreman: subprocess.Popen[str]) -> dict[str, str]:
    """What the foreman tells when its cluster is up."""
    out = foreman.stdout
    ready = out is not None and select.select([out], [], [], FOREMAN_S)[0]
    line = out.readline() if out is not None and ready else ""
    if not line:
        raise ClusterError(
            "the process that keeps the workers did not start. Is there memory left? "
            "`pathology doctor` looks."
        )
    told: dict[str, str] = json.loads(line)
    if "problem" in told:
        raise ClusterError(f"the workers could not be started: {told['problem']}")
    return told


@contextmanager
def local_cluster(workers: int, *, threads: int = 1) -> Iterator[Client]:
    """A client of a fresh cluster of ``workers`` processes on this machine, for a while."""
    site = ClusterSettings(source="processes on this machine")
    cluster = own_cluster(workers, site, threads=threads)
    try:
        yield cluster.client
    finally:
        cluster.close()


def existing_cluster(address: str, certificates: ClusterSettings) -> Cluster:
    """A client of the scheduler at ``address`` (``tls://host:port``; plain ``tcp`` on loopback).

    Raises
    ------
    UsageError
        The address is not one of a scheduler, or is beyond loopback without TLS.
    ClusterError
        Nobody answers there, or the certificates are missing or refused.
    """
    return Cluster(client=_connected(address, _security(address, certificates)))


def default_workers(running: RunningSettings) -> int:
    """One process a core, as far as the memory planned for each goes round."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return max(1, min(cores(), int(memory / running.worker_gib)))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _connected(address: str, security: Security | None) -> Client:
    # dask tells of lost connections with tracebacks; here they are outcomes.
    for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return Client(address, security=security, timeout=CONNECTING, set_as_default=False)
    except OSError as cause:
        raise ClusterError(
            f"no dask scheduler answers at {address}. Start it, or leave --cluster out."
        ) from cause


def _security(address: str, certificates: ClusterSettings) -> Security | None:
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError as cause:  # a port that is no number, a bracket left open
        raise UsageError(f"--cluster {address}: write tls://host:port ({cause})") from cause
    if scheme not in ("tls", "tcp") or not host or not port:
        raise UsageError(f"--cluster {address}: write tls://host:port")
    if scheme == "tcp":
        if not is_loopback(host):
            raise UsageError(
                f"--cluster {address}: beyond this machine only tls:// with certificates is used, "
                "since dask carries code. Set [cluster] in site.toml."
            )
        return None
    ca, certificate, key = _certificates(certificates)
    return Security(
        tls_ca_file=ca, tls_client_cert=certificate, tls_client_key=key, require_encryption=True
    )


def _certificates(site: ClusterSettings) -> tuple[str, str, str]:
    files = (site.tls_ca_file, site.tls_cert_file, site.tls_key_file)
    if not all(files) or not all(Path(f).is_file() for f in files):
        raise ClusterError(
            "more machines than this need tls_ca_file, tls_cert_file and tls_key_file under "
            "[cluster] in site.toml"
        )
    return files


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
