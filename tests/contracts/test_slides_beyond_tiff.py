"""The ``Slide`` contract, kept by the backends for DICOM, OME-Zarr, pictures, KFB and TMAP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import openslide
import pydicom
import pytest
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import generate_frames

from pathology.records.geometry import Box
from pathology.records.slide import Slide
from pathology.slides.placed_slide import FILE, Placed, PlacedRegion
from pathology.slides.region_tiff import write_region
from tests.contracts.slide_contract import SlideContract
from tests.painted import paint_nuclei
from tests.painted_dicom import DicomForm, frames_of, write_dicom
from tests.painted_foreign import TILE, write_kfb, write_tmap
from tests.painted_zarr import write_zarr
from tests.slides.opened import opened


@pytest.fixture(scope="session")
def painted() -> NDArray[np.uint8]:
    return paint_nuclei(width=701, height=603, seed=3).pixels


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slides")


class _Written(SlideContract):
    """A slide written for the class, from pixels that its format keeps as they are."""

    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def slide(cls, path: Path) -> Iterator[Slide]:
        with opened(path) as slide:
            yield slide

    @pytest.fixture(scope="class")
    @classmethod
    def truth(cls, painted: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return painted


class TestDicomInJpeg(_Written):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        return write_dicom(folder / "jpeg", painted, levels=3)

    @pytest.fixture(scope="class")
    @classmethod
    def truth(cls, path: Path) -> NDArray[np.uint8]:
        with openslide.OpenSlide(path / "level-0.dcm") as handle:
            image = handle.read_region((0, 0), 0, handle.dimensions)
        return np.asarray(image.convert("RGB"))


class TestDicomInSparseJpeg2000(_Written):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        form = DicomForm(codec="jpeg2000", sparse=True, offsets="extended")
        return write_dicom(folder / "sparse", painted, levels=2, form=form)


class TestOmeZarr(_Written):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        return write_zarr(folder / "s.zarr", painted, levels=3, version=3)


class TestPlacedRegions(_Written):
    """One region of all of the slide: what it shows is the scan's."""

    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        height, width = painted.shape[:2]
        scan, placed = write_zarr(folder / "cut.zarr", painted, levels=1), folder / "placed"
        placed.mkdir()
        box = Box(0, 0, width, height)
        with opened(scan) as slide:
            write_region(slide, box, placed / "region-1.tif")
        told = Placed(
            width_px0=width,
            height_px0=height,
            mpp=0.5,
            regions=(PlacedRegion(file="region-1.tif", box_px0=box),),
        )
        (placed / FILE).write_text(json.dumps(told.document()), "utf-8")
        return placed


class TestField(_Written):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        path = folder / "field.png"
        path.write_bytes(imagecodecs.png_encode(painted))
        return path

    @pytest.fixture(scope="class")
    @classmethod
    def slide(cls, path: Path) -> Iterator[Slide]:
        with opened(path, mpp=0.5) as slide:
            yield slide


class _Foreign(_Written):
    tolerance = 1  # two builds of one JPEG decoder

    @pytest.fixture(scope="class")
    @classmethod
    def truth(cls, painted: NDArray[np.uint8]) -> NDArray[np.uint8]:
        rows, columns = -(-painted.shape[0] // TILE), -(-painted.shape[1] // TILE)
        tiles = [
            simplejpeg.decode_jpeg(
                simplejpeg.encode_jpeg(frame, quality=95, colorsubsampling="444")
            )
            for frame in frames_of(painted, TILE)
        ]
        whole = np.vstack([np.hstack(tiles[r * columns : (r + 1) * columns]) for r in range(rows)])
        return whole[: painted.shape[0], : painted.shape[1]]


class TestKfb(_Foreign):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        pytest.importorskip("kfbslide", reason="the extra chinese-scanners is not installed")
        return write_kfb(folder / "s.kfb", painted, levels=3)


class TestTmap(_Foreign):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        pytest.importorskip("tmapslide", reason="the extra chinese-scanners is not installed")
        return write_tmap(folder / "s.tmap", painted, levels=3)


class TestRealDicom(SlideContract):
    """The truth is decoded from the bare frames by Pillow, which asks no DICOM header."""

    tolerance_reduced = 18.0  # its writer made the smaller levels without averaging

    @pytest.fixture(scope="class")
    @classmethod
    def slide(cls, real_data: Callable[..., Path]) -> Iterator[Slide]:
        with opened(real_data("slides", "cmu1_dicom")) as slide:
            yield slide

    @pytest.fixture(scope="class")
    @classmethod
    def truth(cls, real_data: Callable[..., Path]) -> NDArray[np.uint8]:
        path = real_data("slides", "cmu1_dicom", "level-0-frames-0-30.dcm")
        data = pydicom.dcmread(path)
        frames = generate_frames(data.PixelData, number_of_frames=30)
        tiles = [np.asarray(Image.open(BytesIO(frame))) for frame in frames]
        whole = np.vstack([np.hstack(tiles[r * 5 : (r + 1) * 5]) for r in range(6)])
        return whole[:2967, :2220]
