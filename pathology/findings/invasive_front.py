"""The invasive front: where the tumour bed meets other tissue, away from where tissue ends.

A border near the edge of the tissue that can be judged may be a cut or a tear; nobody can say what
lay beyond. Such parts are not assessable. The slide's own border is such an edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import contourpy
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.findings.strips import within_reach
from pathology.findings.tumour_bed import box_of
from pathology.records.settings.infiltration import FrontRule

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Front:
    """Border of a bed; lines are (n, 2) x, y in µm from the slide's corner."""

    assessable: tuple[Points, ...]
    not_assessable: tuple[Points, ...]

    @property
    def length_um(self) -> float:
        """Length of the assessable front."""
        return sum(map(line_length, self.assessable))

    @property
    def share(self) -> float:
        """Assessable share of the border; 0 without any."""
        whole = self.length_um + sum(map(line_length, self.not_assessable))
        return self.length_um / whole if whole else 0.0


def line_length(line: Points) -> float:
    """Length of an open line."""
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


def invasive_front(bed: Mask, evaluable: Mask, mpp: float, rule: FrontRule) -> Front | None:
    """The border of ``bed``; None where it has none: no bed, or nothing beside it.

    ``evaluable`` is the tissue that can be judged; where it ends, nothing is assessable.
    """
    if not bed.any() or not (evaluable & ~bed).any():
        return None
    lines = [
        line
        for line in _contours(bed, mpp, rule.smoothing_um)
        if line_length(line) >= rule.least_length_um
    ]
    if not lines:
        return None
    good, bad = _parted(lines, _far_from_edge(evaluable, mpp, rule.edge_um), mpp)
    return Front(assessable=good, not_assessable=bad)


def _far_from_edge(evaluable: Mask, mpp: float, least_um: float) -> Mask:
    """Pixels whose middle lies ``least_um`` or more from where tissue, or the slide, ends."""
    ends = np.pad(~evaluable, 1, constant_values=True)
    reach = np.nextafter(least_um / mpp + 0.5, 0)  # the edge runs half a pixel before the middle
    return ~within_reach(ends, float(reach))[1:-1, 1:-1]


def _contours(bed: Mask, mpp: float, smoothing_um: float) -> list[Points]:
    """Border lines in µm: level one half of the smoothed bed, found between pixels.

    Beyond the slide there is no bed, so that its border is closed there, too.
    """
    rows, columns = box_of(bed)
    margin = math.ceil(4 * smoothing_um / mpp) + 2
    part = np.pad(bed[rows, columns], margin).astype(np.float32)
    soft = ndimage.gaussian_filter(part, smoothing_um / mpp, mode="constant")
    corner = np.array([columns.start, rows.start]) - margin + 0.5
    lines = contourpy.contour_generator(z=soft).lines(0.5)
    return [(np.asarray(line, np.float64) + corner) * mpp for line in lines]


def _parted(
    lines: list[Points], far: Mask, mpp: float
) -> tuple[tuple[Points, ...], tuple[Points, ...]]:
    """Lines cut into stretches that are assessable and stretches that are not.

    A segment is assessable when both of its ends are far from the edge.
    """
    good: list[Points] = []
    bad: list[Points] = []
    rows, columns = far.shape
    for line in lines:
        column, row = np.floor(line / mpp).astype(np.int64).T
        fit = far[row.clip(0, rows - 1), column.clip(0, columns - 1)]
        fine = fit[:-1] & fit[1:]
        cuts = np.flatnonzero(fine[1:] != fine[:-1]) + 1
        for first, last in zip([0, *cuts], [*cuts, len(fine)], strict=True):
            (good if fine[first] else bad).append(line[first : last + 1])
    return tuple(good), tuple(bad)
