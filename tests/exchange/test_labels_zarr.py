"""Nuclei as an NGFF label image."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models.v05 import Image, ImageLabel, Labels

from pathology.errors import UsageError
from pathology.exchange.cells_parquet import CellsWriter
from pathology.exchange.label_blocks import LabelGrid, Rings, paint, painted_blocks
from pathology.exchange.labels_zarr import BLOCK_PX, commonest, grid_of, write_labels
from pathology.exchange.maps_zarr import GridMap, write_maps
from pathology.exchange.outlines import rasterise
from pathology.records.region import Polygon, Ring
from pathology.records.result import StoredSlide
from tests.exchange.examples import nuclei

WIDTH, HEIGHT, MPP = 5000, 4100, 0.25


def slide(**change):
    told = StoredSlide(
        id="slide-0a1b2c3d",
        digest="ab",
        file=None,
        width_px0=WIDTH,
        height_px0=HEIGHT,
        mpp_x=MPP,
        mpp_y=MPP,
        mpp_source="file",
        stain="ihc-dab",
        marker="ki67",
        marker_source="user",
        format="tiled-tiff",
    )
    return replace(told, **change)


def written(folder, some, *, side=300, told=None):
    """Maps with labels; the map's side decides how many levels there are."""
    cells = folder / "cells.parquet"
    with CellsWriter(cells) as writer:
        writer.add(some, excluded_by=np.full(len(some), ""), regions=[[]] * len(some))
    classes = np.zeros((side, side), np.uint8)
    maps = folder / "maps.zarr"
    write_maps(maps, {"tissue_class": GridMap(pixels=classes, downsample=32, mpp=8)})
    place = write_labels(maps, cells, told or slide())
    return zarr.open_group(maps, mode="r"), place


def apart(count):
    """Nuclei that never touch, 8 px in radius and some 64 px apart; blocks' borders cut some."""
    some = nuclei(count, corners=12)
    at = np.arange(count)
    centres = np.stack([20 + 64 * (at % 77), 25 + 64 * (at // 77)], axis=1).astype(float)
    centres += np.random.default_rng(3).uniform(0, 20, centres.shape)
    moved = some.outline_px0 + np.repeat(centres - some.centre_px0, 12, axis=0)
    return replace(some, centre_px0=centres, outline_px0=moved.astype(np.float32))


def test_each_nucleus_is_painted_where_and_as_large_as_it_is(tmp_path):
    some = apart(77 * 60)
    root, place = written(tmp_path, some)
    labels = root[f"{place}/0"][:]
    assert labels.shape == (HEIGHT // 2, WIDTH // 2)  # 0.5 µm/px
    assert labels.dtype == np.int32
    counts = np.bincount(labels.ravel(), minlength=len(some) + 1)[1:]
    assert len(counts) == len(some)
    polygon_px = 12 / 2 * 8**2 * np.sin(2 * np.pi / 12) / 4
    assert np.abs(counts - polygon_px).max() <= 6
    assert counts.mean() == pytest.approx(polygon_px, rel=0.02)
    column, row = (some.centre_px0 / 2).astype(int).T
    assert np.array_equal(labels[row, column], np.arange(1, len(some) + 1))


def test_ngff_s_own_models_and_reader_take_it(tmp_path):
    some = apart(500)
    root, place = written(tmp_path, some)
    Image.from_zarr(root["tissue_class"])
    Labels.from_zarr(root["tissue_class/labels"])
    told = ImageLabel.from_zarr(root[place])
    assert told.attributes.ome.image_label.source.image == "../../"
    nodes = list(Reader(parse_url(tmp_path / "maps.zarr/tissue_class"))())
    seen = [n for n in nodes if n.zarr.basename() == "nuclei"]
    assert len(seen) == 1
    assert int(seen[0].data[0].max().compute()) == 500
    # NGFF: as many levels as the image has.
    levels = [
        len(root[p].attrs["ome"]["multiscales"][0]["datasets"]) for p in ("tissue_class", place)
    ]
    assert levels == [2, 2]
    assert root.attrs["state"] == "AI_DRAFT"


def test_every_level_lies_on_the_tissue(tmp_path):
    some = apart(77 * 3)
    root, place = written(tmp_path, some, side=1000)
    datasets = root[place].attrs["ome"]["multiscales"][0]["datasets"]
    assert len(datasets) == 3
    for dataset in datasets:
        scale, shift = (t[t["type"]] for t in dataset["coordinateTransformations"])
        labels = root[place][dataset["path"]][:]
        for number in (0, 100, 230):
            middle = np.argwhere(labels == number + 1).mean(axis=0)
            there_um = (middle * scale + shift)[::-1]
            assert np.abs(there_um - some.centre_px0[number] * MPP).max() <= scale[0]


def test_blocks_without_nuclei_are_not_written(tmp_path):
    root, place = written(tmp_path, apart(3))
    chunks = [p for p in (tmp_path / "maps.zarr" / place / "0").rglob("*") if p.name != "zarr.json"]
    assert len([p for p in chunks if p.is_file()]) == 1
    assert root[f"{place}/0"][BLOCK_PX:].max() == 0


def test_a_coarse_slide_is_painted_at_its_own_scale():
    grid = grid_of(slide(mpp_x=0.8, mpp_y=0.8))
    assert (grid.rows, grid.columns, grid.downsample) == (HEIGHT, WIDTH, 1.0)


def test_a_nucleus_without_outline_is_a_pixel_and_one_beside_the_slide_none(tmp_path):
    some = nuclei(3, corners=3)
    centres = np.array([[100.0, 60.0], [-500.0, 60.0], [90_000.0, 60.0]])
    bare = replace(
        some,
        centre_px0=centres,
        outline_px0=np.zeros((0, 2), np.float32),
        outline_start=np.zeros(4, np.int64),
    )
    root, place = written(tmp_path, bare)
    labels = root[f"{place}/0"][:]
    assert np.argwhere(labels).tolist() == [[30, 50]]
    assert labels[30, 50] == 1


def test_no_nuclei_give_an_empty_image(tmp_path):
    root, place = written(tmp_path, nuclei(0))
    assert root[f"{place}/0"][:].max() == 0


def test_maps_that_are_missing_are_refused(tmp_path):
    with pytest.raises(UsageError, match="is not there"):
        write_labels(tmp_path / "none.zarr", tmp_path / "cells.parquet", slide())
    write_maps(tmp_path / "maps.zarr", {})
    with pytest.raises(UsageError, match="holds no map"):
        write_labels(tmp_path / "maps.zarr", tmp_path / "cells.parquet", slide())


def test_metadata_is_json_that_any_reader_takes(tmp_path):
    _, place = written(tmp_path, apart(1))
    told = json.loads((tmp_path / "maps.zarr" / place / "zarr.json").read_text("utf-8"))
    assert told["attributes"]["ome"]["version"] == "0.5"
    above = tmp_path / "maps.zarr" / place / ".." / "zarr.json"
    assert json.loads(above.read_text("utf-8"))["attributes"]["ome"]["labels"] == ["nuclei"]


def tangled(count, seed):
    """Rings of any form, that overlap, cross themselves and reach over every border."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(3, 9, count)
    middles = np.repeat(rng.uniform(-30, 130, (count, 2)), corners, axis=0)
    points = (middles + rng.uniform(-25, 25, middles.shape)).astype(np.float32)
    return replace(
        nuclei(count, corners=3),
        outline_px0=points,
        outline_start=np.concatenate([[0], np.cumsum(corners)]),
    )


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
    block=st.integers(5, 120),
    most=st.sampled_from([1, 40, 10**6]),
    downsample=st.sampled_from([1.0, 2.0, 1.7]),
)
def test_neither_blocks_nor_bands_change_a_pixel(
    tmp_path_factory, count, seed, block, most, downsample
):
    cells = tmp_path_factory.mktemp("tangled") / "cells.parquet"
    with CellsWriter(cells) as writer:
        writer.add(tangled(count, seed), excluded_by=np.full(count, ""), regions=[[]] * count)

    def picture(side, most_points):
        grid = LabelGrid(rows=70, columns=90, downsample=downsample, block=side)
        whole = np.zeros((70, 90), np.int32)
        for row, column, labels in painted_blocks(cells, grid, most_points=most_points):
            y, x = row * side, column * side
            whole[y : y + labels.shape[0], x : x + labels.shape[1]] = labels
        return whole

    assert np.array_equal(picture(block, most), picture(200, 10**6))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_ring_is_painted_as_a_region_is(seed):
    """Star-shaped rings, so that even-odd and winding agree."""
    rng = np.random.default_rng(seed)
    turn = np.sort(rng.uniform(0, 2 * np.pi, 9))
    spoke = rng.uniform(3, 30, 9)
    points = (35 + np.stack([np.cos(turn), np.sin(turn)], axis=1) * spoke[:, None]).astype(
        np.float32
    )
    if not shape_is_star(turn):
        return
    ring = np.concatenate([points, points[:1]])
    rings = Rings(ring, np.array([0, len(ring)]), np.array([7], np.int32))
    painted = paint(rings, np.array([0, 0]), (70, 70))
    polygon = Polygon(outer=Ring(points_px0=points.astype(np.float64)))
    assert np.array_equal(painted == 7, rasterise([polygon], (70, 70), 1.0))


def shape_is_star(turn):
    return np.diff(np.append(turn, turn[0] + 2 * np.pi)).max() < np.pi


def test_coarser_labels_take_the_commonest():
    labels = np.array([[1, 1, 0, 5, 9], [2, 1, 5, 0, 9], [3, 4, 7, 7, 0]], np.int32)
    assert commonest(labels).tolist() == [[1, 0, 9], [3, 7, 0]]
