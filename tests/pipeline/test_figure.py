"""A figure shows what the result's files say, at the place where it lies on the slide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pathology.errors import UsageError
from pathology.exchange import ink
from pathology.exchange.cells_near import marked_nuclei, outlined_nuclei
from pathology.exchange.cells_parquet import CellsWriter
from pathology.exchange.figure import (
    DOTS_TO_UM_PER_PX,
    OUTLINES_TO_UM_PER_PX,
    WIDTH,
    draw_figure,
    figure_box,
    figure_downsample,
    figure_shown,
    figure_view,
    shown_at,
)
from pathology.exchange.maps_zarr import GridMap, read_tissue, write_maps
from pathology.exchange.overlay_layers import MarkedNuclei, OverlayLayers
from pathology.exchange.overlay_map import paint_slide
from pathology.exchange.overlay_words import PictureWords
from pathology.exchange.regions_geojson import write_regions
from pathology.exchange.regions_read import read_stored_regions
from pathology.pipeline.figure import FigureOrder, figure, figure_layers
from pathology.pipeline.settings import load_settings
from pathology.records.geometry import Box
from pathology.records.prediction import CellClass, Nuclei, Positivity
from pathology.records.region import Line, Polygon, SlideRegion
from pathology.records.result import Quality, StoredResult, StoredSlide
from pathology.records.slide import Region
from tests import painted
from tests.exchange.examples import measurement, refusal, share, square

MPP, SIZE = 0.25, (1000, 800)
SETTINGS = load_settings()
EN, ZH = (
    PictureWords(language=language, findings=SETTINGS.exchange.findings)
    for language in ("en", "zh")
)
PLACES = ((380, 280), (430, 330), (900, 700))
"""Upper left corners of three square nuclei of 40 px; the last lies far from the hot spot."""
HOTSPOT = SlideRegion(
    region_id="hotspot",
    kind="hotspot",
    polygons=(Polygon(outer=square(300, 200, 200)),),
    area_mm2=1,
)
FRONT = SlideRegion(
    region_id="front",
    kind="front",
    lines=(Line(points_px0=np.array([[100.0, 100], [100, 700], [200, 700]])),),
    length_mm=0.175,
)


def stored(**change: object) -> StoredResult:
    whole = StoredResult(
        result_id="slide-1/ki67-1",
        supersedes=None,
        author="software",
        analysis="ki67",
        case_id=None,
        slide=StoredSlide(
            id="slide-1",
            digest="ab" * 32,
            file=None,
            width_px0=SIZE[0],
            height_px0=SIZE[1],
            mpp_x=MPP,
            mpp_y=MPP,
            mpp_source="file",
            stain="ihc-dab",
            marker="Ki-67",
            marker_source="user",
            format="tiled-tiff",
        ),
        quality=Quality(tissue_mm2=1, analysed_mm2=1, unreadable_tiles=0),
        tumour_region_source="automatic",
        findings=(share(), refusal(), measurement()),
        software="pathology 0.1.0",
        models=(),
        settings_sha256="cd" * 32,
        started_utc="2030-01-31T14:00:00+00:00",
    )
    return replace(whole, **change)


def squares() -> Nuclei:
    """Positive, negative, positive."""
    corners = np.array([square(x, y, 40).points_px0 for x, y in PLACES])
    return Nuclei(
        centre_px0=corners.mean(axis=1),
        area_um2=np.full(3, 100, np.float32),
        cell_class=np.full(3, CellClass.TUMOUR, np.uint8),
        class_probability=np.ones(3, np.float32),
        dab_od=np.array([0.4, np.nan, 0.4], np.float32),
        positive=np.array([1, 0, 1], np.int8),
        outline_px0=corners.reshape(-1, 2).astype(np.float32),
        outline_start=np.arange(4, dtype=np.int64) * 4,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result with its slide: grey, with a dark square where each nucleus lies."""
    place = tmp_path_factory.mktemp("result")
    pixels = np.full((SIZE[1], SIZE[0], 3), 230, np.uint8)
    for x, y in PLACES:
        pixels[y : y + 40, x : x + 40] = 60
    painted.write_tiff(place / "slide.tif", pixels, mpp=MPP, levels=2)
    with CellsWriter(place / "cells.parquet") as cells:
        cells.add(squares(), excluded_by=np.array(["", "", ""]), regions=[["hotspot"], [], []])
    tissue = SlideRegion(
        region_id="tissue",
        kind="tissue",
        polygons=(Polygon(outer=square(0, 0, 790)),),
        area_mm2=1,
    )
    write_regions(place / "regions.geojson", [tissue, HOTSPOT, FRONT])
    classes = np.ones((25, 32), np.uint8)
    classes[:, 16:] = 2
    told = GridMap(pixels=classes, downsample=32.0, mpp=32 * MPP)
    write_maps(place / "maps.zarr", {"tissue_class": told})
    return place


def order(folder: Path, region: str | None = None, language: str = "en") -> FigureOrder:
    return FigureOrder(folder=folder, slide=folder / "slide.tif", region=region, language=language)


def near(pixels: NDArray[np.int64], colour: ink.Colour) -> NDArray[np.bool_]:
    return np.abs(pixels - np.asarray(colour)).max(axis=-1) < 60


def test_outlines_land_on_their_nuclei_within_a_pixel(folder: Path) -> None:
    pixels, layers = figure_layers(order(folder, "hotspot"), stored(), SETTINGS)
    assert pixels.box == Box(260, 160, 280, 280)  # 200 px wide, a fifth of it on each side
    view = figure_view(pixels)
    image = paint_slide(view, pixels, layers, stored(), "outlines").image
    seen = np.asarray(image).astype(int)
    zoom = 1 / view.downsample
    for (x, y), colour in zip(PLACES[:2], (ink.VERMILION, ink.BLUE), strict=True):
        row = round((y + 30 - 160) * zoom)
        for edge in (x, x + 40):
            line = np.flatnonzero(near(seen[row], colour))
            line = line[np.abs(line - (edge - 260) * zoom) < 8]
            assert abs(line.mean() + 0.5 - (edge - 260) * zoom) <= 1
    # What lies under the outline is the nucleus itself: dark inside, light outside.
    row = round((PLACES[0][1] + 30 - 160) * zoom)
    left = round((PLACES[0][0] - 260) * zoom)
    assert seen[row, left + 12].mean() < 120 < 190 < seen[row, left - 12].mean()


def test_only_nuclei_of_the_region_are_kept(folder: Path) -> None:
    _, layers = figure_layers(order(folder, "hotspot"), stored(), SETTINGS)
    assert len(layers.nuclei.centre_px0) == 2
    assert len(layers.close_ups[0].nuclei) == 2
    assert layers.part
    assert {r.region_id for r in layers.regions} == {"tissue", "hotspot"}
    _, whole = figure_layers(order(folder), stored(), SETTINGS)
    assert len(whole.nuclei.centre_px0) == 3
    assert not whole.part


def test_positive_and_negative_outlines_differ_in_fill(folder: Path) -> None:
    pixels, layers = figure_layers(order(folder, "hotspot"), stored(), SETTINGS)
    view = figure_view(pixels)
    seen = np.asarray(paint_slide(view, pixels, layers, stored(), "outlines").image).astype(int)
    middles = view.points(layers.nuclei.centre_px0).round().astype(int)
    positive, negative = (seen[y - 3 : y + 4, x - 3 : x + 4] for x, y in middles.tolist())
    assert near(positive, ink.VERMILION).any()
    assert negative.max() < 120


def test_a_region_that_is_not_there_is_refused_with_those_that_are(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no such region.*tissue, hotspot, front"):
        figure(order(folder, "hotspot-9"), stored(), SETTINGS)


def test_a_front_comes_back_as_the_line_it_was(folder: Path) -> None:
    *_, front = read_stored_regions(folder / "regions.geojson", mpp=MPP)
    assert front.region_id == "front"
    assert np.array_equal(front.lines[0].points_px0, FRONT.lines[0].points_px0)
    assert front.length_mm == pytest.approx(700 * MPP / 1000)
    assert figure_box(front, SIZE) == Box(0, 0, 320, 800)  # cut where the slide ends


def test_both_languages_make_a_figure_of_the_same_place(folder: Path) -> None:
    english, chinese = (
        figure(order(folder, "hotspot", language), stored(), SETTINGS) for language in ("en", "zh")
    )
    assert english.width == chinese.width == WIDTH
    assert english.tobytes() != chinese.tobytes()


def test_how_nuclei_are_shown_follows_from_the_size_of_a_pixel() -> None:
    assert shown_at(OUTLINES_TO_UM_PER_PX) == "outlines"
    assert shown_at(OUTLINES_TO_UM_PER_PX * 1.01) == shown_at(DOTS_TO_UM_PER_PX) == "dots"
    assert shown_at(DOTS_TO_UM_PER_PX * 1.01) == "density"


@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_from_afar_a_density_lies_where_the_nuclei_do(words: PictureWords) -> None:
    """The right half of a slide of 20 mm is full of positive nuclei."""
    region = Region(
        box=Box(0, 0, 400, 200), downsample=200.0, pixels=np.full((200, 400, 3), 226, np.uint8)
    )
    points = np.random.default_rng(0).uniform((40_000, 0), (80_000, 40_000), (5000, 2))
    nuclei = MarkedNuclei(
        centre_px0=points,
        cell_class=np.full(5000, CellClass.TUMOUR, np.uint8),
        positive=np.full(5000, Positivity.POSITIVE, np.int8),
        counted=np.ones(5000, bool),
    )
    told, layers = stored(), OverlayLayers(nuclei=nuclei)
    assert figure_shown(region, told) == "density"
    painted_ = paint_slide(figure_view(region), region, layers, told, "density")
    seen = np.asarray(painted_.image).astype(int)
    redness = seen[..., 0] - seen[..., 2]
    half = seen.shape[1] // 2
    assert redness[:, : half - 40].max() == 0
    assert (redness[:, half + 40 :] > 20).mean() > 0.8
    assert draw_figure(region, told, layers, words).width == WIDTH


def test_the_slide_is_read_at_the_scale_of_the_figure() -> None:
    assert figure_downsample(Box(0, 0, 1000, 800)) == 1
    assert figure_downsample(Box(0, 0, 100_000, 20_000)) == pytest.approx(100_000 / 2112)
    assert figure_downsample(Box(0, 0, 20_000, 100_000)) == pytest.approx(100_000 / 1700)


def test_nuclei_come_back_as_they_were_written(tmp_path: Path) -> None:
    told = squares()
    bare = replace(told, outline_start=np.array([0, 4, 4, 8]), outline_px0=told.outline_px0[:8])
    with CellsWriter(tmp_path / "cells.parquet") as cells:
        cells.add(bare, excluded_by=np.array(["", "fold", ""]), regions=[[], [], []])
    everything = Box(0, 0, *SIZE)
    back = outlined_nuclei(tmp_path / "cells.parquet", everything)
    for name in ("centre_px0", "cell_class", "positive", "outline_px0", "outline_start"):
        assert np.array_equal(getattr(back.nuclei, name), getattr(bare, name)), name
    assert back.counted.tolist() == [True, False, True]
    marked = marked_nuclei(tmp_path / "cells.parquet", everything)
    assert marked.positive.tolist() == [1, 0, 1]
    assert marked.counted.tolist() == [True, False, True]
    nowhere = Box(0, 0, 5, 5)
    assert len(outlined_nuclei(tmp_path / "cells.parquet", nowhere).nuclei) == 0
    assert len(marked_nuclei(tmp_path / "cells.parquet", nowhere).counted) == 0


def test_tissue_is_read_under_the_figure_only(folder: Path) -> None:
    part = read_tissue(folder / "maps.zarr", "slide-1", Box(500, 0, 64, 64))
    assert (part.downsample, part.mpp, part.classes.shape) == (32.0, 8.0, (25, 32))
    assert part.classes[:2, 15:18].tolist() == [[1, 2, 2]] * 2
    assert part.classes.sum() == 2 * (1 + 2 + 2)
    with pytest.raises(UsageError, match=r"maps\.zarr.*Copy the result again"):
        read_tissue(folder / "no" / "maps.zarr", "slide-1", Box(0, 0, 9, 9))


def test_a_region_without_a_line_of_its_own_has_one_where_it_is_asked_for(folder: Path) -> None:
    margin = SlideRegion(
        region_id="margin-inner",
        kind="margin",
        polygons=(Polygon(outer=square(100, 100, 100)),),
        area_mm2=1,
    )
    pixels, layers = figure_layers(order(folder), stored(), SETTINGS)
    asked = replace(layers, asked=margin)
    images = [
        np.asarray(paint_slide(figure_view(pixels), pixels, x, stored(), "outlines").image)
        for x in (layers, asked)
    ]
    assert not np.array_equal(*images)
    assert isinstance(draw_figure(pixels, stored(), asked, ZH), Image.Image)
