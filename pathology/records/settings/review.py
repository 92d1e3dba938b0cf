"""How the review page serves slides and results, and what it may take for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pathology.records.settings.ranges import check_between, check_names, check_positive
from pathology.records.settings.uploads import UploadSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSettings:
    """Tiles of the slide view."""

    source: str
    tile_px: int  # edge of a tile that is made here, px
    jpeg_quality: int
    threads: int  # tiles made at one time
    tile_cache_mib: int
    open_slides: int  # at most, over all readers
    private_seconds: int  # a browser may keep a tile that long; 0: asks each time

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "threads", "tile_cache_mib", "open_slides")
        check_between(self, 128, 1024, "tile_px")
        check_between(self, 50, 100, "jpeg_quality")
        if self.private_seconds < 0:
            raise ValueError("private_seconds must be 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlaySettings:
    """What lies over the slide."""

    source: str
    results_kept: int  # results whose nuclei and maps stay in memory
    most_outlines: int  # nuclei outlined at one time
    most_map_px: int  # longest side of a map's picture
    most_corners: int  # of regions at one time

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "results_kept", "most_outlines", "most_map_px", "most_corners")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSettings:
    """Limits of what a browser may send."""

    source: str
    request_kib: int  # longest body
    most_points: int  # corners of a drawn region, or of all regions of a correction
    most_nuclei: int  # called otherwise in one correction
    counts: int  # regions counted at one time

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "request_kib", "most_points", "most_nuclei", "counts")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSettings:
    """``review.toml``."""

    view: ViewSettings
    overlays: OverlaySettings
    asking: AskSettings
    uploads: UploadSettings = field(default_factory=UploadSettings)
