"""A whole labelled image as a tile at the scale of the eyes, and back to its own grid.

As on a slide: images are reduced by a power of two where that suits the eyes. Beyond its edges the
image is mirrored. It is seen in one piece, so that memory grows with its size.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pathology.records.geometry import Box, Mpp, um_to_px
from pathology.records.model import ModelInput
from pathology.records.slide import Region
from pathology.records.tile import Tile
from pathology.tiles.plan import work_downsample

Value = TypeVar("Value", bound=np.generic)


def downsample_for(mpp: float, scale: ModelInput) -> float | None:
    """Image px per work px for a network; None where the image is too coarse for it.

    A power of two where that lies in the network's range, as slides are reduced.
    """
    cheap = work_downsample(Mpp(mpp), scale.mpp)
    if scale.finest_mpp <= mpp * cheap <= scale.coarsest_mpp:
        return cheap
    exact = max(1.0, scale.mpp / mpp)
    return exact if mpp * exact <= scale.coarsest_mpp else None


def whole_tile(pixels: NDArray[np.uint8], mpp: float, downsample: float, halo_um: float) -> Tile:
    """The image (h, w, 3) as one tile at the work scale; the halo mirrors it."""
    seen = _reduced(pixels, downsample)
    work_mpp = Mpp(mpp * downsample)
    halo = int(np.ceil(um_to_px(halo_um, work_mpp)))
    core = Box(0, 0, seen.shape[1], seen.shape[0])
    wide = np.pad(seen, ((halo, halo), (halo, halo), (0, 0)), mode="reflect")
    region = Region(box=core.grown(halo), downsample=downsample, pixels=wide)
    return Tile(core=core, region=region, mpp=work_mpp)


def core_slices(tile: Tile) -> tuple[slice, slice]:
    """Where the core lies in arrays of the tile's region."""
    box, core = tile.region.box, tile.core
    return Box(core.x - box.x, core.y - box.y, core.width, core.height).slices


def core_pixels(tile: Tile) -> NDArray[np.uint8]:
    """The image at the work scale, without what was mirrored."""
    return tile.region.pixels[core_slices(tile)]


def on_own_grid(
    values: NDArray[Value], downsample: float, shape: tuple[int, ...]
) -> NDArray[Value]:
    """Values (rows, columns), ``downsample`` image px wide each, at each px of an image (h, w).

    What lies beyond the last value repeats it.
    """
    row, column = (
        np.minimum(((np.arange(n) + 0.5) / downsample).astype(np.int64), values.shape[axis] - 1)
        for axis, n in enumerate(shape)
    )
    return values[np.ix_(row, column)]


def _reduced(pixels: NDArray[np.uint8], downsample: float) -> NDArray[np.uint8]:
    """Mean colour of squares of ``downsample`` px; the last incomplete row and column go."""
    if downsample == 1:
        return pixels
    height, width = (int(n / downsample) for n in pixels.shape[:2])
    box = (0, 0, width * downsample, height * downsample)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX, box))
