"""Whose scale is believed: a person's, the site's for this scanner, the file's. Never a guess."""

from __future__ import annotations

from math import isfinite

from pathology.errors import ScaleUnknown
from pathology.records.settings.scale import ScaleSettings
from pathology.records.slide import Scale, ScaleSource, SlideFacts, StatedScale

DISAGREES_WITH_MAGNIFICATION = "scale-disagrees-with-magnification"
OVERRIDES_FILE = "scale-overrides-file"


def settle_scale(
    slide_id: str, facts: SlideFacts, settings: ScaleSettings, said: StatedScale | None = None
) -> Scale:
    """The scale everybody works with, and flags where two statements disagree.

    Parameters
    ----------
    said
        What a person states for this slide; believed before everything else, within the bounds.

    Raises
    ------
    ScaleUnknown
        "scale-missing": nobody states one; "scale-not-credible": what is stated lies outside
        ``settings`` or is not square. A default would be a diagnosis made by a constant.
    """
    mpp_x, mpp_y, source = _stated(slide_id, facts, settings, said)
    if not _credible(mpp_x, mpp_y, settings):
        raise ScaleUnknown(slide_id, "scale-not-credible", {"mpp_x": mpp_x, "mpp_y": mpp_y})
    mpp = (mpp_x + mpp_y) / 2
    flags = []
    if facts.magnification and _apart(mpp, settings.objective_um / facts.magnification, settings):
        flags.append(DISAGREES_WITH_MAGNIFICATION)
    in_file = facts.stated_mpp
    if source != "file" and in_file is not None and _overrides(mpp, in_file, settings):
        flags.append(OVERRIDES_FILE)
    return Scale(mpp_x=mpp_x, mpp_y=mpp_y, source=source, flags=tuple(flags))


def _stated(
    slide_id: str, facts: SlideFacts, settings: ScaleSettings, said: StatedScale | None
) -> tuple[float, float, ScaleSource]:
    if said is not None:
        return said.mpp, said.mpp, said.source
    if facts.scanner is not None and facts.scanner in settings.by_scanner:
        mpp = settings.by_scanner[facts.scanner]
        return mpp, mpp, "site"
    if facts.stated_mpp is not None:
        return *facts.stated_mpp, "file"
    raise ScaleUnknown(slide_id, "scale-missing")


def _credible(mpp_x: float, mpp_y: float, settings: ScaleSettings) -> bool:
    """Within the bounds, finite and square."""
    return (
        all(
            isfinite(mpp) and settings.finest_mpp <= mpp <= settings.coarsest_mpp
            for mpp in (mpp_x, mpp_y)
        )
        and abs(mpp_x - mpp_y) <= settings.anisotropy_tolerance * mpp_x
    )


def _overrides(mpp: float, in_file: tuple[float, float], settings: ScaleSettings) -> bool:
    """Whether a believable statement of the file is set aside."""
    return _credible(*in_file, settings) and _apart(mpp, sum(in_file) / 2, settings)


def _apart(mpp: float, other: float, settings: ScaleSettings) -> bool:
    """Whether two scales differ by more than the allowed share, whichever is the larger."""
    return max(mpp / other, other / mpp) - 1 > settings.disagreement
