"""``inspect``, ``doctor`` and ``demo``: what they tell people."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pathology.pipeline.identity import content_digest, pseudonym
from tests.acceptance.conftest import Finished
from tests.painted import paint_nuclei
from tests.painted_tiff import write_svs

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


@pytest.mark.timeout(60)
def test_inspect_does_not_wait_for_a_pipe(pathology: Pathology, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.svs")
    run = pathology("inspect", tmp_path / "pipe.svs")
    assert run.code == 1
    assert "not-a-slide" in run.stdout


def test_inspect_tells_that_a_name_is_too_long(pathology: Pathology) -> None:
    run = pathology("inspect", "n" * 300)
    assert run.code == 1
    assert "File name too long" in run.stdout


def test_inspect_tells_the_pseudonym_that_run_would_give(
    pathology: Pathology, he_slide: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    site = (Path(__file__).parents[2] / "configs" / "site.toml").read_text()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "site.toml").write_text(
        site.replace("pseudonyms = false", f'pseudonyms = true\nkey_file = "{key}"')
    )
    own = ("--settings", tmp_path / "own")
    run = pathology("inspect", he_slide, "--json", *own)
    told = json.loads(run.stdout)["slide"]
    assert told == pseudonym(content_digest([he_slide]), b"k" * 32)
    gone = pathology("inspect", tmp_path / "PATIENT.svs", *own)
    assert gone.code == 1
    assert "not-found" in gone.stdout
    for shown in (run, gone):
        assert not {"painted", "PATIENT"} & set(re.findall(r"[a-zA-Z]+", shown.stdout))
        assert shown.stderr == ""


@pytest.mark.parametrize("stated", [math.nan, math.inf])
def test_inspect_tells_no_number_that_is_none(
    pathology: Pathology, tmp_path: Path, stated: float
) -> None:
    pixels = paint_nuclei().pixels
    slide = write_svs(tmp_path / "s.svs", pixels, mpp=stated, app_mag=stated)
    run = pathology("inspect", slide, "--json")
    told = json.loads(run.stdout)
    assert (told["stated_mpp"], told["magnification"]) == (None, None)
    assert (run.code, told["refused"]) == (1, "scale-missing")


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
    # The network takes brown cytoplasm for no nuclei, so there are too few for an index; what lies
    # between the glands it sees and leaves out.
    assert own["reason_code"] == "too-few-nuclei"
    assert own["exclusions"]["stroma"] > 50
    assert {"not-ki67", "scale-assumed"} <= set(told["quality"]["flags"])
    assert told["slide"]["mpp_source"] == "assumed"
