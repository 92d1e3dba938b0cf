"""A result as the page is told of it. Names of files and of persons are not in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from pathology.errors import ModelRefused
from pathology.exchange.findings_json import finding_document
from pathology.pipeline.correct import Foreseen
from pathology.pipeline.models import ListedModel, listed_models
from pathology.pipeline.recount import CountedRegion
from pathology.records.finding import Finding
from pathology.records.model import ModelCard
from pathology.records.region import SlideRegion
from pathology.records.result import ModelUsed, StoredResult
from pathology.records.settings.ki67 import Ki67Settings
from pathology.records.settings.run import RunSettings
from pathology.review.shelf import ResultKey
from pathology.slides.view_tiles import ViewLevel

HEADLINE: Final = 1
READ_FIRST: Final = "your own reading is recorded before the number is shown"


def result_told(
    result: StoredResult, site: RunSettings, hidden: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """All that the page says in words and numbers, but values that must be read first."""
    slide, quality = result.slide, result.quality
    return {
        "result_id": result.result_id,
        "supersedes": result.supersedes,
        "author": result.author,
        "analysis": result.analysis,
        "case_id": result.case_id,
        "started_utc": result.started_utc,
        "software": result.software,
        "settings_sha256": result.settings_sha256,
        "tumour_region_source": result.tumour_region_source,
        "slide": {
            "id": slide.id,
            "width_px0": slide.width_px0,
            "height_px0": slide.height_px0,
            "mpp": slide.mpp,
            "mpp_source": slide.mpp_source,
            "stain": slide.stain,
            "marker": slide.marker,
            "marker_source": slide.marker_source,
            "format": slide.format,
        },
        "quality": {
            "tissue_mm2": quality.tissue_mm2,
            "analysed_mm2": quality.analysed_mm2,
            "unreadable_tiles": quality.unreadable_tiles,
            "flags": list(quality.flags),
            "excluded_mm2": dict(quality.excluded_mm2),
        },
        "findings": [_unless_hidden(f, site, hidden) for f in result.findings],
        "models": _models(result.models, site),
    }


def named_told(result_id: str, author: str) -> dict[str, str]:
    """A result by its ids, its page, and who answers for it."""
    return {"result_id": result_id, "address": f"/slides/{result_id}", "author": author}


def _unless_hidden(finding: Finding, site: RunSettings, hidden: frozenset[str]) -> dict[str, Any]:
    """A finding that waits says its name and nothing that is known.

    Where one finding of a result must be read first all of them wait: one tells the other.

    Its answer stands as one that is not measurable, so that no reader of this document takes the
    absence of a value for zero.
    """
    told = finding_told(finding, site)
    if not hidden:
        return told
    kept = {name: told[name] for name in ("id", "name", "protocol", "names", "source")}
    empty: dict[str, Any] = {"regions": [], "exclusions": {}, "caveats": []}
    return {**kept, **empty, "not_measurable": READ_FIRST, "hidden": True}


def finding_told(finding: Finding, site: RunSettings) -> dict[str, Any]:
    """A finding as the contract tells it, with its names for people and its protocol's source."""
    code = site.exchange.findings.get(finding.name)
    names = {} if code is None else {"en": code.en, "zh": code.zh}
    source = _source_of(finding.protocol, site)
    return {**finding_document(finding), "names": names, "source": source}


def _source_of(protocol: str, site: RunSettings) -> str:
    """Who says how it is counted; "" for a protocol that the settings do not name."""
    rules: Ki67Settings = site.ki67
    known = {
        "WSI_GLOBAL": rules.wsi_global.source,
        "IKWG_GLOBAL_UNWEIGHTED": rules.fields.source,
        "IKWG_GLOBAL_WEIGHTED": rules.fields.source,
        "IKWG_HOTSPOT": rules.hotspot.source,
        "NET_HOTSPOT": rules.net_hotspot.source,
    }
    return known.get(protocol, "")


def _models(used: Iterable[ModelUsed], site: RunSettings) -> list[dict[str, Any]]:
    """The models that saw the slide, each with its card where the very same is at hand."""
    try:
        cards = {m.card.name: m for m in listed_models(site.site.models)}
    except ModelRefused:
        cards = {}
    return [
        {
            "name": m.name,
            "sha256": m.weights_sha256,
            "licence": m.licence,
            "card": _card_of(m, cards),
        }
        for m in used
    ]


def _card_of(used: ModelUsed, cards: Mapping[str, ListedModel]) -> dict[str, Any] | None:
    listed = cards.get(used.name)
    if listed is None or listed.card.weights.sha256 != used.weights_sha256:
        return None
    return _card(listed.card)


def _card(card: ModelCard) -> dict[str, Any]:
    return {
        "title": card.title,
        "task": card.task,
        "classes": list(card.classes),
        "stains": list(card.input.stains),
        "mpp": [card.input.finest_mpp, card.input.mpp, card.input.coarsest_mpp],
        "research_only": card.weights.research_only,
        "data": list(card.training.data),
        "limits": list(card.limits),
        "organs": list(card.organs),
        "results": [
            {
                "data": r.data,
                "measure": r.measure,
                "value": r.value,
                "low": r.low,
                "high": r.high,
                "images": r.images,
                "evidence": r.evidence,
            }
            for r in card.results
        ],
    }


def region_told(region: SlideRegion) -> dict[str, Any]:
    """A region without its outline; ``bounds`` is left, top, right, bottom in level-0 px."""
    points = [p.outer.points_px0 for p in region.polygons] + [n.points_px0 for n in region.lines]
    every = np.concatenate(points)
    bounds = [*every.min(axis=0).tolist(), *every.max(axis=0).tolist()]
    return {
        "id": region.region_id,
        "kind": region.kind,
        "source": region.source,
        "area_mm2": region.area_mm2,
        "length_mm": region.length_mm,
        "bounds": bounds,
    }


def levels_told(levels: Iterable[ViewLevel]) -> list[dict[str, int]]:
    """View levels, finest first."""
    return [
        {
            "downsample": level.downsample,
            "width": level.width,
            "height": level.height,
            "tile_width": level.tile_width,
            "tile_height": level.tile_height,
        }
        for level in levels
    ]


def counted_told(counted: CountedRegion, site: RunSettings) -> dict[str, Any]:
    """What a drawn region holds."""
    return {
        "area_mm2": counted.area_mm2,
        "looked_at_mm2": counted.looked_at_mm2,
        "analysed_mm2": counted.analysed_mm2,
        "nuclei": counted.nuclei,
        "findings": [finding_told(f, site) for f in counted.findings],
    }


def foreseen_told(foreseen: Foreseen, site: RunSettings) -> dict[str, Any]:
    """What a correction would come to."""
    return {
        "findings": [finding_told(f, site) for f in foreseen.concluded.findings],
        "regions": [region_told(r) for r in foreseen.concluded.regions],
        "analysed_mm2": foreseen.scored.analysed_mm2,
        "nuclei_called": len(foreseen.calls),
        "confirmed": foreseen.seen.person is not None,
    }


def listed_told(
    key: ResultKey, result: StoredResult, site: RunSettings, hidden: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """A line of the list: what the analysis found first, and what speaks against it."""
    first = [_unless_hidden(f, site, hidden) for f in result.findings[:HEADLINE]]
    return {
        "slide_id": key.slide_id,
        "name": key.name,
        "analysis": result.analysis,
        "case_id": result.case_id,
        "started_utc": result.started_utc,
        "author": result.author,
        "supersedes": result.supersedes,
        "tumour_region_source": result.tumour_region_source,
        "flags": list(result.quality.flags),
        "findings": first,
    }
