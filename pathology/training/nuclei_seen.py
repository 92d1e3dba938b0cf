"""Nuclei that a network, and the classical analysis, see in a whole labelled image.

As on a slide: the same frames, the same decoding, the same calibration of DAB, from the image
alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pathology.predictions.calibration import calibrate, calibration_of
from pathology.predictions.forward import Network
from pathology.predictions.framing import framed
from pathology.predictions.measure import pixels_of, shapes_of
from pathology.predictions.network_nuclei import cell_classes, clear_of_edges, dab_of, decoded
from pathology.predictions.nuclei import find_nuclei
from pathology.predictions.positivity import positivity
from pathology.predictions.seams import owned
from pathology.predictions.segment import credible, nuclear_signal, reach_um, segment
from pathology.predictions.stain import estimate_stains
from pathology.records.eyes import SampledNuclei
from pathology.records.geometry import Mpp, px_area_to_um2
from pathology.records.prediction import Positivity
from pathology.records.settings.predictions import PredictionSettings
from pathology.records.tile import Tile
from pathology.tiles.plan import work_downsample
from pathology.training.field import LabelledField
from pathology.training.whole_field import (
    core_pixels,
    core_slices,
    downsample_for,
    on_own_grid,
    whole_tile,
)

EVEN_ODDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NucleiSeen:
    """Nuclei seen in an image, on the image's own grid. Nucleus i is painted i + 1."""

    labels: NDArray[np.int32]  # (h, w)
    centre_px: NDArray[np.float64]  # (n, 2) x, y
    cell_class: NDArray[np.uint8]  # (n,) CellClass
    positive: NDArray[np.int8]  # (n,) Positivity by the image's own DAB threshold
    learned: NDArray[np.int8]  # (n,) Positivity by the network's own map; UNKNOWN without one


def nuclei_by_network(
    field: LabelledField, network: Network, settings: PredictionSettings
) -> NucleiSeen | None:
    """What a network of nuclei sees; None where the image is too coarse for it.

    Raises
    ------
    SlideError
        The network's answer is not finite, or its device failed.
    """
    card = network.card
    downsample = downsample_for(field.mpp, card.input)
    if downsample is None:
        return None
    tile = whole_tile(field.pixels, field.mpp, downsample, card.input.halo_um)
    frame = framed(tile.region.pixels, tile.region.box, card.input.step_px)
    (answer,) = network.forward([frame.pixels])
    found = decoded(answer.maps(), frame, tile, card)
    box = tile.region.box
    wanted = owned(found.peaks_px + np.array([box.x, box.y]), tile.core)
    labels, kept = _in_core(found.labels, wanted, tile)
    return NucleiSeen(
        labels=on_own_grid(labels, downsample, field.instances.shape),
        centre_px=_centres(labels, len(kept)) * downsample,
        cell_class=cell_classes(card)[found.cell_class[kept]],
        positive=_positive(labels, tile, settings, field),
        learned=_learned(found.positive_probability[kept]),
    )


def nuclei_by_baseline(field: LabelledField, settings: PredictionSettings) -> NucleiSeen | None:
    """What the classical analysis sees, calibrated on the image; None where it is too coarse."""
    downsample = work_downsample(Mpp(field.mpp), settings.scale.work_mpp)
    if field.mpp * downsample > settings.scale.coarsest_mpp:
        return None
    reach = max(reach_um(settings.nuclei_he), reach_um(settings.nuclei_ihc))
    tile = whole_tile(field.pixels, field.mpp, downsample, reach)
    core, rgb, box = core_pixels(tile), tile.region.pixels, tile.region.box
    stains = estimate_stains([core], settings.stain)
    calibration = calibrate([core], tile.mpp, stains, settings)
    nuclei = find_nuclei(tile, stains, calibration, settings)
    # The outlines of the result are rings of few points; for scores of areas the pixels count.
    find = settings.nuclei(stains.kind)
    signal = nuclear_signal(rgb, stains, tile.mpp, find)
    found = segment(signal, tile.mpp, calibration.nuclear_od, find)
    wanted = credible(found, rgb, stains, tile.mpp, find)
    wanted &= owned(found.seeds_px + np.array([box.x, box.y]), tile.core)
    labels, kept = _in_core(found.labels, wanted, tile)
    place = np.searchsorted(np.flatnonzero(wanted), kept)
    return NucleiSeen(
        labels=on_own_grid(labels, downsample, field.instances.shape),
        centre_px=_centres(labels, len(kept)) * downsample,
        cell_class=nuclei.cell_class[place],
        positive=nuclei.positive[place],
        learned=np.full(len(kept), Positivity.UNKNOWN, np.int8),
    )


def _in_core(
    labels: NDArray[np.int32], wanted: NDArray[np.bool_], tile: Tile
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Labels 1..n of the wanted nuclei that have pixels in the core, and which (n,) they are."""
    own = labels[core_slices(tile)]
    pixels = np.bincount(own.ravel(), minlength=len(wanted) + 1)[1:]
    kept = np.flatnonzero(wanted & (pixels > 0))
    number = np.zeros(len(wanted) + 1, np.int32)
    number[kept + 1] = np.arange(1, len(kept) + 1)
    return number[own], kept


def _centres(labels: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    return shapes_of(pixels_of(labels, np.ones(count, np.bool_))).centre_px


def _learned(probability: NDArray[np.float32]) -> NDArray[np.int8]:
    answer = np.where(probability >= EVEN_ODDS, Positivity.POSITIVE, Positivity.NEGATIVE)
    return np.where(np.isnan(probability), Positivity.UNKNOWN, answer).astype(np.int8)


def _positive(
    labels: NDArray[np.int32], tile: Tile, settings: PredictionSettings, field: LabelledField
) -> NDArray[np.int8]:
    """Positivity (n,) as findings have it: against a threshold of the image's own nuclei."""
    pixels = pixels_of(labels, np.ones(int(labels.max(initial=0)), np.bool_))
    if field.stain != "ihc-dab":
        return np.full(pixels.count, Positivity.UNKNOWN, np.int8)
    rgb = core_pixels(tile)
    stains = estimate_stains([rgb], settings.stain)
    dab = dab_of(pixels, rgb, stains)
    whole = clear_of_edges(labels, pixels.count)
    area_um2 = px_area_to_um2(1.0, tile.mpp) * pixels.size
    sampled = SampledNuclei(area_um2=area_um2[whole], dab_od=dab[whole], nuclear_od=nan)
    told = calibration_of(sampled, nan, stains, settings)
    return positivity(dab, told.dab_low, told.dab_high)
