"""What a site decides: scales of its scanners, privacy, damage it tolerates, how it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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

    def __post_init__(self) -> None:
        check_names(self)
        if self.worker_gib <= 0 or self.read_ahead_tiles < 1:
            raise ValueError("worker_gib and read_ahead_tiles must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """Certificates for a scheduler on another machine; PEM files."""

    source: str
    tls_ca_file: str = ""
    tls_cert_file: str = ""
    tls_key_file: str = ""


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
