"""What is no slide for us is refused with the reason, at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from pathology.errors import SlideError
from pathology.slides.open import examine
from pathology.slides.recognise import BACKENDS, recognise
from tests.painted import paint_nuclei, write_tiff
from tests.painted_tiff import svs_description, tile_place, write_ome, write_svs
from tests.slides.opened import opened


def refusal(path: Path) -> SlideError:
    with pytest.raises(SlideError) as caught:
        opened(path)
    assert path.name not in str(caught.value), "no file name belongs in a reason"
    return caught.value


@pytest.mark.parametrize("name", ["empty.svs", "empty.tif", "empty.ndpi", "empty.mrxs", "strange"])
def test_zero_bytes_are_called_empty(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    assert refusal(path).code == "empty-file"


@pytest.mark.parametrize("name", ["notes.svs", "notes.tif", "notes.txt", "notes.mrxs"])
@pytest.mark.parametrize("content", [b"patient list\n" * 50, bytes(5000), b"\x89HDF\r\n\x1a\n" * 9])
def test_other_content_is_no_slide_whatever_its_name(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal(path).code == "not-a-slide"


def test_a_missing_file_and_an_empty_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.svs").code == "not-found"
    (tmp_path / "case-12").mkdir()
    assert refusal(tmp_path / "case-12").code == "not-a-slide"


def test_a_file_without_the_right_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tiff(tmp_path / "s.tif", paint_nuclei(width=300, height=300).pixels)
    monkeypatch.setattr("os.access", lambda *_: False)  # a chmod would not keep root out
    assert refusal(path).code == "cannot-read"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["s.svs", "s.dcm", "s.vms"])
def test_a_pipe_is_no_slide_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert refusal(tmp_path / name).code == "not-a-slide"


def test_a_name_too_long_for_any_disk_and_a_path_through_a_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / ("n" * 300)).code == "cannot-read"
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "s.svs").code == "not-found"


def test_a_bare_tiff_header_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    path.write_bytes(b"II*\0\x08\0\0\0")
    assert refusal(path).code == "damaged-file"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("fluorescence_dapi.ndpi", "fluorescence"),
        ("pathml_small_vectra.qptiff", "fluorescence"),
        ("pathml_smalltif.tif", "fluorescence"),
    ],
)
def test_real_files_without_transmitted_light_are_refused(
    real_data: Callable[..., Path], file: str, code: str
) -> None:
    assert refusal(real_data("slides", "refused", file)).code == code


@pytest.mark.parametrize(
    ("shape", "dtype", "code"),
    [
        ((512, 512), np.uint8, "fluorescence"),
        ((512, 512), np.uint16, "fluorescence"),
        ((5, 512, 512), np.uint16, "fluorescence"),
        ((512, 512, 3), np.uint16, "unsupported-layout"),
        ((512, 512, 4), np.uint8, "unsupported-layout"),
    ],
)
def test_tiled_pixels_that_are_not_8_bit_rgb_are_refused(
    tmp_path: Path, shape: tuple[int, ...], dtype: type, code: str
) -> None:
    path = tmp_path / "s.tif"
    photometric = "rgb" if shape[-1] in (3, 4) else "minisblack"
    tifffile.imwrite(path, np.zeros(shape, dtype), tile=(256, 256), photometric=photometric)
    assert refusal(path).code == code


def test_planes_stored_apart_are_not_supported(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    form = {"photometric": "rgb", "planarconfig": "separate", "tile": (256, 256)}
    tifffile.imwrite(path, np.zeros((3, 512, 512), np.uint8), **form)
    assert refusal(path).code == "unsupported-layout"


def test_ome_channels_stored_apart_are_multichannel(tmp_path: Path) -> None:
    path = tmp_path / "s.ome.tif"
    planes = np.zeros((3, 512, 512), np.uint8)
    tifffile.imwrite(path, planes, tile=(256, 256), metadata={"axes": "CYX"})
    assert refusal(path).code == "fluorescence"


def test_a_stack_of_focal_planes_is_not_supported(tmp_path: Path) -> None:
    path = tmp_path / "s.ome.tif"
    planes = np.zeros((4, 512, 512, 3), np.uint8)
    form = {"tile": (256, 256), "photometric": "rgb"}
    tifffile.imwrite(path, planes, metadata={"axes": "ZYXS"}, **form)
    assert refusal(path).code == "unsupported-layout"


@pytest.mark.parametrize(
    ("write", "form"),
    [(write_tiff, "tiled-tiff"), (write_svs, "aperio-svs"), (write_ome, "ome-tiff")],
)
def test_the_content_decides_and_not_the_name(
    tmp_path: Path, write: Callable[..., Path], form: str
) -> None:
    path = write(tmp_path / "slide", paint_nuclei(width=300, height=300).pixels)
    path = path.rename(tmp_path / "strange.name")
    assert examine(path, slide_id="s1").format == form


def test_exactly_one_backend_opens_a_file_and_it_is_recorded(tmp_path: Path) -> None:
    path = write_svs(tmp_path / "s.svs", paint_nuclei(width=300, height=300).pixels)
    assert recognise(path, "s1").name == "tiled"
    assert len({backend.name for backend in BACKENDS}) == len(BACKENDS)
    with opened(path) as slide:
        assert slide.info.facts.backend == "tiled"


def test_the_largest_tiled_picture_is_level_0_even_if_it_is_not_the_first(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    pixels = paint_nuclei(width=1024, height=768).pixels
    with tifffile.TiffWriter(path) as tiff:
        for image, per_cm in ((pixels[::4, ::4], 5000), (pixels, 20000), (pixels[::2, ::2], 10000)):
            form = {"photometric": "rgb", "tile": (256, 256), "resolutionunit": "CENTIMETER"}
            tiff.write(image, resolution=(per_cm, per_cm), **form)
    facts = examine(path, slide_id="s1")
    assert [(v.width, v.downsample) for v in facts.levels] == [(1024, 1), (512, 2), (256, 4)]
    assert facts.stated_mpp == pytest.approx((0.5, 0.5))


def test_two_pictures_of_full_size_are_not_guessed_between(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    with tifffile.TiffWriter(path) as tiff:
        for shade in (200, 100):
            plane = np.full((512, 512, 3), shade, np.uint8)
            tiff.write(plane, tile=(256, 256), photometric="rgb", metadata=None)
    assert refusal(path).code == "unsupported-layout"


def test_jpeg_2000_with_thin_colour_is_left_to_openslide(tmp_path: Path) -> None:
    path = tmp_path / "s.svs"
    form = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg2000"}
    text = svs_description(512, 512, mpp=0.5, app_mag=20)
    tifffile.imwrite(
        path, np.zeros((512, 512, 3), np.uint8), description=text, metadata=None, **form
    )
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages[0].tags["Compression"].overwrite(33003)
    assert recognise(path, "s1").name == "tiled"
    offset, count = tile_place(path, 0)
    with path.open("r+b") as file:
        file.seek(offset)
        # SIZ: the steps of the second component's samples lie 44 bytes after the marker.
        step = offset + file.read(count).find(b"\xff\x51") + 44
        file.seek(step)
        assert file.read(1) == b"\x01"
        file.seek(step)
        file.write(b"\x02")
    assert recognise(path, "s1").name == "openslide"
