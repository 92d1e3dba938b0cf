"""dask: a local cluster of processes by default, or a scheduler that is already there.

dask carries pickle between processes, so nothing of it may be open to strangers: the local cluster
and its dashboard listen on loopback only, and a scheduler elsewhere is spoken to over TLS with
certificates or not at all.
"""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import dask
from distributed import Client, LocalCluster
from distributed.security import Security

from pathology.errors import ClusterError, UsageError
from pathology.records.settings.site import ClusterSettings, RunningSettings

LOOPBACK = "127.0.0.1"
NETWORK_THREADS = (
    "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS",
    "distributed.nanny.pre-spawn-environ.MKL_NUM_THREADS",
)
QUIET = {
    # Threads inside the numerical libraries would fight with the worker processes for cores.
    **dict.fromkeys(NETWORK_THREADS, 1),
    "distributed.nanny.pre-spawn-environ.OPENBLAS_NUM_THREADS": 1,
    # Returns freed memory to the system: long runs over many slides stay flat.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 65536,
    "distributed.nanny.pre-spawn-environ.ARROW_DEFAULT_MEMORY_POOL": "system",
    # dask reports its own coming and going as errors with tracebacks; what concerns a user (a dead
    # worker, a lost scheduler) reaches the run as an exception and is told in a row or a sentence.
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
    "distributed.scheduler.allowed-failures": 1,
    # One slide at a time goes to a worker: else one that dies takes the blame to slides that it
    # never began.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.diagnostics.nvml": False,
}
GIB = 1024**3


def default_workers(running: RunningSettings) -> int:
    """One process a core, as far as the memory planned for each goes round."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return max(1, min(cores(), int(memory / running.worker_gib)))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def local_cluster(workers: int, *, threads: int = 1) -> Iterator[Client]:
    """A client of a fresh cluster of ``workers`` processes on this machine, on loopback only.

    ``threads`` is how many each takes for a network; all else works in single threads.
    """
    if workers < 1:
        raise UsageError("--workers must be 1 or more")
    with (
        dask.config.set({**QUIET, **dict.fromkeys(NETWORK_THREADS, threads)}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host=LOOPBACK,
            dashboard_address=f"{LOOPBACK}:0",
            worker_dashboard_address=f"{LOOPBACK}:0",
            memory_limit=0,  # a slide's memory is bounded by the reader, see docs/benchmarks
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def existing_cluster(address: str, certificates: ClusterSettings) -> Iterator[Client]:
    """A client of the scheduler at ``address`` (``tls://host:port``; plain ``tcp`` on loopback).

    Raises
    ------
    UsageError
        The address is not one of a scheduler, or is beyond loopback without TLS.
    ClusterError
        Nobody answers there, or the certificates are missing or refused.
    """
    security = _security(address, certificates)
    with dask.config.set(QUIET), _connected(address, security) as client:
        yield client


def _connected(address: str, security: Security | None) -> Client:
    try:
        return Client(address, security=security, timeout="10s")
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
    files = (certificates.tls_ca_file, certificates.tls_cert_file, certificates.tls_key_file)
    if not all(files) or not all(Path(f).is_file() for f in files):
        raise ClusterError(
            "tls:// needs tls_ca_file, tls_cert_file and tls_key_file under [cluster] in site.toml"
        )
    return Security(
        tls_ca_file=files[0],
        tls_client_cert=files[1],
        tls_client_key=files[2],
        require_encryption=True,
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
