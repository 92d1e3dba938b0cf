"""Pixels of tiled TIFFs: bit for bit OpenSlide's on JPEG, whatever the file says about colour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from numpy.typing import NDArray

from pathology.records.geometry import Box
from pathology.slides.open import examine
from tests.painted import paint_nuclei, write_tiff
from tests.painted_tiff import write_ome, write_svs
from tests.slides.opened import opened


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return paint_nuclei(width=701, height=603).pixels


def whole(path: Path, mpp: float | None = None) -> NDArray[np.uint8]:
    with opened(path, mpp) as slide:
        facts = slide.info.facts
        region = slide.read(Box(0, 0, facts.width_px0, facts.height_px0))
    assert region.lost == ()
    return region.pixels


def by_openslide(path: Path) -> NDArray[np.uint8]:
    with openslide.OpenSlide(path) as handle:
        image = handle.read_region((0, 0), 0, handle.dimensions)
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("stored", ["rgb", "ycbcr"])
@pytest.mark.parametrize("marked", [True, False])
def test_jpeg_colours_follow_the_tiff_with_and_without_markers(
    tmp_path: Path, pixels: NDArray[np.uint8], stored: str, marked: bool
) -> None:
    path = write_svs(tmp_path / "s.svs", pixels, stored=stored, marked=marked)
    seen = whole(path)
    assert np.array_equal(seen, by_openslide(path))
    assert np.abs(seen.astype(int) - pixels).mean() < 3  # red for blue would be 20


@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
@pytest.mark.parametrize("tile", [(256, 256), (240, 240), (512, 128)])
def test_jpeg_is_bit_for_bit_openslides(
    tmp_path: Path, pixels: NDArray[np.uint8], subsampling: str, tile: tuple[int, int]
) -> None:
    path = write_subsampled(tmp_path / "s.tif", pixels, subsampling=subsampling, tile=tile)
    assert np.array_equal(whole(path, 0.5), by_openslide(path))


def write_subsampled(
    path: Path, pixels: NDArray[np.uint8], *, subsampling: str, tile: tuple[int, int]
) -> Path:
    tifffile.imwrite(
        path,
        pixels,
        tile=tile,
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": 80},
        subsampling={"444": (1, 1), "422": (2, 1), "420": (2, 2)}[subsampling],
    )
    return path


def test_a_real_svs_is_bit_for_bit_openslides(real_data: Callable[..., Path]) -> None:
    path = real_data("slides", "CMU-1-Small-Region.svs")
    assert np.array_equal(whole(path), by_openslide(path))


def test_a_real_jpeg_2000_svs_is_openslides_within_a_grey_level(
    real_data: Callable[..., Path],
) -> None:
    path = real_data("slides", "TCGA-CR-7395-01A-01-TS1.svs")
    with opened(path, 1.0) as slide:
        assert (slide.info.facts.format, slide.info.facts.codec) == ("aperio-svs", "jpeg2000")
        assert [level.downsample for level in slide.info.facts.levels] == [1, 2]
        seen = slide.read(Box(900, 1500, 800, 600)).pixels
    with openslide.OpenSlide(path) as handle:
        theirs = np.asarray(handle.read_region((900, 1500), 0, (800, 600)).convert("RGB"))
    assert np.abs(seen.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("compression", ["lzw", "deflate", "none"])
@pytest.mark.parametrize("predictor", [True, False])
def test_lossless_tiles_give_the_painted_pixels(
    tmp_path: Path, pixels: NDArray[np.uint8], compression: str, predictor: bool
) -> None:
    path = tmp_path / "s.tif"
    form = {"tile": (128, 256), "photometric": "rgb", "compression": compression}
    tifffile.imwrite(path, pixels, predictor=predictor and compression != "none", **form)
    assert np.array_equal(whole(path, 0.5), pixels)


def test_jpeg_2000_stored_as_ycbcr_comes_back_as_colour(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = write_tiff(tmp_path / "s.tif", ycbcr_of(pixels), compression="jpeg2000")
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages[0].tags["Compression"].overwrite(33003)
    assert np.abs(whole(path).astype(int) - pixels).mean() < 1.5


def ycbcr_of(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    red, green, blue = np.moveaxis(rgb.astype(float), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = [luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402]
    return np.clip(np.rint(np.stack(planes, axis=2)), 0, 255).astype(np.uint8)


def test_ome_levels_in_subifds_are_found(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    facts = examine(write_ome(tmp_path / "s.ome.tif", pixels, levels=3), slide_id="s1")
    assert facts.format == "ome-tiff"
    assert [(v.width, v.downsample) for v in facts.levels] == [(701, 1), (350, 2), (175, 4)]


def test_label_macro_and_thumbnail_are_no_levels(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    facts = examine(write_svs(tmp_path / "s.svs", pixels, levels=(1, 4)), slide_id="s1")
    assert [(v.width, v.downsample) for v in facts.levels] == [(701, 1), (175, 4)]


@pytest.mark.parametrize(
    "box",
    [
        Box(-30, -20, 800, 700),  # past all four sides
        Box(-256, 0, 512, 256),
        Box(512, 512, 256, 256),  # a stored tile that the slide ends in
        Box(600, -300, 50, 310),
        Box(2000, 2000, 10, 10),
    ],
)
def test_a_region_is_white_past_every_side_of_the_slide(
    tmp_path: Path, pixels: NDArray[np.uint8], box: Box
) -> None:
    path = write_tiff(tmp_path / "s.tif", pixels, compression="none")
    around = np.full((3000, 3000, 3), 255, np.uint8)
    around[500 : 500 + pixels.shape[0], 500 : 500 + pixels.shape[1]] = pixels
    moved = Box(box.x + 500, box.y + 500, box.width, box.height)
    with opened(path) as slide:
        assert np.array_equal(slide.read(box).pixels, around[moved.slices])


def test_a_sweep_of_overlapping_boxes_gives_what_single_reads_give(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = write_tiff(tmp_path / "s.tif", pixels)
    boxes = [Box(x, y, 256, 256) for y in (0, 128, 256) for x in (-100, 0, 100, 256, 500)]
    boxes += [Box(0, 0, 701, 603), Box(256, 256, 256, 256), Box(256, 256, 256, 256)]
    with opened(path) as slide:
        swept = [region.pixels for region in slide.sweep(boxes, downsample=1)]
        single = [slide.read(box).pixels for box in boxes]
    assert all(np.array_equal(one, other) for one, other in zip(swept, single, strict=True))
    swept[-1][:] = 0  # a region is its holder's: writing into it touches no other
    assert np.array_equal(swept[-2], single[-2])


@pytest.mark.parametrize(("downsample", "mean", "largest"), [(2, 2.0, 40), (4, 2.0, 40)])
def test_a_jpeg_decoded_small_looks_like_one_decoded_whole_and_shrunk(
    tmp_path: Path, downsample: int, mean: float, largest: int
) -> None:
    pixels = paint_nuclei(width=1024, height=768).pixels
    path = write_tiff(tmp_path / "s.tif", pixels, quality=85)
    with opened(path) as slide:
        full = slide.read(Box(0, 0, 1024, 768)).pixels.astype(float)
        small = slide.read(
            Box(0, 0, 1024 // downsample, 768 // downsample), downsample=downsample
        ).pixels
    blocks = full.reshape(768 // downsample, downsample, 1024 // downsample, downsample, 3)
    apart = np.abs(small - blocks.mean(axis=(1, 3)))
    assert apart.mean() < mean
    assert apart.max() < largest
