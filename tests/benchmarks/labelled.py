"""The labelled images as fields at the work scale: pixels, and what people saw in them.

The readers are those of training; here the scale may be stated otherwise, and two sets are kept as
they were drawn: polygons of glioma at full scale, islands of GEP-NET with nuclei that touch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from shapely.geometry import Polygon

from pathology.records.prediction import CellClass
from pathology.training import images
from pathology.training.field import UNKNOWN, LabelledField, centroids, renumbered
from pathology.training.images import grey, rgb
from pathology.training.public_sets import READERS

__all__ = ["DATA", "Field", "grey", "rgb"]
DATA = Path(__file__).parents[2].parent / "shared" / "data"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A labelled field. Centres are (n, 2) x, y in work px; ``label`` is (n,)."""

    name: str
    pixels: NDArray[np.uint8]  # at the work scale
    mpp: float  # of ``pixels``
    downsample: float  # source px per work px
    centres_px: NDArray[np.float64]
    label: NDArray[np.str_]  # class in lower case, Positive or Negative, "" where nobody said


def reduced(image: NDArray[np.uint8], downsample: float) -> NDArray[np.uint8]:
    """Mean colour of squares of ``downsample`` px; the last incomplete row and column go."""
    if downsample <= 1:
        return image
    height, width = (int(n / downsample) for n in image.shape[:2])
    box = (0, 0, width * downsample, height * downsample)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX, box))


def pictures(folder: str) -> list[Path]:
    """The images of a folder without their label files."""
    return images.pictures(DATA / folder)


def plain(folder: str, mpp: float, work_mpp: float = 0.5) -> Iterator[Field]:
    """Images without their labels."""
    for path in pictures(folder):
        yield _field(path.stem, rgb(path), mpp, work_mpp)


def consep(split: str, mpp: float = 0.25, work_mpp: float = 0.5) -> Iterator[Field]:
    """CoNSeP tiles put together again from their patches, nuclei cut at a border joined."""
    for field in READERS[f"consep-{split}"](DATA):
        yield _field(field.name, field.pixels, mpp, work_mpp, field.centre_px, _classes(field))


def monuseg(work_mpp: float = 0.5) -> Iterator[Field]:
    """MoNuSeg: many organs, no types."""
    yield from _read("monuseg", work_mpp)


def crchisto(split: str, work_mpp: float = 0.5) -> Iterator[Field]:
    """CRCHisto: ``label`` is the type, "" where only the detection is known."""
    yield from _read(f"crchisto-{split}", work_mpp)


def deepliif(work_mpp: float = 0.5) -> Iterator[Field]:
    """Ki-67 tiles; nuclei are the red and blue islands between green boundaries."""
    for field in READERS["deepliif"](DATA):
        label = np.where(field.positive == 1, "Positive", "Negative")
        yield _field(field.name, field.pixels, field.mpp, work_mpp, field.centre_px, label)


def _read(name: str, work_mpp: float) -> Iterator[Field]:
    for field in READERS[name](DATA):
        label = _classes(field)
        yield _field(field.name, field.pixels, field.mpp, work_mpp, field.centre_px, label)


def _classes(field: LabelledField) -> NDArray[np.str_]:
    names = {kind: kind.name.lower() for kind in CellClass} | {UNKNOWN: ""}
    return np.array([names[kind] for kind in field.cell_class.tolist()])


def glioma(work_mpp: float = 0.5) -> Iterator[Field]:
    """Ki-67 fields with every nucleus as a polygon; ``label`` is Positive or Negative."""
    for path in pictures("ihc/glioma"):
        objects = json.loads(path.with_suffix(".json").read_text())["objects"]
        centres = np.array([Polygon(o["polygon"]).centroid.coords[0] for o in objects])
        label = np.array([o["label"] for o in objects])
        yield _field(path.stem, rgb(path), 0.11, work_mpp, centres, label)


def gepnet(work_mpp: float = 0.5) -> Iterator[Field]:
    """Ki-67 fields of neuroendocrine tumours: ``label`` is the size in px of an island."""
    for path in pictures("ihc/gepnet"):
        drawn, _ = ndimage.label(grey(path.with_name(f"{path.stem}_mask.png")) == 0)
        islands, old = renumbered(drawn)
        centres = centroids(islands, len(old))
        label = np.bincount(islands.ravel())[1:].astype(str)
        yield _field(path.stem, rgb(path), 0.48, work_mpp, centres, label)


def _field(
    name: str,
    image: NDArray[np.uint8],
    mpp: float,
    work_mpp: float,
    centres: NDArray[np.float64] | None = None,
    label: NDArray[np.str_] | None = None,
) -> Field:
    downsample = max(1.0, work_mpp / mpp)
    return Field(
        name=name,
        pixels=reduced(image, downsample),
        mpp=mpp * downsample,
        downsample=downsample,
        centres_px=np.empty((0, 2)) if centres is None else centres / downsample,
        label=np.empty(0, str) if label is None else label,
    )
