"""What a page takes from a technician's browser."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.records.settings.ranges import check_names, check_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSettings:
    """Limits of slides that come through the page."""

    source: str = "Defaults of the program: see review.toml"
    largest_gib: float = 20.0  # of one slide
    at_once: int = 2  # over all accounts
    an_hour: int = 100  # for one account
    stall_s: float = 60.0  # without a byte: the upload is given up
    reserve_gib: float = 20.0  # stay free on the disk of the watched folder
    folder: str = "uploads"  # inside the first watched folder

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "largest_gib", "at_once", "an_hour", "stall_s")
        if not self.folder.isascii() or not self.folder.replace("-", "").isalnum():
            raise ValueError("folder is one plain word")
