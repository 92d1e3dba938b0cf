"""How often a wrong scale shows in the size of nuclei, on fields of known scale, as Markdown.

python -m tests.benchmarks.nucleus_sizes
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from pathology.errors import SlideError
from pathology.pipeline.glance import glance
from pathology.pipeline.settings import load_settings
from pathology.predictions.nucleus_size import nucleus_diameter_px
from pathology.records.slide import StatedScale
from pathology.slides.open import open_slide
from tests.benchmarks import labelled

SETTINGS = load_settings()
FACTORS = (0.5, 0.67, 1.0, 1.5, 2.0)
FOLDERS = {  # true µm/px, every n-th picture
    "ihc/glioma": (0.11, 1), "ihc/gepnet": (0.48, 1), "ihc/deepliif": (0.25, 1),
    "he/monuseg_train": (0.25, 1), "he/crchisto": (0.55, 4), "he/glas": (0.62, 6),
    "he/wsss4luad_val": (1.0, 2),
}  # fmt: skip
SLIDES = {"CMU-1-Small-Region.svs": 0.499, "TCGA-CR-7395-01A-01-TS1.svs": 1.0}


def pictures(scratch: Path) -> Iterator[tuple[str, Path, float]]:
    """Name of the data, file and true scale."""
    for folder, (mpp, step) in FOLDERS.items():
        for path in labelled.pictures(folder)[::step]:
            yield folder, path, mpp
    for field in labelled.consep("test", 0.25, 0.25):
        path = scratch / f"{field.name}.png"
        Image.fromarray(field.pixels).save(path)
        yield "he/consep/test", path, 0.25
    for name, mpp in SLIDES.items():
        yield f"slides/{name}", labelled.DATA / "slides" / name, mpp


def measured(path: Path, mpp: float) -> tuple[float, bool] | None:
    """Diameter in µm at the stated scale, and whether it is a flag; None where refused."""
    said, site = StatedScale(mpp=mpp, source="user"), SETTINGS.site
    try:
        with open_slide(path, slide_id="x", scale=site.scale, said=said) as slide:
            seen = glance(slide, SETTINGS)
    except SlideError:
        return None
    if not seen.nuclei_visible or seen.stains.kind == "unknown":
        return None
    find = SETTINGS.predictions.nuclei(seen.stains.kind)
    scale = SETTINGS.predictions.nucleus_scale
    diameter = nucleus_diameter_px(seen.samples, seen.stains, find, scale) * seen.mpp
    least, most = site.nucleus_size.usual_um(he=seen.stains.kind == "he")
    tolerance = 1 + site.scale.disagreement
    return diameter, diameter < least / tolerance or diameter > most * tolerance


def main() -> None:
    """One row a data set: flagged of measured, and the median diameter, by error of the scale."""
    rows: dict[str, dict[float, list[tuple[float, bool]]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, path, mpp in pictures(Path(scratch)):
            row = rows.setdefault(name, {f: [] for f in FACTORS})
            for factor in FACTORS:
                if (seen := measured(path, mpp * factor)) is not None:
                    row[factor].append(seen)
    print("| data | " + " | ".join(f"x{f:g}" for f in FACTORS) + " |")
    print("|---" * (len(FACTORS) + 1) + "|")
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(cell(row[f]) for f in FACTORS) + " |")
    for kind in ("ihc", "he"):
        every = {
            f: [s for name, r in rows.items() if name.startswith(kind) for s in r[f]]
            for f in FACTORS
        }
        print(f"| all {kind} | " + " | ".join(cell(every[f]) for f in FACTORS) + " |")


def cell(seen: list[tuple[float, bool]]) -> str:
    """Flagged of measured, and the median of those with a size."""
    sizes = [d for d, _ in seen if not np.isnan(d)]
    if not sizes:
        return "–"
    return f"{sum(f for _, f in seen)}/{len(seen)} ({np.median(sizes):.1f} µm)"


if __name__ == "__main__":
    main()
