"""Two painted slides on which every finding can be measured, and what was once found on them.

``scripts/golden`` writes the results anew; look at the difference before it is committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests import painted

FOLDER = Path(__file__).parent / "golden"
MPP = 0.5
WIDTH, HEIGHT = 3200, 2560  # 1.6 x 1.28 mm
HOT_UM, HOT_RADIUS_UM = (1150, 640), 230
HE_WIDTH, HE_HEIGHT = 5200, 4800  # 2.6 x 2.4 mm
NEST_UM, NEST_RADIUS_UM, BED_HALF_UM = (1300, 1200), 500, 820
LYMPHOCYTE = (62, 52, 120)
CYTOPLASM = (178, 132, 188)  # of epithelium: it takes some haematoxylin

KEPT = ("name", "protocol", "formula", "unit", "value", "low", "high", "interval", "part", "whole")
"""Keys of a finding that are kept, beside those below."""
ALSO = ("not_measurable", "category", "ambiguous_range", "exclusions", "clustered", "search")


def golden_ihc(folder: Path) -> tuple[Path, Path]:
    """A tumour whose labelling rises from a twentieth on the left to four in ten on the right,
    with a hot spot of seven in ten; and a region that a person drew around nearly all of it."""

    def share(centre_um: NDArray[np.float64]) -> NDArray[np.float64]:
        across = 0.05 + 0.35 * centre_um[:, 0] / (WIDTH * MPP)
        hot = np.hypot(*(centre_um - HOT_UM).T) < HOT_RADIUS_UM
        return np.where(hot, 0.7, across)

    field = painted.paint_nuclei(width=WIDTH, height=HEIGHT, mpp=MPP, share_at=share, seed=21)
    slide = painted.write_tiff(folder / "golden ihc.tif", field.pixels, mpp=MPP, levels=2)
    return slide, _region(folder / "region.geojson", 100, 100, WIDTH - 100, HEIGHT - 100)


def golden_he(folder: Path) -> tuple[Path, Path]:
    """A round nest of bluish epithelium with large nuclei, small dark nuclei in the stroma around
    it; and a square tumour bed that a person drew around the nest."""
    rng = np.random.default_rng(22)
    image = np.full((HE_HEIGHT, HE_WIDTH, 3), painted.GLASS, np.float32)
    image[80:-80, 80:-80] = painted.EOSIN
    painted.paint_disc(image, *np.array(NEST_UM) / MPP, NEST_RADIUS_UM / MPP, CYTOPLASM)
    large, small = _grid(rng, 18), _grid(rng, 27)
    nest = np.hypot(*(large - NEST_UM).T) < NEST_RADIUS_UM - 8
    stroma = np.hypot(*(small - NEST_UM).T) > NEST_RADIUS_UM + 8
    kinds = ((large[nest], 5.0, painted.HAEMATOXYLIN), (small[stroma], 2.9, LYMPHOCYTE))
    for places, radius_um, colour in kinds:
        for x, y in places / MPP:
            painted.paint_disc(image, x, y, radius_um / MPP, colour)
    image += rng.normal(0, 2, image.shape)
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    slide = painted.write_tiff(folder / "golden he.tif", pixels, mpp=MPP, levels=2)
    (x, y), half = np.array(NEST_UM) / MPP, BED_HALF_UM / MPP
    return slide, _region(folder / "bed.geojson", x - half, y - half, x + half, y + half)


def _grid(rng: np.random.Generator, spacing_um: float) -> NDArray[np.float64]:
    """Places (n, 2) on a jittered grid over the tissue of the H&E slide, µm."""
    sides = (np.arange(60, side * MPP - 60, spacing_um) for side in (HE_WIDTH, HE_HEIGHT))
    places = np.stack([axis.ravel() for axis in np.meshgrid(*sides)], axis=1)
    return places + rng.uniform(-0.1, 0.1, places.shape) * spacing_um


def _region(path: Path, left: float, top: float, right: float, bottom: float) -> Path:
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return path


SLIDES = {"ki67": golden_ihc, "infiltration": golden_he}


def kept_of(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a golden result keeps of ``findings.json``."""
    return [{k: f[k] for k in (*KEPT, *ALSO) if k in f} for f in findings]


def golden(analysis: str) -> list[dict[str, Any]]:
    """What was once found."""
    told: list[dict[str, Any]] = json.loads((FOLDER / f"{analysis}.json").read_text("utf-8"))
    return told


def write_golden(analysis: str, findings: list[dict[str, Any]]) -> None:
    """Keep what is found now."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(kept_of(findings), ensure_ascii=False, indent=1)
    (FOLDER / f"{analysis}.json").write_text(f"{text}\n", "utf-8")
