"""Which stored size serves a wanted scale; and the pass that decodes each tile once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.records.geometry import Box
from pathology.slides.pyramid import StoredSize, grid_of, nominal_downsample
from pathology.slides.tile_pass import Fetched, Place, TilePass
from pathology.slides.tiled_slide import PyramidSlide
from tests.painted import paint_nuclei, write_tiff
from tests.slides.opened import opened


def stored(level: int, reduce: int, downsample: float) -> StoredSize:
    return StoredSize(
        level=level,
        reduce=reduce,  # type: ignore[arg-type]
        downsample=downsample,
        width=int(40000 / downsample),
        height=int(30000 / downsample),
        tile_width=256 // reduce,
        tile_height=256 // reduce,
    )


SVS = [stored(n, r, d * r) for n, d in enumerate((1, 4, 16)) for r in (1, 2, 4, 8)]


@pytest.mark.parametrize(
    ("wanted", "level", "reduce", "factor"),
    [
        (1.0, 0, 1, 1.0),
        (1.7, 0, 1, 1.7),
        (2.0, 0, 2, 1.0),
        (3.0, 0, 2, 1.5),
        (4.0, 1, 1, 1.0),  # not level 0 at a quarter: fewer bytes
        (3.99, 1, 1, 0.9975),  # half a percent coarser still serves, but is resampled
        (3.9, 0, 2, 1.95),
        (8.0, 1, 2, 1.0),
        (16.0, 2, 1, 1.0),
        (128.0, 2, 8, 1.0),
        (1000.0, 2, 8, 7.8125),
    ],
)
def test_the_coarsest_size_that_is_fine_enough_serves(
    wanted: float, level: int, reduce: int, factor: float
) -> None:
    grid = grid_of(SVS, wanted)
    assert (grid.source.level, grid.source.reduce) == (level, reduce)
    assert grid.factor == pytest.approx(factor)


def test_a_rounding_error_of_the_caller_copies_and_a_real_difference_resamples() -> None:
    assert grid_of(SVS, 2.0 * (1 + 1e-9)).factor == 1.0
    assert grid_of(SVS, 2.0004).factor != 1.0  # eight pixels astray at the slide's far edge


@pytest.mark.parametrize(
    ("level", "downsample"),
    [
        ((23000, 16457), 2),
        ((11500, 8228), 4),
        ((1437, 1028), 32),
        ((44, 32), 1024),
        ((15333, 10971), 3),
        ((46000, 32914), 1),
        ((1280, 431), None),
        ((574, 768), None),
    ],
)
def test_the_nominal_downsample_is_the_whole_number_meant(
    level: tuple[int, int], downsample: float | None
) -> None:
    assert nominal_downsample((46000, 32914), level) == downsample


@given(
    st.integers(300, 200_000), st.integers(300, 200_000), st.integers(1, 5), st.sampled_from([2, 4])
)
def test_repeated_halving_is_recognised(width: int, height: int, times: int, step: int) -> None:
    level = width, height
    for _ in range(times):
        level = level[0] // step, level[1] // step
    if min(level) >= 2 * step:
        assert nominal_downsample((width, height), level) == step**times


def test_every_tile_is_fetched_once_in_a_sweep_and_let_go_after_its_last_use() -> None:
    size = stored(0, 1, 1)
    seen: Counter[Place] = Counter()

    def fetch(_: StoredSize, places: Sequence[Place]) -> Iterator[tuple[Place, Fetched]]:
        seen.update(places)
        for place in places:
            yield place, Fetched(np.full((256, 256, 3), (place.row, place.column, 7), np.uint8))

    boxes = [Box(x, y, 700, 700) for y in range(0, 3000, 500) for x in range(0, 5000, 500)]
    tiles = TilePass(size, boxes, fetch)
    held = 0
    for box in boxes:
        pixels, lost = tiles.pixels(box)
        held = max(held, len(tiles._kept))
        assert lost == []
        assert (pixels[0, 0, 0], pixels[0, 0, 1]) == (box.y // 256, box.x // 256)
        bottom, right = (box.bottom - 1) // 256, (box.right - 1) // 256
        assert tuple(pixels[-1, -1]) == (bottom, right, 7)
    assert set(seen.values()) == {1}
    assert not tiles._kept
    assert held < 3 * 22, "two rows of boundary tiles and a little, not the slide"


def test_a_file_is_decoded_once_in_a_sweep_with_overlapping_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiff(tmp_path / "s.tif", paint_nuclei(width=1024, height=768).pixels)
    boxes = [Box(x, y, 340, 340) for y in range(-40, 768, 256) for x in range(-40, 1024, 256)]
    asked: list[tuple[int, ...]] = []
    with opened(path) as slide:
        assert isinstance(slide, PyramidSlide)
        fetch = slide._fetch

        def counted(size: StoredSize, places: Sequence[Place]) -> Iterator[tuple[Place, Fetched]]:
            asked.extend(places)
            yield from fetch(size, places)

        monkeypatch.setattr(slide, "_fetch", counted)
        list(slide.sweep(boxes, downsample=1.0))
    assert len(asked) == len(set(asked)) == 12


def test_an_overview_of_a_slide_without_levels_is_made_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = paint_nuclei(width=1500, height=1100).pixels
    path = write_tiff(tmp_path / "s.tif", pixels, compression="lzw")
    box = Box(-5, -5, 480, 400)
    with opened(path) as slide:
        at_once = slide.read(box, downsample=3.3)
        monkeypatch.setattr("pathology.slides.tiled_slide.PIECE_PX", 400)
        in_pieces = slide.read(box, downsample=3.3)
    assert np.array_equal(at_once.pixels, in_pieces.pixels)


def test_a_closed_slide_is_not_read(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "s.tif", paint_nuclei(width=300, height=300).pixels)
    slide = opened(path)
    regions = slide.sweep([Box(0, 0, 9, 9)], downsample=1.0)
    slide.close()
    slide.close()
    with pytest.raises(ValueError, match="closed"):
        slide.read(Box(0, 0, 9, 9))
    with pytest.raises(ValueError, match="closed"):
        next(regions)
