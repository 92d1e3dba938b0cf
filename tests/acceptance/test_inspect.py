"""``inspect``, ``doctor`` and ``demo``: what they tell people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import Finished

Pathology = Callable[..., Finished]


def test_inspect_tells_size_scale_stain_and_what_can_be_done(
    pathology: Pathology, ihc_slide: Path
) -> None:
    run = pathology("inspect", ihc_slide, "--json")
    told = json.loads(run.stdout)
    assert run.code == 0
    assert told["size_px0"] == [1536, 1280]
    assert (told["mpp"], told["mpp_source"]) == (0.5, "file")
    assert (told["stain"], told["analyses"]) == ("ihc-dab", ["ki67"])
    assert 0.2 < told["tissue_mm2"] < 0.5
    assert told["nuclei_measurable"] is True
    assert "stain_evidence" in pathology("inspect", ihc_slide).stdout


def test_inspect_says_why_a_slide_would_be_refused(pathology: Pathology, tmp_path: Path) -> None:
    (tmp_path / "empty.svs").touch()
    run = pathology("inspect", tmp_path / "empty.svs")
    assert run.code == 1
    assert "empty-file" in run.stdout
    assert "Copy it again" in run.stdout


def test_inspect_speaks_chinese(
    pathology: Pathology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.svs").touch()
    monkeypatch.setenv("PATHOLOGY_LANG", "zh")
    assert "文件为空" in pathology("inspect", tmp_path / "empty.svs").stdout


def test_the_doctor_finds_this_installation_fit(pathology: Pathology, tmp_path: Path) -> None:
    run = pathology("doctor", "--out", tmp_path, "--json")
    states = {check["name"]: check["state"] for check in json.loads(run.stdout)}
    assert run.code == 0, run.stdout
    assert states["settings"] == "good"
    assert "bad" not in states.values()


def test_the_doctor_names_what_is_wrong(pathology: Pathology, tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[2] / "configs" / "site.toml").read_text()
    (tmp_path / "site.toml").write_text(shipped.replace("worker_gib", "worker_gb"))
    run = pathology("doctor", "--settings", tmp_path)
    assert run.code == 1
    assert "worker_gb" in run.stdout


def test_the_demo_says_on_its_face_what_it_is_not(pathology: Pathology, tmp_path: Path) -> None:
    run = pathology("demo", out=tmp_path / "demo")
    assert run.code == 0, run.stderr
    assert "not Ki-67" in run.stdout
    picture = next(w for w in run.stdout.split() if w.endswith("overlay.png"))
    assert Path(picture).is_file()
    told = json.loads((Path(picture).parent / "findings.json").read_text())
    ki67, own = told["findings"]
    assert "FHL2" in ki67["not_measurable"]
    assert 0 < own["value"] < 1
    assert {"not-ki67", "scale-assumed"} <= set(told["quality"]["flags"])
    assert told["slide"]["mpp_source"] == "assumed"
