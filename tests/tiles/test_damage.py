from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pathology.records.tile import Survey
from pathology.tiles.overview import read_overview
from pathology.tiles.survey import survey
from tests.painted import DAB, EOSIN, GLASS, HAEMATOXYLIN, PALE_STROMA
from tests.slides.opened import opened
from tests.tiles.array_slide import SETTINGS, survey_of

SIDE = 1024
INKS = {
    "green": (20, 150, 100),
    "blue": (30, 60, 200),
    "red": (225, 20, 40),
    "black": (20, 20, 22),
}


def slide(stain: str = "he") -> np.ndarray:
    """Tissue in the left half, glass in the right, at 2 µm/px."""
    rng = np.random.default_rng(1)
    ground = EOSIN if stain == "he" else PALE_STROMA
    pixels = np.full((SIDE, SIDE, 3), GLASS, np.float32)
    pixels[100:-100, 100:600] = ground
    dots = np.zeros((SIDE, SIDE), bool)
    dots[100:-100:6, 100:600:6] = dots[101:-100:6, 100:600:6] = dots[100:-100:6, 101:600:6] = True
    pixels[dots] = HAEMATOXYLIN
    return np.clip(pixels + rng.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8)


def mask_of(found: Survey, name: str) -> np.ndarray:
    masks = [a.mask for a in found.excluded if a.name == name]
    step = SIDE // found.tissue.shape[0]
    mask = masks[0] if masks else np.zeros(found.tissue.shape, bool)
    return mask.repeat(step, axis=0).repeat(step, axis=1)


def ring(centre: tuple[int, int], radius: float, width: float) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.abs(np.hypot(y - centre[0], x - centre[1]) - radius) <= width / 2


def darkened(pixels: np.ndarray, where: np.ndarray, share: float) -> np.ndarray:
    out = pixels.astype(np.float32)
    out[where] *= share
    return out.astype(np.uint8)


@pytest.mark.parametrize("stain", ["he", "ihc-dab"])
def test_sound_tissue_has_no_damage(stain: str) -> None:
    assert survey_of(slide(stain), 2.0).excluded == ()


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("stain", ["he", "ihc-dab"])
def test_a_pen_mark_over_tissue_is_named_and_not_scored(ink: str, stain: str) -> None:
    pixels = slide(stain)
    pixels[400:460, 50:800] = INKS[ink]
    found = survey_of(pixels, 2.0)
    pen = mask_of(found, "pen")
    assert pen[402:458, 120:580].mean() > 0.99
    assert pen.sum() < 1.6 * 60 * 750
    assert found.excluded_mm2()["pen"] >= 60 * 480 * 4 / 1e6


def test_a_pen_mark_on_glass_is_no_tissue() -> None:
    pixels = slide()
    pixels[200:260, 700:950] = INKS["blue"]
    clean = survey_of(slide(), 2.0).tissue_mm2
    assert survey_of(pixels, 2.0).tissue_mm2 == pytest.approx(clean, rel=0.001)


def test_dense_brown_and_dense_blue_are_not_pen() -> None:
    pixels = slide("ihc-dab")
    pixels[200:300, 200:300] = DAB
    pixels[400:500, 200:300] = HAEMATOXYLIN
    assert not mask_of(survey_of(pixels, 2.0), "pen").any()


def test_a_fold_is_named() -> None:
    pixels = slide()
    pixels[300:340, 150:550] = (130, 20, 70)
    found = survey_of(pixels, 2.0)
    assert mask_of(found, "fold")[308:332, 170:530].mean() > 0.95
    assert found.excluded_mm2()["fold"] == pytest.approx(40 * 400 * 4 / 1e6, rel=0.3)


def test_a_ki67_hot_spot_is_not_a_fold() -> None:
    pixels = slide("ihc-dab")
    pixels[300:500, 200:400] = DAB
    assert survey_of(pixels, 2.0).excluded == ()


def test_a_lymphoid_follicle_is_not_a_fold() -> None:
    pixels = slide()
    pixels[300:500, 200:400] = (95, 70, 150)
    assert survey_of(pixels, 2.0).excluded == ()


def test_a_bubble_with_a_closed_grey_rim_is_named() -> None:
    pixels = darkened(slide(), ring((500, 400), 150, 12), 0.45)
    found = survey_of(pixels, 2.0)
    bubble = mask_of(found, "bubble")
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = np.hypot(y - 500, x - 400) < 145
    assert bubble[inside].mean() > 0.95
    assert bubble.sum() < 1.5 * np.pi * 156**2
    assert found.excluded_mm2()["bubble"] > 0.2


def test_a_bubble_on_glass_is_no_tissue() -> None:
    pixels = darkened(slide(), ring((500, 800), 120, 12), 0.45)
    clean = survey_of(slide(), 2.0).tissue_mm2
    assert survey_of(pixels, 2.0).tissue_mm2 == pytest.approx(clean, rel=0.001)


def test_a_stained_ring_is_a_gland_and_no_bubble() -> None:
    pixels = slide()
    pixels[ring((500, 350), 120, 14)] = HAEMATOXYLIN
    pixels[ring((500, 350), 60, 10)] = DAB
    assert not mask_of(survey_of(pixels, 2.0), "bubble").any()


@pytest.mark.real_data
def test_real_sharp_fields_have_next_to_no_damage(real_data: Callable[..., Path]) -> None:
    gepnet = [real_data("ihc", "gepnet", f"{n}.png") for n in (1, 4)]
    deepliif = [real_data("ihc", "deepliif", f"{n}.png") for n in ("Bladder1", "Lung1", "34_3")]
    excluded, tissue = 0.0, 0.0
    for file in gepnet + deepliif:
        mpp = 0.48 if file in gepnet else 0.25
        found = survey_of(np.asarray(Image.open(file).convert("RGB")), mpp)
        excluded += sum(found.excluded_mm2().values())
        tissue += found.tissue_mm2
    assert excluded < 0.005 * tissue


def real_survey(path: Path, mpp: float | None = None) -> Survey:
    with opened(path, mpp) as seen:
        return survey(read_overview(seen, SETTINGS), "s", seen.info.mpp, SETTINGS)


@pytest.mark.real_data
def test_folded_edges_of_a_real_section_are_found_and_little_else(
    real_data: Callable[..., Path],
) -> None:
    path = real_data("slides", "TCGA-CR-7395-01A-01-TS1.svs")
    found = real_survey(path, 1.0)
    areas = found.excluded_mm2()
    assert set(areas) == {"fold"}
    assert 0.05 < areas["fold"] < 0.2
    assert 9 < found.tissue_mm2 < 11
    fold = next(a.mask for a in found.excluded)
    assert not fold[100:400, 100:400].any()  # the middle of the section lies flat


@pytest.mark.real_data
def test_margin_ink_of_a_real_section_is_found_in_part(real_data: Callable[..., Path]) -> None:
    found = real_survey(real_data("slides", "CMU-1-Small-Region.svs"))
    areas = found.excluded_mm2()
    assert set(areas) == {"pen"}
    assert 0.001 < areas["pen"] < 0.02
    assert 0.55 < found.tissue_mm2 < 0.75
