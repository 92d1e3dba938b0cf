"""The hot spot: where labelling is highest, and what chance alone would have found.

The best of many windows is high even where nothing but chance differs, so the same search is done
on the same nuclei with calls drawn at the slide's own index. Windows are ranked by the lower bound
of Wilson's interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pathology.findings.interval import wilson_lows
from pathology.findings.windows import (
    Ground,
    ScoredNuclei,
    Window,
    WindowSet,
    grid_of_centres,
    lymphocyte_share,
    unseen_share,
    window_of,
    windows_at,
)
from pathology.records.finding import Search
from pathology.records.settings.ki67 import ChanceRule, HotSpotRule


@dataclass(frozen=True, slots=True, kw_only=True)
class HotSpot:
    """The window with the highest labelling, and how it was found; None: placed by a person."""

    window: Window
    search: Search | None


def hot_spot(
    region: str, nuclei: ScoredNuclei, ground: Ground, rule: HotSpotRule, chance: ChanceRule
) -> HotSpot | None:
    """The hot spot of a slide; None where no window holds enough nuclei on analysed tissue.

    Windows at the edge of tissue or of what is excluded, and in lymphoid aggregates, are left out:
    germinal centres divide, and a lymphocyte taken for tumour there makes the highest window.
    """
    centres = grid_of_centres(nuclei, rule.step_um)
    windows = windows_at(centres, nuclei, count=rule.nuclei, most_mm2=rule.most_mm2)
    windows = _kept(windows, unseen_share(windows, ground) <= rule.most_unseen_share)
    windows = _kept(windows, lymphocyte_share(windows, nuclei) <= rule.most_lymphocyte_share)
    if not len(windows):
        return None
    lows = wilson_lows(windows.positives(nuclei.positive), rule.nuclei)
    window = window_of(region, windows, int(np.argmax(lows)), nuclei)
    return HotSpot(window=window, search=_searched(window, windows, nuclei, chance))


def hot_spot_at(
    region: str, place_um: tuple[float, float], nuclei: ScoredNuclei, rule: HotSpotRule
) -> HotSpot | None:
    """The hot spot where a person put it; None where nuclei lie too far apart there."""
    windows = windows_at(np.array([place_um]), nuclei, count=rule.nuclei, most_mm2=rule.most_mm2)
    if not len(windows):
        return None
    return HotSpot(window=window_of(region, windows, 0, nuclei), search=None)


def _kept(windows: WindowSet, keep: NDArray[np.bool_]) -> WindowSet:
    return WindowSet(
        centre_um=windows.centre_um[keep],
        radius_um=windows.radius_um[keep],
        nuclei=windows.nuclei[keep],
    )


def _searched(
    window: Window, windows: WindowSet, nuclei: ScoredNuclei, chance: ChanceRule
) -> Search:
    """The same search where every nucleus is positive with the slide's own probability."""
    rng = np.random.default_rng(chance.seed)
    highest = np.array(
        [
            windows.positives(rng.random(len(nuclei)) < nuclei.share).max()
            for _ in range(chance.simulations)
        ]
    )
    limit = float(np.quantile(highest, chance.level, method="higher"))
    return Search(
        windows=len(windows),
        expected_by_chance=float(highest.mean()) / window.counted,
        chance_limit=limit / window.counted,
        beyond_chance=window.positive > limit,
    )
