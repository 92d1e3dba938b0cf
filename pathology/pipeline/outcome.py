"""What an attempt at a slide comes to, for the ledger: done, refused for good, or worth a new try.

Which of the two a failure is stands in one table, by the code of its reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathology.errors import SlideError
from pathology.pipeline.seen import Seen
from pathology.pipeline.write_result import Labels
from pathology.records.geometry import px_area_to_mm2
from pathology.records.stain import Stains
from pathology.records.summary import SummaryRow
from pathology.records.work import Outcome

TRANSIENT: Final = frozenset(
    {
        # The share may be away, and come back.
        "not-found",
        "cannot-read",
        "reader-timeout",
        # The machine, not the slide.
        "output-failed",
        "gpu-lost",
        "gpu-memory",
        "gpu-absent",
        "worker-died",
        "time-limit",
        "cluster-lost",
        "interrupted",
        # The file was being written.
        "slide-changed",
        # Nobody foresaw it, so nobody can say that it will happen again.
        "bug",
    }
)
"""Reasons after which trying again may help. All others are refusals: it cannot."""
STAINS: Final = ("first", "second")
LIGHT: Final = ("red", "green", "blue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What came of one order: for the ledger, and for ``summary.csv``."""

    outcome: Outcome
    row: SummaryRow


def failure(
    problem: SlideError, labels: Labels | None, *, peak_gib: float | None = None
) -> Outcome:
    """The outcome of a slide that came to nothing."""
    return Outcome(
        kind="transient" if problem.code in TRANSIENT else "refused",
        slide_id=None if labels is None else labels.slide_id,
        digest=None if labels is None else labels.digest,
        reason_code=problem.code,
        facts={name: str(fact) for name, fact in problem.facts.items()},
        peak_gib=peak_gib,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Freshly:
    """What an attempt itself saw, as against a result that was there before."""

    seen: Seen
    stains: Stains


def success(
    folder: Path, out: Path, labels: Labels, fresh: Freshly | None, *, peak_gib: float | None
) -> Outcome:
    """The outcome of a whole result; ``fresh`` is None where it was kept from an earlier run."""
    told = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    ran = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return Outcome(
        kind="done",
        slide_id=labels.slide_id,
        digest=labels.digest,
        result_id=told["result_id"],
        result_key=labels.content_key,
        result_folder=folder.relative_to(out).as_posix(),
        stage_s={} if fresh is None else ran["timings_s"],
        tissue_mm2=told["quality"]["tissue_mm2"],
        scanner=None if fresh is None else fresh.seen.info.facts.scanner,
        drift={} if fresh is None else drift(fresh),
        peak_gib=peak_gib,
    )


def drift(fresh: Freshly) -> Mapping[str, float]:
    """How the slide was stained and how sharp it is, to be held against others of its scanner.

    ``out_of_focus_share`` of the tissue, 0..1; optical density of each stain's unit vector by
    channel; light through bare glass by channel, 0..255; ``nucleus_diameter_um``.
    """
    tally, survey = fresh.seen.tally, fresh.seen.survey
    blurred_mm2 = px_area_to_mm2(int(tally.out_of_focus.sum()), tally.grid.mpp)
    told = {"out_of_focus_share": min(1.0, blurred_mm2 / survey.tissue_mm2)}
    for stain, vector in zip(STAINS, fresh.stains.vectors.tolist(), strict=True):
        told |= {f"{stain}_stain_{c}_od": v for c, v in zip(LIGHT, vector, strict=True)}
    told |= {f"glass_{c}": v for c, v in zip(LIGHT, fresh.stains.white.tolist(), strict=True)}
    calibration = fresh.seen.calibration
    if calibration is not None and calibration.median_diameter_um > 0:  # NaN is not
        told["nucleus_diameter_um"] = calibration.median_diameter_um
    return told
