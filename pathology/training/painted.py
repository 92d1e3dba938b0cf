"""Painted fields: nuclei whose outline, class and positivity are exact, in many colours.

They are no tissue. A small share of them keeps a network from resting on chromatin alone: what is
dark, round and of the size of a nucleus is one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.records.model import ModelStain
from pathology.records.prediction import CellClass
from pathology.training.colour import DABS, EOSINS, HAEMATOXYLINS, between, pixels_of
from pathology.training.field import LabelledField, centroids, renumbered

MPP = 0.5
SIDE_PX = 512
SHORT_AXIS_UM = {
    CellClass.TUMOUR: (6.5, 11.0),
    CellClass.LYMPHOCYTE: (4.5, 6.0),
    CellClass.STROMA: (3.0, 5.0),
}
ELONGATION = {
    CellClass.TUMOUR: (1.0, 1.6),
    CellClass.LYMPHOCYTE: (1.0, 1.15),
    CellClass.STROMA: (2.2, 4.0),
}


def painted_fields(count: int, seed: int) -> Iterator[LabelledField]:
    """``count`` fields, half of them H&E, half DAB with haematoxylin."""
    for place in range(count):
        stain: ModelStain = "he" if place % 2 else "ihc-dab"
        yield _field(place, stain, np.random.default_rng((seed, place)))


def _field(place: int, stain: ModelStain, rng: np.random.Generator) -> LabelledField:
    labels, kinds = _scattered(rng)
    instances, old = renumbered(labels)
    kinds = kinds[old - 1]
    brown = np.zeros(len(old), np.int8)
    if stain == "ihc-dab":
        brown = (rng.random(len(old)) < rng.uniform(0, 0.7)).astype(np.int8)
    od = _background(stain, rng) + _stained(instances, brown, rng)
    white = np.full(3, rng.uniform(235, 255))
    picture = pixels_of(od, white) + rng.normal(0, rng.uniform(0, 4), (SIDE_PX, SIDE_PX, 3))
    return LabelledField(
        name=f"painted-{place}",
        dataset="painted",
        group=str(place),
        stain=stain,
        mpp=MPP,
        pixels=np.clip(picture, 0, 255).astype(np.uint8),
        instances=instances,
        centre_px=centroids(instances, len(old)),
        cell_class=kinds,
        positive=brown if stain == "ihc-dab" else np.full(len(old), -1, np.int8),
    )


def _scattered(rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Ellipses on a jittered grid; later ones lie over earlier ones, as nuclei do."""
    step = rng.uniform(9, 26) / MPP
    grid = np.arange(step / 2, SIDE_PX, step)
    x, y = (g.ravel() for g in np.meshgrid(grid, grid))
    jitter = rng.uniform(0, 0.45) * step
    weights = rng.dirichlet([1.2, 0.6, 0.6])
    labels = np.zeros((SIDE_PX, SIDE_PX), np.int64)
    kinds = rng.choice(list(SHORT_AXIS_UM), len(x), p=weights).astype(np.int8)
    for number, (cx, cy, kind) in enumerate(zip(x, y, kinds, strict=True), start=1):
        short = rng.uniform(*SHORT_AXIS_UM[CellClass(kind)]) / MPP / 2
        axes = short, short * rng.uniform(*ELONGATION[CellClass(kind)])
        at = cx + rng.uniform(-jitter, jitter), cy + rng.uniform(-jitter, jitter)
        _ellipse(labels, at, axes, rng.uniform(0, np.pi), number)
    return labels, kinds


def _ellipse(
    labels: NDArray[np.int64],
    at: tuple[float, float],
    axes: tuple[float, float],
    angle: float,
    number: int,
) -> None:
    reach = int(max(axes)) + 2
    rows = slice(max(0, int(at[1]) - reach), int(at[1]) + reach + 1)
    columns = slice(max(0, int(at[0]) - reach), int(at[0]) + reach + 1)
    window = labels[rows, columns]
    dy = np.arange(window.shape[0])[:, None] + rows.start + 0.5 - at[1]
    dx = np.arange(window.shape[1])[None] + columns.start + 0.5 - at[0]
    along = dx * np.sin(angle) + dy * np.cos(angle)
    across = dx * np.cos(angle) - dy * np.sin(angle)
    window[(across / axes[0]) ** 2 + (along / axes[1]) ** 2 <= 1] = number


def _background(stain: ModelStain, rng: np.random.Generator) -> NDArray[np.float32]:
    """Even or cloudy cytoplasm, over glass in places."""
    cloud = ndimage.gaussian_filter(rng.normal(size=(SIDE_PX, SIDE_PX)), rng.uniform(3, 25))
    cloud = 1 + rng.uniform(0, 0.5) * cloud / max(float(cloud.std()), 1e-6)
    colour = between(EOSINS if stain == "he" else HAEMATOXYLINS, rng)
    amount = rng.uniform(0.05, 0.35) if stain == "he" else rng.uniform(0.02, 0.15)
    od = (np.maximum(cloud, 0) * amount)[..., None] * colour
    if rng.random() < 0.5:
        od[: int(rng.uniform(0, 60))] = 0
    background: NDArray[np.float32] = od.astype(np.float32)
    return background


def _stained(
    instances: NDArray[np.int32], brown: NDArray[np.int8], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Density of the nuclei: each its own strength, edges soft, texture faint."""
    n = len(brown)
    strength = rng.uniform(0.15, 0.8) * rng.uniform(0.7, 1.3, n)
    dab = np.where(brown == 1, rng.uniform(0.35, 1.6) * rng.uniform(0.6, 1.3, n), 0)
    blue = np.where(brown == 1, rng.uniform(0.2, 1.0) * strength, strength)
    grain = 1 + rng.uniform(0, 0.25) * rng.normal(size=instances.shape)
    amounts = np.stack([np.append(0, blue)[instances], np.append(0, dab)[instances]], axis=-1)
    soft = ndimage.gaussian_filter(amounts * grain[..., None], (0.6, 0.6, 0))
    colours = np.stack([between(HAEMATOXYLINS, rng), between(DABS, rng)])
    return np.asarray(soft @ colours, np.float32)
