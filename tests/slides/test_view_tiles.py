"""Tiles for people: the scanner's bytes where they stand at that reduction, else pixels read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from pathology.pipeline.settings import load_settings
from pathology.records.slide import Slide
from pathology.slides.open import open_slide
from pathology.slides.view_tiles import view_levels, view_tile
from tests.painted import paint_nuclei, write_tiff

SCALE = load_settings().site.scale


def decoded(slide: Slide, level: int, column: int, row: int) -> np.ndarray:
    levels = view_levels(slide, 512)
    pixels: np.ndarray = simplejpeg.decode_jpeg(
        view_tile(slide, levels[level], column, row, quality=90)
    )
    return pixels


@pytest.mark.parametrize("width", [1024, 1025, 1279, 1280])
def test_tiles_cover_the_slide_whatever_its_size(width: int, tmp_path: Path) -> None:
    """A level that is stored a column narrower than it shows is read where nothing is stored."""
    painting = paint_nuclei(width=width, height=513, mpp=0.5)
    path = write_tiff(tmp_path / "s.tif", painting.pixels, levels=3)
    with open_slide(path, slide_id="s", scale=SCALE) as slide:
        for number, level in enumerate(view_levels(slide, 512)):
            assert level.width == -(-width // level.downsample)
            for column in range(level.columns):
                for row in range(level.rows):
                    seen = decoded(slide, number, column, row)
                    box = level.box(column, row)
                    held = slide.read(box, downsample=float(level.downsample)).pixels
                    assert seen.shape == held.shape
                    assert np.abs(seen.astype(int) - held).mean() < 4
            with pytest.raises(ValueError, match="no tile"):
                level.box(level.columns, 0)


def test_what_is_not_jpeg_is_encoded(tmp_path: Path) -> None:
    painting = paint_nuclei(width=600, height=500, mpp=0.5)
    path = write_tiff(tmp_path / "s.tif", painting.pixels, compression="deflate")
    with open_slide(path, slide_id="s", scale=SCALE) as slide:
        levels = view_levels(slide, 512)
        assert [level.stored for level in levels] == [None, None]
        assert np.abs(decoded(slide, 0, 0, 0).astype(int) - painting.pixels[:500, :512]).mean() < 4


@pytest.mark.real_data
def test_a_scanners_own_tiles_are_given_on(real_data: Callable[..., Path]) -> None:
    path = real_data("slides", "CMU-1-Small-Region.svs")
    with open_slide(path, slide_id="s", scale=SCALE) as slide:
        level = view_levels(slide, 512)[0]
        assert (level.stored, level.tile_width) == (0, 240)
        jpeg = view_tile(slide, level, 3, 4, quality=90)
        held = slide.read(level.box(3, 4)).pixels
        assert np.array_equal(simplejpeg.decode_jpeg(jpeg), held)
        assert jpeg in path.read_bytes() or jpeg[-500:] in path.read_bytes()
