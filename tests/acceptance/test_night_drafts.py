"""A night over the slides of several cases ends with their drafts; one is killed and taken up."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pathology.config import shipped_configs
from pathology.pipeline.draft import read_draft
from tests import painted
from tests.acceptance.test_night import CHANGED, PATIENCE_S, Site
from tests.pipeline.test_draft_by_model import site as write_llm
from tests.reports.chat_stubs import chat_server, example_answer
from tests.sites import write_classical

ACCESSIONS = ("S30-0001", "S30-0002", "S30-0003", "S30-0004")
NAME = r"'(?P<accession>S30-\d+)_(?P<specimen>[A-Z])_(?P<block>\d+)\..*'"
CASE_DATA = {
    "schema": "pathology.case/1",
    "specimen": {"procedure": "core-biopsy", "side": "left", "organ": "breast", "block": "A1"},
    "er": {"percent": 90, "status": "positive"},
    "clinical_note": "Ms Beispielova, ward 3",
}


class Model:
    """What the stub does when it is asked for a draft: waits until it is let go."""

    def __init__(self) -> None:
        self.asked, self.free = threading.Event(), threading.Event()

    def says(self, body: Any) -> str:
        self.asked.set()
        self.free.wait(PATIENCE_S)
        return example_answer(body)


@pytest.fixture(scope="module")
def model() -> Iterator[tuple[Model, str]]:
    told = Model()
    with chat_server("json_schema", says=told.says) as stub:
        yield told, stub.url
        told.free.set()


def slide(folder: Path, accession: str, block: int, seed: int) -> Path:
    path = folder / f"{accession}_A_{block}.tif"
    pixels = painted.paint_nuclei(width=900, height=700, seed=seed).pixels
    painted.write_tiff(path, pixels, mpp=0.5)
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, model: tuple[Model, str]) -> Site:
    """Two whole cases, one with two slides of a kind, one with a slide that is none.

    The laboratory dropped data of the first; whose slides they are, manifest and name both say.
    """
    folder = tmp_path_factory.mktemp("hospital")
    (scans := folder / "scans").mkdir()
    slides = [slide(scans, a, 1, i) for i, a in enumerate(ACCESSIONS[:3])]
    slides.append(slide(scans, ACCESSIONS[2], 2, 7))
    (broken := scans / f"{ACCESSIONS[3]}_A_1.tif").write_bytes(b"no slide" * 50)
    rows = ["slide,analysis,marker,case_id,specimen,block"]
    rows += [f"{p},ki67,ki67,{','.join(p.stem.split('_'))}" for p in (*slides, broken)]
    (folder / "list.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (dropped := folder / "case-data").mkdir()
    told = {**CASE_DATA, "case_id": ACCESSIONS[0]}
    (dropped / "1.json").write_text(json.dumps(told), encoding="utf-8")
    own = write_llm(folder / "settings", model[1], read_s="300.0", total_s="400.0")
    write_classical(own)
    changed = {
        **{k: v for k, v in CHANGED.items() if k != "folders"},
        "manifests": f'["{folder / "list.csv"}"]',
        "case_data": f'["{dropped}"]',
        "file_names": f"[{NAME}]",
        "make": "true",
        "pdf": "false",
        "look_s": "1",
    }
    text = (shipped_configs() / "nightly.toml").read_text(encoding="utf-8")
    for key, value in changed.items():
        text, hits = re.subn(
            rf"^{key} = .*$", lambda _, k=key, v=value: f"{k} = {v}", text, flags=re.MULTILINE
        )
        assert hits == 1, key
    (own / "nightly.toml").write_text(text, encoding="utf-8")
    made = Site(folder=folder)
    made.call("install", "--out", str(made.out))
    return made


@pytest.fixture(scope="module")
def nights(site: Site, model: tuple[Model, str]) -> dict[str, Any]:
    """A night that is killed -9 while a model words a draft, and the same night started again."""
    seen: dict[str, Any] = {}
    site.call("plan", "--look", "--out", str(site.out))
    seen["plan"] = json.loads(site.call("plan", "--json", "--out", str(site.out)))
    first = site.started()
    deadline = time.monotonic() + PATIENCE_S
    while not model[0].asked.is_set() or len(site.results) < 4:
        assert first.poll() is None, first.communicate()[0]
        assert time.monotonic() < deadline, "no draft was begun"
        time.sleep(0.05)
    seen["status"] = json.loads(site.call("status", "--json"))
    family = psutil.Process(first.pid).children(recursive=True)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == [], "workers outlive their night"
    seen["stories"] = stories(site)
    model[0].free.set()
    again = site.started("--json")
    out, _ = again.communicate(timeout=PATIENCE_S)
    seen["summary"] = json.loads(out)
    seen["after"] = json.loads(site.call("plan", "--json", "--out", str(site.out)))
    return seen


def stories(site: Site) -> dict[str, dict[str, Any]]:
    found = (json.loads(p.read_text("utf-8")) for p in site.out.glob("cases/*/drafting.json"))
    return {one["case_id"]: one for one in found}


@pytest.mark.slow
def test_both_cases_have_one_draft_each_and_the_killed_one_was_taken_up(
    site: Site, nights: dict[str, Any]
) -> None:
    reports = sorted(site.out.glob("cases/*/report-v*.json"))
    assert [p.name for p in reports] == ["report-v1.json"] * 2
    lost = [s for s in nights["stories"].values() if s["tries"][-1]["ended_utc"] is None]
    assert len(lost) == 1, "a try was at work when the night was killed"
    [story] = [s for s in stories(site).values() if len(s["tries"]) > 1]
    assert story["case_id"] == lost[0]["case_id"]
    assert [t["trouble"] for t in story["tries"]] == ["lost", None]
    assert (story["state"], story["outcome"]) == ("done", "accepted-first")
    drafts = nights["summary"]["drafts"]
    assert (drafts["made"], drafts["by_template"], drafts["waiting"]) == (2, 0, 0)


@pytest.mark.slow
def test_a_case_that_is_not_clear_or_not_whole_gets_no_draft_and_costs_no_slide(
    site: Site, nights: dict[str, Any]
) -> None:
    drafts = nights["summary"]["drafts"]
    assert drafts["incomplete"] == 1, "one of its slides failed"
    [refused] = drafts["refused"]
    assert refused["trouble"] == "results"
    assert "2 results of ki67" in refused["detail"]
    assert nights["summary"]["counts"]["done"] == 4
    assert nights["summary"]["counts"]["failed"] == 1


@pytest.mark.slow
def test_the_same_results_are_never_drafted_twice(site: Site, nights: dict[str, Any]) -> None:
    assert nights["after"]["drafts"] == 0
    assert len(list(site.out.glob("cases/*/report-v*.json"))) == 2


@pytest.mark.slow
def test_the_draft_joins_what_the_laboratory_states_and_names_nobody(
    site: Site, nights: dict[str, Any]
) -> None:
    drafts = [read_draft(p) for p in sorted(site.out.glob("cases/*/report-v1.json"))]
    [stated] = [d for d in drafts if "specimen.organ" in d.facts.by_id]
    assert stated.template == "breast-ki67"
    assert stated.facts.by_id["er.value"].text.en == "90 %"
    assert stated.authorship.asked == "house"
    [unstated] = [d for d in drafts if d is not stated]
    assert unstated.template == "general"
    secrets = (*ACCESSIONS, "Beispielova")
    for path in (*site.out.rglob("*.json"), *site.out.rglob("*.html"), *site.out.rglob("*.jsonl")):
        text = path.read_text("utf-8")
        assert not [s for s in secrets if s in text], path


@pytest.mark.slow
def test_plan_status_and_page_count_drafts(site: Site, nights: dict[str, Any]) -> None:
    assert nights["plan"]["drafts"] == 4, "if every slide goes well"
    assert nights["status"]["shift"]["drafts"] is not None
    page = max(site.out.glob("nights/*.zh.html")).read_text("utf-8")
    assert "报告草稿" in page
    told = site.call("status")
    assert "drafts made (not verified by a physician)" in told
