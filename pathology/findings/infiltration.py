"""First findings on H&E: areas of tissue classes, and densities of mononuclear cells.

    area    = map pixels of the class * area of a map pixel
    density = mononuclear cells whose centre lies in the class / area of the class

Densities are counts per area. They are not the stromal TIL percentage of the International TILs
Working Group (Salgado et al., Ann Oncol 2015), which is a share of area.
"""

from __future__ import annotations

from pathology.findings.interval import poisson_interval
from pathology.records.finding import Finding, Measurement, NotMeasurable
from pathology.records.settings.findings import DensityArea


def tumour_area(
    area_mm2: float, *, refused: NotMeasurable | None = None, caveats: tuple[str, ...] = ()
) -> Finding:
    """The finding ``tumour.area``: tumour-like epithelium in mm²."""
    return Finding(
        id="f1",
        name="tumour.area",
        protocol="AREA_BY_MAP",
        formula="tumour-area/1",
        answer=refused or Measurement(value=area_mm2, unit="mm2"),
        caveats=caveats,
    )


def cell_density(
    finding_id: str,
    name: str,
    count: int,
    area_mm2: float,
    rule: DensityArea,
    *,
    refused: NotMeasurable | None = None,
    caveats: tuple[str, ...] = (),
) -> Finding:
    """Mononuclear cells per mm² of one tissue class, with the exact Poisson interval.

    Not measurable where the class covers less than ``rule.minimum_mm2``.
    """
    return Finding(
        id=finding_id,
        name=name,
        protocol="DENSITY_BY_MAP",
        formula="cell-density/1",
        answer=refused or _density(count, area_mm2, rule),
        caveats=caveats,
    )


def _density(count: int, area_mm2: float, rule: DensityArea) -> Measurement | NotMeasurable:
    if area_mm2 < rule.minimum_mm2:
        return NotMeasurable(
            code="too-little-area",
            reason=f"{area_mm2:.2f} mm² of this tissue, less than {rule.minimum_mm2:g} required",
        )
    low, high = poisson_interval(count)
    return Measurement(
        value=count / area_mm2,
        unit="1/mm2",
        low=low / area_mm2,
        high=high / area_mm2,
        interval="poisson-exact-95",
    )
