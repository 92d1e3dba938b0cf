"""Tissue maps painted from shapes, in µm, so that areas and lengths are known in closed form."""

import numpy as np

from pathology.config import load_record, shipped_configs
from pathology.findings.infiltration import InfiltrationSeen
from pathology.records.prediction import TissueClass
from pathology.records.settings.infiltration import InfiltrationSettings

RULES = load_record(shipped_configs() / "infiltration.toml", InfiltrationSettings)
MPP = 8.0


def middles(side_um, mpp=MPP):
    """x and y (rows, columns) of pixel middles, µm."""
    at = (np.arange(round(side_um / mpp)) + 0.5) * mpp
    return np.meshgrid(at, at)


def disc(x, y, centre_um, radius_um):
    return np.hypot(x - centre_um[0], y - centre_um[1]) <= radius_um


def seen(tumour, *, tissue=None, mpp=MPP, cells_um=None, **more):
    """A slide of tumour in stroma; all of the tissue is analysed."""
    tissue = np.ones(tumour.shape, bool) if tissue is None else tissue
    classes = np.where(tumour, TissueClass.TUMOUR, TissueClass.STROMA)
    classes = np.where(tissue, classes, TissueClass.BACKGROUND).astype(np.uint8)
    return InfiltrationSeen(
        classes=classes,
        analysed=tissue,
        tissue=tissue,
        mpp=mpp,
        mononuclear_um=np.empty((0, 2)) if cells_um is None else cells_um,
        **more,
    )


def scattered(side_um, per_mm2, seed=0):
    """Cells (n, 2) evenly at random over a square."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, side_um, (round(per_mm2 * (side_um / 1000) ** 2), 2))
