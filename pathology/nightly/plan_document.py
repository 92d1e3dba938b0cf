"""The plan of a night as a document for programs. Slides go by their pseudonyms; times are UTC."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Final

from pathology.records.capacity import Plan, PlannedSlide

SCHEMA: Final = "pathology.night-plan/1"


def plan_document(plan: Plan) -> dict[str, Any]:
    """The whole plan, slide by slide."""
    machines = plan.capacity
    return {
        "schema": SCHEMA,
        "begins_utc": _iso(plan.begins_utc),
        "night_ends_utc": _iso(plan.night_ends_utc),
        "ends_utc": {
            "low": _iso(plan.ends_low_utc),
            "expected": _iso(plan.ends_utc),
            "high": _iso(plan.ends_high_utc),
        },
        "counts": dict(Counter(slide.verdict for slide in plan.slides)),
        "areas_unknown": plan.areas_unknown,
        "result_gib": round(plan.gib, 3),
        "machines": {
            "workers": machines.workers,
            "cores": machines.cores,
            "cards": machines.cards,
        },
        "sources": dict(plan.sources),
        "drafts": plan.drafts,
        "slides": [_slide(slide) for slide in plan.slides],
    }


def _slide(slide: PlannedSlide) -> dict[str, Any]:
    return {
        "item": slide.item_id,
        "name": slide.name,
        "analysis": slide.analysis,
        "priority": slide.priority,
        "deadline_utc": _iso(slide.deadline_utc),
        "verdict": slide.verdict,
        "begins_utc": _iso(slide.begins_utc),
        "ends_utc": {
            "low": _iso(slide.ends_low_utc),
            "expected": _iso(slide.ends_utc),
            "high": _iso(slide.ends_high_utc),
        },
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
