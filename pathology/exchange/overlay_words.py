"""What the picture of a result says in words, in the language asked for; no drawing here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pathology.exchange.picture_labels import LABELS, REASONS_ZH
from pathology.records.finding import (
    AreaShare,
    Finding,
    Measurement,
    NotMeasurable,
    Proportion,
    WeightedProportion,
)
from pathology.records.reasons import Language
from pathology.records.region import SlideRegion
from pathology.records.result import ShownResult
from pathology.records.settings.exchange import FindingCode

TOLD_BY_SCALE: Final = ("user", "manifest", "site")  # a person answers for these: say so


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureWords:
    """The labels of one language, and what findings are called (``exchange.toml``)."""

    language: Language
    findings: Mapping[str, FindingCode]

    def label(self, key: str, **facts: object) -> str:
        """A label of the table with its facts; KeyError for one that is not there."""
        return LABELS[self.language][key].format(**facts)

    def known(self, key: str, other: str) -> str:
        """A label without facts, or ``other`` where the table has none."""
        return LABELS[self.language].get(key, other)

    def finding(self, name: str) -> str:
        """A finding's name for people; the contract's own where the settings have none."""
        code = self.findings.get(name)
        if code is None:
            return name
        return code.zh if self.language == "zh" else code.en

    def reason(self, refusal: NotMeasurable) -> str:
        """Why there is no value; in English behind a Chinese word where the code is not known."""
        if self.language == "zh" and refusal.code in REASONS_ZH:
            return REASONS_ZH[refusal.code]
        return self.label("reason", reason=refusal.reason)

    def region(self, region: SlideRegion) -> str:
        """Kind and number of a field or a hot spot, as in "field 2"."""
        rest = region.region_id.replace(region.kind, "").strip("-").upper()
        return f"{self.label(f'kind.{region.kind}')} {rest}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One finding in words; ``refused`` when there is no number."""

    name: str
    value: str
    detail: str
    refused: bool


def finding_line(finding: Finding, words: PictureWords) -> Line:
    """Name, value and interval of a finding, or the reason why there is none."""
    name = words.finding(finding.name)
    match finding.answer:
        case NotMeasurable() as refusal:
            value, detail = words.label("not-measurable"), words.reason(refusal)
            return Line(name=name, value=value, detail=detail, refused=True)
        case Proportion() | WeightedProportion() | AreaShare() as share:
            percent = f"{100 * share.value:.1f} %{_category(finding, words)}"
            bounds = f"{100 * share.low:.1f} - {100 * share.high:.1f} %"
            chance = _chance(finding, words)
            detail = (
                f"{_interval(share.interval, words)} {bounds}; {_counted(share, words)}{chance}"
            )
            return Line(name=name, value=percent, detail=detail, refused=False)
        case Measurement() as measured:
            unit = words.known(f"unit.{measured.unit}", measured.unit)
            detail = ""
            if measured.low is not None and measured.high is not None:
                bounds = f"{number(measured.low)} - {number(measured.high)} {unit}"
                detail = f"{_interval(measured.interval, words)} {bounds}"
            value = f"{number(measured.value)} {unit}"
            return Line(name=name, value=value, detail=detail, refused=False)


def _category(finding: Finding, words: PictureWords) -> str:
    """The category in words, behind the number."""
    if finding.category is None:
        return ""
    called = finding.category.name
    key = "category.borderline" if finding.category.borderline else "category"
    return words.label(key, name=words.known(f"category.{called}", called))


def _chance(finding: Finding, words: PictureWords) -> str:
    """Said beside a hot spot that chance alone would have found."""
    found = finding.search
    return "" if found is None or found.beyond_chance else words.label("by-chance")


def _counted(share: Proportion | WeightedProportion | AreaShare, words: PictureWords) -> str:
    if isinstance(share, AreaShare):
        part, whole = number(share.part_um2 / 1e6), number(share.whole_um2 / 1e6)
        return words.label("area-counted", part=part, whole=whole)
    return words.label("nuclei-counted", part=f"{share.part:,}", whole=f"{share.whole:,}")


def _interval(name: str | None, words: PictureWords) -> str:
    percent = (name or "").rpartition("-")[2]
    if percent.isdigit():
        return words.label("interval", percent=percent)
    return words.label("interval.unnamed")


def number(value: float) -> str:
    """Three significant digits, thousands set apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def warnings_of(result: ShownResult, words: PictureWords) -> list[str]:
    """What must be seen before the number is believed."""
    told = [words.label("provisional")] if result.tumour_region_source == "automatic" else []
    if result.analysis == "ki67" and "not-ki67" in result.quality.flags:
        if result.marker:
            told.append(words.label("flag.not-ki67", marker=result.marker))
        else:
            told.append(words.label("flag.not-ki67.unstated"))
    if result.mpp_source in TOLD_BY_SCALE:
        told.append(words.label("scale-by", source=words.label(f"source.{result.mpp_source}")))
    flags = [f for f in result.quality.flags if f != "not-ki67" and not f.startswith("excluded-")]
    return told + [words.known(f"flag.{f}", f.replace("-", " ")) for f in flags]


def facts_of(result: ShownResult, words: PictureWords) -> str:
    """Stain, scale and area in one line."""
    quality = result.quality
    marker = words.label("marker", marker=result.marker) if result.marker else ""
    stain = words.label(f"stain.{result.stain}") + marker
    source = words.known(f"source.{result.mpp_source}", result.mpp_source)
    scale = words.label("scale", mpp=f"{result.mpp:.3g}", source=source)
    analysed, tissue = number(quality.analysed_mm2), number(quality.tissue_mm2)
    return f"{stain}   |   {scale}   |   " + words.label(
        "analysed", analysed=analysed, tissue=tissue
    )


def title_of(result: ShownResult, words: PictureWords) -> str:
    """The analysis by name."""
    return words.label(f"title.{result.analysis}")
