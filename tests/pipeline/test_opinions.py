"""A case of one ledger is shown to another hospital, and its opinion comes back onto the case."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from pathology.cli.main import main
from pathology.errors import CaseRefused, NotAllowed, UsageError, VaultError
from pathology.exchange.stored_result import read_result
from pathology.pipeline.bundle_answer import receive_question, send_answer, site_keys
from pathology.pipeline.bundle_cuts import Rectangle
from pathology.pipeline.identity import content_digest
from pathology.pipeline.opinion_errands import (
    CaseFiles,
    change_by,
    opinion_place,
    receive_answer,
    send_case,
)
from pathology.pipeline.opinions import OpinionWish, ask_opinion, take_opinion
from pathology.pipeline.partners import add_partner, partners
from pathology.records.actor import Actor
from pathology.records.case_review import CaseOpening
from pathology.records.geometry import Box
from pathology.records.opinion import OpinionAsked
from pathology.slides.find import files_of
from tests.review.two_houses import (
    CASE,
    PATIENT,
    House,
    acquainted,
    analysed_house,
    house,
    with_case,
)
from tests.slides.opened import opened

WISH = OpinionWish(partner="north", question="In situ or invasive?")
ANSWER = "Invasive. 浸润性。"


@dataclass(frozen=True, kw_only=True)
class Two:
    ours: House
    theirs: House
    case: str

    def send(self, name: str = "case.bundle", **wish: Any) -> OpinionAsked:
        files = CaseFiles(results=self.ours.out, folders=[self.ours.scans])
        wanted = replace(WISH, **wish)
        return send_case(self.ours.settings, self.case, wanted, files, self.ours.folder / name)

    def open(self, bundle: str = "case.bundle", to: str = "opened") -> Path:
        out = self.theirs.folder / to
        receive_question(self.theirs.settings, self.ours.folder / bundle, self.ours.public, out)
        return out

    def answer(self, opened_at: Path, words: str = ANSWER, name: str = "answer.bundle") -> Path:
        out = self.theirs.folder / name
        send_answer(self.theirs.settings, opened_at, (words, "Ma Li"), self.ours.public, out)
        return out

    def receive(self, answer: Path, sender: House | None = None) -> str | None:
        public = (sender or self.theirs).public
        return receive_answer(self.ours.settings, answer, public, None)[1]

    def on_case(self) -> list[str]:
        with self.ours.ledger() as (ledger, _):
            case = ledger.cases(self.ours.settings.deciding).case(self.case)
            return [o.opinion.text for o in case.opinions]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> House:
    return analysed_house(tmp_path_factory.mktemp("seen") / "house")


@pytest.fixture
def two(tmp_path: Path, seen: House) -> Two:
    ours, theirs = house(tmp_path / "ours"), house(tmp_path / "theirs")
    acquainted(ours, theirs)
    with theirs.ledger():
        pass
    return Two(ours=ours, theirs=theirs, case=with_case(ours, seen))


def refused(code: str, do: Callable[[], Any]) -> None:
    with pytest.raises(CaseRefused) as told:
        do()
    assert told.value.code == code


def nothing_names(folder: Path, *names: str) -> None:
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert not any(name in str(path.relative_to(folder)) for name in names), path
        assert not any(name.encode() in data for name in names), path


def test_the_whole_slide_goes_and_an_opinion_comes_back_onto_the_case(two: Two) -> None:
    asked = two.send(whole=True)
    assert (asked.slides, asked.regions, asked.site_name) == (1, 0, "north")
    at = two.open()
    nothing_names(at, PATIENT, two.case)
    told = json.loads((at / "bundle.json").read_text("utf-8"))
    assert told["question"] == WISH.question
    assert told["draft"][0]["zh"], "the draft goes along in both languages"
    [copy] = (at / "slides").iterdir()
    [scan] = two.ours.scans.iterdir()
    with opened(copy) as there, opened(scan) as here:
        box = Box(0, 0, 1500, 1100)
        assert np.array_equal(there.read(box).pixels, here.read(box).pixels)
    assert two.receive(two.answer(at)) == two.case
    assert two.on_case() == [ANSWER]
    acts = two.ours.acts()
    assert acts[-2:] == [("case-ask-opinion", two.case), ("case-opinion", two.case)]
    assert [a for a, _ in two.theirs.acts()][-2:] == ["open-bundle", "answer-bundle"]


def test_regions_go_where_they_lie_and_nothing_beside_them(two: Two) -> None:
    rectangle = Rectangle(x_um=100, y_um=50, width_um=150, height_um=200)
    asked = two.send(rectangles=[rectangle], around=["tissue"], margin_um=0)
    assert asked.slides == 0
    assert asked.regions >= 2
    two.send("one.bundle", rectangles=[rectangle])
    at = two.open("one.bundle")
    nothing_names(at, PATIENT, two.case)
    [copy] = (at / "slides").iterdir()
    [scan] = two.ours.scans.iterdir()
    box = Box(192, 64, 320, 448)  # on the grid, in level-0 px of 0.5 µm
    with opened(copy) as there, opened(scan) as here:
        whole = there.read(Box(0, 0, 1500, 1100)).pixels
        assert np.array_equal(whole[box.slices], here.read(box).pixels)
        whole[box.slices] = 255
        assert (whole == 255).all()
    with tifffile.TiffFile(copy / "region-1.tif") as tiff:
        page = tiff.pages[0]
        assert (page.imagewidth, page.imagelength) == (320, 448)
        assert page.tags["XResolution"].value[0] / page.tags["XResolution"].value[1] == 20_000
        number, of = page.tags["XPosition"].value
        assert number / of * 20_000 == pytest.approx(192)
    [result] = [p.parent for p in (at / "results").rglob("findings.json")]
    stored = read_result(result)
    assert stored.slide.digest == content_digest(files_of(copy))
    assert (stored.slide.width_px0, stored.slide.height_px0) == (1500, 1100)


def test_results_alone_may_go(two: Two) -> None:
    asked = two.send()
    assert (asked.slides, asked.regions) == (0, 0)
    at = two.open()
    assert not (at / "slides").exists()
    assert two.receive(two.answer(at)) == two.case


def test_the_case_is_found_by_its_accession_too(two: Two) -> None:
    files = CaseFiles(results=two.ours.out, folders=[two.ours.scans])
    out = two.ours.folder / "by-accession.bundle"
    asked = send_case(two.ours.settings, CASE, WISH, files, out)
    with two.ours.ledger() as (ledger, _):
        assert ledger.cases(two.ours.settings.deciding).asked_about(asked.bundle_id) == two.case


def test_an_answer_that_comes_twice_is_taken_once(two: Two) -> None:
    two.send()
    at = two.open()
    answer = two.answer(at)
    two.receive(answer)
    refused("opinion-repeated", lambda: two.receive(answer))
    two.receive(two.answer(at, "On second thought: in situ.", "more.bundle"))
    assert two.on_case() == [ANSWER, "On second thought: in situ."]


def test_an_answer_of_another_hospital_or_to_another_bundle_is_refused(
    two: Two, tmp_path: Path
) -> None:
    two.send()
    at = two.open()
    strangers = house(tmp_path / "strangers")
    with strangers.ledger():
        pass
    answer = strangers.folder / "a.bundle"
    send_answer(strangers.settings, at, ("benign", "X"), two.ours.public, answer)
    refused("opinion-not-asked", lambda: two.receive(answer, strangers))
    with pytest.raises(VaultError):  # signed by the strangers, said to be of the hospital asked
        two.receive(answer)
    told = json.loads((at / "bundle.json").read_text("utf-8"))
    (at / "bundle.json").write_text(json.dumps({**told, "bundle_id": "B" + "7" * 32}), "utf-8")
    other = two.answer(at, name="other.bundle")
    with pytest.raises(UsageError, match="never asked"):
        two.receive(other)
    assert two.on_case() == []


def test_an_answer_onto_another_case_is_refused(two: Two) -> None:
    two.send()
    answer = two.answer(two.open())
    settings = two.ours.settings
    with two.ours.ledger() as (ledger, actor):
        cases, keys = ledger.cases(settings.deciding), site_keys(settings.ledger, make=False)
        stands = cases.case(two.case)
        other = cases.name_of("ANOTHER")
        cases.open(CaseOpening(case=other, case_id=other, results=stands.results), change_by(actor))
        refused(
            "opinion-not-asked",
            lambda: take_opinion(cases, other, answer, keys, change_by(actor)),
        )
        take_opinion(cases, two.case, answer, keys, change_by(actor))


@pytest.mark.parametrize("at", [20, 200, -100, -10])
def test_an_answer_that_was_changed_on_its_way_is_refused(two: Two, at: int) -> None:
    two.send()
    answer = two.answer(two.open())
    data = bytearray(answer.read_bytes())
    data[at] ^= 1
    answer.write_bytes(data)
    with pytest.raises((VaultError, CaseRefused)):
        two.receive(answer)
    assert two.on_case() == []


def test_a_question_is_not_an_answer_and_no_other_site_opens_it(two: Two, tmp_path: Path) -> None:
    two.send()
    with pytest.raises(VaultError):
        two.receive(two.ours.folder / "case.bundle", two.ours)
    third = house(tmp_path / "third")
    with third.ledger():
        pass
    with pytest.raises(VaultError):
        receive_question(
            third.settings, two.ours.folder / "case.bundle", two.ours.public, tmp_path / "o"
        )


def test_what_names_somebody_or_is_not_there_is_not_sent(two: Two) -> None:
    refused("opinion-names", lambda: two.send(question="patient name: Zhang San"))
    far = Rectangle(x_um=90_000, y_um=0, width_um=10, height_um=10)
    refused("opinion-region", lambda: two.send(rectangles=[far]))
    refused("opinion-region", lambda: two.send(around=["front"]))
    with pytest.raises(UsageError):
        two.send(partner="south")
    with pytest.raises(UsageError):
        two.send(whole=True, around=["tissue"])
    [scan] = two.ours.scans.iterdir()
    scan.rename(scan.with_suffix(".away"))
    refused("slide-gone", lambda: two.send(whole=True))
    [findings] = two.ours.out.rglob("findings.json")
    findings.write_text(findings.read_text("utf-8") + " ", "utf-8")
    refused("result-changed", two.send)
    assert not (two.ours.folder / "case.bundle").exists()
    assert not list((two.ours.folder / "bundles").glob("*.bundle"))
    assert "case-ask-opinion" not in [a for a, _ in two.ours.acts()]


def test_roles_decide_who_sends_opens_and_answers(two: Two) -> None:
    settings = two.ours.settings
    place = opinion_place(settings, two.ours.out, lambda _: None)
    with two.ours.ledger() as (ledger, _):
        cases = ledger.cases(settings.deciding)
        clerk = Actor(name="clerk", kind="person", roles=frozenset({"technician"}))
        with pytest.raises(NotAllowed):
            ask_opinion(cases, two.case, WISH, place, change_by(clerk))
        assert cases.case(two.case).asked == ()
    assert not list((two.ours.folder / "bundles").glob("*.bundle"))


def test_a_partner_is_named_by_who_manages_keys(two: Two) -> None:
    with pytest.raises(UsageError):
        add_partner(two.ours.settings.ledger, "../north", two.theirs.public)
    with pytest.raises(VaultError):
        add_partner(two.ours.settings.ledger, "west", two.ours.folder / "keys.json")
    assert list(partners(two.ours.settings.ledger)) == ["north"]
    assert ("add-partner", "north") in two.ours.acts()


def test_the_circle_by_commands(two: Two, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = two.ours, two.theirs
    here = ["--settings", str(ours.own_settings), "--json"]
    there = ["--settings", str(theirs.own_settings), "--json"]

    def told(*words: str) -> dict[str, Any]:
        assert main(["bundle", *words]) == 0, capsys.readouterr().err
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    named = told("partner", "south", str(theirs.public), *here)
    assert named["fingerprint"] == json.loads(theirs.public.read_text("utf-8"))["fingerprint"]
    sealed, opened_at = str(ours.folder / "c.bundle"), str(theirs.folder / "o")
    case = [two.case, "--results", str(ours.out), "--slides", str(ours.scans)]
    asked = ["--partner", "south", "--question", "In situ?", "--out", sealed]
    made = told("make", *case, *asked, "--region", "100,50,150,200", "--around", "hotspot", *here)
    assert (made["slides"], made["regions"] >= 1) == (0, True)
    told("open", sealed, "--from", str(ours.public), "--out", opened_at, *there)
    words = theirs.folder / "answer.txt"
    words.write_text(ANSWER, "utf-8")
    answer = str(theirs.folder / "a.bundle")
    said = ["--text", str(words), "--by", "Ma Li", "--to", str(ours.public), "--out", answer]
    told("answer", opened_at, *said, *there)
    taken = told("opinion", answer, "--from", str(theirs.public), *here)
    assert taken["case"] == two.case
    assert main(["bundle", "opinion", answer, "--from", str(theirs.public), *here]) != 0
    assert two.on_case() == [ANSWER]


@pytest.mark.parametrize(
    "words",
    [
        ["C1", "--partner", "north"],
        ["C1", "C2", "--results", ".", "--partner", "north"],
        ["C1"],
        ["C1", "--results", ".", "--partner", "north", "--report", "r.json"],
    ],
)
def test_a_bundle_that_is_asked_for_wrongly(two: Two, words: list[str]) -> None:
    more = ["--out", str(two.ours.folder / "x"), "--settings", str(two.ours.own_settings)]
    assert main(["bundle", "make", *words, *more]) == 2


@pytest.mark.parametrize("region", ["1,2,3", "a,b,c,d", "1,2,0,4", "1,2,nan,4", "-5,2,3,4"])
def test_a_rectangle_that_is_none(region: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bundle", "make", "C1", "--out", "x", f"--region={region}"])
    assert ended.value.code == 2


def test_a_page_serves_results_or_a_bundle(tmp_path: Path) -> None:
    assert main(["review", "serve"]) == 2
    both = ["--results", str(tmp_path), "--bundle", str(tmp_path)]
    assert main(["review", "serve", *both]) == 2
