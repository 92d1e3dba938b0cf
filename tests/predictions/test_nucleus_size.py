from __future__ import annotations

import numpy as np
import pytest

from pathology.predictions.nucleus_size import nucleus_diameter_px
from pathology.predictions.stain import estimate_stains
from pathology.records.stain import Stains
from tests.painted import paint_nuclei
from tests.predictions.cutting import SETTINGS, learned


def measured_px(samples: list[np.ndarray], stains: Stains | None = None) -> float:
    stains = stains or estimate_stains(samples, SETTINGS.stain)
    return nucleus_diameter_px(
        samples, stains, SETTINGS.nuclei(stains.kind), SETTINGS.nucleus_scale
    )


@pytest.mark.parametrize("stain", ["ihc-dab", "he"])
@pytest.mark.parametrize("wrong", [0.5, 1.0, 2.0])
def test_a_wrong_scale_shows_in_the_nucleus_by_its_factor(stain: str, wrong: float) -> None:
    painting = paint_nuclei(mpp=0.5, stain=stain, brown_share=0.0 if stain == "he" else 0.3)
    _, calibration = learned(painting.pixels, painting.mpp * wrong)
    assert calibration.median_diameter_um == pytest.approx(8.0 * wrong, rel=0.15)


@pytest.mark.parametrize("mpp", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("radius_um", [3.0, 4.0, 6.0])
def test_the_same_nucleus_is_measured_at_every_sampling(mpp: float, radius_um: float) -> None:
    painting = paint_nuclei(mpp=mpp, radius_um=radius_um, spacing_um=4 * radius_um)
    assert measured_px([painting.pixels]) * mpp == pytest.approx(2 * radius_um, rel=0.15)


def test_a_narrow_sample_at_the_edge_does_not_change_the_answer() -> None:
    pixels = paint_nuclei().pixels
    stains = estimate_stains([pixels], SETTINGS.stain)
    narrow = pixels[200:220, 200:600]
    assert measured_px([pixels, narrow], stains) == measured_px([pixels], stains)


def test_noise_alone_has_no_nucleus_size() -> None:
    stains = estimate_stains([paint_nuclei().pixels], SETTINGS.stain)
    noise = np.random.default_rng(0).normal(190, 10, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    assert np.isnan(measured_px([noise], stains))


def test_blank_glass_and_no_sample_have_no_nucleus_size() -> None:
    stains = estimate_stains([paint_nuclei().pixels], SETTINGS.stain)
    assert np.isnan(measured_px([np.full((300, 300, 3), 243, np.uint8)], stains))
    assert np.isnan(measured_px([], stains))
