"""Whether the site's models may be used: asked before work begins, and before each slide."""

from __future__ import annotations

from collections.abc import Iterable

from pathology.errors import ModelRefused, UsageError
from pathology.pipeline.eyes import chosen_models
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings
from pathology.records.withdrawal import ModelSwitch


def check_in_use(switch: ModelSwitch, settings: RunSettings, analyses: Iterable[Analysis]) -> None:
    """Nothing where the site's models for these analyses may be used.

    Raises
    ------
    UsageError
        One was taken out of use; the message says by whom and why.
    """
    try:
        for analysis in sorted(set(analyses)):
            switch.check(
                (m.card.name, m.card.weights.sha256) for m in chosen_models(settings, analysis).all
            )
    except ModelRefused as problem:
        raise UsageError(str(problem)) from problem
