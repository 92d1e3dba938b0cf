"""KFB and TMAP: read in a process that may hang or crash, and no scale that a package made up."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pathology.errors import ScaleUnknown, SlideUnreadable
from pathology.records.geometry import Box
from pathology.slides.foreign_process import ForeignProcess, WorkerLost
from pathology.slides.foreign_slide import ForeignTiles, Patience
from pathology.slides.open import examine
from pathology.slides.tile_pass import Fetched, Place
from tests.painted import paint_nuclei
from tests.painted_foreign import write_kfb, write_tmap
from tests.slides.opened import opened

pytest.importorskip("kfbslide", reason="the extra chinese-scanners is not installed")
pytest.importorskip("tmapslide", reason="the extra chinese-scanners is not installed")

ALL = Box(0, 0, 700, 500)
REPOSITORY = Path(__file__).parents[2]
WRITERS = {"kfb": write_kfb, "tmap": write_tmap}


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return paint_nuclei(width=700, height=500).pixels


def refusal(path: Path) -> SlideUnreadable:
    with pytest.raises(SlideUnreadable) as caught:
        examine(path, slide_id="s1")
    return caught.value


def worker_that(tmp_path: Path, at_tile: str) -> ForeignProcess:
    """The real worker around a KFB reader that does ``at_tile`` when asked for tile (256, 0)."""
    script = tmp_path / "worker.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, sys, time
            sys.path.insert(0, {str(REPOSITORY)!r})
            from pathology.slides import foreign_worker
            from pathology.slides.foreign_readers import open_kfb

            def open_odd(path):
                reader = open_kfb(path)
                read_region = reader.slide.read_region

                class Odd:
                    def read_region(self, corner, level, size):
                        if corner == (256, 0):
                            {at_tile}
                        return read_region(corner, level, size)

                object.__setattr__(reader, "slide", Odd())
                return reader

            foreign_worker.OPENERS = {{"kfb": open_odd}}
            foreign_worker.serve(sys.stdin.buffer, sys.stdout.buffer)
            """
        )
    )
    return ForeignProcess((sys.executable, str(script)))


def tiles_of(tiles: ForeignTiles) -> dict[Place, Fetched]:
    size = tiles.sizes[0]
    rows, columns = size.tile_shape
    places = [Place(r, c) for r in range(rows) for c in range(columns)]
    return dict(tiles.fetch(size, places))


@pytest.mark.parametrize("form", ["kfb", "tmap"])
def test_painted_slides_give_the_painted_pixels_and_scale(
    tmp_path: Path, pixels: NDArray[np.uint8], form: str
) -> None:
    path = WRITERS[form](tmp_path / f"s.{form}", pixels, mpp=0.5, power=20, levels=3)
    with opened(path) as slide:
        assert np.abs(slide.read(ALL).pixels.astype(int) - pixels).mean() < 2.5
        facts = slide.info.facts
    assert (facts.format, facts.backend, facts.magnification) == (form, "foreign", 20.0)
    assert facts.stated_mpp == pytest.approx((0.5, 0.5))
    assert [level.downsample for level in facts.levels] == [1, 2, 4]


def test_a_scale_against_the_objective_is_flagged(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    with opened(write_kfb(tmp_path / "s.kfb", pixels, mpp=0.25, power=20)) as slide:
        assert slide.info.scale.flags == ("scale-disagrees-with-magnification",)


def test_a_scale_that_the_package_derived_is_no_scale(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = write_tmap(tmp_path / "s.tmap", pixels, mpp=0.0688, power=40)
    with pytest.raises(ScaleUnknown) as caught:
        opened(path)
    assert caught.value.code == "scale-missing"


@pytest.mark.parametrize("form", ["kfb", "tmap"])
def test_a_bad_tile_is_lost_and_no_neighbour_is_shown_in_its_place(
    tmp_path: Path, pixels: NDArray[np.uint8], form: str
) -> None:
    path = WRITERS[form](tmp_path / f"s.{form}", pixels)
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data) - 2) if data[at : at + 3] == b"\xff\xd8\xff"]
    last = starts[-1]  # the last tile, bottom right
    data[last : last + 200] = bytes(200)
    path.write_bytes(data)
    with opened(path) as slide:
        region = slide.read(ALL)
    assert len(region.lost) == 1
    box = region.lost[0].box_px0
    assert (region.pixels[box.slices] == 255).all()
    others = np.abs(region.pixels.astype(int) - pixels)
    others[box.slices] = 0
    assert others.mean() < 2.5


@pytest.mark.parametrize("share", [0.0005, 0.02, 0.4, 0.9])
@pytest.mark.parametrize("form", ["kfb", "tmap"])
def test_a_file_cut_short_is_damaged(
    tmp_path: Path, pixels: NDArray[np.uint8], form: str, share: float
) -> None:
    path = WRITERS[form](tmp_path / f"s.{form}", pixels)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    error = refusal(path)
    assert error.code == "damaged-file"
    assert path.name not in error.text()


def test_a_tile_that_hangs_the_reader_is_lost_and_the_worker_killed(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = write_kfb(tmp_path / "s.kfb", pixels)
    marker = tmp_path / "pid"
    hang = f"open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    process = worker_that(tmp_path, hang)
    with ForeignTiles(path, "s1", Patience(read_s=0.5), process) as tiles:
        started = time.monotonic()
        found = tiles_of(tiles)
        took = time.monotonic() - started
    lost = [place for place, tile in found.items() if tile.lost]
    assert lost == [Place(0, 1)]
    assert found[Place(0, 1)].pixels is None
    assert all(tile.pixels is not None for place, tile in found.items() if place not in lost)
    assert took < 20
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), 0)


def test_a_tile_that_crashes_the_reader_is_lost(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = write_kfb(tmp_path / "s.kfb", pixels)
    with ForeignTiles(path, "s1", process=worker_that(tmp_path, "os.abort()")) as tiles:
        assert [place for place, tile in tiles_of(tiles).items() if tile.lost] == [Place(0, 1)]


def test_a_slide_that_hangs_again_and_again_is_given_up(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = write_kfb(tmp_path / "s.kfb", pixels)
    process = worker_that(tmp_path, "time.sleep(600)")
    with ForeignTiles(path, "s1", Patience(read_s=0.2, losses=1), process) as tiles:
        size = tiles.sizes[0]
        assert next(iter(tiles.fetch(size, [Place(0, 1)])))[1].lost
        with pytest.raises(SlideUnreadable) as caught:
            list(tiles.fetch(size, [Place(0, 1)]))
    assert caught.value.code == "reader-timeout"
    assert "0.2 s" in caught.value.text()


def test_opening_that_never_ends_is_stopped(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = write_kfb(tmp_path / "s.kfb", pixels)
    process = ForeignProcess((sys.executable, "-c", "import time; time.sleep(600)"))
    with pytest.raises(SlideUnreadable) as caught:
        ForeignTiles(path, "s1", Patience(open_s=0.5), process)
    assert caught.value.code == "reader-timeout"
    assert not process.is_running


def test_noise_in_place_of_an_answer_ends_the_worker() -> None:
    process = ForeignProcess((sys.executable, "-c", "print('x' * 100)"))
    with pytest.raises(WorkerLost):
        process.ask({"do": "open"}, 30.0)
    assert not process.is_running


def test_a_worker_whose_owner_is_gone_ends_itself(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = write_kfb(tmp_path / "s.kfb", pixels)
    worker_that(tmp_path, "time.sleep(600)")
    requests = [
        {"do": "open", "format": "kfb", "path": str(path), "seconds": 30},
        {
            "do": "read",
            "level": 0,
            "x_px0": 256,
            "y_px0": 0,
            "width": 9,
            "height": 9,
            "seconds": 0.2,
        },
    ]
    sent = b"".join(
        struct.pack(">I", len(text)) + text
        for text in (json.dumps(request).encode() for request in requests)
    )
    run = subprocess.run(
        [sys.executable, tmp_path / "worker.py"],
        input=sent,
        stdout=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert run.returncode == -signal.SIGALRM


def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kfbslide", None)  # as if it were not installed
    error = refusal(write_kfb(tmp_path / "s.kfb", pixels))
    assert error.code == "reader-missing"
    assert "kfbslide" in error.text()
    assert "pathology[chinese-scanners]" in error.text()


def test_sdpc_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "s.sdpc"
    path.write_bytes(b"SQ" + bytes(5000))
    error = refusal(path)
    assert error.code == "unsupported-layout"
    assert "SDPC" in error.text()


def test_tmap06_tiles_that_are_gone_make_the_file_damaged(
    tmp_path: Path, pixels: NDArray[np.uint8], tmap06: Callable[[Path], Path]
) -> None:
    whole = tmap06(tmp_path / "s.tmap")
    assert [level.downsample for level in examine(whole, slide_id="s1").levels] == [1]
    data = whole.read_bytes()
    whole.write_bytes(data[:-100])
    assert refusal(whole).code == "damaged-file"


@pytest.fixture
def tmap06(pixels: NDArray[np.uint8]) -> Callable[[Path], Path]:
    """A TMAP06 of one block of 4 x 4 tiles of 64 px, cut from the painted picture."""
    import simplejpeg

    def write(path: Path) -> Path:
        head = bytearray(192)
        head[:6] = b"TMAP06"
        struct.pack_into("<10B", head, 6, 1, 0, 1, 1, 0, 0, 2, 1, 0, 244)
        struct.pack_into("<fIHHHHHHH", head, 0x10, 0.0005, 1, 20, 1, 1, 256, 256, 64, 64)
        struct.pack_into("<III", head, 0x2C, 0, 256, 256)
        block = bytearray(308)
        struct.pack_into("<HHii", block, 8, 0, 0, 0, 0)
        at, tiles = 192 + 308, b""
        for number in range(16):
            row, column = divmod(number, 4)
            y, x = 200 + 64 * row, 200 + 64 * column
            data = simplejpeg.encode_jpeg(
                np.ascontiguousarray(pixels[y : y + 64, x : x + 64]), quality=95
            )
            struct.pack_into("<BBBBII", block, 20 + 12 * number, 0, column, row, 0, at, len(data))
            at, tiles = at + len(data), tiles + data
        path.write_bytes(bytes(head) + bytes(block) + tiles)
        return path

    return write


def test_tmap06_gives_the_painted_pixels(
    tmp_path: Path, pixels: NDArray[np.uint8], tmap06: Callable[[Path], Path]
) -> None:
    with opened(tmap06(tmp_path / "s.tmap")) as slide:
        seen = slide.read(Box(0, 0, 256, 256)).pixels
    assert np.abs(seen.astype(int) - pixels[200:456, 200:456]).mean() < 4
