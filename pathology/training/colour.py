"""Augmentation where stains add up: in optical density.

A picture is taken apart into its two stains and what is left over; amounts and colours of the
stains are drawn anew, and the picture is put together again. The same way a picture of H&E is
**recoloured** into DAB with haematoxylin: eosin fades to the pale background of such slides, and a
share of the nuclei is painted with DAB. Which nuclei these are is then known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pathology.records.model import ModelStain

WHITE: Final = 255.0
FAINTEST: Final = 1.0 / 255.0
HAEMATOXYLINS: Final = (
    (0.650, 0.704, 0.286),  # Ruifrok & Johnston 2001
    (0.563, 0.720, 0.406),  # Macenko et al. 2009
    (0.80, 0.54, 0.26),  # bluish, as under DAB
    (0.70, 0.60, 0.38),
    (0.58, 0.57, 0.58),  # grey
)
EOSINS: Final = ((0.072, 0.990, 0.105), (0.216, 0.801, 0.558), (0.10, 0.85, 0.45))
DABS: Final = ((0.268, 0.570, 0.776), (0.38, 0.58, 0.72), (0.30, 0.48, 0.82), (0.50, 0.58, 0.64))
"""Directions in (R, G, B) density between which new stains are drawn; the first of each is Ruifrok
& Johnston's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourRanges:
    """How far colours are moved. Pairs are the ends of uniform draws, amounts are factors."""

    haematoxylin: tuple[float, float] = (0.35, 1.7)
    second: tuple[float, float] = (0.3, 1.7)  # eosin, or DAB
    gamma: tuple[float, float] = (0.8, 1.25)
    keep_own_share: float = 0.4  # of pictures whose stains keep their own colour
    jitter: float = 0.05  # standard deviation of a stain's direction, per channel
    lamp: tuple[float, float] = (0.85, 1.0)
    tint: float = 0.03  # spread of the lamp's colour
    veil_od: float = 0.06  # most density that lies evenly over everything


def density(pixels: NDArray[np.uint8], white: NDArray[np.floating]) -> NDArray[np.float32]:
    """Optical density (h, w, 3) float32 >= 0 of uint8 RGB under light ``white`` (3,)."""
    seen = np.maximum(pixels.astype(np.float32) / white.astype(np.float32), FAINTEST)
    return np.maximum(-np.log10(seen), 0)


def pixels_of(od: NDArray[np.floating], white: NDArray[np.floating]) -> NDArray[np.float32]:
    """RGB (h, w, 3) float32 in 0..255 from density."""
    light: NDArray[np.float32] = (np.power(10.0, -od) * white).astype(np.float32)
    return np.clip(light, 0, 255)


def restained(
    pixels: NDArray[np.uint8],
    vectors: NDArray[np.floating],
    white: NDArray[np.floating],
    stain: ModelStain,
    rng: np.random.Generator,
    ranges: ColourRanges,
) -> NDArray[np.float32]:
    """The picture with stains of other strength and colour, (h, w, 3) float32 in 0..255.

    Parameters
    ----------
    vectors
        (2, 3) directions of haematoxylin and of the second stain of this picture.
    """
    first, second, rest = unmixed(density(pixels, white), vectors)
    own = rng.random() < ranges.keep_own_share
    seconds = EOSINS if stain == "he" else DABS
    blue = vectors[0] if own else between(HAEMATOXYLINS, rng)
    other = vectors[1] if own else between(seconds, rng)
    od = (
        _moved(first, ranges.haematoxylin, ranges.gamma, rng)[..., None] * _jittered(blue, rng)
        + _moved(second, ranges.second, ranges.gamma, rng)[..., None] * _jittered(other, rng)
        + rest * np.float32(rng.uniform(0.3, 1.0))
    )
    return pixels_of(od + _veil(rng, ranges), lamp(rng, ranges))


def recoloured(
    pixels: NDArray[np.uint8],
    vectors: NDArray[np.floating],
    white: NDArray[np.floating],
    brown: NDArray[np.floating],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """A picture of H&E as DAB with haematoxylin, (h, w, 3) float32 in 0..255.

    Parameters
    ----------
    brown
        (h, w) in 0..1: how much DAB each pixel takes, 0 outside painted nuclei.
    """
    ranges = ColourRanges()
    blue, eosin, rest = unmixed(density(pixels, white), vectors)
    chromatin = blue / max(float(np.quantile(blue, 0.95)), 0.05)
    pale = np.float32(rng.choice([rng.uniform(0.12, 0.4), rng.uniform(0.3, 1.0)]))
    # DAB covers the blue below it as far as it is there: what it fades into keeps its colour.
    covered = np.clip(brown / max(float(brown.max()), 1e-6), 0, 1).astype(np.float32)
    counterstain = (1 - np.float32(rng.uniform(0, 0.8)) * covered) * pale
    # DAB follows chromatin only in part; strong DAB is even and nearly black.
    evenness = rng.uniform(0.2, 1.0)
    texture = evenness + (1 - evenness) * np.minimum(chromatin, 1.5)
    cytoplasm = rng.choice([0.0, rng.uniform(0, 0.25)]) * eosin
    od = (
        (counterstain * blue)[..., None] * _jittered(between(HAEMATOXYLINS, rng), rng)
        + (brown * texture + cytoplasm)[..., None] * _jittered(between(DABS, rng), rng)
        + (eosin * rng.uniform(0.0, 0.3))[..., None] * _jittered(between(HAEMATOXYLINS, rng), rng)
        + rest * np.float32(rng.uniform(0.0, 0.5))
    )
    return pixels_of(od + _veil(rng, ranges), lamp(rng, ranges))


def unmixed(
    od: NDArray[np.float32], vectors: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Amounts (h, w) >= 0 of two stains, and the density (h, w, 3) that neither explains."""
    amounts = np.maximum(od @ np.linalg.pinv(vectors).astype(np.float32), 0)
    rest = od - amounts @ vectors.astype(np.float32)
    return amounts[..., 0], amounts[..., 1], rest


def between(
    directions: tuple[tuple[float, float, float], ...], rng: np.random.Generator
) -> NDArray[np.float64]:
    """A unit direction drawn between the given ones."""
    weight = rng.dirichlet(np.full(len(directions), 0.5))
    mixed = weight @ np.asarray(directions)
    unit: NDArray[np.float64] = mixed / np.linalg.norm(mixed)
    return unit


def lamp(rng: np.random.Generator, ranges: ColourRanges) -> NDArray[np.float64]:
    """The light of another scanner: grey level and tint of bare glass, (3,)."""
    tint = 1 + rng.uniform(-ranges.tint, ranges.tint, 3)
    light: NDArray[np.float64] = np.minimum(WHITE * rng.uniform(*ranges.lamp) * tint, WHITE)
    return light


def _jittered(vector: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    moved = np.maximum(vector + rng.normal(0, ColourRanges().jitter, 3), 0.02)
    unit: NDArray[np.float32] = (moved / np.linalg.norm(moved)).astype(np.float32)
    return unit


def _moved(
    amount: NDArray[np.float32],
    factors: tuple[float, float],
    gammas: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    low, high = np.log(factors)
    factor, gamma = np.exp(rng.uniform(low, high)), rng.uniform(*gammas)
    moved: NDArray[np.float32] = np.power(amount, np.float32(gamma)) * np.float32(factor)
    return moved


def _veil(rng: np.random.Generator, ranges: ColourRanges) -> NDArray[np.float32]:
    if rng.random() < 0.5:
        return np.zeros(3, np.float32)
    return (rng.uniform(0, ranges.veil_od) * rng.uniform(0.3, 1.0, 3)).astype(np.float32)
