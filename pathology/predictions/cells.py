"""Classes of nuclei by shape, darkness and surroundings, as well as simple means can.

Tumour is the class of doubt: a nucleus is called a lymphocyte or stroma only where it is plainly
one, since each tumour nucleus called otherwise is missing from the index. Nothing here looks at
DAB: a class that depended on it would move positive and negative nuclei apart and bend the index.

* lymphocyte: dark, round and small, with a pale rim around it;
* stroma: long, or in a neighbourhood whose cytoplasm takes no haematoxylin;
* other: too large for one nucleus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pathology.records.prediction import CellClass
from pathology.records.settings.predictions import CellSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellFeatures:
    """What is known of each nucleus, (n,) each."""

    area_um2: NDArray[np.floating]
    elongation: NDArray[np.floating]  # >= 1
    darkness: NDArray[np.floating]  # mean nuclear signal over the slide's threshold
    surround: NDArray[np.floating]  # nuclear signal of the rim around it, over its own
    basophilia: NDArray[np.floating]  # of the neighbourhood, 0..1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classed:
    """CellClass (n,) of each nucleus and how certain it is, in [0, 1]."""

    cell_class: NDArray[np.uint8]
    probability: NDArray[np.float32]


def classify_cells(features: CellFeatures, settings: CellSettings) -> Classed:
    """The most plausible class of each nucleus.

    The probability says how far a nucleus lies from the cut-offs; it is not calibrated on
    outcomes.
    """
    soft = settings.softness
    lymphocyte = (
        _exceeds(settings.lymphocyte_most_area_um2, features.area_um2, soft)
        * _exceeds(settings.lymphocyte_most_elongation, features.elongation, soft)
        * _exceeds(settings.lymphocyte_most_surround, features.surround, soft)
        * _exceeds(features.darkness, settings.lymphocyte_least_darkness, soft)
    )
    long = np.log(features.elongation / settings.stroma_elongation)
    pale = np.log(settings.stroma_basophilia / np.maximum(features.basophilia, 1e-3))
    evidence = settings.elongation_weight * long + settings.basophilia_weight * pale
    stroma = (1 - lymphocyte) / (1 + np.exp(-np.clip(evidence, -30, 30)))
    large = _exceeds(features.area_um2, settings.other_least_area_um2, soft)
    shares = np.empty((len(large), len(CellClass)))
    shares[:, CellClass.LYMPHOCYTE] = lymphocyte * (1 - large)
    shares[:, CellClass.STROMA] = stroma * (1 - large)
    shares[:, CellClass.OTHER] = large
    shares[:, CellClass.TUMOUR] = (1 - lymphocyte - stroma) * (1 - large)
    best = np.argmax(shares, axis=1)
    return Classed(
        cell_class=best.astype(np.uint8),
        probability=shares[np.arange(len(best)), best].clip(0, 1).astype(np.float32),
    )


def _exceeds(
    value: NDArray[np.floating] | float, limit: NDArray[np.floating] | float, softness: float
) -> NDArray[np.float64]:
    """How plainly ``value`` exceeds ``limit``, in 0..1, one half at the limit."""
    step = np.log(np.maximum(value, 1e-6) / np.maximum(limit, 1e-6)) / softness
    certainty: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(step, -30, 30)))
    return certainty
