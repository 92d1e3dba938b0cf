"""A map of a result as a picture that lies over the slide."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pathology.exchange.maps_zarr import GridMap
from pathology.records.prediction import TissueClass

SHOWN: Final = ("tissue_class", "ki67_density", "nucleus_density")
"""Maps for people; the others are for counting again."""
TISSUE: Final[Mapping[int, tuple[int, int, int]]] = MappingProxyType(
    {
        TissueClass.TUMOUR: (230, 159, 0),
        TissueClass.STROMA: (86, 180, 233),
        TissueClass.OTHER: (120, 120, 120),
        TissueClass.NORMAL: (0, 158, 115),
    }
)
"""Colours that colour-blind people tell apart (Okabe and Ito 2008); as in ``overlay.png``."""
RAMP: Final = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""Of a density, low to high: five steps of viridis, whose lightness rises evenly."""
SATURATED_QUANTILE: Final = 0.995
"""The density from which the ramp is at its end: one crowded pixel would else darken all others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapPicture:
    """A PNG whose upper left corner is the slide's, and what its colours mean."""

    name: str
    png: bytes
    width: int  # px of the picture
    height: int
    px0: float  # level-0 px per px
    most: float | None  # density at the end of the ramp, per mm²; None for classes

    def told(self) -> dict[str, Any]:
        """All but the picture."""
        size = {"name": self.name, "width": self.width, "height": self.height, "px0": self.px0}
        return {**size, "most": self.most}


def map_picture(name: str, grid_map: GridMap, most_px: int) -> MapPicture:
    """The picture, at most ``most_px`` a side; a coarser pixel is a block's mean, or its middle."""
    step = -(-max(grid_map.pixels.shape) // most_px)
    most: float | None = None
    if np.issubdtype(grid_map.pixels.dtype, np.integer):
        pixels = grid_map.pixels[step // 2 :: step, step // 2 :: step]
        rgba = _classes(pixels)
    else:
        density = _coarser(grid_map.pixels.astype(np.float32), step)
        known = density[np.isfinite(density) & (density > 0)]
        most = _round(float(np.quantile(known, SATURATED_QUANTILE))) if known.size else 1.0
        rgba = _ramp(density, most)
    return MapPicture(
        name=name,
        png=_png(rgba),
        width=rgba.shape[1],
        height=rgba.shape[0],
        px0=grid_map.downsample * step,
        most=most,
    )


def _classes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    colours = np.zeros((256, 4), np.uint8)
    for tissue, colour in TISSUE.items():
        colours[tissue] = (*colour, 255)
    return colours[pixels.astype(np.uint8)]


def _ramp(density: NDArray[np.float32], most: float) -> NDArray[np.uint8]:
    """Colours (rows, columns, 4); nothing where there is nothing, or nobody knows."""
    share = np.clip(np.nan_to_num(density) / most, 0, 1)
    at = np.linspace(0, 1, len(RAMP))
    shades = [np.interp(share, at, [c[k] for c in RAMP]) for k in range(3)]
    alpha = np.where(share > 0, 255, 0)
    return np.stack([*shades, alpha], axis=2).round().astype(np.uint8)


def _coarser(pixels: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    if step == 1:
        return pixels
    rows, columns = (-(-side // step) for side in pixels.shape)
    room = np.full((rows * step, columns * step), np.nan, np.float32)
    room[: pixels.shape[0], : pixels.shape[1]] = pixels
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        mean: NDArray[np.float32] = np.nanmean(
            room.reshape(rows, step, columns, step), axis=(1, 3), dtype=np.float32
        )
    return mean


def _round(value: float) -> float:
    """Up to two figures, so that a legend can be read."""
    digit = 10 ** (np.floor(np.log10(value)) - 1)
    return float(np.ceil(value / digit) * digit)


def _png(rgba: NDArray[np.uint8]) -> bytes:
    room = io.BytesIO()
    Image.fromarray(rgba).save(room, "PNG", compress_level=3)
    return room.getvalue()
