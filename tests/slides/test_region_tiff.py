"""Regions cut from a slide: their pixels, their scale, their place, and the slide they make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from pathology.errors import SlideUnreadable
from pathology.records.geometry import Box
from pathology.slides.find import files_of, find_slides
from pathology.slides.open import examine
from pathology.slides.placed_slide import FILE, Placed, PlacedRegion
from pathology.slides.region_tiff import on_grid, write_region
from tests.painted import paint_nuclei
from tests.painted_tiff import write_svs
from tests.slides.opened import opened

Cut: TypeAlias = tuple[Path, list[Box], NDArray[np.uint8]]
WANTED = (Box(70, 130, 300, 200), Box(900, 700, 900, 900))


@pytest.fixture(scope="module")
def painted() -> NDArray[np.uint8]:
    return paint_nuclei(width=1501, height=1103, mpp=0.5, seed=5).pixels


@pytest.fixture
def cut(tmp_path: Path, painted: NDArray[np.uint8]) -> Cut:
    """The folder, the boxes as they were cut, and the slide's own pixels."""
    scan = write_svs(tmp_path / "scan.svs", painted, mpp=0.5)
    folder = tmp_path / "placed"
    folder.mkdir()
    with opened(scan) as slide:
        truth = slide.read(Box(0, 0, 1501, 1103)).pixels
        boxes = [on_grid(box, slide) for box in WANTED]
        regions = []
        for number, box in enumerate(boxes, 1):
            assert write_region(slide, box, folder / f"region-{number}.tif") == 0
            regions.append(PlacedRegion(file=f"region-{number}.tif", box_px0=box))
    told = Placed(width_px0=1501, height_px0=1103, mpp=0.5, regions=tuple(regions))
    (folder / FILE).write_text(json.dumps(told.document()), "utf-8")
    return folder, boxes, truth


def test_a_region_holds_the_scans_own_pixels_its_scale_and_its_place(cut: Cut) -> None:
    folder, boxes, truth = cut
    for number, box in enumerate(boxes, 1):
        file = folder / f"region-{number}.tif"
        facts = examine(file, slide_id="r")
        assert facts.stated_mpp == pytest.approx((0.5, 0.5), rel=1e-9)
        with tifffile.TiffFile(file) as tiff:
            assert np.array_equal(tiff.pages[0].asarray(), truth[box.slices])
            for tag, side in (("XPosition", box.x), ("YPosition", box.y)):
                number_of, of = tiff.pages[0].tags[tag].value
                assert number_of / of * 10_000 / 0.5 == pytest.approx(side, abs=1e-3)
            assert len(tiff.pages) == len(facts.levels)
    assert boxes[0] == Box(64, 128, 320, 256)
    assert (boxes[1].right, boxes[1].bottom) == (1501, 1103), "cut at the slide's edge"
    assert len(facts.levels) == 2, "the larger one has a pyramid"


def test_regions_lie_where_they_lie_on_the_slide_and_the_rest_is_white(cut: Cut) -> None:
    folder, boxes, truth = cut
    wanted = np.full_like(truth, 255)
    for box in boxes:
        wanted[box.slices] = truth[box.slices]
    with opened(folder) as slide:
        assert (slide.info.facts.format, slide.info.mpp) == ("placed-regions", 0.5)
        region = slide.read(Box(0, 0, 1501, 1103))
        assert np.array_equal(region.pixels, wanted)
        half = slide.read(Box(0, 0, 750, 551), downsample=2.0).pixels
        mean = wanted[:1102, :1500].reshape(551, 2, 750, 2, 3).mean(axis=(1, 3))
        assert np.abs(half - mean).max() <= 1
        for downsample in (1.7, 3.3, 7.9):
            part = slide.read(Box(20, 20, 60, 60), downsample=downsample).pixels
            assert part.shape == (60, 60, 3)


def test_the_folder_is_one_slide(cut: Cut) -> None:
    folder, _, _ = cut
    assert find_slides([folder.parent]) == (folder, folder.parent / "scan.svs")
    assert [p.name for p in files_of(folder)] == [FILE, "region-1.tif", "region-2.tif"]


def test_a_region_beside_the_slide_is_none(tmp_path: Path, painted: NDArray[np.uint8]) -> None:
    scan = write_svs(tmp_path / "scan.svs", painted)
    with opened(scan) as slide, pytest.raises(ValueError, match="beside"):
        on_grid(Box(5000, 0, 10, 10), slide)


@pytest.mark.parametrize(
    "change",
    [
        {"regions": []},
        {"width_px0": 100},
        {"mpp": float("nan")},
        {"mpp": 0},
        {"regions": [{"file": "../scan.svs", "x": 0, "y": 0, "width": 64, "height": 64}]},
        {"regions": [{"file": "region-1.tif", "x": 1, "y": 0, "width": 64, "height": 64}]},
        {"regions": [{"file": "region-1.tif", "x": 0, "y": 0, "width": 64, "height": 64}]},
        {"regions": "many"},
        {"schema": "other/1"},
    ],
)
def test_a_list_that_cannot_be_is_refused(cut: Cut, change: dict[str, object]) -> None:
    folder, _, _ = cut
    told = json.loads((folder / FILE).read_text("utf-8"))
    (folder / FILE).write_text(json.dumps(told | change), "utf-8")
    with pytest.raises(SlideUnreadable) as refused:
        examine(folder, slide_id="s")
    assert refused.value.code == "damaged-file"
