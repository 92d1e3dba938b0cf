"""A damaged tile costs that tile and nothing else; a file cut short is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openslide
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pathology.errors import SlideError
from pathology.records.geometry import Box
from pathology.records.slide import SlideInfo
from pathology.slides import openslide_slide
from pathology.slides.open import examine
from pathology.slides.scale import settle_scale
from tests.painted import paint_nuclei, write_tiff
from tests.painted_tiff import forget_tile, overwrite_tile, tile_place, write_ome, write_svs
from tests.slides.opened import SCALE, opened

WIDTH, HEIGHT = 1024, 768
ALL = Box(0, 0, WIDTH, HEIGHT)
HIT = Box(256, 256, 256, 256)  # the sixth tile of four columns


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return paint_nuclei(width=WIDTH, height=HEIGHT).pixels


@pytest.mark.parametrize(
    ("compression", "how"),
    [
        *((c, h) for c in ("jpeg", "lzw", "deflate") for h in ("zeroed", "random", "cut")),
        # OpenJPEG decodes a tile whose second half is zeroed without a word: not promised.
        ("jpeg2000", "zeroed"),
        ("jpeg2000", "random"),
    ],
)
def test_a_damaged_tile_is_white_and_counted(
    tmp_path: Path, pixels: NDArray[np.uint8], compression: str, how: str
) -> None:
    path = write_tiff(tmp_path / "s.tif", pixels, compression=compression)
    with opened(path) as slide:
        before = slide.read(ALL).pixels
    overwrite_tile(path, 5, how)
    with opened(path) as slide:
        region = slide.read(ALL)
        again = slide.read(Box(512, 0, 300, 300))
    assert [(t.level, t.column, t.row, t.box_px0) for t in region.lost] == [(0, 1, 1, HIT)]
    assert (region.pixels[HIT.slices] == 255).all()
    region.pixels[HIT.slices] = before[HIT.slices]
    assert np.array_equal(region.pixels, before)
    assert again.lost == ()


@pytest.mark.parametrize("downsample", [2.0, 3.3, 8.0])
def test_a_damaged_tile_is_named_at_every_scale(
    tmp_path: Path, pixels: NDArray[np.uint8], downsample: float
) -> None:
    path = write_tiff(tmp_path / "s.tif", pixels)
    overwrite_tile(path, 5, "cut")
    with opened(path) as slide:
        side = int(400 / downsample)
        (region,) = slide.sweep([Box(0, 0, side, side)], downsample=downsample)
    assert [(t.column, t.row) for t in region.lost] == [(1, 1)]
    assert region.lost[0].box_px0 == HIT


def test_a_sweep_names_a_lost_tile_in_every_region_it_touches(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = write_tiff(tmp_path / "s.tif", pixels)
    overwrite_tile(path, 5, "zeroed")
    boxes = [Box(0, 0, 300, 300), Box(300, 300, 300, 300), Box(600, 0, 100, 100)]
    with opened(path) as slide:
        assert [len(r.lost) for r in slide.sweep(boxes, downsample=1)] == [1, 1, 0]


def test_a_jpeg_of_another_size_is_damage(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = write_tiff(tmp_path / "s.tif", pixels)
    small = write_tiff(tmp_path / "t.tif", pixels[:128, :128], tile=128)
    swap_first_tile(path, small)
    with opened(path) as slide:
        assert len(slide.read(ALL).lost) == 1


def swap_first_tile(path: Path, other: Path) -> None:
    (at, room), (start, count) = tile_place(path, 0), tile_place(other, 0)
    assert count <= room
    data = other.read_bytes()[start : start + count]
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_tile_that_was_never_scanned_is_glass_and_not_lost(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = write_tiff(tmp_path / "s.tif", pixels)
    forget_tile(path, 5)
    with opened(path) as slide:
        region = slide.read(ALL)
    assert region.lost == ()
    assert (region.pixels[HIT.slices] == 255).all()


def test_openslide_loses_one_tile_and_reads_on(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = write_svs(tmp_path / "s.svs", pixels, levels=(1,))
    overwrite_tile(path, 5, "zeroed")
    facts = openslide_slide.examine(path, "s1")
    info = SlideInfo(slide_id="s1", facts=facts, scale=settle_scale("s1", facts, SCALE))
    with openslide_slide.open_openslide(path, info) as slide:
        region = slide.read(ALL)
        again = slide.read(Box(512, 512, 100, 100))
    assert [(t.column, t.row, t.box_px0) for t in region.lost] == [(1, 1, HIT)]
    assert (region.pixels[HIT.slices] == 255).all()
    with openslide.OpenSlide(path) as handle:
        theirs = handle.read_region((512, 512), 0, (100, 100)).convert("RGB")
    assert np.array_equal(again.pixels, np.asarray(theirs))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("write", [write_tiff, write_svs, write_ome])
def test_a_file_cut_short_is_refused(
    tmp_path: Path, pixels: NDArray[np.uint8], share: float, write: object
) -> None:
    path = write(tmp_path / "s.tif", pixels)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(SlideError) as caught:
        examine(path, slide_id="s1")
    assert caught.value.code == "damaged-file"


@given(at=st.integers(0, 3000), junk=st.binary(min_size=1, max_size=40), from_end=st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_damage_to_the_directories_ends_in_anything_but_a_reason(
    at: int, junk: bytes, from_end: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(small_svs(tmp_path_factory))
    start = len(data) - at - len(junk) if from_end else at
    data[start : start + len(junk)] = junk
    path = tmp_path_factory.getbasetemp() / "fuzzed.svs"
    path.write_bytes(data)
    try:
        with opened(path) as slide:
            slide.read(Box(0, 0, 64, 64), downsample=4.0)
    except SlideError as refusal:
        assert refusal.code  # noqa: PT017 - either outcome is right


def small_svs(factory: pytest.TempPathFactory) -> bytes:
    path = factory.getbasetemp() / "small.svs"
    if not path.exists():
        write_svs(path, paint_nuclei(width=300, height=280, margin_um=5).pixels)
    return path.read_bytes()
