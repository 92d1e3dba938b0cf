"""Bad input: each a row with its reason, never a traceback, never a number where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import painted
from tests.acceptance.conftest import Finished
from tests.painted_tiff import overwrite_tile, write_svs

Pathology = Callable[..., Finished]


@pytest.fixture(scope="module")
def batch(
    pathology: Pathology, ihc_slide: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    """One run over everything that can be wrong with a file, and one good slide."""
    folder = tmp_path_factory.mktemp("bad")
    good = ihc_slide.read_bytes()
    shutil.copy(ihc_slide, folder / "good.tif")
    (folder / "zero.svs").touch()
    (folder / "truncated.tif").write_bytes(good[: len(good) // 2])
    (folder / "text.svs").write_text("this is not a slide")
    (folder / "noise.tif").write_bytes(np.random.default_rng(1).bytes(100_000))
    white = np.full((1024, 1024, 3), 255, np.uint8)
    painted.write_tiff(folder / "white.tif", white, mpp=0.5)
    pixels = painted.paint_nuclei().pixels
    painted.write_tiff(folder / "no scale.tif", pixels, mpp=None)
    write_svs(folder / "scale 0.svs", pixels, mpp=0, app_mag=None)
    painted.write_tiff(folder / "scale 1000.tif", pixels, mpp=1000)
    Image.fromarray(pixels).save(folder / "field.png")
    return pathology("run", folder, "--analysis", "ki67", out=tmp_path_factory.mktemp("out"))


def test_the_run_ends_with_the_truth(batch: Finished) -> None:
    assert batch.code == 1
    assert "1 of 10 done, 9 failed" in batch.stdout
    assert batch.row("good.tif")["state"] == "done"


@pytest.mark.parametrize(
    ("slide", "code", "remedy"),
    [
        ("zero.svs", "empty-file", "Copy it again"),
        ("truncated.tif", "damaged-file", "Copy it again"),
        ("text.svs", "not-a-slide", "guide"),
        ("noise.tif", "not-a-slide", "guide"),
        ("white.tif", "no-tissue", "glass"),
        ("no scale.tif", "scale-missing", "--mpp"),
        ("scale 0.svs", "scale-not-credible", "--mpp"),
        ("scale 1000.tif", "scale-not-credible", "--mpp"),
        ("field.png", "scale-missing", "--mpp"),
    ],
)
def test_each_has_its_reason_and_remedy(
    batch: Finished, slide: str, code: str, remedy: str
) -> None:
    row = batch.row(slide)
    assert (row["state"], row["reason_code"]) == ("failed", code)
    assert remedy in row["reason"]
    assert row["value"] == ""


def test_names_are_kept_apart_and_safe(
    pathology: Pathology, ihc_slide: Path, tmp_path: Path
) -> None:
    """CJK, spaces and quotes; and two slides of one name in two folders."""
    other = painted.paint_nuclei(width=1536, height=1280, seed=99, brown_share=0.1)
    for place, name in (("a", "same.tif"), ("c", "病理 切片 'Ä\".tif")):
        (tmp_path / "in" / place).mkdir(parents=True)
        shutil.copy(ihc_slide, tmp_path / "in" / place / name)
    (tmp_path / "in" / "b").mkdir()
    painted.write_tiff(tmp_path / "in" / "b" / "same.tif", other.pixels, mpp=0.5)
    run = pathology("run", tmp_path / "in", "--analysis", "ki67", out=tmp_path / "out")
    assert run.code == 0, run.stdout
    assert [r["slide"] for r in run.rows].count("same.tif") == 2
    same = {r["result"]: float(r["value"]) for r in run.rows if r["slide"] == "same.tif"}
    assert len(same) == 2
    assert max(same.values()) - min(same.values()) > 0.15
    assert run.row("病理 切片 'Ä\".tif")["slide_id"].startswith("病理_切片_Ä")


def test_a_symlink_loop_ends(pathology: Pathology, ihc_slide: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(ihc_slide, folder / "deep" / "slide.tif")
    (folder / "deep" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self.svs").symlink_to("self.svs")
    run = pathology("run", folder, "--analysis", "ki67", out=tmp_path / "out")
    assert [r["slide"] for r in run.rows if r["state"] == "done"] == ["slide.tif"]


@pytest.mark.parametrize("how", ["zeroed", "random", "cut"])
def test_a_damaged_tile_costs_itself_and_too_many_cost_the_number(
    pathology: Pathology, tmp_path: Path, how: str
) -> None:
    pixels = painted.paint_nuclei(width=3000, height=2500, seed=3).pixels
    few = painted.write_tiff(tmp_path / "few.tif", pixels, mpp=0.5, levels=2)
    many = painted.write_tiff(tmp_path / "many.tif", pixels, mpp=0.5, levels=2)
    overwrite_tile(few, 40, how)
    for tile in (27, 41, 54, 66):
        overwrite_tile(many, tile, how)
    run = pathology("run", few, many, "--analysis", "ki67", out=tmp_path / "out")
    (spared, *_), (withheld, *_) = (run.findings(f"{n}.tif")["findings"] for n in ("few", "many"))
    assert spared["value"] == pytest.approx(0.3, abs=0.03)
    assert run.findings("few.tif")["quality"]["unreadable_tiles"] == 1
    assert "value" not in withheld
    assert "cannot be read" in withheld["not_measurable"]
    assert run.findings("many.tif")["quality"]["unreadable_tiles"] == 4


def test_half_a_slide_lost_is_not_half_a_slide_scored(pathology: Pathology, tmp_path: Path) -> None:
    """Where the only level is damaged the overview is white too: nothing may pass for glass."""
    pixels = painted.paint_nuclei(width=3000, height=2500, seed=3).pixels
    one = painted.write_tiff(tmp_path / "one level.tif", pixels, mpp=0.5)
    for tile in range(60, 120):
        overwrite_tile(one, tile, "zeroed")
    low = painted.write_tiff(tmp_path / "low level.tif", pixels, mpp=0.5, levels=4)
    for tile in range(2):
        overwrite_tile(low, tile, "zeroed", page=2)
    run = pathology("run", one, low, "--analysis", "ki67", out=tmp_path / "out")
    for slide, lost in (("one level.tif", 60), ("low level.tif", 1)):
        told = run.findings(slide)
        finding = told["findings"][0]
        assert "cannot be read" in finding["not_measurable"], slide
        assert told["quality"]["unreadable_tiles"] >= lost
        assert told["quality"]["excluded_mm2"]["unreadable"] > 0.05 * told["quality"]["tissue_mm2"]


def test_an_output_folder_that_cannot_be_written_is_wrong_usage(
    pathology: Pathology, ihc_slide: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    run = pathology("run", ihc_slide, "--analysis", "ki67", out=tmp_path / "file" / "out")
    assert run.code == 2
    assert "cannot be written" in run.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("no-such.svs", "--analysis", "ki67"), "no such file"),
        ((".", "--analysis", "ki67", "--workers", "0"), "--workers"),
        (("no-such.csv",), "no-such.csv"),
        ((".", "--analysis", "ki67", "--within", "none.geojson"), "none.geojson"),
        ((".", "--analysis", "ki67", "--device", "cuda"), "cuda"),
        ((".", "--analysis", "ki67", "--settings", "nowhere"), "nowhere"),
        ((".", "--analysis", "ki67", "--settings", "."), "no settings in this folder"),
        ((".", "--analysis", "ki67", "--mpp", "nan"), "no scale in µm/px"),
        ((".", "--analysis", "ki67", "--cluster", "tcp://127.0.0.1:abc"), "tls://host:port"),
        (("n" * 300, "--analysis", "ki67"), "File name too long"),
        ((".", "--analysis", "ki67", "--within", "n" * 300), "no such file"),
        ((".", "--analysis", "astrology"), "invalid choice"),
        ((".",), "--analysis"),
    ],
)
def test_wrong_usage_is_said_with_exit_code_two(
    pathology: Pathology,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.svs").touch()
    run = pathology("run", *words, out=tmp_path / "out")
    assert (run.code, message in run.stderr) == (2, True), run.stderr


def test_a_list_that_names_what_is_no_slide_has_a_row_for_each(
    pathology: Pathology, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.svs")
    (tmp_path / "self.svs").symlink_to("self.svs")
    names = {
        "pipe.svs": "not-a-slide",
        "self.svs": "cannot-read",
        "n" * 300: "cannot-read",
        "gone.tmap": "not-found",
        "gone.vms": "not-found",
    }
    rows = "".join(f"{'gone/' * n.startswith('gone')}{n},ki67\n" for n in names)
    (tmp_path / "night.csv").write_text(f"slide,analysis\n{rows}")
    run = pathology("run", tmp_path / "night.csv", out=tmp_path / "out")
    assert run.code == 1
    assert {r["slide"]: r["reason_code"] for r in run.rows} == names
    assert all(str(tmp_path) not in r["reason"] for r in run.rows)
