"""What of a slide counts, given what a person drew; for a fresh run and for a stored result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pathology.exchange.cells_judged import PlacedNuclei
from pathology.exchange.outlines import inside, rasterise
from pathology.exchange.overlay_layers import MarkedNuclei
from pathology.pipeline.seen import Seen
from pathology.pipeline.tally import pixel_under
from pathology.records.geometry import px_area_to_mm2
from pathology.records.prediction import CellClass

COUNTED = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Apart:
    """Why each nucleus (n,) is not scored."""

    names: tuple[str, ...]  # the first is COUNTED
    code: NDArray[np.uint8]  # (n,) place in ``names``: a name a nucleus would need 64 bytes

    def excluded_by(self, rows: slice) -> NDArray[np.str_]:
        """The names of some nuclei; "" where one is scored."""
        return np.array(self.names)[self.code[rows]]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Nuclei (n,) that are scored."""
        return np.asarray(self.code == 0)

    @property
    def exclusions(self) -> Mapping[str, int]:
        """Nuclei set apart, by reason."""
        numbers = np.bincount(self.code, minlength=len(self.names)).tolist()
        return {n: k for n, k in zip(self.names[1:], numbers[1:], strict=True) if k}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """What of a slide counts."""

    nuclei: MarkedNuclei  # all, in the order in which they were seen
    apart: Apart
    analysed: NDArray[np.bool_]  # (rows, columns) on the map's grid
    analysed_mm2: float


def score(seen: Seen) -> Scored:
    """What counts of all that was seen."""
    nuclei = seen.tally.placed()
    apart = set_apart(nuclei, seen)
    analysed = seen.tally.analysable & _wanted(seen)
    return Scored(
        nuclei=MarkedNuclei(
            centre_px0=nuclei.centre_px0.astype(np.float32),
            cell_class=nuclei.cell_class,
            positive=nuclei.positive,
            counted=apart.counted,
        ),
        apart=apart,
        analysed=analysed,
        analysed_mm2=px_area_to_mm2(int(analysed.sum()), seen.tally.grid.mpp),
    )


def set_apart(nuclei: PlacedNuclei, seen: Seen) -> Apart:
    """Why nuclei are not scored.

    The first reason in this order counts: outside the person's region, left out by the person,
    excluded areas, out of focus, outside the tissue, another class.
    """
    centres, survey, tally = nuclei.centre_px0, seen.survey, seen.tally
    names, code = [COUNTED], np.zeros(len(centres), np.uint8)

    def apart(name: str, where: NDArray[np.bool_]) -> None:
        code[where & (code == 0)] = len(names)
        names.append(name)

    if seen.person is not None and _within_alone(seen):
        apart("outside_region", ~inside(seen.person.tumour, centres))
    for kind, polygons in seen.left_out.items():
        apart(kind, inside(polygons, centres))
    for area in survey.excluded:
        apart(area.name, sampled(area.mask, survey.downsample, centres))
    apart("out_of_focus", sampled(tally.blurred, tally.grid.downsample, centres))
    apart("outside_tissue", ~sampled(survey.tissue, survey.downsample, centres))
    if seen.order.analysis == "ki67":
        for other in (CellClass.LYMPHOCYTE, CellClass.STROMA, CellClass.OTHER):
            apart(other.name.lower(), np.asarray(nuclei.cell_class == other))
    return Apart(names=tuple(names), code=code)


def sampled(
    mask: NDArray[np.bool_], downsample: float, points_px0: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Values (n,) of a mask under points (n, 2) of the slide."""
    row, column = pixel_under(points_px0, downsample, (mask.shape[0], mask.shape[1]))
    return mask[row, column]


def _within_alone(seen: Seen) -> bool:
    """Whether only the person's region counts; infiltration is asked beyond the tumour as well."""
    return seen.order.analysis == "ki67"


def _wanted(seen: Seen) -> NDArray[np.bool_]:
    """Map pixels in the person's region, and in nothing that the person left out."""
    grid = seen.tally.grid
    shape = (grid.rows, grid.columns)
    wanted = np.ones(shape, bool)
    if seen.person is not None and _within_alone(seen):
        wanted = rasterise(seen.person.tumour, shape, grid.downsample)
    for polygons in seen.left_out.values():
        wanted &= ~rasterise(polygons, shape, grid.downsample)
    return wanted
