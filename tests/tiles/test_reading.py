from __future__ import annotations

import threading
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest

from pathology.records.geometry import Box, Mpp
from pathology.records.slide import Level, LostTile, Region
from pathology.records.tile import TilePlan
from pathology.tiles.overview import overview_downsample, read_overview
from pathology.tiles.read import read_ahead
from tests.tiles.array_slide import SETTINGS, ArraySlide

PIXELS = np.random.default_rng(0).integers(0, 256, (640, 640, 3), dtype=np.uint8)


def plan(count: int = 25) -> TilePlan:
    cores = [Box(x, y, 64, 64) for y in range(0, 320, 64) for x in range(0, 320, 64)][:count]
    return TilePlan(
        slide_id="painted", downsample=2.0, mpp=Mpp(1.0), core_px=64, halo_px=8, cores=tuple(cores)
    )


def readers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("read-ahead")]


def test_tiles_come_in_order_with_their_halo_from_one_thread() -> None:
    slide, wanted = ArraySlide(PIXELS, 0.5), plan()
    tiles = list(read_ahead(slide, wanted, depth=3))
    assert tuple(t.core for t in tiles) == wanted.cores
    assert all(t.region.box == t.core.grown(8) for t in tiles)
    assert all(t.mpp == wanted.mpp for t in tiles)
    same = slide.read(wanted.cores[7].grown(8), downsample=2.0).pixels
    assert np.array_equal(tiles[7].region.pixels, same)
    assert len(slide.threads) == 1
    assert threading.current_thread().name not in slide.threads
    assert readers() == []


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_reading_runs_ahead_but_only_so_far(depth: int) -> None:
    slide = ArraySlide(PIXELS, 0.5)
    tiles = read_ahead(slide, plan(), depth=depth)
    next(tiles)
    deadline = time.monotonic() + 5
    while len(slide.swept) < depth + 1 and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)
    assert len(slide.swept) == depth + 1
    tiles.close()


def test_few_tiles_are_alive_at_any_time() -> None:
    slide, born, died = ArraySlide(PIXELS, 0.5), [], []
    original = slide.read

    def watched(box: Box, *, downsample: float = 1.0) -> Region:
        region = original(box, downsample=downsample)
        born.append(box)
        weakref.finalize(region.pixels, died.append, box)
        return region

    slide.read = watched  # type: ignore[method-assign]
    most = 0
    for _ in read_ahead(slide, plan(), depth=2):
        time.sleep(0.01)  # a slow caller: the reader fills what room it has
        most = max(most, len(born) - len(died))
    assert len(born) == 25
    assert 2 <= most <= 4


def test_leaving_early_stops_the_thread() -> None:
    slide = ArraySlide(PIXELS, 0.5)
    tiles = read_ahead(slide, plan(), depth=2)
    for tile in tiles:
        if tile.core.x == 128:
            break
    tiles.close()
    assert readers() == []
    assert len(slide.swept) < 8


def test_an_error_while_reading_reaches_the_caller_after_the_tiles_before_it() -> None:
    slide, seen = ArraySlide(PIXELS, 0.5, fail_at=4), []
    with pytest.raises(OSError, match="the disk is gone"):
        seen.extend(read_ahead(slide, plan(), depth=3))
    assert len(slide.swept) == 4
    assert readers() == []


def test_an_error_of_the_caller_stops_the_thread() -> None:
    tiles = read_ahead(ArraySlide(PIXELS, 0.5), plan(), depth=2)

    def work() -> None:
        for _ in tiles:
            raise RuntimeError("the model fell over")

    with pytest.raises(RuntimeError):
        work()
    tiles.close()
    assert readers() == []


def test_an_empty_plan_has_no_tiles_and_a_depth_of_none_is_refused() -> None:
    slide = ArraySlide(PIXELS, 0.5)
    assert list(read_ahead(slide, plan(0), depth=2)) == []
    with pytest.raises(ValueError, match="room for one tile"):
        next(read_ahead(slide, plan(), depth=0))


@pytest.mark.parametrize(
    ("width", "mpp", "expected"),
    [
        (100_000, 0.25, 32),
        (100_000, 0.2525, 32),
        (100_000, 0.5, 16),
        (4080, 0.11, 4),
        (2967, 0.499, 4),
        (512, 0.25, 1),
        (300, 0.25, 1),
        (4443, 1.0, 8),
        (4443, 12.0, 1),
    ],
)
def test_the_overview_is_coarse_for_slides_and_finer_for_fields(
    width: int, mpp: float, expected: int
) -> None:
    info = ArraySlide(PIXELS, mpp).info
    level = Level(width=width, height=9, downsample=1.0, tile_width=256, tile_height=256)
    info = replace(info, facts=replace(info.facts, levels=(level,)))
    assert overview_downsample(info, SETTINGS.overview) == expected


def test_the_overview_is_the_whole_slide_read_in_bounded_blocks() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2110, 4099, 3), dtype=np.uint8)
    slide = ArraySlide(pixels, 1.0)
    seen = read_overview(slide, SETTINGS)
    assert seen.downsample == 8
    assert seen.box == Box(0, 0, 513, 264)
    assert np.array_equal(seen.pixels, slide.read(seen.box, downsample=8).pixels)
    assert len(slide.swept) == 6
    assert max(box.width * 8 for box in slide.swept) <= SETTINGS.overview.block_px


def test_the_overview_remembers_lost_tiles_once() -> None:
    slide = ArraySlide(np.full((2048, 4096, 3), 240, np.uint8), 1.0)
    original = slide.read
    tile = LostTile(level=0, column=3, row=1, box_px0=Box(768, 256, 256, 256))

    def losing(box: Box, *, downsample: float = 1.0) -> Region:
        return replace(original(box, downsample=downsample), lost=(tile,))

    slide.read = losing  # type: ignore[method-assign]
    assert read_overview(slide, SETTINGS).lost == (tile,)
