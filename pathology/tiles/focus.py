"""Out of focus or not, block by block, from the pixels of the block alone.

A lens out of focus takes the finest detail first. How much detail there is depends on the tissue,
so it is compared with slightly coarser detail of the same block: contrast of optical density
between two Gaussians (a band of sizes, after the Laplacian of Pech-Pacheco et al., ICPR 2000). The
bands are set in µm, so that scans of different scale are judged alike. A block without contrast
(glass, smooth stroma, pale cytoplasm) is not judged, and so not called blurred.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.records.geometry import Mpp, um_to_px
from pathology.records.settings.tiles import FocusSettings, TilesSettings
from pathology.records.stain import optical_density

LEAST_BLOCK_PX = 16
"""Fewer pixels than this hold no band of sizes."""


def focus_block_px(mpp: Mpp, settings: TilesSettings) -> int:
    """Edge of a focus block, px at ``mpp``; at least 16, at most a core.

    It is the power of two nearest ``focus.block_um``, so that it divides a core.
    """
    nearest = 2 ** round(math.log2(um_to_px(settings.focus.block_um, mpp)))
    return int(min(max(nearest, LEAST_BLOCK_PX), settings.tiling.core_px))


def blurred_blocks(
    pixels: NDArray[np.uint8], mpp: Mpp, settings: TilesSettings
) -> NDArray[np.bool_]:
    """Which blocks are out of focus, (block rows, block columns).

    ``pixels`` is (rows, columns, 3) RGB at ``mpp``, a core whose first pixel begins a block. Blocks
    cut by its right or bottom edge are judged on what they have (mirrored to their full size).
    """
    side, focus = focus_block_px(mpp, settings), settings.focus
    rows, columns = (math.ceil(length / side) for length in pixels.shape[:2])
    grey = optical_density(pixels).mean(axis=2)
    missing = ((0, rows * side - grey.shape[0]), (0, columns * side - grey.shape[1]))
    whole = np.pad(grey, missing, mode="symmetric")
    blocks = whole.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)
    fine, middle, coarse = contrasts(blocks, mpp, focus)
    judged = middle >= focus.least_middle_od
    blurred = judged & (fine < focus.sharp_ratio * middle)
    judged = coarse >= focus.least_coarse_od
    blurred |= judged & (middle < focus.sharp_coarse_ratio * coarse)
    # The smooth rim of a gland against its empty lumen looks like blur: judge tissue, not edges.
    blurred &= np.mean(blocks >= focus.stained_od, axis=(1, 2)) >= focus.least_stained_share
    return blurred.reshape(rows, columns)


def contrasts(
    blocks: NDArray[np.float32], mpp: Mpp, settings: FocusSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Root-mean-square contrast (n,) of blocks (n, side, side) in three bands, fine to coarse."""
    sharp = _gaussian(blocks, um_to_px(settings.fine_um, mpp))
    middle = _widened(sharp, settings.fine_um, settings.middle_um, mpp)
    # What the middle Gaussian has left needs fewer pixels: the wide ones would cost most.
    step = max(1, 2 ** math.floor(math.log2(max(1.0, um_to_px(settings.middle_um, mpp)))))
    small, small_mpp = middle[:, ::step, ::step], Mpp(mpp * step)
    coarse = _widened(small, settings.middle_um, settings.coarse_um, small_mpp)
    widest = _widened(coarse, settings.coarse_um, settings.widest_um, small_mpp)
    return _rms(sharp - middle), _rms(small - coarse), _rms(coarse - widest)


def _widened(
    blocks: NDArray[np.float32], from_um: float, to_um: float, mpp: Mpp
) -> NDArray[np.float32]:
    """Blocks under a Gaussian of ``from_um`` brought to ``to_um``: variances add."""
    return _gaussian(blocks, um_to_px(math.sqrt(to_um**2 - from_um**2), mpp))


def _gaussian(blocks: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    seen: NDArray[np.float32] = ndimage.gaussian_filter(blocks, (0, sigma_px, sigma_px))
    return seen


def _rms(difference: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.mean(np.square(difference, dtype=np.float64), axis=(1, 2))))
