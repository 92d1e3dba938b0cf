from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pathology.predictions.stain import estimate_stains
from pathology.predictions.tissue import classify_tissue, epithelium_threshold, map_block_px
from pathology.records.geometry import Mpp
from pathology.records.prediction import TissueClass
from tests.painted import paint_nuclei
from tests.predictions.cutting import SETTINGS, cut

EPITHELIUM = (190, 140, 195)  # cytoplasm that takes some haematoxylin
COLLAGEN = (232, 170, 200)
DARK_NUCLEUS = (95, 70, 150)


def painted_he(mpp: float) -> np.ndarray:
    """Glass, epithelium and stroma side by side, 256 µm each; nuclei on both tissues."""
    edge = round(256 / mpp)
    picture = np.full((edge, 3 * edge, 3), 243, np.uint8)
    picture[:, edge : 2 * edge] = EPITHELIUM
    picture[:, 2 * edge :] = COLLAGEN
    rows, columns = np.ogrid[:edge, : 3 * edge]
    for step_um, left, right in ((12, edge, 2 * edge), (30, 2 * edge, 3 * edge)):
        for y in np.arange(10 / mpp, edge, step_um / mpp):
            for x in np.arange(left + 8 / mpp, right - 4 / mpp, step_um / mpp):
                disc = (columns - x) ** 2 + (rows - y) ** 2 <= (3 / mpp) ** 2
                picture[disc] = DARK_NUCLEUS
    return picture


def classed(picture: np.ndarray, mpp: float, core_px: int = 4096) -> np.ndarray:
    stains = estimate_stains([picture], SETTINGS.stain)
    threshold = epithelium_threshold([picture], Mpp(mpp), stains, SETTINGS)
    block = map_block_px(mpp, SETTINGS)
    whole = np.full([-(-n // block) for n in picture.shape[:2]], 255, np.uint8)
    for tile in cut(picture, mpp, core_px):
        part = classify_tissue(tile, stains, threshold, SETTINGS)
        row, column = tile.core.y // block, tile.core.x // block
        whole[row : row + part.shape[0], column : column + part.shape[1]] = part
    return whole


@pytest.mark.parametrize("mpp", [0.25, 0.5, 1.0])
def test_painted_epithelium_stroma_and_glass_are_told_apart_at_every_scale(mpp: float) -> None:
    classes = classed(painted_he(mpp), mpp)
    thirds = np.array_split(classes, 3, axis=1)
    wanted = (TissueClass.BACKGROUND, TissueClass.TUMOUR, TissueClass.STROMA)
    for third, kind in zip(thirds, wanted, strict=True):
        inner = third[:, third.shape[1] // 5 : -third.shape[1] // 5]
        assert (inner == kind).mean() > 0.95


@pytest.mark.parametrize("core_px", [128, 208])
@pytest.mark.parametrize("mpp", [0.5, 1.0])
def test_the_map_does_not_depend_on_the_tile_size(mpp: float, core_px: int) -> None:
    picture = painted_he(mpp)[: round(200 / mpp)]
    np.testing.assert_array_equal(classed(picture, mpp, core_px), classed(picture, mpp))


@pytest.mark.parametrize(("mpp", "block"), [(0.25, 16), (0.5, 16), (0.55, 16), (1.0, 8), (2.0, 4)])
def test_map_pixels_divide_a_core(mpp: float, block: int) -> None:
    assert map_block_px(mpp, SETTINGS) == block
    assert 16 % block == 0


def test_a_core_cut_at_the_edge_has_a_map_of_all_its_pixels() -> None:
    picture = paint_nuclei(width=333, height=250).pixels
    assert classed(picture, 0.5, 128).shape == (16, 21)
    assert (classed(picture, 0.5, 128) != 255).all()


def test_dense_nuclei_on_ihc_are_tumour_and_sparse_ones_stroma() -> None:
    dense = paint_nuclei(spacing_um=11.0, margin_um=4.0, brown_share=0.1).pixels
    sparse = paint_nuclei(spacing_um=40.0, margin_um=4.0, brown_share=0.1).pixels
    for picture, kind in ((dense, TissueClass.TUMOUR), (sparse, TissueClass.STROMA)):
        inner = classed(picture, 0.5)[6:-6, 6:-6]
        assert (inner == kind).sum() > 0.95 * (inner != TissueClass.BACKGROUND).sum() > 0


@pytest.mark.real_data
def test_lung_tumour_and_stroma_overlap_with_what_people_drew(real_data) -> None:
    folder, block = real_data("he", "wsss4luad_val"), map_block_px(1.0, SETTINGS)
    both = ours = theirs = 0
    for path in sorted(folder.glob("*[0-9].png"))[::5]:
        with Image.open(path) as image, Image.open(path.with_stem(f"{path.stem}_class")) as label:
            found = classed(np.asarray(image.convert("RGB")), 1.0) == TissueClass.TUMOUR
            drawn = np.asarray(label)[block // 2 :: block, block // 2 :: block] == 0
        rows, columns = (min(a, b) for a, b in zip(found.shape, drawn.shape, strict=True))
        found, drawn = found[:rows, :columns], drawn[:rows, :columns]
        both, ours, theirs = both + (found & drawn).sum(), ours + found.sum(), theirs + drawn.sum()
    assert 2 * both / (ours + theirs) > 0.7


@pytest.mark.real_data
@pytest.mark.parametrize("number", ["01", "02", "05", "15"])
def test_a_field_of_stroma_alone_is_not_split_in_two(number: str, real_data) -> None:
    """The slide's own threshold stays within its bounds; by people these hold no epithelium."""
    path = real_data("he", "wsss4luad_val", f"{number}.png")
    classes = classed(np.asarray(Image.open(path).convert("RGB")), 1.0)
    tissue = classes[classes != TissueClass.BACKGROUND]
    assert (tissue == TissueClass.STROMA).mean() > 0.9


@pytest.mark.real_data
def test_nests_and_strands_of_a_real_carcinoma_are_told_apart(real_data) -> None:
    """Places read off the head-and-neck slide by eye, level-0 px: three nests, two strands."""
    openslide = pytest.importorskip("openslide")
    path = real_data("slides", "TCGA-CR-7395-01A-01-TS1.svs")
    with openslide.OpenSlide(path) as slide:
        picture = np.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("RGB"))
    classes = classed(picture, 1.0)

    def share(x: int, y: int, wanted: TissueClass) -> float:
        block = 8
        around = classes[y // block - 6 : y // block + 7, x // block - 6 : x // block + 7]
        return float((around == wanted).mean())

    for x, y in ((3400, 3030), (3517, 1431), (2800, 2500)):
        assert share(x, y, TissueClass.TUMOUR) > 0.8, (x, y)
    for x, y in ((2345, 2540), (3390, 2480)):
        assert share(x, y, TissueClass.STROMA) > 0.5, (x, y)
