from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.predictions.cells import CellFeatures, classify_cells
from pathology.predictions.seams import owned
from pathology.records.geometry import Box
from pathology.records.prediction import CellClass
from tests.painted import paint_nuclei
from tests.predictions.cutting import SETTINGS, nuclei_of

TYPICAL = {
    CellClass.TUMOUR: (60.0, 1.4, 1.4, 0.5, 0.6),
    CellClass.LYMPHOCYTE: (30.0, 1.2, 2.2, 0.15, 0.45),
    CellClass.STROMA: (30.0, 3.0, 1.4, 0.35, 0.38),
    CellClass.OTHER: (420.0, 1.4, 1.4, 0.5, 0.6),
}


def features(*rows: tuple[float, ...]) -> CellFeatures:
    area, elongation, darkness, surround, basophilia = np.array(rows).T
    return CellFeatures(
        area_um2=area,
        elongation=elongation,
        darkness=darkness,
        surround=surround,
        basophilia=basophilia,
    )


@pytest.mark.parametrize("kind", list(TYPICAL))
def test_a_typical_nucleus_is_known(kind: CellClass) -> None:
    classed = classify_cells(features(TYPICAL[kind]), SETTINGS.cells_he)
    assert classed.cell_class[0] == kind
    assert classed.probability[0] > 0.5


@given(
    st.tuples(
        st.floats(10, 452), st.floats(1, 20), st.floats(0, 20), st.floats(0, 1e4), st.floats(0, 1)
    )
)
def test_every_nucleus_has_a_class_with_a_probability(row: tuple[float, ...]) -> None:
    for rules in (SETTINGS.cells_he, SETTINGS.cells_ihc):
        classed = classify_cells(features(row), rules)
        assert classed.cell_class[0] in list(CellClass)
        assert 0.25 <= classed.probability[0] <= 1


@pytest.mark.parametrize("brown", [0.0, 0.5, 1.0])
def test_on_ihc_round_nuclei_are_tumour_whatever_their_colour(brown: float) -> None:
    painting = paint_nuclei(brown_share=brown, width=512, height=512)
    (nuclei,) = nuclei_of(painting.pixels, painting.mpp)
    assert (nuclei.cell_class == CellClass.TUMOUR).all()


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(8, 40))
def test_a_seed_has_exactly_one_owner(x: int, y: int, edge: int) -> None:
    cores = [
        Box(left, top, edge, edge)
        for left in range(-50 - edge, 51, edge)
        for top in range(-50 - edge, 51, edge)
    ]
    assert sum(bool(owned(np.array([[x, y]]), core)[0]) for core in cores) == 1
