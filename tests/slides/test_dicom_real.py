"""Real DICOM: the same tissue as an SVS, and a file that must be refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
import pytest

from pathology.errors import SlideError
from pathology.records.geometry import Box
from pathology.slides.dicom_index import index_dicom
from pathology.slides.open import examine
from tests.slides.opened import opened

pytestmark = pytest.mark.real_data
WHOLE = Box(0, 0, 2220, 2967)


def test_the_series_shows_what_the_svs_of_the_same_tissue_shows(
    real_data: Callable[..., Path],
) -> None:
    with (
        opened(real_data("slides", "cmu1_dicom")) as dicom,
        opened(real_data("slides", "CMU-1-Small-Region.svs")) as svs,
    ):
        assert dicom.info.mpp == pytest.approx(svs.info.mpp, rel=1e-3)
        ours, theirs = dicom.read(WHOLE).pixels, svs.read(WHOLE).pixels
    # Its header says RGB over YCbCr frames: whoever believes it is 66 levels off on average.
    assert np.abs(ours.astype(int) - theirs).mean() < 5


def test_lightness_is_what_openslide_reads_pixel_for_pixel(
    real_data: Callable[..., Path],
) -> None:
    """OpenSlide believes the header, so its red is the stored lightness (Y) itself."""
    folder = real_data("slides", "cmu1_dicom")
    with openslide.OpenSlide(folder / "level-0-frames-0-30.dcm") as handle:
        stored = np.asarray(handle.read_region((0, 0), 0, (2220, 2967)).convert("RGB"))[..., 0]
    with opened(folder) as slide:
        rgb = slide.read(WHOLE).pixels.astype(float)
    lightness = rgb @ [0.299, 0.587, 0.114]
    clipped = (rgb == 0).any(axis=2) | (rgb == 255).any(axis=2)
    assert np.abs(lightness - stored)[~clipped].max() <= 1.5


def test_all_twelve_files_are_of_the_slide_and_every_usable_level_is_found(
    real_data: Callable[..., Path],
) -> None:
    facts, levels = index_dicom(real_data("slides", "cmu1_dicom"), "s1")
    assert len(facts.files) == 12
    assert [level.downsample for level in levels] == [1, 2, 4, 8, 16, 32]
    assert levels[0].offset.size == 30


def test_a_file_without_spacing_and_places_of_frames_is_refused(
    real_data: Callable[..., Path],
) -> None:
    """Its frames go column by column; read row by row they make a picture that never was."""
    path = real_data("slides", "refused", "pathml_small_dicom.dcm")
    with pytest.raises(SlideError, match="its frames state no place"):
        examine(path, slide_id="s1")
