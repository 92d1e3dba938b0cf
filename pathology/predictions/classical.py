"""Eyes without a network: the classical baseline."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from pathology.predictions.calibration import sampled_nuclei
from pathology.predictions.nuclei import find_nuclei
from pathology.predictions.tissue import classify_tissue, epithelium_threshold
from pathology.records.eyes import SampledNuclei, SeenBy, TileSeen
from pathology.records.geometry import Mpp
from pathology.records.prediction import Calibration, Nuclei
from pathology.records.result import ModelUsed
from pathology.records.settings.predictions import PredictionSettings
from pathology.records.stain import Stains
from pathology.records.tile import Tile

BASELINE: Final = SeenBy(
    model=ModelUsed(name="classical-baseline/1", weights_sha256=None, licence="Apache-2.0"),
    classical=True,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassicalEyes:
    """``records.eyes.Eyes`` by thresholds, blobs and shapes."""

    stains: Stains
    mpp: Mpp
    epithelium_threshold: float
    settings: PredictionSettings

    nuclei_by: ClassVar[SeenBy] = BASELINE
    tissue_by: ClassVar[SeenBy] = BASELINE
    work: ClassVar[None] = None

    def sample(self, samples: Sequence[NDArray[np.uint8]]) -> SampledNuclei:
        """Nuclei in patches of tissue."""
        return sampled_nuclei(samples, self.mpp, self.stains, self.settings)

    def see(
        self, tiles: Iterable[Tile], calibration: Calibration | None
    ) -> Generator[TileSeen, None, None]:
        """Nuclei and tissue classes of each tile."""
        for tile in tiles:
            nuclei = Nuclei.none() if calibration is None else self.nuclei(tile, calibration)
            yield TileSeen(tile=tile, nuclei=nuclei, classes=self.tissue(tile))

    def nuclei(self, tile: Tile, calibration: Calibration) -> Nuclei:
        """Nuclei whose seed lies in the core."""
        return find_nuclei(tile, self.stains, calibration, self.settings)

    def tissue(self, tile: Tile) -> NDArray[np.uint8]:
        """TissueClass of each map pixel of the core."""
        return classify_tissue(tile, self.stains, self.epithelium_threshold, self.settings)


def classical_eyes(
    samples: Sequence[NDArray[np.uint8]], mpp: Mpp, stains: Stains, settings: PredictionSettings
) -> ClassicalEyes:
    """Eyes used to the slide that the samples (h, w, 3) at ``mpp`` were taken from."""
    return ClassicalEyes(
        stains=stains,
        mpp=mpp,
        epithelium_threshold=epithelium_threshold(samples, mpp, stains, settings),
        settings=settings,
    )
