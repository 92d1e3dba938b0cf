"""``findings.json`` and ``run.json``, word for word as the contract has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from pathology.exchange.documents import plain_values
from pathology.records.finding import (
    AreaShare,
    Finding,
    Measurement,
    NotMeasurable,
    Proportion,
    WeightedProportion,
)
from pathology.records.result import ModelUsed, NetworkWork, SlideResult

FINDINGS_SCHEMA: Final = "pathology.findings/1"
RUN_SCHEMA: Final = "pathology.run/1"


def findings_document(result: SlideResult) -> dict[str, Any]:
    """What was found, as plain values."""
    quality = result.quality
    return {
        "schema": FINDINGS_SCHEMA,
        "result_id": result.result_id,
        "supersedes": result.supersedes,
        "author": result.author,
        "analysis": result.analysis,
        "case_id": result.case_id,
        "slide": _slide(result),
        "quality": {
            "tissue_mm2": quality.tissue_mm2,
            "analysed_mm2": quality.analysed_mm2,
            "unreadable_tiles": quality.unreadable_tiles,
            "flags": list(quality.flags),
            "excluded_mm2": dict(quality.excluded_mm2),
        },
        "tumour_region_source": result.tumour_region_source,
        "findings": [finding_document(f) for f in result.findings],
        "provenance": {
            "software": result.provenance.software,
            "models": _models(result.provenance.models),
            "settings_sha256": result.provenance.settings_sha256,
        },
    }


def _slide(result: SlideResult) -> dict[str, Any]:
    facts, scale = result.info.facts, result.info.scale
    named = {} if result.file_name is None else {"file": result.file_name}
    return {
        "id": result.info.slide_id,
        "digest": result.digest,
        **named,
        "width_px0": facts.width_px0,
        "height_px0": facts.height_px0,
        "mpp_x": scale.mpp_x,
        "mpp_y": scale.mpp_y,
        "mpp_source": scale.source,
        "stain": result.stain,
        "marker": result.marker,
        "marker_source": result.marker_source,
        "format": facts.format,
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding: a value with its interval, or ``not_measurable``; never both."""
    document: dict[str, Any] = {
        "id": finding.id,
        "name": finding.name,
        "protocol": finding.protocol,
        "formula": finding.formula,
        **_answer(finding),
        "regions": list(finding.regions),
        "exclusions": dict(finding.exclusions),
        "caveats": list(finding.caveats),
    }
    if finding.category is not None:
        document["category"] = {
            "rule": finding.category.rule,
            "name": finding.category.name,
            "borderline": finding.category.borderline,
        }
    if finding.ambiguous_range is not None:
        document["ambiguous_range"] = list(finding.ambiguous_range)
    return document | _explained(finding)


def _explained(finding: Finding) -> dict[str, Any]:
    """What only some findings have; absent, not empty, where there is nothing to say."""
    known: dict[str, Any] = {}
    if finding.fields:
        known["fields"] = [asdict(f) for f in finding.fields]
    if finding.clustered is not None:
        known["clustered"] = asdict(finding.clustered)
    if finding.search is not None:
        known["search"] = asdict(finding.search)
    if finding.bands:
        bands = (asdict(b).items() for b in finding.bands)
        known["bands"] = [{k: v for k, v in band if v is not None} for band in bands]
    if finding.models:
        known["models"] = list(finding.models)
    return known


def _answer(finding: Finding) -> dict[str, Any]:
    match finding.answer:
        case Proportion() | WeightedProportion() as share:
            return _share(share, share.part, share.whole) | {"counted": "nuclei"}
        case AreaShare() as share:
            return _share(share, share.part_um2, share.whole_um2) | {"counted": "um2"}
        case Measurement() as measured:
            optional = {
                "low": measured.low,
                "high": measured.high,
                "interval": measured.interval,
            }
            known = {k: v for k, v in optional.items() if v is not None}
            return {"value": measured.value, "unit": measured.unit, **known}
        case NotMeasurable() as refusal:
            return {"not_measurable": refusal.reason, "reason_code": refusal.code}


def _share(
    share: Proportion | WeightedProportion | AreaShare, part: int, whole: int
) -> dict[str, Any]:
    return {
        "value": share.value,
        "unit": "fraction",
        "low": share.low,
        "high": share.high,
        "interval": share.interval,
        "part": part,
        "whole": whole,
    }


def _models(models: Sequence[ModelUsed]) -> list[dict[str, Any]]:
    return [{"name": m.name, "sha256": m.weights_sha256, "licence": m.licence} for m in models]


def run_document(result: SlideResult) -> dict[str, Any]:
    """What made the result, so that the same can be made again."""
    made = result.provenance
    return {
        "schema": RUN_SCHEMA,
        "result_id": result.result_id,
        "analysis": result.analysis,
        "slide": {"id": result.info.slide_id, "digest": result.digest},
        "software": made.software,
        "commit": made.commit,
        "settings": plain_values(made.settings),
        "settings_sha256": made.settings_sha256,
        "models": _models(made.models),
        "device": made.device,
        **_networks(made.networks),
        "timings_s": dict(made.timings_s),
        "started_utc": made.started_utc,
        "unreadable_tiles": result.quality.unreadable_tiles,
    }


def _networks(work: NetworkWork | None) -> dict[str, Any]:
    if work is None:
        return {}
    told = {
        "precision": dict(work.precision),
        "threads": work.threads,
        "batch_tiles": work.batch_tiles,
        "memory_halvings": work.memory_halvings,
        "seconds": dict(work.seconds),
    }
    return {"networks": told}
