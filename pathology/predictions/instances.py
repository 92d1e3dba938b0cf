"""Maps of the nucleus network -> nuclei, one label each.

A pixel of a nucleus points to the centre of its nucleus (as in Panoptic-DeepLab, Cheng et al.,
CVPR 2020). Peaks of the map of centres are the nuclei; a pixel belongs to the peak nearest to the
place it points to. Touching nuclei come apart where their pixels point apart, without a watershed.

Every step looks a bounded distance around and breaks ties by place within the neighbourhood, so a
nucleus is the same in every tile that sees it whole. No loop runs over nuclei.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as components_of

from pathology.models.network import NUCLEUS_MAPS, OFFSET_PX
from pathology.predictions.measure import NucleusPixels, pixels_of, shapes_of
from pathology.records.geometry import px_area_to_um2, um_to_px
from pathology.records.model import NucleusDecoding

NUCLEUS, CENTRE, OFFSET_X, OFFSET_Y, POSITIVE = (
    NUCLEUS_MAPS.index(name) for name in ("nucleus", "centre", "offset_x", "offset_y", "positive")
)
CLASSES: Final = len(NUCLEUS_MAPS)
"""The first map of classes."""
CERTAIN: Final = 30.0
"""Logits beyond this are cut: float32 knows no probability between them and 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decoded:
    """Nuclei of one picture, in the order of their peaks (rows, then columns)."""

    labels: NDArray[np.int32]  # (h, w), 0 outside nuclei, i + 1 for nucleus i
    peaks_px: NDArray[np.int64]  # (n, 2) column, row of the peak of centres
    cell_class: NDArray[np.uint8]  # (n,) index of the network's class
    class_probability: NDArray[np.float32]  # (n,) mean over the nucleus's pixels
    positive_probability: NDArray[np.float32]  # (n,) mean over the nucleus's pixels

    @property
    def all(self) -> NDArray[np.bool_]:
        """(n,) true, to choose every nucleus."""
        return np.ones(len(self.peaks_px), np.bool_)


def decode(maps: NDArray[np.floating], mpp: float, decoding: NucleusDecoding) -> Decoded:
    """Nuclei in the maps (channels, h, w) of one picture at ``mpp``.

    Channels are ``models.network.NUCLEUS_MAPS`` and then the logits of classes; float32 or float16.
    """
    inside = maps[NUCLEUS] >= logit(decoding.least_nucleus)
    peaks = centre_peaks(maps[CENTRE], mpp, decoding)
    pointed = _pointed_to(maps, inside, peaks, um_to_px(decoding.most_offset_um, mpp))
    pieces = components_of(pointed, background=-1, connectivity=1)
    size_px = np.bincount(pieces.ravel())
    whole = _filled(pieces, _largest(pieces, pointed, size_px), len(peaks))
    least_px = max(decoding.least_area_um2 / px_area_to_um2(1.0, mpp), 1)
    large = np.bincount(whole, size_px, minlength=len(peaks) + 1)[1:] >= least_px
    number = np.zeros(len(peaks) + 1, np.int32)
    number[1:][large] = np.arange(1, int(large.sum()) + 1)
    labels = number[whole][pieces]
    pixels = pixels_of(labels, np.ones(int(large.sum()), np.bool_))
    cell_class, certainty = _classes(maps, pixels)
    return Decoded(
        labels=labels,
        peaks_px=peaks[large],
        cell_class=cell_class,
        class_probability=certainty,
        positive_probability=_mean_probability(maps[POSITIVE], pixels),
    )


def decoding_reach_um(decoding: NucleusDecoding) -> float:
    """How far around a peak the decoding itself looks, beside what the network sees."""
    return decoding.least_distance_um + decoding.most_offset_um


def logit(probability: float) -> float:
    """Log odds, cut where float32 ends."""
    if not 0 < probability < 1:
        return CERTAIN if probability >= 1 else -CERTAIN
    return min(max(log(probability / (1 - probability)), -CERTAIN), CERTAIN)


def centre_peaks(
    centre: NDArray[np.floating], mpp: float, decoding: NucleusDecoding
) -> NDArray[np.int64]:
    """Peaks (n, 2) column, row that nothing within ``least_distance_um`` exceeds, rows first.

    Maps of few bits have level tops; of equals within the distance the first in reading order is
    the peak. The map is lightly smoothed, so that this is the middle of the top more often.
    """
    surface = _smoothed(np.asarray(centre, dtype=np.float32))
    candidate = surface >= logit(decoding.least_centre)
    candidate &= surface >= _highest_neighbour(surface)
    rows, columns = np.nonzero(candidate)
    height = surface[rows, columns]
    top = np.ones(len(rows), np.bool_)
    beyond = np.pad(
        surface, int(um_to_px(decoding.least_distance_um, mpp)), constant_values=-np.inf
    )
    reach = (beyond.shape[0] - surface.shape[0]) // 2
    for dy, dx in _disc(um_to_px(decoding.least_distance_um, mpp)):
        left = np.flatnonzero(top)
        other = beyond[rows[left] + dy + reach, columns[left] + dx + reach]
        before = (dy, dx) < (0, 0)
        top[left] = height[left] > other if before else height[left] >= other
    return np.stack([columns[top], rows[top]], axis=1).astype(np.int64)


def _smoothed(surface: NDArray[np.float32]) -> NDArray[np.float32]:
    """Binomial mean of 3 x 3 px; edges are repeated."""
    wide = np.pad(surface, 1, mode="edge")
    across = wide[:, :-2] + wide[:, 2:]
    across += 2 * wide[:, 1:-1]
    down = across[:-2] + across[2:]
    down += 2 * across[1:-1]
    down /= 16
    return down


def _highest_neighbour(surface: NDArray[np.float32]) -> NDArray[np.float32]:
    """Highest of the 3 x 3 px around each."""
    wide = np.pad(surface, 1, mode="edge")
    across = np.maximum(np.maximum(wide[:, :-2], wide[:, 2:]), wide[:, 1:-1])
    highest: NDArray[np.float32] = np.maximum(np.maximum(across[:-2], across[2:]), across[1:-1])
    return highest


def _disc(radius_px: float) -> list[tuple[int, int]]:
    """Steps (rows, columns) within a radius but (0, 0), nearest first."""
    reach = int(radius_px)
    steps = [
        (dy, dx)
        for dy in range(-reach, reach + 1)
        for dx in range(-reach, reach + 1)
        if 0 < dy * dy + dx * dx <= radius_px**2
    ]
    return sorted(steps, key=lambda step: (step[0] ** 2 + step[1] ** 2, step))


def _pointed_to(
    maps: NDArray[np.floating],
    inside: NDArray[np.bool_],
    peaks: NDArray[np.int64],
    most_px: float,
) -> NDArray[np.int32]:
    """Label (h, w) of the peak nearest to where each pixel of a nucleus points; 0 for none."""
    height, width = inside.shape
    nearest = np.zeros((height, width), np.int32)
    number = np.arange(1, len(peaks) + 1, dtype=np.int32)
    # The furthest are painted first, so that the nearest has the last word.
    for dy, dx in [*reversed(_disc(most_px)), (0, 0)]:
        column, row = peaks[:, 0] + dx, peaks[:, 1] + dy
        seen = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        nearest[row[seen], column[seen]] = number[seen]
    here = np.flatnonzero(inside)
    row, column = np.divmod(here, width)
    x, y = (
        np.floor(place + np.float32(0.5) + OFFSET_PX * _at(maps[channel], here)).astype(np.int32)
        for place, channel in ((column, OFFSET_X), (row, OFFSET_Y))
    )
    seen = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    labels = np.zeros(height * width, np.int32)
    labels[here[seen]] = nearest[y[seen], x[seen]]
    return labels.reshape(height, width)


def _at(image: NDArray[np.floating], places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Values of an image (h, w) at flat places (n,), float32."""
    return np.take(image, places).astype(np.float32, copy=False)


def _largest(
    pieces: NDArray[np.int64], labels: NDArray[np.int32], size_px: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Label of each piece (4-connected) that is the largest of its label, 0 for all others."""
    label = np.zeros(len(size_px), np.int32)
    label[pieces.ravel()] = labels.ravel()
    order = np.lexsort((-np.arange(len(label)), size_px, label))
    beyond = np.iinfo(np.int32).max  # more than any label, of which there may be more than pieces
    largest = order[np.diff(label[order], append=beyond) > 0]
    kept = np.zeros(len(label), np.int32)
    kept[largest] = label[largest]
    return kept


def _filled(pieces: NDArray[np.int64], kept: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """``kept``, the label of each piece, with pieces shut in by one nucleus given to it."""
    loose = kept == 0
    for edge in (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]):
        loose[edge] = False
    piece = pieces.ravel()
    here = np.flatnonzero(loose[piece])
    least, most = np.full(len(kept), count + 1, np.int32), np.zeros(len(kept), np.int32)
    for step in (-pieces.shape[1], -1, 1, pieces.shape[1]):
        own, other = piece[here], piece[here + step]
        border = own != other
        around = kept[other[border]]
        np.minimum.at(least, own[border], around)
        np.maximum.at(most, own[border], around)
    return np.where(loose & (least == most) & (least > 0), most, kept).astype(np.int32)


def _classes(
    maps: NDArray[np.floating], pixels: NucleusPixels
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Class (n,) of the highest mean probability over a nucleus's pixels, and that mean."""
    here = pixels.row * maps.shape[2] + pixels.column
    shares = [np.exp(np.clip(_at(one, here), -CERTAIN, CERTAIN)) for one in maps[CLASSES:]]
    whole = np.sum(shares, axis=0) * np.maximum(pixels.size, 1)[pixels.nucleus]
    mean = np.stack([pixels.total(share / whole) for share in shares])
    best = mean.argmax(axis=0)
    return best.astype(np.uint8), mean[best, np.arange(pixels.count)].astype(np.float32)


def _mean_probability(logits: NDArray[np.floating], pixels: NucleusPixels) -> NDArray[np.float32]:
    """Mean probability (n,) over each nucleus's pixels."""
    here = pixels.row * logits.shape[1] + pixels.column
    odds = np.exp(np.clip(_at(logits, here), -CERTAIN, CERTAIN))
    mean = pixels.total(odds / (1 + odds)) / np.maximum(pixels.size, 1)
    return mean.astype(np.float32)


def numbered(labels: NDArray[np.int32]) -> Decoded:
    """Nuclei of a network that labels them itself (h, w), 0 for none; all of its one class.

    Their peak is the pixel under their centre of gravity, and its place sets their order.
    """
    names, number = np.unique(labels, return_inverse=True)
    if names[0] != 0:
        names, number = np.append(0, names), number + 1
    own = number.reshape(labels.shape).astype(np.int32)
    pixels = pixels_of(own, np.ones(len(names) - 1, np.bool_))
    column, row = shapes_of(pixels).centre_px.astype(np.int64).T
    order = np.lexsort((column, row))
    place = np.zeros(len(names), np.int32)
    place[1:][order] = np.arange(1, len(names))
    return Decoded(
        labels=place[own],
        peaks_px=np.stack([column[order], row[order]], axis=1),
        cell_class=np.zeros(len(order), np.uint8),
        class_probability=np.ones(len(order), np.float32),
        positive_probability=np.full(len(order), np.nan, np.float32),
    )
