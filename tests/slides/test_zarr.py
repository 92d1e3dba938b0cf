"""OME-Zarr folders: any order of axes, scale with a unit or none, one chunk lost at a time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from pathology.errors import ScaleUnknown, SlideUnreadable
from pathology.records.geometry import Box
from pathology.slides.open import examine
from tests.painted import paint_nuclei
from tests.painted_zarr import chunk_file, write_zarr
from tests.slides.opened import opened

ALL = Box(0, 0, 700, 500)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return paint_nuclei(width=700, height=500).pixels


def refusal(path: Path) -> SlideUnreadable:
    with pytest.raises(SlideUnreadable) as caught:
        examine(path, slide_id="s1")
    return caught.value


@pytest.mark.parametrize("axes", ["tczyx", "czyx", "cyx", "yxc", "zyxc", "cxy"])
@pytest.mark.parametrize("version", [2, 3])
def test_every_order_of_axes_gives_the_painted_pixels(
    tmp_path: Path, pixels: NDArray[np.uint8], version: int, axes: str
) -> None:
    path = write_zarr(tmp_path / "s.zarr", pixels, axes=axes, version=version, levels=3)
    with opened(path) as slide:
        assert np.array_equal(slide.read(ALL).pixels, pixels)
        assert [level.downsample for level in slide.info.facts.levels] == [1, 2, 4]


@pytest.mark.parametrize(
    ("stated", "unit", "um"),
    [(0.5, "micrometer", 0.5), (0.00025, "millimeter", 0.25), (250.0, "nanometer", 0.25)],
)
def test_the_scale_is_read_in_its_unit(
    tmp_path: Path, pixels: NDArray[np.uint8], stated: float, unit: str, um: float
) -> None:
    path = write_zarr(tmp_path / "s.zarr", pixels, mpp=stated, unit=unit)
    assert examine(path, slide_id="s1").stated_mpp == pytest.approx((um, um))


def test_without_a_unit_there_is_no_scale(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = write_zarr(tmp_path / "s.zarr", pixels, unit=None)
    with pytest.raises(ScaleUnknown) as caught:
        opened(path)
    assert caught.value.code == "scale-missing"


def test_a_scale_of_all_levels_multiplies_that_of_each(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = write_zarr(tmp_path / "s.zarr", pixels, mpp=0.5, axes="cyx")
    attributes = json.loads((path / ".zattrs").read_text())
    attributes["multiscales"][0]["coordinateTransformations"] = [
        {"type": "scale", "scale": [1.0, 0.5, 0.5]}
    ]
    (path / ".zattrs").write_text(json.dumps(attributes))
    assert examine(path, slide_id="s1").stated_mpp == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize("damage", ["cut", "emptied", "removed"])
@pytest.mark.parametrize("version", [2, 3])
def test_a_broken_chunk_costs_that_chunk_only(
    tmp_path: Path, pixels: NDArray[np.uint8], version: int, damage: str
) -> None:
    path = write_zarr(tmp_path / "s.zarr", pixels, version=version)
    chunk = chunk_file(path, 0, row=1, column=1)
    if damage == "removed":
        chunk.unlink()
    else:
        chunk.write_bytes(chunk.read_bytes()[: 500 if damage == "cut" else 0])
    with opened(path) as slide:
        region = slide.read(ALL)
    assert [(t.level, t.row, t.column) for t in region.lost] == [(0, 1, 1)]
    assert region.lost[0].box_px0 == Box(256, 256, 256, 244)
    expected = pixels.copy()
    expected[256:500, 256:512] = 255
    assert np.array_equal(region.pixels, expected)


def test_a_converted_scan_is_the_first_image_of_its_collection(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    root = zarr.open_group(tmp_path / "s.zarr", mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    write_zarr(tmp_path / "s.zarr" / "0", pixels)
    write_zarr(tmp_path / "s.zarr" / "1", pixels[:50, :90])  # the label
    with opened(tmp_path / "s.zarr") as slide:
        assert np.array_equal(slide.read(ALL).pixels, pixels)


def test_channels_that_are_not_colours_are_fluorescence(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    wide = np.concatenate([pixels, pixels[..., :1]], axis=2)
    dyes = {"channels": [{"label": x, "color": "FFFFFF"} for x in ("DAPI", "CD3", "CD8")]}
    red_first = {"channels": [{"color": c} for c in ("FF0000", "00FF00", "0000FF")]}
    assert refusal(write_zarr(tmp_path / "a.zarr", wide)).code == "fluorescence"
    assert refusal(write_zarr(tmp_path / "b.zarr", pixels[..., :1])).code == "fluorescence"
    assert refusal(write_zarr(tmp_path / "c.zarr", pixels.astype("u2"))).code == "fluorescence"
    assert refusal(write_zarr(tmp_path / "d.zarr", pixels, omero=dyes)).code == "fluorescence"
    assert examine(write_zarr(tmp_path / "e.zarr", pixels, omero=red_first), slide_id="s1")


def test_metadata_that_make_no_sense_are_refused(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    torn = write_zarr(tmp_path / "torn.zarr", pixels)
    (torn / ".zattrs").write_text('{"multiscales": [{"axes"')
    headless = write_zarr(tmp_path / "headless.zarr", pixels)
    (headless / "0" / ".zarray").unlink()
    empty = tmp_path / "empty.zarr"
    zarr.open_group(empty, mode="w", zarr_format=3)
    assert refusal(torn).code == "damaged-file"
    assert refusal(headless).code == "damaged-file"
    assert refusal(empty).code == "not-a-slide"


def test_time_series_are_not_supported(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = write_zarr(tmp_path / "s.zarr", pixels, axes="tcyx")
    group = zarr.open_group(path, mode="r+")
    del group["0"]
    group.create_array("0", shape=(2, 3, 500, 700), chunks=(1, 3, 256, 256), dtype="u1")
    assert refusal(path).code == "unsupported-layout"
