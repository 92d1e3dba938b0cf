"""What findings rest on, apart from how it was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pathology.exchange.outlines import rasterise
from pathology.exchange.overlay_layers import MarkedNuclei
from pathology.pipeline.damage import refusal, unreadable_share
from pathology.pipeline.score import Scored
from pathology.pipeline.seen import Seen
from pathology.pipeline.tally import MapGrid
from pathology.records.eyes import SeenBy
from pathology.records.finding import NotMeasurable
from pathology.records.geometry import Mpp, px_to_um
from pathology.records.prediction import CellClass
from pathology.records.region import PersonRegions
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Nuclei, maps and a person's regions. Masks (rows, columns) lie on ``grid``."""

    analysis: Analysis
    marker: str | None
    mpp: Mpp
    nuclei: MarkedNuclei
    exclusions: Mapping[str, int]
    grid: MapGrid
    classes: NDArray[np.uint8]
    analysed: NDArray[np.bool_]
    tissue: NDArray[np.bool_]
    excluded: Mapping[str, NDArray[np.bool_]]
    person: PersonRegions | None
    nuclei_by: SeenBy
    tissue_by: SeenBy
    damage: NotMeasurable | None  # too much of the tissue cannot be read
    too_coarse: NotMeasurable | None  # to show nuclei
    settings: RunSettings
    called_by_person: int = 0

    @property
    def confirmed(self) -> bool:
        """Whether a person drew the tumour region."""
        return self.person is not None and bool(self.person.tumour)

    def mononuclear_um(self) -> NDArray[np.float64]:
        """Places (n, 2) of counted mononuclear cells in analysed tissue, µm."""
        nuclei = self.nuclei
        row, column = self.grid.pixel_of(nuclei.centre_px0)
        mononuclear = nuclei.counted & (nuclei.cell_class == CellClass.LYMPHOCYTE)
        chosen = nuclei.centre_px0[mononuclear & self.analysed[row, column]]
        return np.asarray(chosen, np.float64) * px_to_um(1.0, self.mpp)


def evidence_of(seen: Seen, scored: Scored) -> Evidence:
    """Of a slide that was looked at, now or earlier."""
    tally, survey, settings = seen.tally, seen.survey, seen.settings
    return Evidence(
        analysis=seen.order.analysis,
        marker=seen.order.marker,
        mpp=seen.info.mpp,
        nuclei=scored.nuclei,
        exclusions=scored.apart.exclusions,
        grid=tally.grid,
        classes=tally.classes,
        analysed=scored.analysed,
        tissue=tally.grid.taken_from(survey.tissue, survey.downsample),
        excluded=_excluded(seen),
        person=seen.person,
        nuclei_by=seen.eyes.nuclei_by,
        tissue_by=seen.eyes.tissue_by,
        damage=damage(seen),
        too_coarse=too_coarse(seen),
        settings=settings,
        called_by_person=seen.called_by_person,
    )


def _excluded(seen: Seen) -> dict[str, NDArray[np.bool_]]:
    """Areas that are not scored, by name, on the map's grid."""
    grid, survey = seen.tally.grid, seen.survey
    shape = (grid.rows, grid.columns)
    masks: dict[str, NDArray[np.bool_]] = {}
    for area in survey.excluded:
        masks[area.name] = grid.taken_from(area.mask, survey.downsample)
    for kind, polygons in seen.left_out.items():
        masks[kind] = rasterise(polygons, shape, grid.downsample)
    return masks


def damage(seen: Seen) -> NotMeasurable | None:
    """The refusal when too much of the tissue could not be read."""
    drawn = None if seen.person is None else seen.person.tumour
    share = unreadable_share(seen.tally.lost, seen.survey, drawn)
    return refusal(share, seen.settings.site.damage.refuse_above_share)


def too_coarse(seen: Seen) -> NotMeasurable | None:
    """The refusal when the scan is too coarse to show nuclei."""
    if seen.nuclei_visible:
        return None
    mpp, limit = seen.info.mpp, seen.coarsest_mpp
    return NotMeasurable(
        code="scale-too-coarse",
        reason=f"the scan has {mpp:.3g} µm/px; nuclei need {limit:g} or finer",
    )
