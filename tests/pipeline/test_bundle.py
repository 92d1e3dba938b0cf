"""A case travels to another hospital and an opinion comes back, as persons would do it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pathology.cli.main import main
from pathology.exchange.stored_result import read_result
from pathology.pipeline.identity import content_digest
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.settings import load_settings
from pathology.slides.open import examine
from tests.painted_tiff import write_svs
from tests.pipeline.test_draft import write_result

PSEUDONYM = "P0123456789abcdef"
NAME = "ZHANG-SAN"


class Hospitals:
    """Two sites on one machine, each with a state folder of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, monkeypatch
        monkeypatch.setenv("PATHOLOGY_LANG", "en")
        for name in ("ours", "theirs"):
            self.at(name)
            with opened_ledger(load_settings().ledger):
                pass

    def at(self, name: str) -> None:
        self._patch.setenv("XDG_STATE_HOME", str(self.folder / name))

    def file(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture
def hospitals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Hospitals:
    made = Hospitals(tmp_path, monkeypatch)
    for name in ("ours", "theirs"):
        made.at(name)
        assert main(["bundle", "keys"]) == 0
        (tmp_path / f"{name}.json").write_text(capsys.readouterr().out, "utf-8")
    made.at("ours")
    return made


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(3).integers(0, 255, (600, 700, 3), np.uint8)
    return write_svs(tmp_path / f"{NAME}.svs", pixels)


def result_of(out: Path, slide: Path, name: str = PSEUDONYM) -> Path:
    folder = write_result(out, name, digest=content_digest([slide]), case_id=f"ACC-{NAME}")
    for file in ("findings.json", "run.json"):
        told = json.loads((folder / file).read_text("utf-8"))
        told["slide"].pop("file", None)
        (folder / file).write_text(json.dumps(told), "utf-8")
    return folder


def sent(hospitals: Hospitals, slide: Path, *more: str) -> int:
    result = result_of(hospitals.folder / "results", slide)
    words = ["bundle", "make", str(result), "--slide", str(slide), *more]
    return main(
        [*words, "--to", hospitals.file("theirs.json"), "--out", hospitals.file("case.bundle")]
    )


def test_there_and_back(
    hospitals: Hospitals, slide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sent(hospitals, slide, "--question", "In situ or invasive?") == 0
    assert NAME.encode() not in Path(hospitals.file("case.bundle")).read_bytes()
    hospitals.at("theirs")
    opened = Path(hospitals.file("opened"))
    words = ["bundle", "open", hospitals.file("case.bundle"), "--from"]
    assert main([*words, hospitals.file("ours.json"), "--out", str(opened)]) == 0
    assert "In situ or invasive?" in capsys.readouterr().out
    for path in opened.rglob("*"):
        assert NAME not in path.name
        assert not path.is_file() or NAME.encode() not in path.read_bytes()
    [folder] = [p.parent for p in (opened / "results").rglob("findings.json")]
    [copy] = list((opened / "slides").iterdir())
    read = read_result(folder)
    assert read.slide.digest == content_digest([copy])
    assert read.result_id == f"{read.slide.id}/{folder.name}"
    assert folder.parent.name == read.slide.id
    assert read.case_id is None
    assert examine(copy, slide_id="s").levels == examine(slide, slide_id="s").levels
    answer = Path(hospitals.file("answer.txt"))
    answer.write_text("Invasive. 浸润性。", "utf-8")
    words = ["bundle", "answer", str(opened), "--text", str(answer), "--by", "Ma Li"]
    words += ["--to", hospitals.file("ours.json"), "--out", hospitals.file("answer.bundle")]
    assert main(words) == 0
    hospitals.at("ours")
    words = ["bundle", "opinion", hospitals.file("answer.bundle"), "--from"]
    words += [hospitals.file("theirs.json"), "--out", hospitals.file("opinion")]
    assert main(words) == 0
    assert "OPINION (no signature)" in capsys.readouterr().out
    told = json.loads(Path(hospitals.file("opinion"), "opinion.json").read_text("utf-8"))
    assert (told["by"], told["signature_on_the_report"]) == ("Ma Li", False)
    with opened_ledger(load_settings().ledger) as (ledger, _):
        acts = [line.act for line in ledger.audit.lines()]
        assert acts[-2:] == ["send-bundle", "receive-opinion"]
        assert ledger.audit.verify().faults == ()


def test_an_answer_that_was_not_asked_for_is_not_used(hospitals: Hospitals) -> None:
    hospitals.at("theirs")
    opened = hospitals.folder / "opened"
    opened.mkdir()
    ours = json.loads(Path(hospitals.file("ours.json")).read_text("utf-8"))["fingerprint"]
    (opened / "bundle.json").write_text(json.dumps({"sender": ours, "bundle_id": "B1"}), "utf-8")
    text = hospitals.folder / "t.txt"
    text.write_text("benign", "utf-8")
    words = ["bundle", "answer", str(opened), "--text", str(text), "--by", "X", "--to"]
    assert main([*words, hospitals.file("ours.json"), "--out", hospitals.file("a.bundle")]) == 0
    hospitals.at("ours")
    words = ["bundle", "opinion", hospitals.file("a.bundle"), "--from"]
    assert main([*words, hospitals.file("theirs.json"), "--out", hospitals.file("o")]) == 2
    assert not Path(hospitals.file("o")).exists()


def test_a_changed_bundle_lays_nothing_out(hospitals: Hospitals, slide: Path) -> None:
    assert sent(hospitals, slide) == 0
    bundle = Path(hospitals.file("case.bundle"))
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    hospitals.at("theirs")
    words = ["bundle", "open", str(bundle), "--from", hospitals.file("ours.json"), "--out"]
    assert main([*words, hospitals.file("opened")]) == 1
    assert not Path(hospitals.file("opened")).exists()
    assert not list(hospitals.folder.glob(".making*"))


def test_a_question_that_names_somebody_is_not_sent(
    hospitals: Hospitals, slide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sent(hospitals, slide, "--question", "patient name: Zhang San") == 2
    assert "seems to name somebody" in capsys.readouterr().err
    assert not Path(hospitals.file("case.bundle")).exists()


def test_whose_correction_it_was_stays_here(hospitals: Hospitals, slide: Path) -> None:
    result = result_of(hospitals.folder / "results", slide)
    told = json.loads((result / "findings.json").read_text("utf-8"))
    (result / "findings.json").write_text(json.dumps({**told, "author": "dr.zhang"}), "utf-8")
    words = ["bundle", "make", str(result), "--to", hospitals.file("theirs.json"), "--out"]
    assert main([*words, hospitals.file("case.bundle")]) == 0
    hospitals.at("theirs")
    opened = Path(hospitals.file("opened"))
    words = ["bundle", "open", hospitals.file("case.bundle"), "--from"]
    assert main([*words, hospitals.file("ours.json"), "--out", str(opened)]) == 0
    [there] = opened.rglob("findings.json")
    assert read_result(there.parent).author == "reader"
    assert "dr.zhang" not in there.read_text("utf-8")


def test_results_under_file_names_are_not_sent(
    hospitals: Hospitals, slide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = result_of(hospitals.folder / "named", slide, NAME)
    words = ["bundle", "make", str(result), "--to", hospitals.file("theirs.json"), "--out"]
    assert main([*words, hospitals.file("case.bundle")]) == 2
    assert "pseudonyms" in capsys.readouterr().err
    assert not Path(hospitals.file("case.bundle")).exists()


def test_a_slide_of_another_case_is_not_sent(hospitals: Hospitals, slide: Path) -> None:
    result = result_of(hospitals.folder / "results", slide)
    other = write_svs(hospitals.folder / "other.svs", np.zeros((300, 300, 3), np.uint8))
    words = ["bundle", "make", str(result), "--slide", str(other), "--to"]
    words += [hospitals.file("theirs.json"), "--out", hospitals.file("case.bundle")]
    assert main(words) == 2
