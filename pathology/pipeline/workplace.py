"""The dask cluster of a crew, as plain values, and built from them.

It is built in a process of its own (``foreman``). dask carries pickle, so nothing of it may be open
to strangers, nor to other users of the same machine: every connection is TLS with certificates, on
this machine those of a throw-away authority that only this crew's processes hold.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from distributed import Nanny, Scheduler
from distributed.deploy.spec import SpecCluster
from distributed.security import Security

from pathology.config import build_record
from pathology.errors import ClusterError
from pathology.records.settings.site import BatchJobSettings, ClusterKind

LOOPBACK: Final = "127.0.0.1"
NETWORK_THREADS: Final = (
    "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS",
    "distributed.nanny.pre-spawn-environ.MKL_NUM_THREADS",
)
QUIET: Final[Mapping[str, Any]] = {
    # Threads inside the numerical libraries would fight with the worker processes for cores.
    **dict.fromkeys(NETWORK_THREADS, 1),
    "distributed.nanny.pre-spawn-environ.OPENBLAS_NUM_THREADS": 1,
    # Returns freed memory to the system: long runs over many slides stay flat.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 65536,
    "distributed.nanny.pre-spawn-environ.ARROW_DEFAULT_MEMORY_POOL": "system",
    # dask reports its own coming and going as errors with tracebacks; what concerns a user (a dead
    # worker, a lost scheduler) is an outcome, told in a row or a sentence.
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
    # A crew hands each slide to one worker: if that dies, this is the slide's outcome.
    "distributed.scheduler.allowed-failures": 0,
    # Whether a worker hangs is told by the time a slide takes, not by its silence.
    "distributed.scheduler.worker-ttl": "1000 days",
    # Steps of slides pass through the scheduler; it need not remember them.
    "distributed.admin.low-level-log-length": 1000,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.diagnostics.nvml": False,
}
PATIENT: Final[Mapping[str, Any]] = {
    # A nanny whose worker is not back after so long would be sent home, and nobody take its place:
    # on a machine under load a start takes longer than dask's 15 s.
    "distributed.deploy.lost-worker-timeout": "1000 days",
}
WITHOUT_SCHEDULER_S: Final = 120
"""After which a job on another machine ends: its crew has gone."""
GPU: Final = "gpu"
CPU: Final = "cpu"
LLM: Final = "llm"
"""What a worker has that words drafts, one at a time, and sees no slide."""
WORKER_OPTIONS: Final[Mapping[str, Any]] = {
    "nthreads": 1,
    "memory_limit": 0,  # a slide's memory is bounded by the reader, see docs/benchmarks
    "silence_logs": logging.CRITICAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What a foreman builds.

    ``ca`` signs ``certificate``, whose ``key`` is. PEM texts on this machine; paths of PEM files
    for jobs on others, whose scripts must not hold a key.
    """

    kind: ClusterKind
    workers: int  # that read, look where no card is named, and write
    threads: int  # of each for a network; all else works in single threads
    cards: tuple[str, ...]  # one worker each that looks
    job: BatchJobSettings | None
    ca: str
    certificate: str
    key: str
    writers: int = 0  # that word drafts and do nothing else

    def told(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def heard(cls, line: str) -> Workplace:
        """From one line of JSON."""
        return build_record(json.loads(line), cls, where="workplace")

    @property
    def security(self) -> Security:
        """TLS for everything that is said here."""
        roles = ("client", "scheduler", "worker")
        return Security(
            require_encryption=True,
            tls_ca_file=self.ca,
            **{f"tls_{role}_cert": self.certificate for role in roles},
            **{f"tls_{role}_key": self.key for role in roles},
        )


def built(place: Workplace) -> SpecCluster:
    """The cluster, up and with its first workers on their way.

    Raises
    ------
    ClusterError
        The extra for batch systems is not installed.
    """
    if place.job is not None and place.kind in ("slurm", "pbs"):
        return _batch(place, place.job)
    options = {"host": LOOPBACK, "protocol": "tls://", "security": place.security}
    scheduler = {**options, "dashboard_address": f"{LOOPBACK}:0"}
    return SpecCluster(
        scheduler={"cls": Scheduler, "options": scheduler},
        workers={
            name: {"cls": Nanny, "options": {**options, **more}}
            for name, more in worker_options(place)
        },
        security=place.security,
        silence_logs=logging.CRITICAL,
    )


def worker_options(place: Workplace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and options of each worker of this machine: one a card, those that use none, writers.

    Beside cards the others see none: a network that strayed there would crowd one out.
    """
    local = {**WORKER_OPTIONS, "dashboard_address": f"{LOOPBACK}:0"}
    for card in place.cards:
        environment = {"CUDA_VISIBLE_DEVICES": card}
        yield f"gpu-{card}", {**local, "env": environment, "resources": {GPU: 1}}
    for number in range(place.workers):
        apart = {"env": {"CUDA_VISIBLE_DEVICES": ""}} if place.cards else {}
        yield f"cpu-{number}", {**local, **apart, "resources": {CPU: 1}}
    for number in range(place.writers):
        apart = {"env": {"CUDA_VISIBLE_DEVICES": ""}}
        yield f"llm-{number}", {**local, **apart, "resources": {LLM: 1}}


def _batch(place: Workplace, job: BatchJobSettings) -> SpecCluster:
    try:
        from dask_jobqueue.pbs import PBSCluster  # an extra
        from dask_jobqueue.slurm import SLURMCluster
    except ImportError as cause:
        raise ClusterError(
            "a batch system needs the package dask-jobqueue: pip install 'pathology[hpc]'"
        ) from cause
    kind = SLURMCluster if place.kind == "slurm" else PBSCluster
    cluster: Any = kind(**batch_options(place, job))  # its ``scale`` says no types
    cluster.scale(jobs=job.jobs)
    scaled: SpecCluster = cluster
    return scaled


def batch_options(place: Workplace, job: BatchJobSettings) -> dict[str, Any]:
    """What dask-jobqueue is told; nothing is taken from dask's own files of settings."""
    resources = [f"{name}={number:g}" for name, number in sorted(job.resources.items())]
    return {
        "name": "pathology",
        "job_name": "pathology",
        "n_workers": 0,
        "cores": job.workers_a_job,  # threads in dask's sense: one slide each
        "processes": job.workers_a_job,
        "job_cpu" if place.kind == "slurm" else "resource_spec": _cores(place.kind, job),
        "memory": f"{job.memory_gib:g}GiB",
        "walltime": job.walltime,
        "queue": job.queue or None,
        "account": job.account or None,
        "interface": job.interface or None,
        "python": job.python or sys.executable,
        "job_extra_directives": list(job.directives),
        "job_script_prologue": [*_environment(place.threads), *job.prologue],
        "worker_extra_args": [
            *(["--resources", '"' + " ".join(resources) + '"'] if resources else []),
            "--no-dashboard",
        ],
        "death_timeout": WITHOUT_SCHEDULER_S,
        "protocol": "tls://",
        "security": place.security,
        "scheduler_options": {"protocol": "tls://", "dashboard_address": f"{LOOPBACK}:0"},
        "silence_logs": "critical",
    }


def _cores(kind: ClusterKind, job: BatchJobSettings) -> int | str:
    if kind == "slurm":
        return job.cores
    return f"select=1:ncpus={job.cores}:mem={job.memory_gib:g}gb"


def _environment(threads: int) -> list[str]:
    """What local workers have from their nanny, as lines of a shell script."""
    prefix = "distributed.nanny.pre-spawn-environ."
    values = {**QUIET, **dict.fromkeys(NETWORK_THREADS, threads)}
    named = {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}
    return [f"export {name}={value}" for name, value in named.items()]
