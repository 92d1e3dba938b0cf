"""Fields for the global index: 100 nuclei in each of four fields, spread over what the slide shows.

The procedure of the International Ki67 in Breast Cancer Working Group (Leung et al.,
Histopathology 2019) chooses fields that show how staining varies. Here that is done without a
hand: squares of tissue are sorted into levels of staining, every level present gets a field, and
the fields left go to the levels that cover most; in a level the square nearest to its median is
taken. A level's share of the area is the weight of its fields. Where staining varies no more than
chance (chi-squared), all is one level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from pathology.findings.windows import (
    Ground,
    ScoredNuclei,
    Window,
    unseen_share,
    window_of,
    windows_at,
)
from pathology.records.settings.ki67 import FieldRule


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedField:
    """A field and its part in the weighted index."""

    window: Window
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Squares:
    """Squares of tissue that may hold a field."""

    centre_um: NDArray[np.float64]  # (s, 2)
    positive: NDArray[np.int64]
    scored: NDArray[np.int64]

    @property
    def share(self) -> NDArray[np.float64]:
        return np.asarray(self.positive / self.scored)


def fields_of(
    nuclei: ScoredNuclei,
    ground: Ground,
    rule: FieldRule,
    moved_um: Mapping[str, tuple[float, float]],
) -> tuple[WeightedField, ...]:
    """Up to ``rule.fields`` fields; fewer where the slide has no place for more.

    ``moved_um`` holds the centres of fields that a person has placed, by id. A field keeps the
    weight of the level that it was chosen for; one placed where none was chosen has the mean
    weight of the others.
    """
    squares = _squares(nuclei, ground, rule)
    level = levels_of(squares.positive, squares.scored, rule)
    chosen = _chosen(squares, level, rule)
    of_level = np.bincount(level[chosen], minlength=1)
    asked: dict[str, tuple[tuple[float, ...], float]] = {}
    for number, square in enumerate(chosen, start=1):
        own = int(level[square])
        weight = float(np.mean(level == own)) / int(of_level[own])
        asked[f"field-{number}"] = tuple(squares.centre_um[square].tolist()), weight
    usual = float(np.mean([weight for _, weight in asked.values()])) if asked else 1.0
    for region in field_ids(rule):
        if region in moved_um:
            asked[region] = moved_um[region], asked.get(region, ((), usual))[1]
    fields = [
        WeightedField(window=window, weight=weight)
        for region, (place, weight) in asked.items()
        if (window := placed(region, place, nuclei, rule)) is not None
    ]
    total = sum(f.weight for f in fields)
    return tuple(replace(f, weight=f.weight / total) for f in fields)


def field_ids(rule: FieldRule) -> tuple[str, ...]:
    """Ids that fields may have."""
    return tuple(f"field-{number}" for number in range(1, rule.fields + 1))


def placed(
    region: str, place_um: tuple[float, ...], nuclei: ScoredNuclei, rule: FieldRule
) -> Window | None:
    """The field around a place; None where its nuclei lie too far apart."""
    there = windows_at(np.array([place_um]), nuclei, count=rule.nuclei_each, most_mm2=rule.most_mm2)
    return window_of(region, there, 0, nuclei) if len(there) else None


def _squares(nuclei: ScoredNuclei, ground: Ground, rule: FieldRule) -> _Squares:
    cells = np.floor(nuclei.centre_um / rule.square_um).astype(np.int64)
    kinds, which = np.unique(cells, axis=0, return_inverse=True)
    which = which.ravel()
    scored = np.bincount(which, minlength=len(kinds))
    positive = np.bincount(which[nuclei.positive], minlength=len(kinds))
    full = scored >= rule.nuclei_each
    centre = np.asarray((kinds[full] + 0.5) * rule.square_um, np.float64)
    at = windows_at(centre, nuclei, count=rule.nuclei_each, most_mm2=rule.most_mm2)
    fit = _among(centre, at.centre_um[unseen_share(at, ground) <= rule.most_unseen_share])
    return _Squares(centre_um=centre[fit], positive=positive[full][fit], scored=scored[full][fit])


def _among(points: NDArray[np.float64], chosen: NDArray[np.float64]) -> NDArray[np.bool_]:
    kept = set(map(tuple, chosen.tolist()))
    return np.array([tuple(p) in kept for p in points.tolist()], dtype=bool)


def levels_of(
    positive: NDArray[np.int64], scored: NDArray[np.int64], rule: FieldRule
) -> NDArray[np.int64]:
    """Level 0.. (s,) of each square: equal steps of staining, or one level where none differ."""
    if len(scored) < 2 or not _differ(positive, scored, rule.homogeneous_p):
        return np.zeros(len(scored), np.int64)
    share = positive / scored
    low, high = float(share.min()), float(share.max())
    step = (high - low) / rule.levels
    return np.minimum(((share - low) / step).astype(np.int64), rule.levels - 1)


def _differ(positive: NDArray[np.int64], scored: NDArray[np.int64], level: float) -> bool:
    """Whether shares differ more than chance: Pearson's chi-squared test of homogeneity.

    Written out, as ``scipy.stats`` would add half a second to the start of every process.
    """
    share = positive.sum() / scored.sum()
    if share in (0, 1):
        return False
    squares = (positive - scored * share) ** 2 / (scored * share * (1 - share))
    return bool(chdtrc(len(scored) - 1, squares.sum()) < level)


def _chosen(squares: _Squares, level: NDArray[np.int64], rule: FieldRule) -> list[int]:
    """Squares of the fields, by level and then by nearness to the level's median."""
    present, cover = np.unique(level, return_counts=True)
    wanted = dict.fromkeys(present.tolist(), 0)
    for turn in range(min(rule.fields, len(level))):
        open_levels = [
            (wanted[k] > 0 if turn < len(present) else wanted[k] / n, -n, k)
            for k, n in zip(present.tolist(), cover.tolist(), strict=True)
            if wanted[k] < n
        ]
        wanted[min(open_levels)[2]] += 1
    found: list[int] = []
    for k, n in wanted.items():
        members = np.flatnonzero(level == k)
        share = squares.share[members]
        order = np.lexsort((members, np.abs(share - np.median(share))))
        found += members[order[:n]].tolist()
    return found
