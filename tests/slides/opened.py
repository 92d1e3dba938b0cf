"""Slides opened for a test, as a person would: by path, with the scale of the file or one given."""

from __future__ import annotations

from pathlib import Path

from pathology.records.settings.scale import ScaleSettings
from pathology.records.slide import Slide, StatedScale
from pathology.slides.open import open_slide

SCALE = ScaleSettings(
    source="bounds for tests",
    finest_mpp=0.05,
    coarsest_mpp=5.0,
    anisotropy_tolerance=0.02,
    disagreement=0.2,
    objective_um=10.0,
)


def opened(path: Path, mpp: float | None = None) -> Slide:
    """The slide at ``path``; close it."""
    said = StatedScale(mpp=mpp, source="user") if mpp else None
    return open_slide(path, slide_id="s1", scale=SCALE, said=said)
