"""What TIFFs state about their scale, in the words of their writers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tifffile

from pathology.errors import ScaleUnknown
from pathology.records.slide import SlideFacts
from pathology.slides.open import examine
from tests.painted_tiff import write_ome, write_svs
from tests.slides.opened import opened

GLASS = np.full((300, 300, 3), 240, np.uint8)


def stated(path: Path) -> SlideFacts:
    return examine(path, slide_id="s1")


def test_aperio_states_scale_magnification_and_scanner(tmp_path: Path) -> None:
    facts = stated(write_svs(tmp_path / "s.svs", GLASS, mpp=0.2528, app_mag=40))
    assert facts.format == "aperio-svs"
    assert facts.stated_mpp == (0.2528, 0.2528)
    assert facts.magnification == 40
    assert facts.scanner == "Aperio SS1"


def test_an_aperio_slide_without_mpp_states_no_scale(tmp_path: Path) -> None:
    path = write_svs(tmp_path / "s.svs", GLASS, mpp=None, app_mag=20)
    assert stated(path).stated_mpp is None
    with pytest.raises(ScaleUnknown) as caught:
        opened(path)
    assert caught.value.code == "scale-missing"


@pytest.mark.parametrize("mpp", [0.0, 1000.0])
def test_an_aperio_slide_with_an_absurd_mpp_is_refused(tmp_path: Path, mpp: float) -> None:
    with pytest.raises(ScaleUnknown) as caught:
        opened(write_svs(tmp_path / "s.svs", GLASS, mpp=mpp))
    assert caught.value.code == "scale-not-credible"
    with opened(tmp_path / "s.svs", mpp=0.5) as slide:
        assert slide.info.scale.source == "user"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_state_nothing(tmp_path: Path, number: float) -> None:
    path = write_svs(tmp_path / "s.svs", GLASS, mpp=number, app_mag=number)
    assert (stated(path).stated_mpp, stated(path).magnification) == (None, None)
    with opened(path, mpp=0.5) as slide:
        assert (slide.info.scale.source, slide.info.scale.flags) == ("user", ())
        assert slide.info.facts.magnification is None


@pytest.mark.parametrize(
    ("size", "unit", "um"),
    [(0.25, "µm", 0.25), (250.0, "nm", 0.25), (0.00025, "mm", 0.25), (2.5e-5, "cm", 0.25)],
)
def test_ome_states_its_scale_in_a_unit(tmp_path: Path, size: float, unit: str, um: float) -> None:
    facts = stated(write_ome(tmp_path / "s.ome.tif", GLASS, size=size, unit=unit))
    assert facts.stated_mpp == pytest.approx((um, um))
    assert (facts.magnification, facts.scanner) == (20, "Maker One")


@pytest.mark.parametrize("unit", ["pixel", "reference frame"])
def test_ome_pixels_are_no_scale(tmp_path: Path, unit: str) -> None:
    assert stated(write_ome(tmp_path / "s.ome.tif", GLASS, unit=unit)).stated_mpp is None


def test_ome_without_a_size_states_no_scale(tmp_path: Path) -> None:
    assert stated(write_ome(tmp_path / "s.ome.tif", GLASS, size=None)).stated_mpp is None


@pytest.mark.parametrize(
    ("resolution", "unit", "um"),
    [
        (20000, "CENTIMETER", 0.5),
        (50800, "INCH", 0.5),
        (20000, "NONE", None),
        (72, "INCH", None),  # what image programs write when they know nothing
        (96, "INCH", None),
        (1, "INCH", None),
        (72 / 2.54, "CENTIMETER", None),
        (300, "INCH", 25400 / 300),  # stated, and refused later as not credible
    ],
)
def test_a_resolution_is_a_scale_only_with_a_unit_and_above_a_screens(
    tmp_path: Path, resolution: float, unit: str, um: float | None
) -> None:
    path = tmp_path / "s.tif"
    form = {"tile": (256, 256), "photometric": "rgb"}
    tifffile.imwrite(path, GLASS, resolution=(resolution,) * 2, resolutionunit=unit, **form)
    expected = None if um is None else pytest.approx((um, um), rel=1e-3)
    assert stated(path).stated_mpp == expected
