"""Plain pictures: read whole or refused, and never with a scale of their own."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import simplejpeg
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pathology.errors import ScaleUnknown, SlideUnreadable
from pathology.records.geometry import Box
from pathology.slides.open import examine
from tests.painted import paint_nuclei
from tests.slides.opened import opened

ALL = Box(0, 0, 700, 500)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return paint_nuclei(width=700, height=500).pixels


def refusal(path: Path) -> SlideUnreadable:
    with pytest.raises(SlideUnreadable) as caught:
        examine(path, slide_id="s1")
    return caught.value


def as_png(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.write_bytes(imagecodecs.png_encode(pixels))
    return path


def test_png_and_tiff_give_the_painted_pixels(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    plain, packed, apart = (tmp_path / f"{n}.tif" for n in ("plain", "packed", "apart"))
    tifffile.imwrite(plain, pixels, photometric="rgb")
    tifffile.imwrite(packed, pixels, photometric="rgb", compression="zlib", predictor=True)
    tifffile.imwrite(apart, np.moveaxis(pixels, 2, 0), photometric="rgb", planarconfig="separate")
    for path in (as_png(tmp_path / "f.png", pixels), plain, packed, apart):
        with opened(path, mpp=0.5) as slide:
            assert np.array_equal(slide.read(ALL).pixels, pixels), path.name
            assert slide.info.facts.backend == "field"


def test_a_jpeg_is_read_as_it_decodes(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = tmp_path / "f.jpg"
    path.write_bytes(simplejpeg.encode_jpeg(pixels, quality=90))
    with opened(path, mpp=0.5) as slide:
        assert np.array_equal(slide.read(ALL).pixels, simplejpeg.decode_jpeg(path.read_bytes()))


def test_a_picture_states_no_scale_even_with_a_resolution(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = tmp_path / "f.tif"
    tifffile.imwrite(
        path, pixels, photometric="rgb", resolution=(20000, 20000), resolutionunit="CENTIMETER"
    )
    assert examine(path, slide_id="s1").stated_mpp is None
    with pytest.raises(ScaleUnknown) as caught:
        opened(path)
    assert caught.value.code == "scale-missing"


def test_what_is_transparent_is_white(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    alpha = np.full((500, 700, 1), 255, np.uint8)
    alpha[:, :300] = 0
    seen_through = as_png(tmp_path / "f.png", np.concatenate([pixels, alpha], axis=2))
    expected = pixels.copy()
    expected[:, :300] = 255
    with opened(seen_through, mpp=0.5) as slide:
        assert np.array_equal(slide.read(ALL).pixels, expected)


def test_a_palette_is_looked_up(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    few = Image.fromarray(pixels).quantize(32)
    few.save(tmp_path / "f.png")
    with opened(tmp_path / "f.png", mpp=0.5) as slide:
        assert np.array_equal(slide.read(ALL).pixels, np.asarray(few.convert("RGB")))


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "strips"])
@pytest.mark.parametrize("share", [0.0005, 0.5, 0.98])
def test_a_picture_cut_short_is_damaged(
    tmp_path: Path, pixels: NDArray[np.uint8], kind: str, share: float
) -> None:
    path = tmp_path / "f"
    if kind == "png":
        as_png(path, pixels)
    elif kind == "jpeg":
        path.write_bytes(simplejpeg.encode_jpeg(pixels))
    else:
        packing = {"compression": "zlib", "rowsperstrip": 64} if kind == "strips" else {}
        tifffile.imwrite(path, pixels, photometric="rgb", **packing)
    data = path.read_bytes()
    path.write_bytes(data[: max(16, int(len(data) * share))])
    assert refusal(path).code == "damaged-file"


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_picture_with_spoilt_bytes_is_damaged_and_not_shown_grey(
    tmp_path: Path, pixels: NDArray[np.uint8], kind: str
) -> None:
    encode = imagecodecs.png_encode if kind == "png" else simplejpeg.encode_jpeg
    data = bytearray(encode(pixels))
    middle = len(data) // 2
    data[middle : middle + 40] = b"\xff\xd3" * 20
    (tmp_path / "f").write_bytes(data)
    assert refusal(tmp_path / "f").code == "damaged-file"


def test_missing_strips_are_damage_and_not_shown_black(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = tmp_path / "f.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", compression="zlib", rowsperstrip=500)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["RowsPerStrip"].overwrite(100)
    assert refusal(path).code == "damaged-file"


def test_a_width_that_is_no_number_is_damage(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = tmp_path / "f.tif"
    tifffile.imwrite(path, pixels, photometric="rgb")
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        at = tiff.pages.first.tags["ImageWidth"].offset
    data[at + 2 : at + 8] = struct.pack("<HI", 2, 300_000)  # a text instead
    path.write_bytes(data)
    assert refusal(path).code == "damaged-file"


def test_grey_pictures_are_no_brightfield(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    grey = np.ascontiguousarray(pixels[..., 0])
    as_png(tmp_path / "8.png", grey)
    as_png(tmp_path / "16.png", grey.astype(np.uint16) * 200)
    (tmp_path / "g.jpg").write_bytes(simplejpeg.encode_jpeg(grey[..., None], colorspace="GRAY"))
    tifffile.imwrite(tmp_path / "16.tif", grey.astype(np.uint16), photometric="minisblack")
    for name in ("8.png", "16.png", "g.jpg", "16.tif"):
        assert refusal(tmp_path / name).code == "fluorescence", name


def test_layouts_that_would_need_a_guess_are_refused(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    as_png(tmp_path / "16.png", pixels.astype(np.uint16) * 257)
    Image.fromarray(pixels).convert("CMYK").save(tmp_path / "cmyk.jpg")
    tifffile.imwrite(tmp_path / "16.tif", pixels.astype(np.uint16), photometric="rgb")
    with tifffile.TiffWriter(tmp_path / "stack.tif") as tiff:
        for _ in range(2):
            tiff.write(pixels, photometric="rgb")
    four = np.concatenate([pixels, pixels[..., :1]], axis=2)
    tifffile.imwrite(tmp_path / "four.tif", four, photometric="rgb", extrasamples=["unspecified"])
    for name in ("16.png", "cmyk.jpg", "16.tif", "stack.tif", "four.tif"):
        assert refusal(tmp_path / name).code == "unsupported-layout", name


def test_a_small_file_that_would_unpack_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    (tmp_path / "bomb.png").write_bytes(bomb)
    error = refusal(tmp_path / "bomb.png")
    assert error.code == "unsupported-layout"
    assert "60000 x 60000 px" in error.text()


@pytest.mark.real_data
def test_a_fluorescence_picture_in_tiff_is_refused(real_data: Callable[..., Path]) -> None:
    error = refusal(real_data("slides", "refused", "pathml_smalltif.tif"))
    assert error.code == "fluorescence"


@pytest.mark.real_data
def test_a_microscope_photograph_opens_with_a_scale_from_a_person(
    real_data: Callable[..., Path],
) -> None:
    with opened(real_data("ihc", "gepnet", "1.png"), mpp=0.48) as slide:
        assert slide.info.scale.source == "user"
        assert slide.read(Box(0, 0, 768, 768)).pixels.std() > 10
