"""Nuclei as places and calls, painted so that the answer is known."""

import numpy as np

from pathology.config import load_record, shipped_configs
from pathology.findings.ki67 import Ki67Seen
from pathology.findings.windows import Ground, ScoredNuclei
from pathology.records.settings.ki67 import Ki67Settings

RULES = load_record(shipped_configs() / "ki67.toml", Ki67Settings)
PER_MM2 = 2500


def spread(side_um, *, per_mm2=PER_MM2, seed=0):
    """Places (n, 2) evenly at random over a square."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, side_um, (round(per_mm2 * (side_um / 1000) ** 2), 2))


def called(places, share, *, seed=1):
    """Nuclei that are positive with probability ``share``, one number or one a nucleus."""
    rng = np.random.default_rng(seed)
    positive = rng.random(len(places)) < share
    nowhere = np.empty((0, 2))
    return ScoredNuclei(
        centre_um=places, positive=positive, ambiguous_um=nowhere, lymphocyte_um=nowhere
    )


def ground(side_um, mpp=8.0):
    """A square of analysed tissue."""
    size = int(np.ceil(side_um / mpp))
    return Ground(analysed=np.ones((size, size), bool), mpp=mpp)


def seen(nuclei, side_um, **more):
    """What a slide shows that is nothing but these nuclei."""
    told = {"exclusions": {}, "region": "tissue", "confirmed": True, **more}
    return Ki67Seen(nuclei=nuclei, ground=ground(side_um), **told)
