from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from pathology.records.geometry import Box, Mpp
from pathology.records.slide import LostTile, Region
from pathology.tiles.survey import survey
from pathology.tiles.tissue import closed, glass_colour, without_small
from tests.painted import GLASS, PALE_STROMA, halved, paint_nuclei
from tests.tiles.array_slide import SETTINGS, survey_of

RNG = np.random.default_rng(3)
ROWS, COLUMNS = 700, 900


def image(values: np.ndarray) -> np.ndarray:
    return np.clip(np.broadcast_to(values, (ROWS, COLUMNS, 3)), 0, 255).astype(np.uint8)


def as_jpeg(pixels: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=60)
    return np.asarray(Image.open(stream))


def noise(sigma: float) -> np.ndarray:
    return RNG.normal(0, sigma, (ROWS, COLUMNS, 3))


def vignette(depth: float) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLUMNS * 1j]
    return 243 - depth * (np.hypot(x, y) ** 2 / 2)[..., None]


def dusty() -> np.ndarray:
    pixels = image(243 + noise(2)).copy()
    for y, x in zip(RNG.integers(0, ROWS - 5, 80), RNG.integers(0, COLUMNS - 5, 80), strict=True):
        pixels[y : y + 3, x : x + 5] = 60
    return pixels


EMPTY = {
    "white": lambda: image(np.full(3, 255)),
    "grey": lambda: image(np.full(3, 230)),
    "scanner noise": lambda: image(243 + noise(4)),
    "jpeg noise": lambda: as_jpeg(image(240 + noise(5))),
    "tinted glass": lambda: image(np.array([236, 240, 229]) + noise(2)),
    "vignetting": lambda: image(vignette(25) + noise(2)),
    "dust": dusty,
    "dust in vignetting": lambda: np.minimum(dusty(), image(vignette(25))),
    "two whites": lambda: np.where(np.arange(COLUMNS)[:, None] < 300, 255, image(241 + noise(2))),
}


@pytest.mark.parametrize("mpp", [1.0, 8.0])
@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_slide_has_no_tissue_whatever_its_glass_looks_like(name: str, mpp: float) -> None:
    found = survey_of(EMPTY[name]().astype(np.uint8), mpp)
    assert not found.tissue.any()
    assert found.excluded == ()


@pytest.mark.parametrize("stain", ["he", "ihc-dab"])
@pytest.mark.parametrize("halvings", [0, 2, 4])
def test_painted_tissue_is_found_where_it_was_painted(stain: str, halvings: int) -> None:
    painting = paint_nuclei(width=2048, height=1536, stain=stain)
    pixels, truth = painting.pixels, np.zeros((1536, 2048), bool)
    truth[40:-40, 40:-40] = True
    for _ in range(halvings):
        pixels, truth = halved(pixels), truth[::2, ::2]
    found = survey_of(pixels, 0.5 * 2**halvings)
    step = round(found.downsample)
    truth = truth[::step, ::step]
    both = (found.tissue & truth).sum() / (found.tissue | truth).sum()
    assert both > 0.97
    assert found.excluded == ()
    painted_mm2 = (2048 - 80) * (1536 - 80) * 0.25 / 1e6
    assert found.tissue_mm2 == pytest.approx(painted_mm2, rel=0.03)


def test_pale_stroma_without_a_nucleus_counts_where_it_hangs_on_tissue() -> None:
    painting = paint_nuclei(width=1024, height=1024)
    pixels = painting.pixels.copy()
    pixels[300:700, 300:700] = np.asarray(PALE_STROMA) + RNG.normal(0, 2, (400, 400, 3))
    assert survey_of(pixels.astype(np.uint8), 0.5).tissue[160:340:20, 160:340:20].all()


def test_a_large_lumen_is_glass_and_a_crack_is_not() -> None:
    pixels = paint_nuclei(width=1024, height=1024, stain="he").pixels.copy()
    pixels[300:600, 300:600] = GLASS  # 150 µm wide
    pixels[800:806, 200:800] = GLASS  # 3 µm wide
    tissue = survey_of(pixels, 0.5).tissue
    scale = tissue.shape[0] / 1024
    middle, crack = round(450 * scale), round(803 * scale)
    assert not tissue[middle, middle]
    assert tissue[crack, middle]


def test_a_grey_field_without_any_glass_is_all_tissue() -> None:
    tissue_grey = np.array([196, 200, 205]) + noise(3)
    pixels = image(tissue_grey).copy()
    pixels[::40, ::40] = (110, 120, 160)
    assert survey_of(pixels, 0.5).tissue.mean() > 0.99


def test_the_assumed_glass_is_used_only_where_none_is_seen() -> None:
    grey = image(np.full(3, 195))
    assert glass_colour(grey, Mpp(1.0), SETTINGS.glass) == pytest.approx([245] * 3)
    some = grey.copy()
    some[:200, :200] = 238
    assert glass_colour(some, Mpp(1.0), SETTINGS.glass) == pytest.approx([238] * 3)


def test_closing_fills_gaps_and_keeps_what_was_there() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:30, 5:18] = mask[10:30, 22:35] = True
    wide = closed(mask, 3)
    assert wide[20, 18:22].all()
    assert (wide | ~mask).all()
    assert not wide[2, 2]
    assert not closed(np.zeros((9, 9), bool), 2).any()
    assert closed(np.ones((9, 9), bool), 2).all()


def test_a_piece_cut_by_the_edge_may_be_smaller() -> None:
    mask = np.zeros((30, 30), bool)
    mask[10:14, 10:14] = mask[0:4, 20:24] = True
    kept = without_small(mask, 40)
    assert not kept[11, 11]
    assert kept[1, 21]


def lost_at(pixels: np.ndarray, box: Box) -> Region:
    white = pixels.copy()
    white[box.slices] = 255
    rows, columns = pixels.shape[:2]
    tile = LostTile(level=0, column=0, row=0, box_px0=box)
    return Region(box=Box(0, 0, columns, rows), downsample=1.0, pixels=white, lost=(tile,))


def test_a_lost_tile_amid_tissue_is_tissue_that_nobody_could_read() -> None:
    pixels = paint_nuclei(width=1024, height=1024, stain="he").pixels
    found = survey(lost_at(pixels, Box(256, 256, 256, 256)), "s", Mpp(0.5), SETTINGS)
    assert found.excluded_mm2() == pytest.approx({"unreadable": 256**2 * 0.25 / 1e6})
    assert not found.scored[260:500, 260:500].any()


def test_a_lost_tile_on_glass_is_no_tissue() -> None:
    pixels = image(np.full(3, 243))
    found = survey(lost_at(pixels, Box(256, 256, 256, 256)), "s", Mpp(0.5), SETTINGS)
    assert found.tissue_mm2 == 0


@pytest.mark.real_data
@pytest.mark.parametrize("number", ["01", "03", "06", "13", "19", "21", "24", "29"])
def test_labelled_tissue_of_real_fields_is_found_whole(
    number: str, real_data: Callable[..., Path]
) -> None:
    folder = real_data("he", "wsss4luad_val")
    pixels = np.asarray(Image.open(folder / f"{number}.png").convert("RGB"))
    truth = np.asarray(Image.open(folder / f"{number}_class.png")) != 3
    tissue = survey_of(pixels, 1.0).tissue
    assert (tissue & truth).sum() / truth.sum() > 0.99


@pytest.mark.real_data
@pytest.mark.parametrize("number", ["02", "05", "08", "11"])
def test_labelled_glass_of_real_fields_stays_glass_deep_inside_wide_lumina(
    number: str, real_data: Callable[..., Path]
) -> None:
    folder = real_data("he", "wsss4luad_val")
    pixels = np.asarray(Image.open(folder / f"{number}.png").convert("RGB"))
    glass = np.asarray(Image.open(folder / f"{number}_class.png")) == 3
    deep = ndimage.distance_transform_edt(glass) > 20
    assert deep.sum() > 500
    assert (survey_of(pixels, 1.0).tissue & deep).sum() / deep.sum() < 0.02


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["gliomaA_27", "gliomaB_26", "gliomaC_26"])
def test_a_real_grey_field_full_of_pale_ihc_tissue_is_all_tissue(
    name: str, real_data: Callable[..., Path]
) -> None:
    field = np.asarray(Image.open(real_data("ihc", "glioma", f"{name}.jpg")).convert("RGB"))
    assert survey_of(halved(halved(field)), 0.44).tissue.mean() > 0.99


@pytest.mark.real_data
def test_pale_cytoplasm_is_tissue_and_the_lumen_beside_it_is_not(
    real_data: Callable[..., Path],
) -> None:
    field = np.asarray(Image.open(real_data("ihc", "deepliif", "799_2.png")).convert("RGB"))
    tissue = survey_of(field, 0.25).tissue
    assert tissue[200:, :250].mean() > 0.9
    assert not tissue[20:120, 420:].any()
