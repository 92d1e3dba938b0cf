"""Slides whose truth is known because we painted them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tifffile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

GLASS = (243, 243, 243)
HAEMATOXYLIN = (105, 110, 170)
DAB = (120, 75, 45)
EOSIN = (225, 165, 195)
PALE_STROMA = (226, 222, 232)  # counterstained background of IHC tissue


@dataclass(frozen=True, kw_only=True)
class Painting:
    """A painted field and what is in it. ``centres_px`` is (n, 2) x, y; ``brown`` (n,) bool."""

    pixels: NDArray[np.uint8]
    mpp: float
    centres_px: NDArray[np.float64]
    brown: NDArray[np.bool_]
    radius_um: float

    @property
    def positive(self) -> int:
        return int(self.brown.sum())

    @property
    def negative(self) -> int:
        return int((~self.brown).sum())


def paint_nuclei(
    *,
    width: int = 1024,
    height: int = 768,
    mpp: float = 0.5,
    brown_share: float = 0.3,
    radius_um: float = 4.0,
    spacing_um: float = 16.0,
    margin_um: float = 40.0,
    stain: str = "ihc-dab",
    seed: int = 0,
    share_at: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> Painting:
    """Tissue with nuclei on a jittered grid, glass around it. Nothing touches anything.

    Nuclei are soft-edged discs; ``brown_share`` of them are DAB-brown, the others blue. Everything
    carries a little scanner noise, since noiseless pixels flatter a detector. ``share_at`` gives
    the brown share at places (n, 2) in µm, where it is not the same everywhere.
    """
    rng = np.random.default_rng(seed)
    background = PALE_STROMA if stain == "ihc-dab" else EOSIN
    image = np.full((height, width, 3), GLASS, np.float32)
    m = round(margin_um / mpp)
    image[m // 2 : height - m // 2, m // 2 : width - m // 2] = background
    step, jitter = spacing_um / mpp, max(0.0, spacing_um / 2 - radius_um - 1.0) / mpp
    xs, ys = np.meshgrid(np.arange(m, width - m, step), np.arange(m, height - m, step))
    centres = np.stack([xs.ravel(), ys.ravel()], axis=1)
    centres = centres + rng.uniform(-jitter, jitter, centres.shape)
    if share_at is None:
        brown = rng.permutation(len(centres)) < round(brown_share * len(centres))
    else:
        brown = rng.random(len(centres)) < share_at(centres * mpp)
    for (x, y), is_brown in zip(centres, brown, strict=True):
        paint_disc(image, x, y, radius_um / mpp, DAB if is_brown else HAEMATOXYLIN)
    image += rng.normal(0, 2, image.shape)
    return Painting(
        pixels=np.clip(image, 0, 255).astype(np.uint8),
        mpp=mpp,
        centres_px=centres,
        brown=brown,
        radius_um=radius_um,
    )


def paint_disc(
    image: NDArray[np.float32], x: float, y: float, radius: float, colour: tuple[int, int, int]
) -> None:
    """A soft-edged disc of one colour; centre and radius in px."""
    top, left = max(0, int(y - radius - 2)), max(0, int(x - radius - 2))
    window = image[top : int(y + radius + 3), left : int(x + radius + 3)]
    row, column = np.ogrid[: window.shape[0], : window.shape[1]]
    distance = np.hypot(column + 0.5 + left - x, row + 0.5 + top - y)
    cover = np.clip(radius + 0.5 - distance, 0, 1)[..., None]
    window += cover * (np.asarray(colour, np.float32) - window)


def write_tiff(
    path: Path,
    pixels: NDArray[np.uint8],
    *,
    mpp: float | None = 0.5,
    tile: int = 256,
    levels: int = 1,
    compression: str = "jpeg",
    quality: int = 90,
) -> Path:
    """A generic tiled pyramid; every level halves the one before. No scale is written for None."""
    args = {"level": quality} if compression == "jpeg" else None
    form = {"tile": (tile, tile), "photometric": "rgb", "compression": compression}
    with tifffile.TiffWriter(path, bigtiff=pixels.nbytes > 2**31) as tiff:
        image = pixels
        for level in range(levels):
            extra = {}
            if mpp is not None:
                per_cm = 1e4 / (mpp * 2**level)
                extra = {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
            tiff.write(
                image,
                subfiletype=1 if level else 0,
                compressionargs=args,
                **form,
                **extra,
            )
            image = halved(image)
    return path


def halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean of 2 x 2 px; an odd last row or column is dropped, as scanners do."""
    h, w = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    blocks = image[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).astype(np.float32)
    return blocks.mean(axis=(1, 3)).round().astype(np.uint8)
