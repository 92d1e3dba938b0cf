"""Labelling index: positive tumour nuclei over all tumour nuclei, by five protocols.

    index = P / (P + N)

P and N are tumour nuclei scored positive and negative. Any nuclear stain counts as positive,
whatever its strength (Dowsett et al., J Natl Cancer Inst 2011; Nielsen et al., J Natl Cancer Inst
2021). Lymphocytes, stroma and excluded areas belong to neither. Ambiguous nuclei are a third
class: not in the index, but in the range it would take with all of them negative or positive.
Categories need a tumour region that a person confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pathology.findings.category import category_of
from pathology.findings.clustering import Blocks, blocks_of, fields_clustered, global_clustered
from pathology.findings.interval import COUNTING_ONLY, wilson_interval
from pathology.findings.ki67_fields import WeightedField, fields_of
from pathology.findings.ki67_hotspot import HotSpot, hot_spot, hot_spot_at
from pathology.findings.ki67_questions import (
    GLOBAL,
    HOTSPOT,
    NET_HOTSPOT,
    OTHER_MARKER,
    QUESTIONS,
    UNWEIGHTED,
    WEIGHTED,
    Question,
)
from pathology.findings.windows import Ground, ScoredNuclei, Window
from pathology.records.finding import (
    Answer,
    Category,
    Clustered,
    FieldScore,
    Finding,
    NotMeasurable,
    Proportion,
    WeightedProportion,
)
from pathology.records.settings.ki67 import HotSpotRule, Ki67Settings

FORMULA = "ki67-index/1"
HOT_REGION, NET_REGION = "hotspot", "net-hotspot"
WEIGHTED_FORMULA = "ki67-index-weighted/1"
NO_CLUSTERING = "too few blocks of tissue to say how much clustering widens the interval"
NO_HOT_SPOT = "no hot spot beyond chance"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ki67Seen:
    """What the findings rest on."""

    nuclei: ScoredNuclei
    ground: Ground
    exclusions: Mapping[str, int]  # nuclei set apart, by reason
    region: str  # id of the region they were counted in
    confirmed: bool  # a person drew that region
    moved_um: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    refused: NotMeasurable | None = None  # found earlier (damage, scale): before any count


@dataclass(frozen=True, slots=True, kw_only=True)
class Ki67Answer:
    """The findings, and the windows they were counted in."""

    findings: tuple[Finding, ...]
    fields: tuple[Window, ...] = ()
    hot_spots: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Desk:
    seen: Ki67Seen
    blocks: Blocks
    rules: Ki67Settings


def ki67_findings(seen: Ki67Seen, rules: Ki67Settings) -> Ki67Answer:
    """All five findings: each a number, or the reason why there is none."""
    desk = _desk(seen, rules)
    if seen.refused is not None:
        return Ki67Answer(findings=tuple(_finding(q, seen.refused, desk) for q in QUESTIONS))
    chosen = fields_of(seen.nuclei, seen.ground, rules.fields, seen.moved_um)
    hot, net = _spots(desk)
    findings = (
        _global(GLOBAL, desk),
        _unweighted(chosen, desk),
        _weighted(chosen, desk),
        _hot(HOTSPOT, hot, desk),
        _hot(NET_HOTSPOT, net, desk),
    )
    return Ki67Answer(
        findings=findings,
        fields=tuple(f.window for f in chosen),
        hot_spots=tuple(spot.window for spot in (hot, net) if spot is not None),
    )


def marker_findings(seen: Ki67Seen, wrong: NotMeasurable, rules: Ki67Settings) -> Ki67Answer:
    """For a nuclear marker that is not Ki-67: no Ki-67 index, and its own under another name."""
    desk = _desk(seen, rules)
    refused = seen.refused
    own = _finding(OTHER_MARKER, refused, desk) if refused else _global(OTHER_MARKER, desk)
    return Ki67Answer(findings=(_finding(GLOBAL, wrong, desk), replace(own, category=None)))


def _desk(seen: Ki67Seen, rules: Ki67Settings) -> _Desk:
    blocks = blocks_of(seen.nuclei, rules.clustering.block_um)
    return _Desk(seen=seen, blocks=blocks, rules=rules)


def _finding(question: Question, answer: Answer, desk: _Desk) -> Finding:
    """The finding with what all have in common."""
    seen = desk.seen
    return Finding(
        id=question.id,
        name=question.name,
        protocol=question.protocol,
        formula=FORMULA,
        answer=answer,
        regions=(seen.region,),
        exclusions=seen.exclusions,
        caveats=seen.caveats,
        models=seen.models,
    )


def _global(question: Question, desk: _Desk) -> Finding:
    """Index over all scored tumour nuclei of the slide, or why there is none."""
    nuclei, rule = desk.seen.nuclei, desk.rules.wsi_global
    if len(nuclei) < rule.minimum:
        reason = f"{len(nuclei)} tumour nuclei, fewer than the {rule.minimum} required"
        return _finding(question, NotMeasurable(code="too-few-nuclei", reason=reason), desk)
    few = (f"limited count: {len(nuclei)} nuclei, fewer than {rule.limited_below}",)
    share = proportion(int(nuclei.positive.sum()), len(nuclei))
    clustered = global_clustered(desk.blocks, desk.rules.clustering)
    return replace(
        _finding(question, share, desk),
        ambiguous_range=ambiguous_range(share.part, share.whole, len(nuclei.ambiguous_um)),
        caveats=(
            *desk.seen.caveats,
            *_counting(clustered),
            *(few if len(nuclei) < rule.limited_below else ()),
        ),
        category=_category(question, share, clustered, desk),
        clustered=clustered,
    )


def proportion(part: int, whole: int) -> Proportion:
    """A counted share with its Wilson interval."""
    low, high = wilson_interval(part, whole)
    return Proportion(part=part, whole=whole, low=low, high=high, interval="wilson-95")


def ambiguous_range(part: int, scored: int, ambiguous: int) -> tuple[float, float] | None:
    """Index with all ambiguous nuclei negative, and with all positive; None without nuclei."""
    whole = scored + ambiguous
    return (part / whole, (part + ambiguous) / whole) if whole else None


def _counting(clustered: Clustered | None) -> tuple[str, ...]:
    return (COUNTING_ONLY,) if clustered else (COUNTING_ONLY, NO_CLUSTERING)


def _category(
    question: Question, share: Proportion, clustered: Clustered | None, desk: _Desk
) -> Category | None:
    """None while nobody has confirmed the region, and where no rule is in force."""
    rule = desk.rules.rule_for(question.protocol)
    if rule is None or not desk.seen.confirmed:
        return None
    return category_of(share, clustered, rule)


def _too_few_fields(chosen: tuple[WeightedField, ...], desk: _Desk) -> NotMeasurable | None:
    rule = desk.rules.fields
    if len(chosen) == rule.fields:
        return None
    return NotMeasurable(
        code="too-few-fields",
        reason=(
            f"{len(chosen)} field{'s' * (len(chosen) != 1)} of {rule.nuclei_each} tumour nuclei "
            f"within {rule.most_mm2:g} mm², fewer than the {rule.fields} this protocol requires"
        ),
    )


def _scores(chosen: tuple[WeightedField, ...], weights: list[float]) -> tuple[FieldScore, ...]:
    return tuple(
        FieldScore(region=f.window.region, part=f.window.positive, whole=f.window.counted, weight=w)
        for f, w in zip(chosen, weights, strict=True)
    )


def _unweighted(chosen: tuple[WeightedField, ...], desk: _Desk) -> Finding:
    """Positive of all nuclei counted in the fields, whichever field they lie in."""
    if why := _too_few_fields(chosen, desk):
        return _finding(UNWEIGHTED, why, desk)
    windows = [f.window for f in chosen]
    share = proportion(sum(w.positive for w in windows), sum(w.counted for w in windows))
    sizes = tuple(w.counted for w in windows)
    clustered = fields_clustered(share.value, sizes, desk.blocks, desk.rules.clustering)
    return replace(
        _finding(UNWEIGHTED, share, desk),
        regions=tuple(w.region for w in windows),
        ambiguous_range=ambiguous_range(share.part, share.whole, sum(w.ambiguous for w in windows)),
        caveats=(*desk.seen.caveats, *_counting(clustered)),
        category=_category(UNWEIGHTED, share, clustered, desk),
        fields=_scores(chosen, [w.counted / share.whole for w in windows]),
        clustered=clustered,
    )


def _weighted(chosen: tuple[WeightedField, ...], desk: _Desk) -> Finding:
    """Shares of the fields by the part of the tissue that their level covers.

    The interval is Wilson's at Kish's effective number, ``1 / sum(weight² / counted)``.
    """
    if why := _too_few_fields(chosen, desk):
        return _finding(WEIGHTED, why, desk)
    fields = _scores(chosen, [f.weight for f in chosen])
    share = sum(f.weight * f.part / f.whole for f in fields)
    effective = 1 / sum(f.weight**2 / f.whole for f in fields)
    low, high = wilson_interval(min(share, 1.0) * effective, effective)
    sizes = tuple(effective / len(fields) for _ in fields)
    clustered = fields_clustered(share, sizes, desk.blocks, desk.rules.clustering)
    joined = WeightedProportion(fields=fields, low=min(low, share), high=max(high, share))
    return replace(
        _finding(WEIGHTED, joined, desk),
        formula=WEIGHTED_FORMULA,
        regions=tuple(f.region for f in fields),
        caveats=(*desk.seen.caveats, *_counting(clustered)),
        fields=fields,
        clustered=clustered,
    )


def _spots(desk: _Desk) -> tuple[HotSpot | None, HotSpot | None]:
    """The hot spot and that for neuroendocrine tumours; alike rules are searched by once."""
    rules, moved = desk.rules, desk.seen.moved_um
    hot = _spot(HOT_REGION, rules.hotspot, desk)
    alike = replace(rules.net_hotspot, source=rules.hotspot.source) == rules.hotspot
    if alike and not {HOT_REGION, NET_REGION} & moved.keys():
        return hot, hot and replace(hot, window=replace(hot.window, region=NET_REGION))
    return hot, _spot(NET_REGION, rules.net_hotspot, desk)


def _spot(region: str, rule: HotSpotRule, desk: _Desk) -> HotSpot | None:
    seen = desk.seen
    if region in seen.moved_um:
        return hot_spot_at(region, seen.moved_um[region], seen.nuclei, rule)
    return hot_spot(region, seen.nuclei, seen.ground, rule, desk.rules.chance)


def _hot(question: Question, spot: HotSpot | None, desk: _Desk) -> Finding:
    rule = desk.rules.hotspot if question == HOTSPOT else desk.rules.net_hotspot
    if spot is None:
        return _finding(question, _no_spot(rule, desk), desk)
    window, search = spot.window, spot.search
    share = proportion(window.positive, window.counted)
    clustered = fields_clustered(share.value, (window.counted,), desk.blocks, desk.rules.clustering)
    return replace(
        _finding(question, share, desk),
        regions=(window.region,),
        ambiguous_range=ambiguous_range(share.part, share.whole, window.ambiguous),
        caveats=(*desk.seen.caveats, *_counting(clustered), *_hot_words(spot)),
        category=_category(question, share, clustered, desk),
        fields=(FieldScore(region=window.region, part=window.positive, whole=window.counted),),
        clustered=clustered,
        search=search,
    )


def _no_spot(rule: HotSpotRule, desk: _Desk) -> NotMeasurable:
    scored = len(desk.seen.nuclei)
    if scored < rule.nuclei:
        reason = f"{scored} tumour nuclei, fewer than the {rule.nuclei} this protocol requires"
        return NotMeasurable(code="too-few-nuclei", reason=reason)
    return NotMeasurable(
        code="no-window",
        reason=(
            f"no {rule.nuclei} tumour nuclei lie within {rule.most_mm2:g} mm² of tissue, "
            "away from its edges"
        ),
    )


def _hot_words(spot: HotSpot) -> tuple[str, ...]:
    area = f"the highest of a slide, not its average; {spot.window.area_mm2:.2f} mm²"
    if spot.search is None:
        return (area, "placed by a person: not searched")
    found = spot.search
    bias = (
        f"of {found.windows} windows the highest; chance alone gives "
        f"{100 * found.expected_by_chance:.1f} % in the mean"
    )
    return (area, bias) if found.beyond_chance else (area, bias, NO_HOT_SPOT)
