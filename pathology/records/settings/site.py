"""What a site decides: scales of its scanners, privacy, damage it tolerates, how it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pathology.records.model import NAME, SHA256
from pathology.records.settings.ranges import check_names
from pathology.records.settings.scale import ScaleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacySettings:
    """Whether results carry file names or keyed pseudonyms."""

    source: str
    pseudonyms: bool
    key_file: str = ""  # 32 bytes or more, readable by its owner only; needed for pseudonyms

    def __post_init__(self) -> None:
        if self.pseudonyms and not self.key_file:
            raise ValueError("pseudonyms need a key_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageSettings:
    """How much of the tissue may be unreadable before nothing is measured."""

    source: str
    refuse_above_share: float

    def __post_init__(self) -> None:
        check_names(self)
        if not 0 <= self.refuse_above_share < 1:
            raise ValueError("refuse_above_share must be in [0, 1)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NucleusSizeSettings:
    """How large the nuclei of a slide look; far off, the stated scale is doubted.

    On H&E their chromatin is seen as well, so that they measure smaller than they are.
    """

    source: str
    least_he_um: float
    most_he_um: float
    least_ihc_um: float
    most_ihc_um: float

    def __post_init__(self) -> None:
        check_names(self)
        if not 0 < self.least_he_um < self.most_he_um:
            raise ValueError("least_he_um must be positive and below most_he_um")
        if not 0 < self.least_ihc_um < self.most_ihc_um:
            raise ValueError("least_ihc_um must be positive and below most_ihc_um")

    def usual_um(self, *, he: bool) -> tuple[float, float]:
        """Least and most on a slide of H&E, or of DAB with haematoxylin."""
        if he:
            return self.least_he_um, self.most_he_um
        return self.least_ihc_um, self.most_ihc_um


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSettings:
    """What one worker may take."""

    source: str
    worker_gib: float  # memory planned for a worker process; sets the default number of workers
    read_ahead_tiles: int  # tiles read before they are needed, at most
    # The following have the shipped values where a site's older file lacks them.
    slide_limit_s: float = 14400  # a worker that has a slide for longer hangs, and is killed
    worker_lifetime_s: float = 14400  # of this age it gives way to a fresh one, between slides
    lifetime_stagger_s: float = 1800  # added by chance, so that workers do not go all at once
    split_above_mib: float = 500  # of a slide's file; looked at in parts where workers would idle

    def __post_init__(self) -> None:
        check_names(self)
        if self.worker_gib <= 0 or self.read_ahead_tiles < 1:
            raise ValueError("worker_gib and read_ahead_tiles must be positive")
        if self.split_above_mib < 0:
            raise ValueError("split_above_mib must not be below 0")
        if self.slide_limit_s <= 0 or self.worker_lifetime_s <= 0 or self.lifetime_stagger_s < 0:
            raise ValueError(
                "slide_limit_s and worker_lifetime_s must be positive, lifetime_stagger_s not below"
            )


ClusterKind = Literal["local", "address", "slurm", "pbs"]
"""Processes on this machine, a scheduler that is already there, jobs of a batch system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJobSettings:
    """One job of workers on SLURM or PBS; words go into the job script as they are."""

    source: str
    jobs: int  # how many to submit
    workers_a_job: int
    cores: int  # of a job
    memory_gib: float  # of a job
    walltime: str  # as the batch system writes it, e.g. "12:00:00"
    queue: str = ""
    account: str = ""
    interface: str = ""  # network interface on which scheduler and workers speak, e.g. "ib0"
    python: str = ""  # on the machines of the jobs; empty: the path of this one
    directives: tuple[str, ...] = ()  # further lines of the head, e.g. "--gres=gpu:1"
    prologue: tuple[str, ...] = ()  # commands before the worker starts, e.g. "module load cuda"
    resources: Mapping[str, float] = field(default_factory=dict)  # of a worker: gpu, cpu, llm

    def __post_init__(self) -> None:
        if min(self.jobs, self.workers_a_job, self.cores) < 1 or self.memory_gib <= 0:
            raise ValueError("jobs, workers_a_job, cores and memory_gib must be positive")
        check_resources(self.resources)


RESOURCES = frozenset({"gpu", "cpu", "llm"})
"""What a worker can be asked for: networks, reading and writing, drafting."""


def check_resources(resources: Mapping[str, float]) -> None:
    """ValueError for a name that no task asks for."""
    if strangers := sorted(set(resources) - RESOURCES):
        raise ValueError(f"no task asks for {strangers}; resources are {sorted(RESOURCES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """Where slides are worked on, and certificates for other machines (PEM files)."""

    source: str
    kind: ClusterKind = "local"
    address: str = ""  # of the scheduler, tls://host:port; for kind "address"
    cards: tuple[str, ...] = ()  # GPUs as CUDA_VISIBLE_DEVICES names them: a process each
    job: BatchJobSettings | None = None
    tls_ca_file: str = ""
    tls_cert_file: str = ""
    tls_key_file: str = ""

    def __post_init__(self) -> None:
        if self.kind == "address" and not self.address:
            raise ValueError('kind "address" needs the address of the scheduler')
        if self.kind in ("slurm", "pbs") and self.job is None:
            raise ValueError(f'kind "{self.kind}" needs the table [cluster.job]')
        if len(set(self.cards)) != len(self.cards):
            raise ValueError("cards names one card twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsSettings:
    """Which networks see, by name; ``classical`` is the analysis without any."""

    source: str
    nuclei_he: str
    nuclei_ihc: str
    tissue_he: str
    folder: str = ""  # the site's own models; an absolute path, or none
    accept_research_weights: bool = False  # needed where nobody looks on, and to sign
    allowed_torchscript_sha256: tuple[str, ...] = ()  # programs that the site trusts

    def __post_init__(self) -> None:
        for name in (self.nuclei_he, self.nuclei_ihc, self.tissue_he):
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a model")
        if self.folder and not Path(self.folder).is_absolute():
            raise ValueError("folder must be an absolute path, or empty")
        for sha256 in self.allowed_torchscript_sha256:
            if not SHA256.fullmatch(sha256):
                raise ValueError(f"allowed_torchscript_sha256: {sha256!r} is no sha256")

    @property
    def site_folder(self) -> Path | None:
        """Where the site keeps models of its own."""
        return Path(self.folder) if self.folder else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """``site.toml``."""

    scale: ScaleSettings
    nucleus_size: NucleusSizeSettings
    privacy: PrivacySettings
    damage: DamageSettings
    running: RunningSettings
    models: ModelsSettings
    cluster: ClusterSettings
