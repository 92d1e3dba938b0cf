"""What every pair of eyes keeps, whatever is behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pathology.predictions.calibration import calibration_of
from pathology.predictions.stain import estimate_stains
from pathology.predictions.tissue import map_block_px
from pathology.records.eyes import Eyes, TileSeen, models_of
from pathology.records.geometry import Mpp
from pathology.records.prediction import Calibration, Positivity
from pathology.records.stain import Stains
from tests.painted import Painting, paint_nuclei
from tests.predictions.cutting import SETTINGS, cut

OpenEyes = Callable[[list[NDArray[np.uint8]], Mpp, Stains], Eyes]


def painted(**more: object) -> Painting:
    size = {"width": 640, "height": 480, "spacing_um": 14.0, **more}
    return paint_nuclei(**size)  # type: ignore[arg-type]


class EyesContract:
    """Subclasses give ``open_eyes`` and say how far numbers may differ with the cut of tiles."""

    centre_px = 0.0
    area_share = 0.0

    @pytest.fixture
    def open_eyes(self) -> OpenEyes:
        raise NotImplementedError

    def used_to(self, painting: Painting, open_eyes: OpenEyes) -> tuple[Eyes, Calibration]:
        samples, mpp = [painting.pixels], Mpp(painting.mpp)
        stains = estimate_stains(samples, SETTINGS.stain)
        eyes = open_eyes(samples, mpp, stains)
        return eyes, calibration_of(eyes.sample(samples), np.nan, stains, SETTINGS)

    def seen(self, painting: Painting, open_eyes: OpenEyes, core_px: int) -> list[TileSeen]:
        eyes, calibration = self.used_to(painting, open_eyes)
        return list(eyes.see(cut(painting.pixels, painting.mpp, core_px), calibration))

    @pytest.mark.parametrize("stain", ["ihc-dab", "he"])
    def test_every_painted_nucleus_is_seen_once(self, open_eyes: OpenEyes, stain: str) -> None:
        painting = painted(stain=stain, brown_share=0.3 if stain == "ihc-dab" else 0.0)
        tiles = self.seen(painting, open_eyes, 208)
        centres = np.concatenate([t.nuclei.centre_px0 for t in tiles])
        assert len(centres) == len(painting.centres_px)
        gap, _ = cKDTree(centres).query(painting.centres_px)
        assert gap.max() < 2

    def test_brown_is_positive_by_the_threshold_of_its_own_samples(
        self, open_eyes: OpenEyes
    ) -> None:
        painting = painted(brown_share=0.3)
        calls = np.concatenate([t.nuclei.positive for t in self.seen(painting, open_eyes, 320)])
        assert (calls == Positivity.POSITIVE).sum() == painting.positive
        assert (calls == Positivity.NEGATIVE).sum() == painting.negative

    def test_samples_tell_the_painted_area(self, open_eyes: OpenEyes) -> None:
        painting = painted()
        _, calibration = self.used_to(painting, open_eyes)
        assert calibration.nuclei == pytest.approx(len(painting.centres_px), rel=0.1)
        wanted = np.pi * painting.radius_um**2
        assert calibration.median_area_um2 == pytest.approx(wanted, rel=0.2)

    @pytest.mark.parametrize("core_px", [128, 208, 320])
    @pytest.mark.parametrize("stain", ["ihc-dab", "he"])
    def test_what_is_seen_does_not_depend_on_the_cut(
        self, open_eyes: OpenEyes, stain: str, core_px: int
    ) -> None:
        painting = painted(stain=stain, brown_share=0.3 if stain == "ihc-dab" else 0.0)
        (whole,) = self.seen(painting, open_eyes, 4096)
        tiles = self.seen(painting, open_eyes, core_px)
        assert sum(len(t.nuclei) for t in tiles) == len(whole.nuclei)
        gap, place = cKDTree(whole.nuclei.centre_px0).query(
            np.concatenate([t.nuclei.centre_px0 for t in tiles])
        )
        assert gap.max() <= self.centre_px
        assert len(set(place.tolist())) == len(place)
        for column in ("area_um2", "cell_class", "positive"):
            cut_up = np.concatenate([getattr(t.nuclei, column) for t in tiles])
            np.testing.assert_allclose(
                cut_up, getattr(whole.nuclei, column)[place], rtol=self.area_share
            )
        block = map_block_px(painting.mpp, SETTINGS)
        for tile in tiles:
            row, column = tile.tile.core.y // block, tile.tile.core.x // block
            height, width = tile.classes.shape
            same = whole.classes[row : row + height, column : column + width] == tile.classes
            assert same.mean() > 1 - self.area_share or same.all()

    def test_tiles_come_in_their_order_with_a_map_of_their_core(self, open_eyes: OpenEyes) -> None:
        painting = painted(width=700, height=500)
        block = map_block_px(painting.mpp, SETTINGS)
        wanted = [t.core for t in cut(painting.pixels, painting.mpp, 128)]
        tiles = self.seen(painting, open_eyes, 128)
        assert [t.tile.core for t in tiles] == wanted
        for seen in tiles:
            core = seen.tile.core
            assert seen.classes.shape == (-(-core.height // block), -(-core.width // block))
            assert seen.classes.dtype == np.uint8

    def test_without_calibration_no_nuclei_are_looked_for(self, open_eyes: OpenEyes) -> None:
        painting = painted()
        eyes, _ = self.used_to(painting, open_eyes)
        tiles = list(eyes.see(cut(painting.pixels, painting.mpp, 320), None))
        assert sum(len(t.nuclei) for t in tiles) == 0
        assert any(t.classes.any() for t in tiles)

    def test_bare_glass_holds_nothing(self, open_eyes: OpenEyes) -> None:
        eyes, calibration = self.used_to(painted(), open_eyes)
        glass = np.full((256, 256, 3), 243, np.uint8)
        for seen in eyes.see(cut(glass, 0.5, 256), calibration):
            assert len(seen.nuclei) == 0
            assert not seen.classes.any()

    def test_no_tiles_are_no_error(self, open_eyes: OpenEyes) -> None:
        eyes, calibration = self.used_to(painted(), open_eyes)
        assert list(eyes.see([], calibration)) == []

    def test_the_models_behind_are_told_each_once(self, open_eyes: OpenEyes) -> None:
        eyes, _ = self.used_to(painted(), open_eyes)
        models = models_of(eyes)
        assert len(models) == len({m.name for m in models}) > 0
        assert all(m.licence for m in models)

    def test_no_thread_is_left_when_the_caller_goes(self, open_eyes: OpenEyes) -> None:
        painting = painted()
        eyes, calibration = self.used_to(painting, open_eyes)
        before = set(threading.enumerate())
        with closing(eyes.see(cut(painting.pixels, 0.5, 128), calibration)) as tiles:
            next(tiles)
        assert set(threading.enumerate()) <= before
