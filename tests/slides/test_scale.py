"""Whose scale is believed, which is refused, and which disagreements are flagged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.errors import ScaleUnknown
from pathology.records.settings.scale import ScaleSettings
from pathology.records.slide import Level, SlideFacts, StatedScale
from pathology.slides.scale import settle_scale

SETTINGS = ScaleSettings(
    source="bounds for tests",
    finest_mpp=0.05,
    coarsest_mpp=20.0,
    anisotropy_tolerance=0.02,
    disagreement=0.30,
    objective_um=10.0,
    by_scanner={"Maker One": 0.4},
)
SILENT = SlideFacts(
    format="tiled-tiff",
    backend="tiled",
    codec="jpeg",
    levels=(Level(width=10, height=10, downsample=1.0, tile_width=10, tile_height=10),),
    stated_mpp=None,
    magnification=None,
    scanner=None,
    files=(Path("s.tif"),),
)


def stating(mpp_x: float, mpp_y: float | None = None) -> SlideFacts:
    return replace(SILENT, stated_mpp=(mpp_x, mpp_x if mpp_y is None else mpp_y))


def said(mpp: float) -> StatedScale:
    return StatedScale(mpp=mpp, source="user")


def refused(facts: SlideFacts, by: StatedScale | None = None) -> str:
    with pytest.raises(ScaleUnknown) as caught:
        settle_scale("s1", facts, SETTINGS, by)
    assert "--mpp" in str(caught.value), "the message says the remedy"
    return caught.value.code


def test_a_person_goes_before_the_site_and_the_site_before_the_file() -> None:
    facts = replace(stating(0.5), scanner="Maker One")
    assert settle_scale("s1", facts, SETTINGS, said(0.45)).source == "user"
    assert settle_scale("s1", facts, SETTINGS).source == "site"
    assert settle_scale("s1", facts, SETTINGS).mpp == 0.4
    assert settle_scale("s1", stating(0.5), SETTINGS).source == "file"


def test_a_scanner_the_site_does_not_know_changes_nothing() -> None:
    facts = replace(stating(0.5), scanner="Maker Two")
    assert settle_scale("s1", facts, SETTINGS).source == "file"


def test_no_scale_is_refused_and_never_guessed_from_the_magnification() -> None:
    assert refused(replace(SILENT, magnification=40)) == "scale-missing"


@pytest.mark.parametrize("mpp", [0.0, -0.5, 0.049, 20.1, 1000.0, float("nan"), float("inf")])
def test_an_impossible_scale_is_refused_whoever_states_it(mpp: float) -> None:
    assert refused(stating(mpp)) == "scale-not-credible"
    assert refused(stating(0.5), said(mpp)) == "scale-not-credible"


def test_pixels_that_are_not_square_are_refused() -> None:
    assert refused(stating(0.5, 0.52)) == "scale-not-credible"
    assert settle_scale("s1", stating(0.5, 0.505), SETTINGS).mpp == pytest.approx(0.5025)


@pytest.mark.parametrize(
    ("mpp", "magnification", "flagged"),
    [(0.25, 40, False), (0.5, 20, False), (0.5, 40, True), (0.25, 20, True), (0.32, 40, False)],
)
def test_a_scale_far_from_its_magnification_is_flagged(
    mpp: float, magnification: float, flagged: bool
) -> None:
    scale = settle_scale("s1", replace(stating(mpp), magnification=magnification), SETTINGS)
    assert ("scale-disagrees-with-magnification" in scale.flags) == flagged


@given(mpp=st.floats(0.06, 15), ratio=st.floats(0.3, 3))
def test_disagreement_is_the_same_in_both_directions(mpp: float, ratio: float) -> None:
    scale = settle_scale("s1", replace(stating(mpp), magnification=10 / (mpp * ratio)), SETTINGS)
    apart = max(ratio, 1 / ratio) - 1
    if abs(apart - 0.30) > 1e-6:
        assert bool(scale.flags) == (apart > 0.30)


def test_a_person_who_overrules_the_file_by_much_is_flagged() -> None:
    assert settle_scale("s1", stating(0.25), SETTINGS, said(0.5)).flags == ("scale-overrides-file",)
    assert settle_scale("s1", stating(0.5), SETTINGS, said(0.45)).flags == ()


@pytest.mark.parametrize("nonsense", [0.0, 1000.0])
def test_a_person_may_mend_a_file_that_states_nonsense(nonsense: float) -> None:
    assert settle_scale("s1", stating(nonsense), SETTINGS, said(0.5)).flags == ()
