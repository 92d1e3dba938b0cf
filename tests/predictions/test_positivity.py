from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.predictions.positivity import decide_threshold, positivity
from pathology.records.prediction import Positivity
from tests.painted import paint_nuclei
from tests.predictions.cutting import SETTINGS, learned

RULES = SETTINGS.positivity


def nuclei_od(positive: int, negative: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    blue = np.abs(rng.normal(0.02, 0.015, negative))
    brown = rng.lognormal(np.log(0.45), 0.4, positive)
    return np.concatenate([blue, brown])


@pytest.mark.parametrize("positive", [15, 60, 300, 900])
def test_the_threshold_lies_between_two_populations(positive: int) -> None:
    od = nuclei_od(positive, 1000 - positive)
    found = decide_threshold(od, RULES)
    # A few positive nuclei are no population yet: then the default must do as well.
    assert ("two populations" in found.evidence) == (positive >= 60)
    wrong = (od >= found.threshold) != (np.arange(1000) >= 1000 - positive)
    assert wrong.mean() < 0.01


@given(st.integers(0, 10**6), st.integers(50, 2000))
def test_without_a_positive_nucleus_the_threshold_stays_out_of_the_noise(
    seed: int, count: int
) -> None:
    od = nuclei_od(0, count, seed)
    found = decide_threshold(od, RULES)
    assert found.low > RULES.lowest_od / 2
    assert (od >= found.high).mean() < 0.005


def test_few_nuclei_give_the_default_and_say_so() -> None:
    found = decide_threshold(nuclei_od(5, 5), RULES)
    assert found.threshold == RULES.default_od
    assert "10 nuclei" in found.evidence


def test_equal_nuclei_give_the_default() -> None:
    assert decide_threshold(np.full(100, 0.03), RULES).threshold == RULES.default_od


def test_no_nuclei_give_the_default() -> None:
    assert decide_threshold(np.empty(0), RULES).threshold == RULES.default_od


def test_between_low_and_high_a_nucleus_is_in_doubt() -> None:
    answer = positivity(np.array([0.0, 0.09, 0.1, 0.11, 0.2, np.nan]), 0.1, 0.2)
    unknown, negative, positive = Positivity.UNKNOWN, Positivity.NEGATIVE, Positivity.POSITIVE
    assert answer.tolist() == [negative, negative, unknown, unknown, positive, unknown]


def test_calibration_measures_the_painted_nucleus() -> None:
    painting = paint_nuclei()
    _, calibration = learned(painting.pixels, painting.mpp)
    assert calibration.nuclei == len(painting.centres_px)
    assert calibration.median_diameter_um == pytest.approx(2 * painting.radius_um, rel=0.1)
    assert calibration.dab_low < calibration.dab_threshold < calibration.dab_high


def test_a_scale_stated_twice_too_coarse_shows_in_the_diameter() -> None:
    painting = paint_nuclei(mpp=0.25, width=1200, height=1000)
    _, calibration = learned(painting.pixels, 0.5)
    assert calibration.median_diameter_um > 1.6 * 2 * painting.radius_um


def test_h_and_e_has_no_dab_threshold() -> None:
    painting = paint_nuclei(stain="he", brown_share=0.0)
    _, calibration = learned(painting.pixels, painting.mpp)
    assert np.isnan(calibration.dab_threshold)


def test_glass_can_be_calibrated_and_shows_no_nuclei() -> None:
    _, calibration = learned(np.full((200, 200, 3), 243, np.uint8), 0.5)
    assert calibration.nuclei == 0
    assert np.isnan(calibration.median_area_um2)
