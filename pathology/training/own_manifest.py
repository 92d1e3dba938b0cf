"""``dataset.toml``: what a site says about its own annotated images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathology.config import load_record
from pathology.errors import UsageError
from pathology.records.model import COARSEST_MPP, FINEST_MPP, NAME, ModelStain
from pathology.records.settings.ranges import check_positive

MANIFEST: Final = "dataset.toml"
SCHEMA: Final = "pathology.annotations/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnImage:
    """One image; its annotations lie beside it as ``NAME.geojson``."""

    file: str  # a bare name
    group: str  # patient or slide: one group is never on both sides of a split
    mpp: float = 0.0  # of this file, where it differs from the others
    origin_px0: tuple[float, ...] = (0.0, 0.0)  # x, y of the exported region on its slide
    downsample: float = 1.0  # slide px per px of this file
    complete: bool | None = None  # for this image, where it differs from the others

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file:
            raise ValueError(f"file {self.file!r} must be a bare name, beside {MANIFEST}")
        if not self.group.strip():
            raise ValueError(f"{self.file}: group must name the patient or the slide")
        if len(self.origin_px0) != 2:
            raise ValueError(f"{self.file}: origin_px0 is [x, y]")
        check_positive(self, "downsample")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSet:
    """The whole file."""

    schema: str
    name: str
    described: str  # one sentence for the card: who labelled what, and when
    stain: ModelStain
    complete: bool  # is every nucleus of every image annotated?
    classes: Mapping[str, str]  # class in QuPath -> class of the model
    images: tuple[OwnImage, ...]
    mpp: float = 0.0

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema {self.schema!r} is not {SCHEMA}")
        if not NAME.fullmatch(self.name):
            raise ValueError("name is made of a-z, 0-9 and -")
        if not self.described.strip():
            raise ValueError("described must say in a sentence who labelled what")
        if not self.images:
            raise ValueError("images must name at least one")
        if len({i.file for i in self.images}) != len(self.images):
            raise ValueError("a file is named twice in images")

    def complete_in(self, image: OwnImage) -> bool:
        """Whether every nucleus of an image is annotated."""
        return self.complete if image.complete is None else image.complete

    def mpp_of(self, image: OwnImage) -> float:
        """The scale that somebody states for an image.

        Raises
        ------
        UsageError
            Nobody does, or it is no scale of a scan: a scale is never guessed.
        """
        mpp = image.mpp or self.mpp
        if not mpp:
            raise UsageError(
                f"{MANIFEST}: {image.file} has no scale. Write mpp = µm per pixel of the file "
                "(QuPath, tab Image, Pixel width; times the downsample of the export)"
            )
        if not FINEST_MPP <= mpp <= COARSEST_MPP:
            raise UsageError(f"{MANIFEST}: {image.file}: {mpp:g} µm/px is no scale of a scan")
        return mpp

    def classes_among(self, known: tuple[str, ...]) -> Mapping[str, int]:
        """Number of the class for each name used in QuPath, which is compared without case.

        Raises
        ------
        UsageError
            A class stands for none that a result can hold.
        """
        if strangers := sorted(set(self.classes.values()) - set(known)):
            raise UsageError(
                f"{MANIFEST}: classes {strangers} are none of {list(known)}. Results and findings "
                "know these alone: let each class of yours count as one of them"
            )
        return {name.casefold(): known.index(told) for name, told in self.classes.items()}


def load_manifest(folder: Path) -> OwnSet:
    """The manifest of a folder of annotations.

    Raises
    ------
    UsageError
        The folder or the manifest is missing, or the manifest is wrong; the message says where.
    """
    if not folder.is_dir():
        raise UsageError(f"--annotations {folder.name}: there is no such folder")
    if not (folder / MANIFEST).is_file():
        raise UsageError(
            f"--annotations {folder.name}: lacks {MANIFEST}, which names scale, stain, groups and "
            "classes. See docs/guide-own-model.md"
        )
    return load_record(folder / MANIFEST, OwnSet)
