"""What was seen on a slide: nuclei one by one, and tissue classes on a grid."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import Mpp


class CellClass(IntEnum):
    """Classes of nuclei; the names are the contract's, in lower case."""

    TUMOUR = 0  # tumour or other epithelium: simple means do not tell them apart
    LYMPHOCYTE = 1  # mononuclear inflammatory cells
    STROMA = 2
    OTHER = 3


class TissueClass(IntEnum):
    """Classes of a tissue map."""

    BACKGROUND = 0
    TUMOUR = 1  # tumour-like epithelium
    STROMA = 2
    OTHER = 3  # necrosis, keratin, mucus, blood
    EXCLUDED = 4
    NORMAL = 5  # neither tumour nor tumour stroma; only networks tell it


class Positivity(IntEnum):
    """Whether a nucleus takes the marker."""

    UNKNOWN = -1  # ambiguous, or not asked
    NEGATIVE = 0
    POSITIVE = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nuclei:
    """Nuclei of a tile or a slide, one row each.

    Outlines are ragged: the outline of nucleus i is
    ``outline_px0[outline_start[i]:outline_start[i + 1]]``, a ring whose last point is not repeated.
    """

    centre_px0: NDArray[np.float64]  # (n, 2) x, y
    area_um2: NDArray[np.float32]  # (n,)
    cell_class: NDArray[np.uint8]  # (n,) CellClass
    class_probability: NDArray[np.float32]  # (n,) in [0, 1]
    dab_od: NDArray[np.float32]  # (n,) mean DAB optical density in the nucleus; NaN without DAB
    positive: NDArray[np.int8]  # (n,) Positivity
    outline_px0: NDArray[np.float32]  # (m, 2) x, y
    outline_start: NDArray[np.int64]  # (n + 1,)

    def __post_init__(self) -> None:
        n = len(self.centre_px0)
        rows = (self.area_um2, self.cell_class, self.class_probability, self.dab_od, self.positive)
        if any(len(r) != n for r in rows) or len(self.outline_start) != n + 1:
            raise ValueError("columns of nuclei have different lengths")

    def __len__(self) -> int:
        return len(self.centre_px0)

    @classmethod
    def none(cls) -> Self:
        """No nuclei at all."""
        return cls(
            centre_px0=np.empty((0, 2)),
            area_um2=np.empty(0, np.float32),
            cell_class=np.empty(0, np.uint8),
            class_probability=np.empty(0, np.float32),
            dab_od=np.empty(0, np.float32),
            positive=np.empty(0, np.int8),
            outline_px0=np.empty((0, 2), np.float32),
            outline_start=np.zeros(1, np.int64),
        )

    def chosen(self, keep: NDArray[np.bool_]) -> Self:
        """The nuclei where ``keep`` (n,) is true, in their order."""
        lengths = np.diff(self.outline_start)
        points = np.repeat(keep, lengths)
        rows = {
            f.name: getattr(self, f.name)[keep]
            for f in fields(self)
            if f.name not in ("outline_px0", "outline_start")
        }
        starts = np.concatenate([[0], np.cumsum(lengths[keep])]).astype(np.int64)
        return type(self)(**rows, outline_px0=self.outline_px0[points], outline_start=starts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TissueMap:
    """Tissue classes on a grid that starts at the slide's corner, like a ``Survey``'s masks."""

    slide_id: str
    downsample: float  # level-0 px per map px
    mpp: Mpp
    classes: NDArray[np.uint8]  # (rows, columns) TissueClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Numbers of one slide decided once, from samples, so that every tile is judged alike.

    A nucleus is positive from ``dab_high``, negative below ``dab_low``, unknown between.
    """

    nuclear_od: float  # threshold of the nuclear signal; NaN where a network finds the nuclei
    dab_low: float  # mean DAB optical density in the nucleus; NaN where the slide has no DAB
    dab_threshold: float
    dab_high: float
    nuclei: int  # nuclei in the samples
    median_area_um2: float  # of those nuclei; NaN for none
    median_diameter_um: float  # measured in px, blind to the scale; NaN where none stands out
    evidence: str  # one plain sentence on how the positivity threshold was decided
