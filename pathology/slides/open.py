"""The door of the room: a path becomes facts, or a slide with a scale somebody answers for."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from pathlib import Path

from pathology.errors import SlideUnreadable
from pathology.records.settings.scale import ScaleSettings
from pathology.records.slide import Slide, SlideFacts, SlideInfo, StatedScale
from pathology.slides.recognise import recognise
from pathology.slides.scale import settle_scale


def examine(path: Path, *, slide_id: str) -> SlideFacts:
    """What a file says about itself, believed or not.

    Raises
    ------
    SlideUnreadable
        With the reason: missing, empty, damaged, not a slide, fluorescence, not supported.
    """
    return _finite(recognise(path, slide_id).examine(path, slide_id))


def open_slide(
    path: Path, *, slide_id: str, scale: ScaleSettings, said: StatedScale | None = None
) -> Slide:
    """A slide ready to be read, with its scale settled. Whoever opens it closes it (``with``).

    Parameters
    ----------
    said
        A scale that a person or a manifest states for this very slide.

    Raises
    ------
    SlideUnreadable
        As ``examine``.
    ScaleUnknown
        Nobody states a credible scale; the message says how to give one.
    """
    backend = recognise(path, slide_id)
    facts = _finite(backend.examine(path, slide_id))
    settled = settle_scale(slide_id, facts, scale, said)
    info = SlideInfo(slide_id=slide_id, facts=facts, scale=settled)
    try:
        return backend.open(path, info)
    except OSError as cause:
        detail = cause.strerror or type(cause).__name__
        raise SlideUnreadable(slide_id, "cannot-read", {"detail": detail}) from cause


def _finite(facts: SlideFacts) -> SlideFacts:
    """The facts, silent where the file states a scale or power of nan or inf."""
    mpp, magnification = facts.stated_mpp, facts.magnification
    return replace(
        facts,
        stated_mpp=mpp if mpp is not None and all(map(isfinite, mpp)) else None,
        magnification=magnification if isfinite(magnification or 0) else None,
    )
