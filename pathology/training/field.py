"""A labelled image, whatever set it comes from, and how sets are split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.records.model import ModelStain

UNKNOWN = -1
"""A class or a positivity that nobody stated."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledField:
    """An image with its nuclei. Nucleus i is painted as i + 1; points are (x, y) in its own px."""

    name: str
    dataset: str
    group: str  # what must not sit on both sides of a split: tile, patient, organ, slide
    stain: ModelStain
    mpp: float
    pixels: NDArray[np.uint8]  # (h, w, 3) RGB
    instances: NDArray[np.int32]  # (h, w)
    centre_px: NDArray[np.float64]  # (n, 2) x, y
    cell_class: NDArray[np.int8]  # (n,) CellClass or UNKNOWN
    positive: NDArray[np.int8]  # (n,) 1, 0 or UNKNOWN
    outlined: bool = True  # False: only centres are known, and discs are painted around them
    complete: bool = True  # False: what is not painted may be a nucleus all the same

    def __post_init__(self) -> None:
        n = len(self.centre_px)
        if len(self.cell_class) != n or len(self.positive) != n:
            raise ValueError(f"{self.name}: columns of nuclei have different lengths")
        if self.instances.shape != self.pixels.shape[:2] or self.instances.max(initial=0) > n:
            raise ValueError(f"{self.name}: labels do not belong to the image")


def unknown(n: int) -> NDArray[np.int8]:
    """A column of n unknown values."""
    return np.full(n, UNKNOWN, np.int8)


def renumbered(labels: NDArray[np.integer]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Labels as 1..n without gaps, and the old label of each, (n,)."""
    old, inverse = np.unique(labels, return_inverse=True)
    shift = 0 if len(old) and old[0] == 0 else 1
    new = (inverse.reshape(labels.shape) + shift).astype(np.int32)
    return new, old[old > 0].astype(np.int64)


def centroids(instances: NDArray[np.int32], n: int) -> NDArray[np.float64]:
    """Centroids (n, 2) x, y in px of labels 1..n."""
    if n == 0:
        return np.empty((0, 2))
    found = ndimage.center_of_mass(instances > 0, instances, np.arange(1, n + 1))
    return np.asarray(found, np.float64).reshape(-1, 2)[:, ::-1] + 0.5


def painted_discs(
    shape: tuple[int, int], centre_px: NDArray[np.floating], radius_px: float
) -> NDArray[np.int32]:
    """Discs 1..n around points; where two meet, each pixel goes to the nearer centre."""
    seeds = np.zeros(shape, np.int32)
    column = np.clip(centre_px[:, 0].astype(int), 0, shape[1] - 1)
    row = np.clip(centre_px[:, 1].astype(int), 0, shape[0] - 1)
    seeds[row, column] = np.arange(1, len(centre_px) + 1)
    if not len(centre_px):
        return seeds
    distance, (near_row, near_column) = ndimage.distance_transform_edt(
        seeds == 0, return_indices=True
    )
    return np.where(distance <= radius_px, seeds[near_row, near_column], 0).astype(np.int32)


class Grouped(Protocol):
    """What can be split: an image of a set, and what it must not be parted from."""

    @property
    def dataset(self) -> str:
        """Name of the set."""
        ...

    @property
    def group(self) -> str:
        """Tile, patient, organ or slide; unique within the set."""
        ...


AnyField = TypeVar("AnyField", bound=Grouped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Groups kept away from training, as ``dataset/group``; the rest is trained on."""

    held_out: frozenset[str]

    def parts(self, fields: Sequence[AnyField]) -> tuple[list[AnyField], list[AnyField]]:
        """Fields to train on, and fields held out. No group is on both sides.

        Raises
        ------
        ValueError
            A held-out group has no field: a typo would silently train on what judges.
        """
        keys = {key_of(f) for f in fields}
        if strangers := sorted(self.held_out - keys):
            raise ValueError(f"no field belongs to {strangers}")
        kept = [f for f in fields if key_of(f) not in self.held_out]
        return kept, [f for f in fields if key_of(f) in self.held_out]


def key_of(field: Grouped) -> str:
    """The group of a field, unique among all sets."""
    return f"{field.dataset}/{field.group}"


def folds(fields: Sequence[Grouped], count: int) -> tuple[Split, ...]:
    """At most ``count`` splits by group; each group is held out exactly once.

    Groups are dealt out set by set in the order of their names, so that every fold holds out about
    a ``count``-th of every set and the same fields give the same folds.
    """
    dealt: list[set[str]] = [set() for _ in range(count)]
    for dataset in sorted({f.dataset for f in fields}):
        keys = sorted({key_of(f) for f in fields if f.dataset == dataset})
        for place, key in enumerate(keys):
            dealt[place % count].add(key)
    return tuple(Split(held_out=frozenset(keys)) for keys in dealt if keys)
