from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import cKDTree
from shapely.geometry import Point, Polygon

from pathology.predictions.nuclei import find_nuclei
from pathology.predictions.segment import reach_um
from pathology.records.prediction import Nuclei, Positivity
from tests.painted import DAB, HAEMATOXYLIN, PALE_STROMA, Painting, paint_nuclei
from tests.predictions.cutting import HALO_UM, SETTINGS, cut, learned, nuclei_of


def outline(nuclei: Nuclei, i: int) -> np.ndarray:
    return nuclei.outline_px0[nuclei.outline_start[i] : nuclei.outline_start[i + 1]]


def unfound(painting: Painting, nuclei: Nuclei) -> int:
    gap, _ = cKDTree(nuclei.centre_px0).query(painting.centres_px)
    return int((gap > 0.5 * painting.radius_um / painting.mpp).sum())


@pytest.mark.parametrize("stain", ["ihc-dab", "he"])
@pytest.mark.parametrize("mpp", [0.25, 0.4, 0.5, 0.6])
def test_every_painted_nucleus_is_found_once_at_every_scale(stain: str, mpp: float) -> None:
    share = 0.3 if stain == "ihc-dab" else 0.0
    size = {"width": round(300 / mpp), "height": round(240 / mpp)}
    painting = paint_nuclei(mpp=mpp, stain=stain, brown_share=share, **size)
    (nuclei,) = nuclei_of(painting.pixels, mpp)
    assert len(nuclei) == len(painting.centres_px)
    assert unfound(painting, nuclei) == 0


@pytest.mark.parametrize("brown", [0.0, 0.02, 0.1, 0.5, 1.0])
def test_brown_nuclei_are_positive_and_blue_ones_negative(brown: float) -> None:
    painting = paint_nuclei(brown_share=brown)
    (nuclei,) = nuclei_of(painting.pixels, painting.mpp)
    assert (nuclei.positive == Positivity.POSITIVE).sum() == painting.positive
    assert (nuclei.positive == Positivity.NEGATIVE).sum() == painting.negative


def test_areas_and_outlines_are_those_of_the_paint() -> None:
    painting = paint_nuclei()
    (nuclei,) = nuclei_of(painting.pixels, painting.mpp)
    painted = np.pi * painting.radius_um**2
    assert np.median(nuclei.area_um2) == pytest.approx(painted, rel=0.2)
    for i in range(0, len(nuclei), 17):
        ring = Polygon(outline(nuclei, i))
        assert ring.is_valid
        assert len(outline(nuclei, i)) <= 24
        assert ring.contains(Point(nuclei.centre_px0[i]))
        assert ring.area * painting.mpp**2 == pytest.approx(nuclei.area_um2[i], rel=0.02)


def test_touching_nuclei_are_told_apart() -> None:
    picture = np.full((256, 256, 3), PALE_STROMA, np.uint8)
    rows, columns = np.ogrid[:256, :256]
    centres = [(x + d, y) for y in range(40, 240, 50) for x in range(40, 230, 60) for d in (0, 17)]
    for x, y in centres:
        picture[(columns - x) ** 2 + (rows - y) ** 2 <= 81] = HAEMATOXYLIN
    (nuclei,) = nuclei_of(picture, 0.5)
    assert len(nuclei) == len(centres)


def test_a_nucleus_half_brown_is_in_doubt_or_positive_but_never_lost() -> None:
    painting = paint_nuclei(brown_share=0.5)
    mixed = (np.array(DAB) * 0.15 + np.array(HAEMATOXYLIN) * 0.85).astype(np.uint8)
    picture = painting.pixels.copy()
    x, y = painting.centres_px[painting.brown][0]
    rows, columns = np.ogrid[: picture.shape[0], : picture.shape[1]]
    picture[(columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= 64] = mixed
    (nuclei,) = nuclei_of(picture, painting.mpp)
    assert len(nuclei) == len(painting.centres_px)


def test_bare_glass_has_no_nuclei() -> None:
    painting = paint_nuclei()
    stains, calibration = learned(painting.pixels, painting.mpp)
    glass = np.full((256, 256, 3), 243, np.uint8)
    for tile in cut(glass, 0.5, 256):
        assert len(find_nuclei(tile, stains, calibration, SETTINGS)) == 0


def test_nuclei_are_told_in_level_0_pixels() -> None:
    painting = paint_nuclei()
    stains, calibration = learned(painting.pixels, painting.mpp)
    (at_1,) = cut(painting.pixels, 0.5, 4096)
    (at_2,) = cut(painting.pixels, 0.5, 4096, downsample=2.0)
    one, two = (find_nuclei(t, stains, calibration, SETTINGS) for t in (at_1, at_2))
    np.testing.assert_allclose(two.centre_px0, 2 * one.centre_px0)
    np.testing.assert_allclose(two.outline_px0, 2 * one.outline_px0)
    np.testing.assert_allclose(two.area_um2, one.area_um2)


def test_a_scan_too_coarse_for_nuclei_is_refused() -> None:
    painting = paint_nuclei()
    stains, calibration = learned(painting.pixels, painting.mpp)
    (tile,) = cut(painting.pixels, 0.61, 4096)
    with pytest.raises(ValueError, match="coarser"):
        find_nuclei(tile, stains, calibration, SETTINGS)


def test_the_search_looks_no_further_than_the_halo() -> None:
    for find in (SETTINGS.nuclei_he, SETTINGS.nuclei_ihc):
        assert reach_um(find) <= HALO_UM


def as_rows(tiles: list[Nuclei]) -> np.ndarray:
    """Everything about each nucleus but its outline, sorted by place."""
    rows = np.concatenate(
        [
            np.column_stack(
                [n.centre_px0, n.area_um2, n.cell_class, n.class_probability, n.positive]
            )
            for n in tiles
        ]
    )
    return rows[np.lexsort(rows.T[::-1])]


@pytest.mark.parametrize("core_px", [128, 208, 320])
@pytest.mark.parametrize("stain", ["ihc-dab", "he"])
def test_the_count_does_not_depend_on_the_tile_size(stain: str, core_px: int) -> None:
    share = 0.3 if stain == "ihc-dab" else 0.0
    painting = paint_nuclei(width=640, height=480, stain=stain, brown_share=share, spacing_um=9.5)
    whole = nuclei_of(painting.pixels, painting.mpp)
    np.testing.assert_allclose(
        as_rows(nuclei_of(painting.pixels, painting.mpp, core_px)), as_rows(whole), atol=1e-5
    )


@pytest.mark.real_data
@pytest.mark.parametrize("core_px", [128, 272, 400])
@pytest.mark.parametrize(
    "path", [("ihc", "gepnet", "2.png"), ("he", "crchisto", "img9.jpg")], ids=["ihc", "he"]
)
def test_the_count_on_real_tissue_does_not_depend_on_the_tile_size(
    real_data, path: tuple[str, ...], core_px: int
) -> None:
    with Image.open(real_data(*path)) as image:
        picture = np.asarray(image.convert("RGB"))
    whole = nuclei_of(picture, 0.5)
    assert len(whole[0]) > 200
    np.testing.assert_allclose(as_rows(nuclei_of(picture, 0.5, core_px)), as_rows(whole), atol=1e-5)


def test_settings_that_look_past_the_halo_are_noticed() -> None:
    far = dataclasses.replace(SETTINGS.nuclei_ihc, background_um=20.0)
    assert reach_um(far) > HALO_UM
