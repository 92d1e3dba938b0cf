"""Images with tissue classes, where a pixel may be known to be one of several.

A gland of a set that does not tell benign from malignant is epithelium, tumour or not; the network
is then asked for either. Classes are bits of ``TISSUE_CLASSES``; no bit means not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from pathology.records.model import ModelStain
from pathology.records.prediction import CellClass
from pathology.training.field import LabelledField, painted_discs
from pathology.training.images import grey, pictures, rgb
from pathology.training.public_sets import READERS

TISSUE_CLASSES: Final = ("background", "tumour", "stroma", "normal")
BACKGROUND, TUMOUR, STROMA, NORMAL = (1 << bit for bit in range(4))
WSSS4LUAD_MPP: Final = 1.0  # estimated
GLAS_MPP: Final = 0.62
WSSS4LUAD_CLASSES: Final = (TUMOUR, STROMA, NORMAL, BACKGROUND)
CLEAR_OD: Final = 0.12
"""Sum of the three densities below which a pixel may be glass, mucus or a lumen."""
AROUND_NUCLEUS_UM: Final = 4.5
"""So far around an epithelial or a stromal nucleus the tissue is of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TissueField:
    """An image and, for each pixel, the classes it may have."""

    name: str
    dataset: str
    group: str
    stain: ModelStain
    mpp: float
    pixels: NDArray[np.uint8]  # (h, w, 3) RGB
    allowed: NDArray[np.uint8]  # (h, w) bits of TISSUE_CLASSES


def wsss4luad(folder: Path) -> Iterator[TissueField]:
    """WSSS4LUAD validation: lung adenocarcinoma, four classes; the group is the image."""
    for path in pictures(folder):
        named = grey(path.with_name(f"{path.stem}_class.png"))
        yield TissueField(
            name=path.stem,
            dataset="wsss4luad",
            group=path.stem,
            stain="he",
            mpp=WSSS4LUAD_MPP,
            pixels=rgb(path),
            allowed=np.take(np.array(WSSS4LUAD_CLASSES, np.uint8), named),
        )


def glas(folder: Path) -> Iterator[TissueField]:
    """GlaS: colon glands, benign and malignant alike. Inside a gland: no stroma."""
    for path in pictures(folder):
        pixels = rgb(path)
        gland = grey(path.with_name(f"{path.stem}_gland.png")) > 0
        allowed = np.where(gland, TUMOUR | NORMAL, STROMA | NORMAL).astype(np.uint8)
        allowed[clear(pixels, GLAS_MPP)] |= BACKGROUND
        yield TissueField(
            name=path.stem,
            dataset="glas",
            group=path.stem,
            stain="he",
            mpp=GLAS_MPP,
            pixels=pixels,
            allowed=allowed,
        )


def around_nuclei(field: LabelledField) -> TissueField:
    """Tissue as far as typed nuclei tell it: epithelium or stroma in a disc around each."""
    shape = field.pixels.shape[0], field.pixels.shape[1]
    told = {CellClass.TUMOUR: TUMOUR | NORMAL, CellClass.STROMA: STROMA | NORMAL}
    telling = np.isin(field.cell_class, list(told))
    bits = [told[CellClass(kind)] for kind in field.cell_class[telling]]
    # Where discs of both kinds meet, the nearer nucleus has the word.
    discs = painted_discs(shape, field.centre_px[telling], AROUND_NUCLEUS_UM / field.mpp)
    allowed = np.array([0, *bits], np.uint8)[discs]
    allowed[clear(field.pixels, field.mpp)] = BACKGROUND
    return TissueField(
        name=field.name,
        dataset=field.dataset,
        group=field.group,
        stain=field.stain,
        mpp=field.mpp,
        pixels=field.pixels,
        allowed=allowed,
    )


def clear(pixels: NDArray[np.uint8], mpp: float) -> NDArray[np.bool_]:
    """Where hardly any light is lost over some 3 µm: glass, lumen, fat, mucus."""
    od = -np.log10(np.maximum(pixels, 1) / max(float(np.percentile(pixels, 99.5)), 200.0))
    even: NDArray[np.bool_] = ndimage.uniform_filter(od.sum(axis=2), 3 / mpp) < CLEAR_OD
    return even


def brought_to(field: TissueField, mpp: float) -> TissueField:
    """The field at a coarser scale: mean colour, nearest label. Finer ones stay as they are."""
    factor = mpp / field.mpp
    if factor <= 1:
        return field
    size = round(field.allowed.shape[1] / factor), round(field.allowed.shape[0] / factor)
    pixels = Image.fromarray(field.pixels).resize(size, Image.Resampling.BOX)
    allowed = Image.fromarray(field.allowed).resize(size, Image.Resampling.NEAREST)
    return TissueField(
        name=field.name,
        dataset=field.dataset,
        group=field.group,
        stain=field.stain,
        mpp=field.mpp * factor,
        pixels=np.asarray(pixels),
        allowed=np.asarray(allowed),
    )


TISSUE_READERS: Final[Mapping[str, Callable[[Path], Iterator[TissueField]]]] = {
    "wsss4luad": lambda data: wsss4luad(data / "he/wsss4luad_val"),
    "glas": lambda data: glas(data / "he/glas"),
    "consep-train": lambda data: map(around_nuclei, READERS["consep-train"](data)),
    "crchisto-train": lambda data: map(around_nuclei, READERS["crchisto-train"](data)),
}
"""Sets by name; each reader is given the folder that holds all of them."""
