"""What a network told of a picture -> nuclei of a tile, outlined, classed and measured."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pathology.predictions.framing import Framed
from pathology.predictions.instances import Decoded, decode, numbered
from pathology.predictions.measure import NucleusPixels, pixels_of, shapes_of
from pathology.predictions.nuclei import points_to_px0
from pathology.predictions.outlines import rings_of
from pathology.predictions.positivity import positivity
from pathology.predictions.seams import owned
from pathology.predictions.stain import density_table
from pathology.records.geometry import px_area_to_um2
from pathology.records.model import ModelCard
from pathology.records.prediction import Calibration, CellClass, Nuclei
from pathology.records.stain import Stains
from pathology.records.tile import Tile

LEAST_CORNERS = 3
"""Fewer points enclose nothing: a nucleus in a line of pixels is none."""


def decoded(answer: NDArray[Any], frame: Framed, tile: Tile, card: ModelCard) -> Decoded:
    """Nuclei in a network's answer to a framed tile, on the tile's own picture."""
    if card.decoding is None:  # the network gives nuclei itself
        return numbered(frame.own(answer[None], tile.region.box)[0].astype(np.int32))
    maps = frame.own(answer, tile.region.box)
    return decode(maps, tile.mpp, card.decoding)


def nuclei_of(
    found: Decoded, tile: Tile, stains: Stains, calibration: Calibration, card: ModelCard
) -> Nuclei:
    """The nuclei whose peak lies in the core of ``tile``, in the order of their peaks."""
    box = tile.region.box
    wanted = owned(found.peaks_px + np.array([box.x, box.y]), tile.core)
    if not wanted.any():
        return Nuclei.none()
    pixels = pixels_of(found.labels, wanted)
    shapes = shapes_of(pixels)
    rings = rings_of(pixels, shapes)
    dab = dab_of(pixels, tile.region.pixels, stains)
    nuclei = Nuclei(
        centre_px0=points_to_px0(shapes.centre_px, tile),
        area_um2=(px_area_to_um2(1.0, tile.mpp) * shapes.area_px).astype(np.float32),
        cell_class=cell_classes(card)[found.cell_class[wanted]],
        class_probability=found.class_probability[wanted],
        dab_od=dab.astype(np.float32),
        positive=positivity(dab, calibration.dab_low, calibration.dab_high),
        outline_px0=points_to_px0(rings.points_px, tile).astype(np.float32),
        outline_start=rings.start,
    )
    enclosed = np.diff(rings.start) >= LEAST_CORNERS
    return nuclei if enclosed.all() else nuclei.chosen(enclosed)


def dab_of(pixels: NucleusPixels, rgb: NDArray[np.uint8], stains: Stains) -> NDArray[np.float64]:
    """Mean DAB density (n,) of each nucleus in a picture (h, w, 3); NaN without DAB."""
    if stains.kind != "ihc-dab":
        return np.full(pixels.count, nan)
    return pixels.mean_of(density_table(stains).unmixed(rgb[pixels.row, pixels.column], 1))


def cell_classes(card: ModelCard) -> NDArray[np.uint8]:
    """CellClass of each of the card's classes, (classes,)."""
    return np.array([CellClass[name.upper()] for name in card.classes], np.uint8)


def clear_of_edges(labels: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Which nuclei (count,) do not touch the picture's edge: the others may be cut."""
    clear = np.ones(count + 1, np.bool_)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        clear[edge] = False
    return clear[1:]
