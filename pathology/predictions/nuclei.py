"""Tile -> nuclei, by classical means."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from pathology.predictions.cells import CellFeatures, classify_cells
from pathology.predictions.measure import pixels_of, rims_of, shapes_of
from pathology.predictions.outlines import rings_of
from pathology.predictions.positivity import positivity
from pathology.predictions.seams import owned
from pathology.predictions.segment import Segmented, credible, nuclear_signal, segment
from pathology.predictions.stain import density_table
from pathology.predictions.tissue import basophilia_at
from pathology.records.geometry import Box, grid_to_px0, px_area_to_um2
from pathology.records.prediction import Calibration, Nuclei
from pathology.records.settings.predictions import PredictionSettings
from pathology.records.stain import Stains
from pathology.records.tile import Tile

SHUT_IN = 1e3
"""Rim signal of a nucleus without a rim: more than any signal, and the same in every tile."""


def find_nuclei(
    tile: Tile, stains: Stains, calibration: Calibration, settings: PredictionSettings
) -> Nuclei:
    """The nuclei whose seed lies in the core of ``tile``, outlined, classed and measured.

    Parameters
    ----------
    tile
        At a scale of at most ``settings.scale.coarsest_mpp``; its halo must be at least
        ``segment.reach_um``, else nuclei near the seam may depend on the tile.

    Returns
    -------
    Nuclei
        In level-0 px, in the order of their seeds (rows, then columns).

    Raises
    ------
    ValueError
        The tile is coarser than nuclei can be seen at; the caller reports such findings as not
        measurable and does not ask.
    """
    if tile.mpp > settings.scale.coarsest_mpp:
        raise ValueError(f"no nuclei at {tile.mpp:g} µm/px, coarser than what nuclei need")
    find = settings.nuclei(stains.kind)
    rgb = tile.region.pixels
    found = segment(
        nuclear_signal(rgb, stains, tile.mpp, find), tile.mpp, calibration.nuclear_od, find
    )
    wanted = credible(found, rgb, stains, tile.mpp, find) & _mine(found, tile)
    if not wanted.any():
        return Nuclei.none()
    pixels = pixels_of(found.labels, wanted)
    shapes = shapes_of(pixels)
    rings = rings_of(pixels, shapes)
    classing = settings.cells(stains.kind)
    own = pixels.mean(found.signal)
    features = CellFeatures(
        area_um2=px_area_to_um2(1.0, tile.mpp) * shapes.area_px,
        elongation=shapes.elongation,
        darkness=own / calibration.nuclear_od,
        surround=_rim_signal(found, wanted, classing.rim_um / tile.mpp) / np.maximum(own, 1e-6),
        basophilia=basophilia_at(shapes.centre_px, tile, stains, settings),
    )
    classed = classify_cells(features, classing)
    dab = np.full(pixels.count, nan)
    if stains.kind == "ihc-dab":
        dab = pixels.mean(density_table(stains).unmixed(rgb, 1))
    return Nuclei(
        centre_px0=points_to_px0(shapes.centre_px, tile),
        area_um2=features.area_um2.astype(np.float32),
        cell_class=classed.cell_class,
        class_probability=classed.probability,
        dab_od=dab.astype(np.float32),
        positive=positivity(dab, calibration.dab_low, calibration.dab_high),
        outline_px0=points_to_px0(rings.points_px, tile).astype(np.float32),
        outline_start=rings.start,
    )


def _rim_signal(
    found: Segmented, wanted: NDArray[np.bool_], width_px: float
) -> NDArray[np.float64]:
    """Mean nuclear signal of the rim of each wanted nucleus.

    A nucleus shut in by others has no rim; it gets a high value, since it does not lie free.
    """
    rims = rims_of(found.labels, wanted, width_px)
    return np.where(rims.size > 0, rims.mean(found.signal), SHUT_IN)


def _mine(found: Segmented, tile: Tile) -> NDArray[np.bool_]:
    box = tile.region.box
    return owned(found.seeds_px + np.array([box.x, box.y]), tile.core)


def points_to_px0(points_px: NDArray[np.float64], tile: Tile) -> NDArray[np.float64]:
    """Points (n, 2) of the tile's picture to level-0 px."""
    box: Box = tile.region.box
    return grid_to_px0(points_px + np.array([box.x, box.y]), tile.region.downsample)
