"""The ``Slide`` contract, kept by every backend over TIFF; the truth is read by another library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from numpy.typing import NDArray

from pathology.records.settings.scale import ScaleSettings
from pathology.records.slide import Slide, SlideInfo
from pathology.slides import openslide_slide
from pathology.slides.open import open_slide
from pathology.slides.scale import settle_scale
from tests.contracts.slide_contract import SlideContract
from tests.painted import paint_nuclei, write_tiff
from tests.painted_tiff import write_ome, write_svs

SCALE = ScaleSettings(
    source="bounds for tests",
    finest_mpp=0.05,
    coarsest_mpp=20.0,
    anisotropy_tolerance=0.02,
    disagreement=0.3,
    objective_um=10.0,
)


@pytest.fixture(scope="session")
def painted() -> NDArray[np.uint8]:
    return paint_nuclei(width=701, height=603, seed=3).pixels


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slides")


def by_openslide(path: Path) -> NDArray[np.uint8]:
    with openslide.OpenSlide(path) as handle:
        image = handle.read_region((0, 0), 0, handle.dimensions)
    return np.asarray(image.convert("RGB"))


class _Written(SlideContract):
    """A slide written for the class; the truth is read by OpenSlide, or else by tifffile."""

    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def slide(cls, path: Path) -> Iterator[Slide]:
        with open_slide(path, slide_id="s1", scale=SCALE) as slide:
            assert slide.info.facts.backend == "tiled"
            yield slide

    @pytest.fixture(scope="class")
    @classmethod
    def truth(cls, path: Path) -> NDArray[np.uint8]:
        return by_openslide(path)


class TestJpegTiff(_Written):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        return write_tiff(folder / "jpeg.tif", painted, levels=3)


class TestSvsStoredAsRgb(_Written):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        return write_svs(folder / "rgb.svs", painted, marked=False)


class TestJpeg2000Tiff(_Written):
    tolerance = 1  # the colour transform is rounded once here, and once there

    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        return write_tiff(folder / "j2k.tif", painted, levels=2, compression="jpeg2000")

    @pytest.fixture(scope="class")
    @classmethod
    def truth(cls, path: Path) -> NDArray[np.uint8]:
        return np.asarray(tifffile.imread(path))


class TestLzwTiff(_Written):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        return write_tiff(folder / "lzw.tif", painted, levels=2, compression="lzw")

    @pytest.fixture(scope="class")
    @classmethod
    def truth(cls, painted: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return painted


class TestPlainTiff(TestLzwTiff):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        return write_tiff(folder / "plain.tif", painted, levels=1, compression="none")


class TestOmeTiffInDeflate(TestLzwTiff):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        return write_ome(folder / "deflate.ome.tif", painted, compression="deflate", levels=2)


class TestOpenSlide(_Written):
    """OpenSlide's backend over a file that the tiled one would take, since it can be written."""

    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, folder: Path, painted: NDArray[np.uint8]) -> Path:
        return write_svs(folder / "openslide.svs", painted)

    @pytest.fixture(scope="class")
    @classmethod
    def slide(cls, path: Path) -> Iterator[Slide]:
        facts = openslide_slide.examine(path, "s1")
        info = SlideInfo(slide_id="s1", facts=facts, scale=settle_scale("s1", facts, SCALE))
        with openslide_slide.open_openslide(path, info) as slide:
            yield slide


class TestRealSvs(_Written):
    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, real_data: Callable[..., Path]) -> Path:
        return real_data("slides", "CMU-1-Small-Region.svs")
