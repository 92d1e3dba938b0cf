"""Drafts that the night makes by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pathology.records.settings.ranges import check_names, check_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftsSettings:
    """``[drafts]`` of ``nightly.toml``; a site's older file goes without it."""

    source: str = "Default of the program; see configs/nightly.toml"
    make: bool = True
    case_data: tuple[str, ...] = ()  # folders into which the LIS drops case data, absolute
    pdf: bool = True
    tries: int = 3
    limit_s: float = 900.0  # of one draft; then its worker is taken to hang
    look_s: float = 10.0
    days: float = (
        30.0  # since the newest order of a case; of an older one a person asks for a draft
    )

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "tries", "limit_s", "look_s", "days")
        for folder in self.case_data:
            if not Path(folder).is_absolute():
                raise ValueError(f"case_data: {folder!r} must be an absolute path")
