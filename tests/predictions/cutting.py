"""A picture cut into tiles with a halo, as the pipeline does, and the default settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pathology.config import load_record, shipped_configs
from pathology.predictions.calibration import calibrate
from pathology.predictions.nuclei import find_nuclei
from pathology.predictions.stain import estimate_stains
from pathology.records.geometry import Box, Mpp
from pathology.records.prediction import Calibration, Nuclei
from pathology.records.settings.predictions import PredictionSettings
from pathology.records.slide import Region
from pathology.records.stain import Stains
from pathology.records.tile import Tile

SETTINGS = load_record(Path(shipped_configs() / "predictions.toml"), PredictionSettings)
HALO_UM = 48.0


def cut(
    picture: NDArray[np.uint8],
    mpp: float,
    core_px: int,
    downsample: float = 1.0,
    halo_um: float = HALO_UM,
) -> Iterator[Tile]:
    """Tiles that cover ``picture``; white beyond its edge."""
    halo = round(halo_um / mpp)
    height, width = picture.shape[:2]
    wide = np.pad(picture, ((halo, halo), (halo, halo), (0, 0)), constant_values=255)
    for y in range(0, height, core_px):
        for x in range(0, width, core_px):
            core = Box(x, y, min(core_px, width - x), min(core_px, height - y))
            box = core.grown(halo)
            pixels = wide[y : y + box.height, x : x + box.width]
            yield Tile(
                core=core,
                region=Region(box=box, downsample=downsample, pixels=pixels),
                mpp=Mpp(mpp),
            )


def learned(picture: NDArray[np.uint8], mpp: float) -> tuple[Stains, Calibration]:
    """Stains and calibration from the whole picture."""
    stains = estimate_stains([picture], SETTINGS.stain)
    return stains, calibrate([picture], Mpp(mpp), stains, SETTINGS)


def nuclei_of(picture: NDArray[np.uint8], mpp: float, core_px: int = 4096) -> list[Nuclei]:
    """Nuclei of each tile of ``core_px``."""
    stains, calibration = learned(picture, mpp)
    return [find_nuclei(t, stains, calibration, SETTINGS) for t in cut(picture, mpp, core_px)]
