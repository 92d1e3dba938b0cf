"""Image and label files as arrays, at the scale they are wanted at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def rgb(path: Path) -> NDArray[np.uint8]:
    """An image file as (h, w, 3) uint8."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def grey(path: Path) -> NDArray[np.int64]:
    """A label file as (h, w)."""
    with Image.open(path) as image:
        return np.asarray(image).astype(np.int64)


def shrunk(
    pixels: NDArray[np.uint8], labels: NDArray[np.int32], factor: float
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Image (mean colour) and labels (nearest) at ``factor`` source px per px, 1 or more."""
    height, width = (round(n / factor) for n in labels.shape)
    size = (width, height)
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
    small = Image.fromarray(labels, mode="I").resize(size, Image.Resampling.NEAREST)
    return np.asarray(image), np.asarray(small).astype(np.int32)


IMAGE_ENDINGS = (".png", ".jpg", ".tif", ".tiff")
LABEL_ENDINGS = (
    "_inst",
    "_class",
    "_gland",
    "_mask",
    "_mask_negative",
    "_mask_positive",
    "_truth",
)


def pictures(folder: Path) -> list[Path]:
    """The images of a folder without their label files, by name."""
    return [
        path
        for path in sorted(folder.glob("*.*"))
        if path.suffix in IMAGE_ENDINGS and not path.stem.endswith(LABEL_ENDINGS)
    ]
