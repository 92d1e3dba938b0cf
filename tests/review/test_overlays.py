"""What lies over the slide is where it belongs, told in numbers."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from pathology.exchange.cells_parquet import CellsWriter
from pathology.exchange.cells_window import BUCKET_PX0, calls, nuclei_window
from pathology.exchange.maps_zarr import GridMap
from pathology.exchange.packed import packed
from pathology.exchange.regions_window import regions_window
from pathology.records.geometry import Box
from pathology.records.prediction import CellClass, Nuclei, Positivity
from pathology.records.region import Line, Polygon, Ring, SlideRegion
from pathology.review.map_picture import map_picture
from tests.review.packing import centres, unpack
from tests.review.painted_desk import PaintedDesk


def scattered(n: int, side: float, seed: int = 3) -> Nuclei:
    rng = np.random.default_rng(seed)
    centre = rng.uniform(0, side, (n, 2))
    triangle = np.array([[-5, -4], [5, -4], [0, 6]])
    return Nuclei(
        centre_px0=centre,
        area_um2=np.full(n, 50, np.float32),
        cell_class=rng.integers(0, 4, n).astype(np.uint8),
        class_probability=rng.random(n).astype(np.float32),
        dab_od=np.full(n, np.nan, np.float32),
        positive=rng.integers(-1, 2, n).astype(np.int8),
        outline_px0=(centre[:, None] + triangle).reshape(-1, 2).astype(np.float32),
        outline_start=np.arange(n + 1) * 3,
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Nuclei]:
    """40,000 nuclei over several buckets and row groups."""
    path = tmp_path_factory.mktemp("cells") / "cells.parquet"
    nuclei = scattered(40_000, 2.5 * BUCKET_PX0)
    with CellsWriter(path) as writer:
        for part in np.array_split(np.arange(40_000), 5):
            keep = np.zeros(40_000, bool)
            keep[part] = True
            writer.add(nuclei.chosen(keep))
    return path, nuclei


def test_points_are_the_nuclei_to_a_sixteenth_of_a_pixel(table: tuple[Path, Nuclei]) -> None:
    path, nuclei = table
    window = nuclei_window(path)
    told, arrays = unpack(window.points())
    at = centres(told, arrays)
    assert np.abs(at - nuclei.centre_px0[window.row]).max() <= 1 / 16 + 1e-3
    said = calls(nuclei.cell_class, nuclei.positive, np.ones(len(nuclei), bool))
    assert np.array_equal(arrays["call"], said[window.row])
    assert sorted(window.row.tolist()) == list(range(len(nuclei)))
    assert len(window.points()) < 6 * len(nuclei) + 4096


@given(
    x=st.integers(-500, 3 * BUCKET_PX0),
    y=st.integers(-500, 3 * BUCKET_PX0),
    width=st.integers(1, 9000),
    height=st.integers(1, 9000),
)
@settings(max_examples=60, deadline=None)
def test_a_box_holds_the_nuclei_whose_centre_lies_in_it(
    x: int, y: int, width: int, height: int, table: tuple[Path, Nuclei]
) -> None:
    path, nuclei = table
    window = nuclei_window_of(path)
    box = Box(x, y, width, height)
    cx, cy = nuclei.centre_px0.astype(np.float32).T
    inside = (cx >= x) & (cx < box.right) & (cy >= y) & (cy < box.bottom)
    assert window.row[window.within(box)].tolist() == np.flatnonzero(inside).tolist()


_windows: dict[Path, object] = {}


def nuclei_window_of(path: Path):  # type: ignore[no-untyped-def]
    return _windows.setdefault(path, nuclei_window(path))


def test_outlines_are_those_of_the_table(table: tuple[Path, Nuclei]) -> None:
    path, nuclei = table
    window = nuclei_window_of(path)
    box = Box(7000, 7500, 2500, 1800)  # over the seam of buckets
    told, arrays = unpack(window.outlines(box, most=5000))
    rows = window.row[window.within(box)]
    points = arrays["points"].reshape(-1, 2) + told["origin"]
    rings = [
        points[a:b][:-1] for a, b in zip(arrays["start"][:-1], arrays["start"][1:], strict=True)
    ]
    assert len(rings) == len(rows) == told["number"] > 100
    for ring, row in zip(rings, rows, strict=True):
        assert np.abs(ring - nuclei.outline_px0[3 * row : 3 * row + 3]).max() < 0.01
    few, none = unpack(window.outlines(box, most=10))
    assert (few["too_many"], none["call"].size, few["number"]) == (True, 0, len(rows))


def test_a_click_finds_the_nucleus_around_it_before_a_nearer_centre(tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    big = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], np.float32)
    small = np.array([[104, 48], [108, 48], [106, 53]], np.float32)
    nuclei = Nuclei(
        centre_px0=np.array([[50.0, 50], [106, 50]]),
        area_um2=np.array([9, 1], np.float32),
        cell_class=np.array([CellClass.TUMOUR, CellClass.STROMA], np.uint8),
        class_probability=np.array([0.9, 0.8], np.float32),
        dab_od=np.array([0.4, 0.1], np.float32),
        positive=np.array([Positivity.POSITIVE, Positivity.UNKNOWN], np.int8),
        outline_px0=np.concatenate([big, small]),
        outline_start=np.array([0, 4, 7]),
    )
    with CellsWriter(path) as writer:
        writer.add(nuclei, excluded_by=np.array(["", "stroma"]), regions=[["tissue"], []])
    window = nuclei_window(path)
    inside = window.at(95, 50, 5)
    assert inside is not None
    assert (inside["cell_id"], inside["class"], inside["positive"]) == (0, "tumour", True)
    assert inside["regions"] == ["tissue"]
    assert inside["outline"][0] == [0, 0]
    beside = window.at(110, 50, 5)
    assert beside is not None
    assert (beside["cell_id"], beside["excluded_by"], beside["positive"]) == (1, "stroma", None)
    assert window.at(150, 50, 5) is None
    assert window.at(5000, 5000, 5) is None


def test_a_table_without_nuclei_has_none_to_show(tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    with CellsWriter(path):
        pass
    window = nuclei_window(path)
    assert len(window) == 0
    told, arrays = unpack(window.points())
    assert (told["start"], arrays["call"].size) == ([0], 0)
    assert window.at(1, 1, 10) is None
    assert unpack(window.outlines(Box(0, 0, 9, 9), most=9))[0]["number"] == 0


def test_numbers_arrive_as_they_were_sent() -> None:
    told, arrays = unpack(
        packed(
            {"names": "Ki-67 指数"},
            a=np.arange(5, dtype=np.uint8),
            b=np.array([[1.5, 2]], np.float32),
        )
    )
    assert told["names"] == "Ki-67 指数"
    assert arrays["a"].tolist() == [0, 1, 2, 3, 4]
    assert arrays["b"].tolist() == [1.5, 2.0]
    assert all(place[1] % 8 == 0 for place in told["arrays"].values())
    with pytest.raises(ValueError, match="no kind of number"):
        packed({}, a=np.array([1j]))


def test_regions_are_cut_at_the_box_without_drawing_the_cut() -> None:
    outer = Ring(points_px0=np.array([[0.0, 0], [1000, 0], [1000, 1000], [0, 1000]]))
    hole = Ring(points_px0=np.array([[400.0, 400], [400, 600], [600, 600], [600, 400]]))
    front = Line(points_px0=np.array([[0.0, 500], [1000, 500]]))
    window = regions_window(
        [
            SlideRegion(
                region_id="tissue", kind="tissue", polygons=(Polygon(outer=outer, holes=(hole,)),)
            ),
            SlideRegion(region_id="front", kind="front", lines=(front,)),
        ]
    )
    told, arrays = unpack(window.seen(Box(300, 300, 400, 400), 1.0, 1000))
    points = arrays["points"].reshape(-1, 2) + told["origin"]
    paths = [points[a:b] for a, b in zip(arrays["start"][:-1], arrays["start"][1:], strict=True)]
    areas = [p for p, form in zip(paths, arrays["form"], strict=True) if form == 0]
    lines = [
        (int(region), p)
        for p, form, region in zip(paths, arrays["form"], arrays["region"], strict=True)
        if form == 1
    ]
    assert len(areas) == 2  # the cut square, and its hole
    assert areas[0].min() == 300
    assert areas[0].max() == 700
    # Of the outlines only the hole's lies in the box, and the front's middle part.
    assert sorted(region for region, _ in lines) == [0, 1]
    (edge,) = (p for region, p in lines if region == 0)
    assert {tuple(p) for p in edge.tolist()} == {(400, 400), (400, 600), (600, 600), (600, 400)}
    (middle,) = (p for region, p in lines if region == 1)
    assert sorted(middle[:, 0].tolist()) == [300, 700]


def test_many_corners_are_made_few() -> None:
    angle = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    rough = 4000 + (3000 + 20 * np.sin(900 * angle))[:, None] * np.stack(
        [np.cos(angle), np.sin(angle)], axis=1
    )
    region = SlideRegion(
        region_id="tissue", kind="tissue", polygons=(Polygon(outer=Ring(points_px0=rough)),)
    )
    window = regions_window([region])
    _, fine = unpack(window.seen(Box(0, 0, 8000, 8000), 0.5, 1_000_000))
    told, few = unpack(window.seen(Box(0, 0, 8000, 8000), 0.5, 500))
    assert fine["points"].size > 20_000
    assert few["points"].size <= 2 * 500
    assert told["tolerance_px0"] <= 64


def test_a_map_is_as_wide_as_the_slide_and_shows_nothing_where_nobody_looked() -> None:
    density = np.full((300, 500), np.nan, np.float32)
    density[100:200] = 0
    density[150:160, 200:210] = 2500
    picture = map_picture("ki67_density", GridMap(pixels=density, downsample=64, mpp=16), 4096)
    seen = np.asarray(Image.open(io.BytesIO(picture.png)))
    assert (picture.width, picture.height, picture.px0) == (500, 300, 64)
    assert picture.most == 2500
    assert seen[155, 205, 3] == 255
    assert not seen[:, :, 3][density != 2500].any()
    half = map_picture("ki67_density", GridMap(pixels=density, downsample=64, mpp=16), 256)
    assert (half.width, half.height, half.px0) == (250, 150, 128)
    assert np.asarray(Image.open(io.BytesIO(half.png)))[77, 102, 3] == 255


def test_the_page_is_told_no_file_name(client: TestClient, painted_desk: PaintedDesk) -> None:
    for path in ("", "/layers", "/view"):
        text = client.get(painted_desk.address + path).text
        assert painted_desk.slide.name not in text
        assert str(painted_desk.slide.parent) not in text


def test_layers_have_bounds_and_maps(client: TestClient, painted_desk: PaintedDesk) -> None:
    told = client.get(f"{painted_desk.address}/layers").json()
    tissue = next(r for r in told["regions"] if r["id"] == "tissue")
    left, top, right, bottom = tissue["bounds"]
    assert 0 <= left < right <= 1500 + 32
    assert 0 <= top < bottom <= 1100 + 32
    assert [m["name"] for m in told["maps"]] == ["tissue_class", "ki67_density", "nucleus_density"]
    for told_map in told["maps"]:
        answer = client.get(f"{painted_desk.address}/maps/{told_map['name']}")
        picture = Image.open(io.BytesIO(answer.content))
        assert picture.size == (told_map["width"], told_map["height"])
        assert told_map["width"] * told_map["px0"] >= 1500
