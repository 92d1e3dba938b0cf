from __future__ import annotations

import numpy as np
import pytest

from pathology.tiles.control import set_control_apart
from tests.tiles.array_slide import SETTINGS, survey_with

MPP = 16.0  # of the mask: 1 mm is 62.5 px


def mm(*pieces: tuple[float, float, float, float], length: float = 60, width: float = 24):
    """A slide of ``length`` x ``width`` mm, pieces as (from, to, top, bottom) mm."""
    mask = np.zeros((round(width * 62.5), round(length * 62.5)), bool)
    for left, right, top, bottom in pieces:
        mask[round(top * 62.5) : round(bottom * 62.5), round(left * 62.5) : round(right * 62.5)] = 1
    return mask


SPECIMEN = (22, 45, 3, 20)
CONTROL = (3, 8, 8, 14)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("flipped", [False, True])
def test_a_small_piece_far_from_the_specimen_at_one_end_is_set_apart(
    turned: bool, flipped: bool
) -> None:
    mask = mm(CONTROL, SPECIMEN)
    mask = mask[:, ::-1] if flipped else mask
    mask = mask.T if turned else mask
    found = set_control_apart(survey_with(mask, MPP), SETTINGS)
    assert found.excluded_mm2() == pytest.approx({"control_tissue": 30}, rel=0.02)
    assert found.scored.sum() * MPP**2 / 1e6 == pytest.approx(23 * 17, rel=0.02)


LEFT_ALONE = {
    "one piece": mm(SPECIMEN),
    "nothing": mm(),
    "biopsies of like size": mm((3, 15, 4, 6), (25, 40, 4, 6), (48, 58, 4, 6)),
    "three cores side by side": mm((10, 40, 3, 4), (10, 40, 9, 10), (10, 40, 15, 16)),
    "a small biopsy in pieces": mm((3, 4, 4, 6), (20, 26, 4, 6)),
    "a fragment near the specimen": mm((14, 19, 8, 14), SPECIMEN),
    "fragments with like gaps": mm((2, 6, 8, 14), (14, 30, 3, 20), (38, 54, 3, 20)),
    "halves of one specimen": mm((3, 18, 3, 20), (30, 45, 3, 20)),
    "both ends": mm((1, 4, 8, 14), (20, 40, 3, 20), (55, 58, 8, 14)),
    "a crumb at the end": mm((3, 3.5, 8, 8.5), SPECIMEN),
    "a small piece in the middle": mm((24, 28, 8, 14), (40, 58, 3, 20)),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_may_be_specimen_is_left_alone(name: str) -> None:
    before = survey_with(LEFT_ALONE[name], MPP)
    assert set_control_apart(before, SETTINGS) is before


def test_a_specimen_in_close_fragments_still_loses_its_control() -> None:
    mask = mm(CONTROL, (22, 34, 3, 20), (36, 48, 3, 20))
    found = set_control_apart(survey_with(mask, MPP), SETTINGS)
    assert found.excluded_mm2() == pytest.approx({"control_tissue": 30}, rel=0.02)
