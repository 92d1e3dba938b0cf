"""What the picture of a result says in words; no drawing here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pathology.records.finding import (
    AreaShare,
    Finding,
    Measurement,
    NotMeasurable,
    Proportion,
    WeightedProportion,
)
from pathology.records.result import SlideResult

NOT_FOR_DIAGNOSIS: Final = "Not for diagnosis without a physician"
FINDING_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ki67.global": "Ki-67 index, whole slide",
        "ki67.global_unweighted": "Ki-67 index, global unweighted",
        "ki67.global_weighted": "Ki-67 index, global weighted",
        "ki67.hotspot": "Ki-67 index, hot spot",
        "ki67.net_hotspot": "Ki-67 index, hot spot (NET)",
        "labelling_index.global": "Labelling index, not Ki-67",
        "tumour.area": "Tumour area",
        "tumour.nests": "Tumour nests",
        "til.stromal_area_fraction": "Stromal area under inflammatory cells",
        "til.density_tumour": "Inflammatory cells in tumour",
        "til.density_stroma": "Inflammatory cells in stroma",
        "til.density_margin": "Inflammatory cells at the margin",
        "til.density_margin_inner": "Inflammatory cells, inner margin",
        "til.density_margin_outer": "Inflammatory cells, outer margin",
        "til.profile": "Infiltration profile",
        "margin.length": "Length of the margin",
    }
)
SCALE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "file": "from the file",
        "user": "given by the user",
        "manifest": "given in the manifest",
        "site": "from the site's settings",
        "assumed": "ASSUMED, nobody knows it",
    }
)
FLAG_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not-ki67": "NOT Ki-67",
        "scale-assumed": "scale assumed: areas and sizes are not to be trusted",
        "scale-disagrees-with-magnification": "scale disagrees with the stated magnification",
        "scale-disagrees-with-nucleus-size": "scale disagrees with the size of the nuclei",
        "unreadable-tiles": "parts of the slide could not be read",
    }
)
TOLD_BY_SCALE: Final = ("user", "manifest", "site")  # a person answers for these: say so
UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mm2": "mm²",
        "1/mm2": "per mm²",
        "per_mm2": "per mm²",
        "/mm2": "per mm²",
        "um": "µm",
        "{nests}": "nests",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One finding in words; ``refused`` when there is no number."""

    name: str
    value: str
    detail: str
    refused: bool


def finding_line(finding: Finding) -> Line:
    """Name, value and interval of a finding, or the reason why there is none."""
    name = FINDING_NAMES.get(finding.name, finding.name)
    match finding.answer:
        case NotMeasurable() as refusal:
            return Line(name=name, value="NOT MEASURABLE", detail=refusal.reason, refused=True)
        case Proportion() | WeightedProportion() | AreaShare() as share:
            percent = f"{100 * share.value:.1f} %{_category(finding)}"
            bounds = f"{100 * share.low:.1f} - {100 * share.high:.1f} %"
            detail = f"{_interval(share.interval)} {bounds}; {_counted(share)}{_chance(finding)}"
            return Line(name=name, value=percent, detail=detail, refused=False)
        case Measurement() as measured:
            unit = UNITS.get(measured.unit, measured.unit)
            detail = ""
            if measured.low is not None and measured.high is not None:
                bounds = f"{number(measured.low)} - {number(measured.high)} {unit}"
                detail = f"{_interval(measured.interval)} {bounds}"
            value = f"{number(measured.value)} {unit}"
            return Line(name=name, value=value, detail=detail, refused=False)


def _category(finding: Finding) -> str:
    """The category in words, behind the number."""
    if finding.category is None:
        return ""
    return f" ({finding.category.name}{', borderline' if finding.category.borderline else ''})"


def _chance(finding: Finding) -> str:
    """Said beside a hot spot that chance alone would have found."""
    found = finding.search
    return "" if found is None or found.beyond_chance else "; no hot spot beyond chance"


def _counted(share: Proportion | WeightedProportion | AreaShare) -> str:
    if isinstance(share, AreaShare):
        part, whole = share.part_um2 / 1e6, share.whole_um2 / 1e6
        return f"{number(part)} of {number(whole)} mm²"
    return f"{share.part:,} of {share.whole:,} nuclei"


def _interval(name: str | None) -> str:
    percent = (name or "").rpartition("-")[2]
    return f"{percent} % interval" if percent.isdigit() else "interval"


def number(value: float) -> str:
    """Three significant digits, thousands set apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def warnings_of(result: SlideResult) -> list[str]:
    """What must be seen before the number is believed."""
    told = [_provisional(result)] if result.tumour_region_source == "automatic" else []
    if result.analysis == "ki67" and "not-ki67" in result.quality.flags:
        marker = f"the marker is {result.marker}" if result.marker else "the marker is not stated"
        told.append(f"NOT Ki-67: {marker}")
    source = result.info.scale.source
    if source in TOLD_BY_SCALE:
        told.append(f"scale {SCALE_WORDS[source]}")
    flags = [f for f in result.quality.flags if f != "not-ki67" and not f.startswith("excluded-")]
    return told + [FLAG_WORDS.get(f, f.replace("-", " ")) for f in flags]


def _provisional(result: SlideResult) -> str:
    return "PROVISIONAL: nobody has confirmed the automatic tumour region"


def facts_of(result: SlideResult) -> str:
    """Scale, stain and area in one line."""
    scale, quality = result.info.scale, result.quality
    marker = f", {result.marker}" if result.marker else ""
    stain = {"he": "H&E", "ihc-dab": "IHC (DAB)", "unknown": "stain unknown"}[result.stain]
    areas = f"{number(quality.analysed_mm2)} of {number(quality.tissue_mm2)} mm² tissue"
    size = f"scale {result.info.mpp:.3g} µm/px, {SCALE_WORDS[scale.source]}"
    return f"{stain}{marker}   |   {size}   |   analysed {areas}"


def title_of(result: SlideResult) -> str:
    """The analysis by name."""
    return {"ki67": "Ki-67 labelling index", "infiltration": "Tumour infiltration"}[result.analysis]
