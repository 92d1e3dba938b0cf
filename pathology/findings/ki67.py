"""Labelling index: positive tumour nuclei over all tumour nuclei.

    index = P / (P + N)

P and N are tumour nuclei scored positive and negative. Any nuclear stain counts as positive,
whatever its strength (Dowsett et al., J Natl Cancer Inst 2011; Nielsen et al., J Natl Cancer Inst
2021). Lymphocytes, stroma and excluded areas belong to neither. Ambiguous nuclei are a third
class: not in the index, but in the range it would take with all of them negative or positive.
Categories are not decided here: they need a tumour region that a person confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pathology.findings.interval import wilson_interval
from pathology.records.finding import Answer, Finding, NotMeasurable, Proportion
from pathology.records.settings.findings import GlobalCount

FORMULA = "ki67-index/1"
PROTOCOL = "WSI_GLOBAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class TumourCounts:
    """Nuclei counted for an index, and those set apart with the reason."""

    positive: int
    negative: int
    ambiguous: int
    exclusions: Mapping[str, int]

    @property
    def scored(self) -> int:
        """Nuclei the index rests on."""
        return self.positive + self.negative


def global_index(
    counts: TumourCounts, rule: GlobalCount, *, refused: NotMeasurable | None = None
) -> Answer:
    """Index over all scored tumour nuclei of the slide, or why there is none.

    ``refused`` is a reason found earlier (damage, scale, marker); it stands before any count.
    """
    if refused is not None:
        return refused
    if counts.scored < rule.minimum:
        return NotMeasurable(
            code="too-few-nuclei",
            reason=f"{counts.scored} tumour nuclei, fewer than the {rule.minimum} required",
        )
    low, high = wilson_interval(counts.positive, counts.scored)
    return Proportion(
        part=counts.positive, whole=counts.scored, low=low, high=high, interval="wilson-95"
    )


def ambiguous_range(counts: TumourCounts) -> tuple[float, float] | None:
    """Index with all ambiguous nuclei negative, and with all positive; None without nuclei."""
    whole = counts.scored + counts.ambiguous
    if whole == 0:
        return None
    return counts.positive / whole, (counts.positive + counts.ambiguous) / whole


def ki67_global(
    counts: TumourCounts,
    rule: GlobalCount,
    *,
    refused: NotMeasurable | None = None,
    caveats: tuple[str, ...] = (),
) -> Finding:
    """The finding ``ki67.global`` by protocol ``WSI_GLOBAL``."""
    return _finding("f1", "ki67.global", counts, rule, refused, caveats)


def marker_global(
    counts: TumourCounts,
    rule: GlobalCount,
    *,
    refused: NotMeasurable | None = None,
    caveats: tuple[str, ...] = (),
) -> Finding:
    """The same index for a nuclear marker that is not Ki-67, under a name of its own."""
    return _finding("f2", "labelling_index.global", counts, rule, refused, caveats)


def _finding(
    finding_id: str,
    name: str,
    counts: TumourCounts,
    rule: GlobalCount,
    refused: NotMeasurable | None,
    caveats: tuple[str, ...],
) -> Finding:
    answer = global_index(counts, rule, refused=refused)
    measured = not isinstance(answer, NotMeasurable)
    few = measured and counts.scored < rule.limited_below
    if few:
        caveats += (f"limited count: {counts.scored} nuclei, fewer than {rule.limited_below}",)
    return Finding(
        id=finding_id,
        name=name,
        protocol=PROTOCOL,
        formula=FORMULA,
        answer=answer,
        exclusions=counts.exclusions,
        ambiguous_range=ambiguous_range(counts) if measured else None,
        caveats=caveats,
    )
