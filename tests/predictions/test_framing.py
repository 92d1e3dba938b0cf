"""Pictures begin on the slide's own grid; answers come back to its map."""

from __future__ import annotations

import numpy as np
import pytest

from pathology.predictions.framing import framed, on_map
from pathology.records.geometry import Box

PIXELS = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)


@pytest.mark.parametrize("corner", [(0, 0), (-96, -96), (13, 7), (-5, 160)])
@pytest.mark.parametrize("reduction", [1, 2, 3])
def test_a_picture_begins_and_ends_on_whole_steps(corner: tuple[int, int], reduction: int) -> None:
    box = Box(*corner, 90, 70)
    seen = framed(PIXELS, box, 16, reduction)
    step = 16 * reduction
    edges = (seen.box.x, seen.box.y, seen.box.right, seen.box.bottom)
    assert all(edge % step == 0 for edge in edges)
    assert seen.box.overlap(box) == box
    assert seen.pixels.shape == (seen.box.height // reduction, seen.box.width // reduction, 3)


def test_what_was_asked_for_is_found_again() -> None:
    box = Box(-13, 7, 90, 70)
    seen = framed(PIXELS, box, 16)
    maps = seen.pixels.transpose(2, 0, 1).astype(np.float32)
    np.testing.assert_array_equal(seen.own(maps, box), PIXELS.transpose(2, 0, 1))


def test_a_picture_that_fits_is_not_copied() -> None:
    pixels = np.zeros((64, 96, 3), np.uint8)
    assert framed(pixels, Box(32, -16, 96, 64), 16).pixels is pixels


@pytest.mark.parametrize("reduction", [2, 3])
def test_a_reduced_pixel_is_the_mean_of_its_square_on_the_slides_grid(reduction: int) -> None:
    step = 16 * reduction
    whole = np.random.default_rng(1).integers(0, 256, (4 * step, 4 * step, 3), dtype=np.uint8)
    means = whole.reshape(64, reduction, 64, reduction, 3).mean(axis=(1, 3))
    seen = framed(whole[5:, 9:], Box(9, 5, whole.shape[1] - 9, whole.shape[0] - 5), 16, reduction)
    inner = (slice(16, 64), slice(16, 64))
    off = np.abs(seen.pixels[inner].astype(float) - means[inner])
    assert off.max() < 0.6  # levels: Pillow rounds


@pytest.mark.parametrize("block", [8, 16])
@pytest.mark.parametrize("cells", [(24, 32), (16, 64), (48, 96)])
def test_means_over_map_pixels_weigh_by_area(block: int, cells: tuple[int, int]) -> None:
    covered, core = Box(-32, -64, 192, 288), Box(16, 32, 104, 100)
    values = np.random.default_rng(2).random((2, *cells))
    fine = values.repeat(288 // cells[0], axis=1) if 288 % cells[0] == 0 else None
    if fine is None:
        fine = values.repeat(288, axis=1).reshape(2, 288, cells[0], -1).mean(axis=2)
    fine = fine.repeat(192, axis=2).reshape(2, 288, 192, cells[1]).mean(axis=3)
    means = on_map(values, covered, core, block)
    assert means.shape == (2, -(-100 // block), -(-104 // block))
    for row in range(means.shape[1]):
        for column in range(means.shape[2]):
            top, left = core.y + row * block, core.x + column * block
            bottom, right = min(top + block, core.bottom), min(left + block, core.right)
            part = fine[:, top + 64 : bottom + 64, left + 32 : right + 32]
            np.testing.assert_allclose(means[:, row, column], part.mean(axis=(1, 2)), rtol=1e-9)
