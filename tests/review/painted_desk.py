"""A desk with one painted slide whose every nucleus is known, analysed for real."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pathology.exchange.cells_judged import Judgement, judge_cells
from pathology.exchange.cells_parquet import CellsWriter
from pathology.pipeline import store
from pathology.pipeline.run_slide import Job
from pathology.pipeline.settings import load_settings
from pathology.pipeline.stages import run_slide
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.prediction import CellClass, Nuclei, Positivity
from pathology.records.result import Analysis
from pathology.review.desk import Desk
from pathology.review.gate import Gate
from tests import painted
from tests.painted import Painting
from tests.sites import classical

CORNERS = 24
SITE = classical(load_settings())
CASE = "case-1"


@dataclass(frozen=True, kw_only=True)
class PaintedDesk:
    results: Path
    slide: Path
    folder: Path  # of the result
    painting: Painting

    @property
    def slide_id(self) -> str:
        return self.folder.parent.name

    @property
    def address(self) -> str:
        return f"/results/{self.slide_id}/{self.folder.name}"

    def copied(self, folder: Path) -> PaintedDesk:
        """The same results, under the same ids, for tests that write."""
        out = folder / "out"
        shutil.copytree(self.results, out)
        return replace(self, results=out, folder=out / self.slide_id / self.folder.name)

    def desk(self, gate: Gate, *, scan: bool = True) -> Desk:
        def slide_of(slide_id: str) -> Path | None:
            return self.slide if scan and slide_id == self.slide_id else None

        return Desk(results=self.results, slide_of=slide_of, settings=SITE, gate=gate)


def known_nuclei(painting: Painting) -> Nuclei:
    """The painted nuclei as if they had been seen exactly."""
    n, radius = len(painting.centres_px), painting.radius_um / painting.mpp
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    ring = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outlines = painting.centres_px[:, None] + ring
    return Nuclei(
        centre_px0=painting.centres_px,
        area_um2=np.full(n, np.pi * painting.radius_um**2, np.float32),
        cell_class=np.full(n, CellClass.TUMOUR, np.uint8),
        class_probability=np.full(n, 0.875, np.float32),
        dab_od=np.where(painting.brown, 0.5, 0.05).astype(np.float32),
        positive=np.where(painting.brown, Positivity.POSITIVE, Positivity.NEGATIVE).astype(np.int8),
        outline_px0=outlines.reshape(-1, 2).astype(np.float32),
        outline_start=np.arange(n + 1) * CORNERS,
    )


def analysed(slide: Path, out: Path, analysis: Analysis = "ki67", **told: Any) -> Path:
    """The result's folder of a slide that the classical analysis has seen."""
    store.prepare_output(out)
    marker = {"marker": "ki67", "marker_source": "user"} if analysis == "ki67" else {}
    order = SlideOrder(path=slide, analysis=analysis, **(marker | told))
    options = RunOptions(out=out, device="cpu")
    job = Job(order=order, options=options, settings=SITE, pseudonym_key=None)
    row = run_slide(job, lambda _: None).row
    assert row.state == "done", row.reason
    return out / row.result


def paint_desk(folder: Path, *, width: int = 1500, height: int = 1100) -> PaintedDesk:
    """Paints, analyses, and puts the painted nuclei in the place of those that were found."""
    painting = painted.paint_nuclei(width=width, height=height, mpp=0.5, seed=7)
    slide = painted.write_tiff(folder / "slide.tif", painting.pixels, mpp=0.5, levels=2)
    out = folder / "out"
    result = analysed(slide, out, case_id=CASE)
    cells = result / "cells.parquet"
    with CellsWriter(cells) as writer:
        writer.add(known_nuclei(painting))
    far = painting.centres_px[:, 0] > width - 160  # a strip that is not counted

    def judge(points: np.ndarray, rows: slice) -> Judgement:
        why = np.where(far[rows], "out_of_focus", "")
        return Judgement(excluded_by=why, regions=[["tissue"]] * len(points))

    judge_cells(cells, cells, judge)
    return PaintedDesk(results=out, slide=slide, folder=result, painting=painting)
