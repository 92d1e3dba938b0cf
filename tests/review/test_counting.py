"""A region drawn on the slide holds what it holds: counted against the painted truth."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from pathology.exchange.cells_parquet import CellsWriter
from pathology.exchange.stored_result import read_result
from pathology.pipeline.recount import AT_ONCE, count_region, remembered
from pathology.records.prediction import CellClass, Nuclei, Positivity
from pathology.records.region import Polygon, Ring, SlideRegion
from tests import painted
from tests.review.painted_desk import SITE, PaintedDesk, analysed


def square(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def drawn(outline: list[list[float]]) -> tuple[SlideRegion, ...]:
    ring = Ring(points_px0=np.array(outline))
    return (
        SlideRegion(
            region_id="drawn", kind="tumour", polygons=(Polygon(outer=ring),), source="person"
        ),
    )


def counted(client: TestClient, desk: PaintedDesk, outline: list[list[float]]) -> dict:  # type: ignore[type-arg]
    answer = client.post(f"{desk.address}/count", json={"outline": outline})
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


def test_a_region_has_the_index_of_its_nuclei(
    client: TestClient, painted_desk: PaintedDesk
) -> None:
    truth = painted_desk.painting
    left, top, right, bottom = 203.5, 151.5, 902.5, 851.5
    x, y = truth.centres_px.T
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    told = counted(client, painted_desk, square(left, top, right, bottom))
    (finding,) = told["findings"]
    assert finding["name"] == "ki67.global"
    assert finding["whole"] == inside.sum() > 100
    assert finding["part"] == (inside & truth.brown).sum()
    assert "category" not in finding
    assert told["nuclei"] == inside.sum()
    area = (right - left) * (bottom - top) * 0.25 / 1e6
    assert told["area_mm2"] == pytest.approx(area, rel=1e-6)
    assert told["analysed_mm2"] == pytest.approx(area, rel=0.05)


def test_no_more_is_analysed_than_there_is(painted_desk: PaintedDesk) -> None:
    """The two areas come from grids of their own; what is told must still make sense."""
    quality = read_result(painted_desk.folder).quality
    assert 0.95 * quality.tissue_mm2 < quality.analysed_mm2 <= quality.tissue_mm2


def test_too_few_nuclei_are_no_number(client: TestClient, painted_desk: PaintedDesk) -> None:
    (finding,) = counted(client, painted_desk, square(300, 300, 380, 380))["findings"]
    assert finding["reason_code"] == "too-few-nuclei"
    assert "value" not in finding


def test_where_nobody_looked_there_is_no_number_and_no_nought(tmp_path: Path) -> None:
    """Tissue in the upper half alone: below it no tile was read."""
    pixels = np.full((2400, 1024, 3), painted.GLASS, np.uint8)
    pixels[:768] = painted.paint_nuclei(width=1024, height=768, seed=3).pixels
    slide = painted.write_tiff(tmp_path / "half.tif", pixels, levels=2)
    memory = remembered(analysed(slide, tmp_path / "out"), SITE)
    empty = count_region(memory, drawn(square(100, 2100, 900, 2300)))
    assert (empty.looked_at_mm2, empty.findings) == (0.0, ())
    assert empty.area_mm2 == pytest.approx(800 * 200 * 0.25 / 1e6)
    both = count_region(memory, drawn(square(100, 100, 900, 2300)))
    assert 0 < both.looked_at_mm2 < 0.95 * both.area_mm2
    assert both.findings


@pytest.mark.parametrize(
    ("outline", "why"),
    [
        ([[100, 100], [900, 900], [900, 100], [100, 700]], "without crossing lines"),
        (square(50_000, 50_000, 50_100, 50_100), "beside this slide"),
        ([[100, 100], [200, 200], [300, 300]], "empty"),
        ([["a", "b"], [1, 2], [3, 4]], "cannot be read"),
        ([[True, True], [True, False], [False, False]], "cannot be read"),
        ([[1e99, 1e99], [0, 0], [5, 9]], "cannot be read"),
    ],
)
def test_what_is_no_region_is_refused(
    outline: list[list[object]], why: str, client: TestClient, painted_desk: PaintedDesk
) -> None:
    answer = client.post(f"{painted_desk.address}/count", json={"outline": outline})
    assert (answer.status_code, answer.json()["code"]) == (422, "cannot")
    assert why in answer.json()["detail"]


def test_counting_writes_nothing(client: TestClient, painted_desk: PaintedDesk) -> None:
    before = {p: p.stat().st_mtime_ns for p in painted_desk.results.rglob("*") if p.is_file()}
    counted(client, painted_desk, square(203, 151, 902, 851))
    after = {p: p.stat().st_mtime_ns for p in painted_desk.results.rglob("*") if p.is_file()}
    assert before == after


def test_infiltrate_of_a_region(tmp_path: Path) -> None:
    pixels = painted.paint_nuclei(
        width=1100, height=800, seed=8, stain="he", brown_share=0, spacing_um=11
    ).pixels
    slide = painted.write_tiff(tmp_path / "he.tif", pixels, levels=2)
    memory = remembered(analysed(slide, tmp_path / "out", "infiltration"), SITE)
    told = count_region(memory, drawn(square(200, 200, 900, 600)))
    assert {f.name for f in told.findings} == set(AT_ONCE["infiltration"])


@pytest.mark.slow
def test_a_hundred_thousand_nuclei_are_counted_within_two_seconds(
    painted_desk: PaintedDesk, tmp_path: Path
) -> None:
    """Processor time: the machine may be busy, the program may not be slow."""
    import shutil

    folder = tmp_path / "out" / painted_desk.slide_id / painted_desk.folder.name
    shutil.copytree(painted_desk.folder, folder)
    rng, n = np.random.default_rng(1), 100_000
    centre = rng.uniform((60, 60), (1440, 1040), (n, 2))
    nuclei = Nuclei(
        centre_px0=centre,
        area_um2=np.full(n, 50, np.float32),
        cell_class=np.full(n, CellClass.TUMOUR, np.uint8),
        class_probability=np.ones(n, np.float32),
        dab_od=np.zeros(n, np.float32),
        positive=rng.choice([Positivity.POSITIVE, Positivity.NEGATIVE], n).astype(np.int8),
        outline_px0=np.empty((0, 2), np.float32),
        outline_start=np.zeros(n + 1, np.int64),
    )
    with CellsWriter(folder / "cells.parquet") as writer:
        writer.add(nuclei)
    memory = remembered(folder, SITE)
    start = time.process_time()
    told = count_region(memory, drawn(square(20, 20, 1480, 1080)))
    seconds = time.process_time() - start
    assert told.nuclei == n
    assert seconds < 2
