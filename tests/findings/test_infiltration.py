"""Areas and densities, or why there are none."""

import pytest

from pathology.findings.infiltration import cell_density, tumour_area
from pathology.records.finding import Measurement, NotMeasurable
from pathology.records.settings.findings import DensityArea

RULE = DensityArea(source="test", minimum_mm2=0.5)


def test_an_area_is_told_in_square_millimetres():
    assert tumour_area(1.25).answer == Measurement(value=1.25, unit="mm2")


def test_a_density_is_count_over_area_inside_its_interval():
    answer = cell_density("f2", "til.density_stroma", 300, 2.0, RULE).answer
    assert isinstance(answer, Measurement)
    assert answer.value == 150
    assert answer.low < 150 < answer.high
    assert (answer.low, answer.high) == pytest.approx((133.5, 167.98), abs=0.1)


def test_a_density_over_a_speck_is_not_measurable():
    answer = cell_density("f2", "til.density_stroma", 300, 0.49, RULE).answer
    assert isinstance(answer, NotMeasurable)
    assert answer.code == "too-little-area"
