from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pathology.exchange import ink
from pathology.exchange.outlines import polygons_of
from pathology.exchange.overlay import draw_overlay, save_picture
from pathology.exchange.overlay_layers import CloseUp, MarkedNuclei, OverlayLayers
from pathology.exchange.overlay_map import MOST_DOTS, paint_slide, shown_by_number
from pathology.exchange.overlay_marks import Call, calls_of
from pathology.exchange.overlay_tags import round_length
from pathology.exchange.overlay_view import View
from pathology.exchange.overlay_words import PictureWords, facts_of, finding_line, warnings_of
from pathology.pipeline.settings import load_settings
from pathology.records.finding import Category, NotMeasurable, Search
from pathology.records.geometry import Box
from pathology.records.prediction import CellClass, Positivity, TissueMap
from pathology.records.region import Line, Polygon, SlideRegion
from pathology.records.result import Quality
from pathology.records.slide import LostTile, Region, Scale
from tests.exchange.examples import (
    measurement,
    nuclei,
    refusal,
    result,
    share,
    slide_info,
    square,
)

PALE = 226
NAMES = load_settings().exchange.findings
EN, ZH = PictureWords(language="en", findings=NAMES), PictureWords(language="zh", findings=NAMES)


def overview(width=400, height=300, downsample=10.0):
    pixels = np.full((height, width, 3), PALE, np.uint8)
    return Region(box=Box(0, 0, width, height), downsample=downsample, pixels=pixels)


def marked(points, positive, *, counted=True, cell_class=CellClass.TUMOUR):
    n = len(points)
    return MarkedNuclei(
        centre_px0=np.array(points, float),
        cell_class=np.full(n, cell_class, np.uint8),
        positive=np.full(n, positive, np.int8),
        counted=np.full(n, counted),
    )


def painted(layers, told=None):
    region = overview()
    view = View.of(region, 800, 600)
    shown = shown_by_number(layers.nuclei)
    return np.asarray(paint_slide(view, region, layers, told or result(), shown).image).astype(int)


def close_to(pixel, colour):
    return np.abs(np.asarray(pixel) - np.asarray(colour)).max() < 40


def test_a_nucleus_is_drawn_where_it_lies():
    image = painted(OverlayLayers(nuclei=marked([(1000, 2000)], Positivity.POSITIVE)))
    assert close_to(image[400, 200], ink.VERMILION)  # 10 level-0 px a pixel, shown at twice that
    assert not close_to(image[200, 400], ink.VERMILION)


def test_positive_and_negative_differ_in_shape_not_only_in_colour():
    positive = painted(OverlayLayers(nuclei=marked([(1000, 2000)], Positivity.POSITIVE)))
    negative = painted(OverlayLayers(nuclei=marked([(1000, 2000)], Positivity.NEGATIVE)))
    assert close_to(positive[400, 200], ink.VERMILION)
    assert close_to(negative[400, 200], ink.PAPER)


def test_tissue_classes_tint_their_own_place():
    classes = np.zeros((30, 40), np.uint8)
    classes[:, 20:] = 1
    tinted = OverlayLayers(
        tissue_map=TissueMap(slide_id="s", downsample=100.0, mpp=50.0, classes=classes)
    )
    image = painted(tinted)
    assert image[300, 390].tolist() == image[300, 10].tolist()
    assert image[300, 410, 2] < image[300, 390, 2] - 20


def test_left_out_areas_are_hatched_and_the_rest_is_not():
    mask = np.zeros((30, 40), bool)
    mask[5:15, 5:15] = True
    pen = SlideRegion(region_id="pen", kind="pen", polygons=polygons_of(mask, 100), area_mm2=1)
    image = painted(OverlayLayers(regions=(pen,)))
    assert image[110:290, 110:290].std() > 20
    assert image[400:, 400:].std() == 0


def test_a_persons_region_is_a_black_line_and_lost_tiles_are_crossed_out():
    drawn = SlideRegion(
        region_id="person-1",
        kind="tumour",
        source="person",
        area_mm2=1,
        polygons=(Polygon(outer=square(1000, 1000, 1000)),),
    )
    lost = LostTile(level=0, column=0, row=0, box_px0=Box(3000, 2000, 500, 500))
    image = painted(OverlayLayers(regions=(drawn,), lost=(lost,)))
    assert image[300, 200].max() < 60
    assert image[300, 300].min() > 200
    assert image[450, 650].max() < 60  # where the two lines of the cross meet


def test_very_many_nuclei_become_a_density_that_is_told_per_mm2():
    rng = np.random.default_rng(0)
    points = rng.uniform((1000, 1000), (2000, 2000), (2 * MOST_DOTS, 2))
    region, layers = overview(), OverlayLayers(nuclei=marked(points, Positivity.POSITIVE))
    told = result(info=slide_info(mpp=0.5))
    shown = shown_by_number(layers.nuclei)
    picture = paint_slide(View.of(region, 800, 600), region, layers, told, shown)
    image = np.asarray(picture.image).astype(int)
    assert picture.shown == "density"
    true_density = 2 * MOST_DOTS / (1000 * 0.5 / 1000) ** 2
    assert picture.densest_per_mm2 == pytest.approx(true_density, rel=0.2)
    assert image[300, 300, 0] - image[300, 300, 2] > 50
    assert image[100, 700, 0] == image[100, 700, 2]


def test_what_is_not_counted_is_never_drawn_as_positive():
    classes = np.array([0, 0, 0, 0, 1, 1], np.uint8)
    positive = np.array([1, 0, -1, 1, 1, -1], np.int8)
    counted = np.array([1, 1, 1, 0, 0, 0], bool)
    calls = calls_of(classes, positive, counted, "ki67")
    assert calls.tolist() == [
        Call.POSITIVE,
        Call.NEGATIVE,
        Call.AMBIGUOUS,
        Call.LEFT_OUT,
        Call.LYMPHOCYTE,
        Call.LYMPHOCYTE,
    ]
    assert calls_of(classes, positive, counted, "infiltration").tolist() == [
        Call.TUMOUR,
        Call.TUMOUR,
        Call.TUMOUR,
        Call.LEFT_OUT,
        Call.LEFT_OUT,
        Call.LEFT_OUT,
    ]


def test_the_banner_says_the_number_or_that_there_is_none():
    line = finding_line(share(), EN)
    assert (line.value, line.refused) == ("20.0 %", False)
    assert line.detail == "95 % interval 17.0 - 24.0 %; 100 of 500 nuclei"
    line = finding_line(refusal(), EN)
    assert (line.value, line.refused) == ("NOT MEASURABLE", True)
    assert line.detail == "312 tumour nuclei, fewer than 500"
    assert finding_line(measurement(), EN).value == "1.25 mm²"


def test_what_speaks_against_the_number_is_said():
    quality = Quality(
        tissue_mm2=1, analysed_mm2=1, unreadable_tiles=0, flags=("not-ki67", "excluded-pen")
    )
    info = slide_info()
    guessed = Scale(mpp_x=0.5, mpp_y=0.5, source="user")
    told = result(
        quality=quality,
        marker=None,
        info=type(info)(slide_id=info.slide_id, facts=info.facts, scale=guessed),
    )
    assert warnings_of(told, EN) == [
        "PROVISIONAL: nobody has confirmed the automatic tumour region",
        "NOT Ki-67: the marker is not stated",
        "scale given by the user",
    ]
    assert "0.5 µm/px, given by the user" in facts_of(told, EN)
    assert warnings_of(result(tumour_region_source="confirmed"), EN) == []


def test_the_whole_picture_holds_every_part_and_is_written_as_png(tmp_path):
    crop = Region(
        box=Box(10, 10, 300, 200), downsample=2.0, pixels=np.full((200, 300, 3), PALE, np.uint8)
    )
    seen = nuclei(60)
    layers = OverlayLayers(
        nuclei=marked([(1000, 2000)] * 3, Positivity.POSITIVE),
        close_ups=(CloseUp(region=crop, nuclei=seen, counted=np.ones(60, bool)),) * 2,
    )
    refused = NotMeasurable(code="x", reason="a very long reason " * 30)
    told = result(share(answer=refused), refusal(), measurement())
    picture = draw_overlay(overview(), told, layers, EN)
    assert picture.width == 1600
    assert 900 < picture.height < 1200
    save_picture(tmp_path / "overlay.png", picture)
    with Image.open(tmp_path / "overlay.png") as back:
        assert back.size == picture.size
        assert np.array_equal(np.asarray(back), np.asarray(picture))


@pytest.mark.parametrize(("width", "height"), [(2000, 30), (30, 2000), (1, 1)])
def test_slides_of_any_shape_and_no_layers_at_all_have_a_picture(width, height):
    assert draw_overlay(overview(width, height), result(), OverlayLayers(), EN).width == 1600


def test_the_same_result_has_the_same_picture():
    one, two = (draw_overlay(overview(), result(), OverlayLayers(), EN) for _ in range(2))
    assert np.array_equal(np.asarray(one), np.asarray(two))


@pytest.mark.parametrize(
    ("most", "length"), [(1, 1), (1.9, 1), (2, 2), (4.99, 2), (7, 5), (1234, 1000), (0.3, 0.2)]
)
def test_a_scale_bar_has_a_round_length(most, length):
    assert round_length(most) == pytest.approx(length)


def test_letters_that_cannot_be_drawn_are_never_drawn_wrong():
    assert ink.legible("切片 5 µm² – ≥ 3") == "切片 5 µm² - >= 3"
    assert ink.legible("ΩΛ 龘龘 \u00e4") == "... ... ..."
    assert ink.text_width(ink.shortened("wide " * 99, 16, 200), 16) <= 200
    rows = ink.wrapped("one two three four five six", 16, 60, 3)
    assert len(rows) == 3
    assert all(ink.text_width(r, 16) <= 60 for r in rows)


def test_where_findings_were_counted_is_drawn_and_named():
    """A hot spot's outline, the front's line and its grey part, each in its colour."""
    disc = np.hypot(*(np.mgrid[:30, :40] - np.array([15, 20])[:, None, None])) < 8
    spot = SlideRegion(
        region_id="hotspot", kind="hotspot", polygons=polygons_of(disc, 100), area_mm2=1
    )
    lines = {
        "front": np.array([[300.0, 300], [3700, 300]]),
        "front-not-assessable": np.array([[300.0, 2700], [3700, 2700]]),
    }
    fronts = (
        SlideRegion(region_id=name, kind="front", lines=(Line(points_px0=line),), length_mm=1)
        for name, line in lines.items()
    )
    plain = np.asarray(draw_overlay(overview(), result(share()), OverlayLayers(), EN))
    drawn = np.asarray(
        draw_overlay(overview(), result(share()), OverlayLayers(regions=(spot, *fronts)), EN)
    )
    for colour in (ink.VERMILION, ink.ORANGE, ink.GREY):
        before, after = ((image == colour).all(axis=-1).sum() for image in (plain, drawn))
        assert after > before + 100


def test_a_hot_spot_that_chance_would_find_says_so():
    found = Search(windows=9, expected_by_chance=0.2, chance_limit=0.25, beyond_chance=False)
    assert "no hot spot beyond chance" in finding_line(share(search=found), EN).detail
    real = replace(found, beyond_chance=True)
    assert "chance" not in finding_line(share(search=real), EN).detail
    named = finding_line(share(category=Category(rule="r", name="low", borderline=True)), EN)
    assert named.value.endswith("(low, borderline)")
