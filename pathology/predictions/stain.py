"""Which stains a slide carries, told from its pixels.

Macenko et al., ISBI 2009: in optical density the pixels of two stains lie in a plane, and the
stains are its robust extremes. Two additions make that safe on clinical slides: the kind of stain
is decided first, from the hue of the density, and a vector that strays far from the textbook's
(Ruifrok & Johnston, Anal Quant Cytol Histol 2001) gives way to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pathology.records.settings.predictions import StainSettings
from pathology.records.stain import StainKind, Stains, optical_density

HAEMATOXYLIN: Final = (0.650, 0.704, 0.286)
DAB: Final = (0.268, 0.570, 0.776)
"""Ruifrok & Johnston 2001, directions in (R, G, B) optical density."""
HAEMATOXYLIN_OF_HE: Final = (0.563, 0.720, 0.406)
EOSIN: Final = (0.216, 0.801, 0.558)
"""Macenko et al. 2009, the reference in use since: eosin as scanners see it, not as a pure dye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HueShares:
    """Shares of the coloured pixels by the channel that absorbs most; they sum to at most 1."""

    coloured: int  # number of pixels that carry stain
    coloured_share: float  # of all pixels
    pink: float  # green absorbs most: eosin, alone or over haematoxylin
    blue: float  # red absorbs most: haematoxylin without eosin
    brown: float  # blue absorbs most: DAB


def estimate_stains(samples: Sequence[NDArray[np.uint8]], settings: StainSettings) -> Stains:
    """Kind of stain, its two vectors and the white point of one slide.

    Parameters
    ----------
    samples
        Patches (h, w, 3) uint8 RGB at the work scale, taken from tissue.

    Notes
    -----
    Memory: at most ``settings.most_pixels`` pixels are looked at, taken evenly. The answer does
    not depend on the order of the samples beyond that choice.
    """
    pixels = _pooled(samples, settings.most_pixels)
    white = white_point(pixels, settings)
    density = optical_density(pixels, white)
    coloured = density[density.sum(axis=-1) > settings.coloured_od]
    shares = hue_shares(coloured, len(pixels), settings)
    kind, evidence = decide_kind(shares, settings)
    if kind == "unknown":
        return Stains(
            kind=kind,
            vectors=_units(HAEMATOXYLIN_OF_HE, EOSIN),
            white=white,
            evidence=evidence,
            estimated=False,
        )
    vectors, estimated = (
        _he_vectors(coloured, settings) if kind == "he" else _dab_vectors(coloured, settings)
    )
    return Stains(kind=kind, vectors=vectors, white=white, evidence=evidence, estimated=estimated)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DensityTables:
    """Densities by look-up: 256 grey values have 256 logarithms.

    Sums of three table values, so that a pixel has the same density in every tile; a matrix
    product may round differently with the shape of the array.
    """

    single: NDArray[np.float32]  # (256, 3) density by grey value and channel
    mixing: NDArray[np.float32]  # (256, 3, 2) share of a grey value in each stain's density

    def density(self, rgb: NDArray[np.uint8], channel: int) -> NDArray[np.float32]:
        """Optical density of one channel, (h, w) >= 0."""
        return np.take(self.single[:, channel], rgb[..., channel])

    def unmixed(self, rgb: NDArray[np.uint8], stain: int) -> NDArray[np.float32]:
        """Optical density of one stain (0: haematoxylin), (h, w) >= 0."""
        red, green, blue = (np.take(self.mixing[:, c, stain], rgb[..., c]) for c in range(3))
        amount: NDArray[np.float32] = np.maximum(red + green + blue, 0)
        return amount


def density_table(stains: Stains) -> DensityTables:
    """The tables of one slide: least squares on its two unit vectors."""
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    single = optical_density(greys, stains.white)
    mixing = single[:, :, None] * np.linalg.pinv(stains.vectors)[None]
    return DensityTables(single=single, mixing=mixing.astype(np.float32))


def separate(
    rgb: NDArray[np.uint8], stains: Stains
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Optical density of haematoxylin and of the second stain, each (h, w) float32, >= 0.

    A value of 1 is a density of length 1 along the stain's unit vector.
    """
    tables = density_table(stains)
    return tables.unmixed(rgb, 0), tables.unmixed(rgb, 1)


def white_point(pixels: NDArray[np.uint8], settings: StainSettings) -> NDArray[np.float64]:
    """Light through bare glass, (3,) in 0..255, from (n, 3) pixels.

    A high percentile per channel, since every stain only darkens. Where no glass shows, all pixels
    carry stain and a channel would come out too dark: no glass is tinted beyond ``least_tint``.
    """
    if not len(pixels):
        return np.full(3, 255.0)
    white = np.percentile(pixels, settings.white_percentile, axis=0).astype(np.float64)
    floored: NDArray[np.float64] = np.maximum(white, settings.least_tint * white.max())
    return floored


def hue_shares(coloured: NDArray[np.float32], pixels: int, settings: StainSettings) -> HueShares:
    """Which channel absorbs most in each of the (n, 3) coloured densities of ``pixels`` pixels."""
    count = len(coloured)
    red, green, blue = coloured.T
    eosin, dominance = settings.eosin_ratio, settings.dominance
    pink = (green > eosin * red) & (green > blue)
    bluish = (red > dominance * green) & (red > dominance * blue)
    brown = (blue > dominance * green) & (blue > dominance * red)
    return HueShares(
        coloured=count,
        coloured_share=count / max(pixels, 1),
        pink=float(pink.sum()) / max(count, 1),
        blue=float(bluish.sum()) / max(count, 1),
        brown=float(brown.sum()) / max(count, 1),
    )


def decide_kind(shares: HueShares, settings: StainSettings) -> tuple[StainKind, str]:
    """The kind of stain and one sentence of evidence."""
    if shares.coloured_share < settings.least_coloured_share:
        return "unknown", f"only {shares.coloured_share:.1%} of the pixels carry any stain"
    seen = (
        f"of the stained pixels {shares.pink:.0%} are pink or purple (eosin), "
        f"{shares.blue:.0%} blue and {shares.brown:.0%} brown"
    )
    if shares.pink >= settings.he_pink_at_least:
        return "he", f"H&E: {seen}"
    counterstain = shares.blue + shares.brown
    if shares.pink <= settings.ihc_pink_at_most and counterstain >= settings.ihc_least_share:
        return "ihc-dab", f"DAB with haematoxylin: {seen}"
    return "unknown", f"neither H&E nor DAB with haematoxylin: {seen}"


def _pooled(samples: Sequence[NDArray[np.uint8]], most: int) -> NDArray[np.uint8]:
    """All pixels (n, 3), or every k-th of them."""
    if not samples:
        return np.empty((0, 3), np.uint8)
    total = sum(s.shape[0] * s.shape[1] for s in samples)
    step = max(1, -(-total // most))
    return np.concatenate([s.reshape(-1, 3)[::step] for s in samples])


def _he_vectors(
    coloured: NDArray[np.float32], settings: StainSettings
) -> tuple[NDArray[np.float64], bool]:
    strong = coloured[coloured.sum(axis=1) > settings.strong_od]
    if len(strong) < settings.least_pixels:
        return _units(HAEMATOXYLIN_OF_HE, EOSIN), False
    limit = settings.most_deviation_deg
    return _checked(
        _plane_extremes(strong, settings), _units(HAEMATOXYLIN_OF_HE, EOSIN), (limit, limit)
    )


def _dab_vectors(
    coloured: NDArray[np.float32], settings: StainSettings
) -> tuple[NDArray[np.float64], bool]:
    """Middle direction of the blue pixels, and of the dark brown ones.

    Not Macenko's extremes: these would be the bluest of the blue, and every common blue nucleus
    would show some DAB. Pale yellowish pixels are fringes of the optics, not DAB.
    """
    textbook = _units(HAEMATOXYLIN, DAB)
    total = coloured.sum(axis=1)
    red, blue_light = coloured[:, 0], coloured[:, 2]
    blue = coloured[(total > settings.strong_od) & (red > settings.dominance * blue_light)]
    brown = coloured[(total > settings.dark_od) & (blue_light > settings.dominance * red)]
    found = len(blue) >= settings.least_pixels, len(brown) >= settings.least_pixels
    vectors = _units(
        _middle(blue) if found[0] else HAEMATOXYLIN, _middle(brown) if found[1] else DAB
    )
    limits = settings.most_deviation_deg, settings.most_dab_deviation_deg
    checked, _ = _checked(vectors, textbook, limits)
    return checked, any(found)


def _middle(density: NDArray[np.float32]) -> NDArray[np.float64]:
    """Median direction of densities (n, 3)."""
    directions = density / np.linalg.norm(density, axis=1, keepdims=True)
    middle: NDArray[np.float64] = np.median(directions.astype(np.float64), axis=0)
    return middle


def _plane_extremes(density: NDArray[np.float32], settings: StainSettings) -> NDArray[np.float64]:
    """Two unit vectors (2, 3), haematoxylin (which absorbs more red) first."""
    values, axes = np.linalg.eigh(np.cov(density.T.astype(np.float64)))
    plane = axes[:, np.argsort(values)[:0:-1]]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1, 1)
    angles = np.arctan2(*(density @ plane).T[::-1])
    low, high = np.percentile(angles, [settings.angle_percentile, 100 - settings.angle_percentile])
    first, second = (plane @ (np.cos(a), np.sin(a)) for a in (low, high))
    return _units(first, second) if _redder(first, second) else _units(second, first)


def _redder(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    red = [v[0] / np.abs(v).sum() for v in (first, second)]
    return bool(red[0] > red[1])


def _checked(
    vectors: NDArray[np.float64], textbook: NDArray[np.float64], limits_deg: tuple[float, float]
) -> tuple[NDArray[np.float64], bool]:
    """``vectors``, each one replaced by the textbook's where it strays too far from it."""
    cosines = np.clip((vectors * textbook).sum(axis=1), -1, 1)
    far = np.degrees(np.arccos(cosines)) > np.asarray(limits_deg)
    return np.where(far[:, None], textbook, vectors), not bool(far.all())


def _units(*vectors: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length 1 without negative absorbance."""
    rows = np.maximum(np.asarray(vectors, dtype=np.float64), 0)
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
