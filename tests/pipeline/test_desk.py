"""From results and a draft on disk to a signed version on disk, with everything read anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pathology.errors import CaseRefused, UsageError
from pathology.exchange.documents import faults, write_json
from pathology.exchange.findings_json import findings_document, run_document
from pathology.ledger.open import OpenLedger
from pathology.pipeline.desk_cases import SHOWN_MAPS, DeskOrder, put_on_desk, result_on_desk
from pathology.pipeline.desk_corrections import renewed_text, supersede_on_desk
from pathology.pipeline.desk_signing import (
    SignedFiles,
    SigningPlace,
    SigningWish,
    sign_on_desk,
    write_signed,
)
from pathology.pipeline.desk_text import decided_text, edited_text
from pathology.pipeline.draft import CaseOrder, draft_case
from pathology.pipeline.identity import content_digest
from pathology.pipeline.report_settings import load_report_rules
from pathology.records.decision import FindingKey, OwnValue
from pathology.records.finding import Finding, NotMeasurable
from pathology.records.report import WrittenSection
from pathology.records.signed_report import content_sha256
from pathology.review.map_picture import SHOWN
from tests.cases_on_desk import PaintedDesk
from tests.exchange.examples import result
from tests.ledgers import NOON, LedgerSite
from tests.pipeline.test_draft import write_case, write_result

RULES = load_report_rules()
KEY = FindingKey("slide-a/ki67-00000001", "f1")
TELLS = "The Ki-67 index was 5.0 % over the whole tumour."


@pytest.fixture
def ledger(sqlite_site: LedgerSite) -> Iterator[OpenLedger]:
    with sqlite_site.open() as opened:
        yield opened


class Workplace:
    """A results folder with one drafted case, its slide, and the desk that it lies on."""

    def __init__(self, folder: Path, ledger: OpenLedger) -> None:
        self.out, self.slide = folder / "out", folder / "slide.svs"
        self.out.mkdir()
        self.slide.write_bytes(b"every pixel of it" * 999)
        self.folder = write_result(
            self.out, result_id=KEY.result_id, digest=content_digest([self.slide])
        )
        draft_case(CaseOrder(out=self.out, case_file=write_case(folder), pdf=False))
        self.desk = PaintedDesk(ledger=ledger)
        self.desk.person("night", "service")
        self.desk.case = self.desk.book.name_of("case-1")
        order = DeskOrder(out=self.out, case_id="case-1", priority="urgent")
        put_on_desk(self.desk.book, order, RULES, self.desk.by("night", seen=0))
        self.reports = self.out / "cases" / "case-1"

    def place(self, *, pdf: bool = False) -> SigningPlace:
        return SigningPlace(
            out=self.out,
            slide_of=lambda _: self.slide if self.slide.exists() else None,
            research_accepted=False,
            pdf=pdf,
        )

    def ready(self) -> None:
        self.desk.book.claim(self.desk.case, self.desk.by("dr.lin"))
        self.desk.decide_all()
        self.desk.see_all()

    def sign(self, **more: bool) -> SignedFiles:
        wish = SigningWish(proof=self.desk.proof(), printed_name="Lin <Xia>", meaning="approved")
        desk = self.desk
        return sign_on_desk(desk.book, desk.case, wish, self.place(**more), desk.by("dr.lin"))


@pytest.fixture
def workplace(tmp_path: Path, ledger: OpenLedger) -> Workplace:
    return Workplace(tmp_path, ledger)


def code_of(refusal: pytest.ExceptionInfo[CaseRefused]) -> str:
    return refusal.value.code


def test_results_and_the_newest_draft_come_onto_the_desk(workplace: Workplace) -> None:
    case = workplace.desk.book.case(workplace.desk.case)
    assert (case.line.priority, case.line.state) == ("urgent", "AI_DRAFT")
    assert case.results == (result_on_desk(workplace.folder),)
    assert case.results[0].findings[0].name == "ki67.global"
    assert case.results[0].findings[0].value == 0.05
    assert case.text is not None
    assert (case.text.flagged, case.text.results) == ((), (KEY.result_id,))
    assert KEY in case.text.tells


def test_a_draft_of_other_results_is_passed_over(workplace: Workplace) -> None:
    write_result(workplace.out, "slide-b", supersedes=KEY.result_id)
    desk = workplace.desk
    order = DeskOrder(out=workplace.out, case_id="case-1")
    put_on_desk(desk.book, order, RULES, desk.by("night"))
    case = desk.book.case(desk.case)
    assert [r.result_id for r in case.results] == ["slide-b/ki67-1"]
    codes = [p.code for p in desk.book.unready(desk.case, "dr.lin")]
    assert "text-of-other-results" in codes
    with pytest.raises(UsageError, match="no result here"):
        put_on_desk(desk.book, replace(order, case_id="x"), RULES, desk.by("night"))


def test_a_person_can_give_what_could_not_be_measured_in_the_units_of_the_finding(
    tmp_path: Path,
) -> None:
    why = NotMeasurable(code="too-few-nuclei", reason="312 tumour nuclei, fewer than 500")
    made = result(
        Finding(id="f1", name="ki67.hotspot", protocol="P", formula="f/1", answer=why),
        Finding(id="f2", name="til.density_tumour", protocol="P", formula="f/1", answer=why),
        Finding(id="f3", name="til.profile", protocol="P", formula="f/1", answer=why),
    )
    write_json(tmp_path / "findings.json", findings_document(made), "findings-1")
    write_json(tmp_path / "run.json", run_document(made), "run-1")
    units = [f.unit for f in result_on_desk(tmp_path).findings]
    assert units == ["fraction", "1/mm2", ""]


def test_the_maps_that_must_be_seen_are_those_that_the_page_shows() -> None:
    assert SHOWN_MAPS == SHOWN


def test_a_number_that_no_fact_says_is_flagged_and_stays_the_physicians(
    workplace: Workplace,
) -> None:
    workplace.ready()
    text = workplace.desk.book.case(workplace.desk.case).text
    assert text is not None
    first, *others = text.sections
    wrong = replace(first, en=(*first.en, "The Ki-67 index was 35.0 %."))
    edited = edited_text(text, (wrong, *others), RULES)
    assert any("35.0" in block.span or "35.0" in block.reason for block in edited.flagged)
    desk = workplace.desk
    desk.book.write(desk.case, replace(edited, draft=None), "counted by hand", desk.by("dr.lin"))
    after = desk.book.case(desk.case)
    assert after.texts[-1].changes[0].after == "The Ki-67 index was 35.0 %."
    assert after.text is not None
    assert after.text.draft == text.draft
    document = json.loads(workplace.sign().files[0].read_text("utf-8"))
    assert document["flagged"]
    assert document["authorship"].endswith("; edited by dr.lin")


def test_no_shipped_template_calls_a_signed_report_a_draft() -> None:
    for template in RULES.templates.values():
        assert template.signed_title is not None, template.name
        assert "draft" not in template.signed_title.en.lower()
        assert "草稿" not in template.signed_title.zh


def test_text_without_a_draft_says_that_it_was_not_checked(workplace: Workplace) -> None:
    text = workplace.desk.book.case(workplace.desk.case).text
    assert text is not None
    bare = replace(text, draft=None)
    section = WrittenSection(id="ki67", en=("By hand.",), zh=("手写。",))
    [block] = edited_text(bare, (section,), RULES).flagged
    assert block.kind == "draft"


def test_an_override_is_what_the_text_tells_once_it_is_drafted_again(workplace: Workplace) -> None:
    workplace.ready()
    desk = workplace.desk
    desk.decide(KEY, "override", own=OwnValue(value=12.0, unit="%"))
    with pytest.raises(CaseRefused) as told:
        workplace.sign()
    assert code_of(told) == "text-tells-rejected"
    text = decided_text(desk.book.case(desk.case), RULES, NOON)
    assert text is not None
    said = " ".join(s for part in text.sections for s in part.en)
    assert "12 %" in said
    assert "5.0 %" not in said
    assert KEY not in text.tells
    desk.book.write(desk.case, text, "override", desk.by("dr.lin"))
    desk.decide(KEY)  # and back again: her number must not stay in the text
    assert [p.code for p in desk.book.unready(desk.case, "dr.lin")] == ["text-tells-other"]
    ais = decided_text(desk.book.case(desk.case), RULES, NOON)
    assert ais is not None
    assert (ais.tells, ais.own) == ((KEY,), ())
    assert ais.sections == desk.book.case(desk.case).texts[0].text.sections
    desk.decide(KEY, "override", own=OwnValue(value=12.0, unit="%"))
    document = json.loads(workplace.sign().files[0].read_text("utf-8"))
    [finding] = document["findings"]
    assert (finding["ai_value"], finding["decision"]["own"]["value"]) == (0.05, 12.0)


def test_a_corrected_result_brings_its_own_text_and_both_results_stay(
    workplace: Workplace,
) -> None:
    workplace.ready()
    desk = workplace.desk
    corrected = write_result(
        workplace.out,
        "slide-b",
        result_id="slide-b/ki67-00000001",
        supersedes=KEY.result_id,
        digest=content_digest([workplace.slide]),
        author="dr.lin",
        part=120,
    )
    supersede_on_desk(desk.book, desk.case, corrected, "drawn anew", desk.by("dr.lin"))
    case = desk.book.case(desk.case)
    assert [r.result_id for r in case.superseded] == [KEY.result_id]
    assert decided_text(case, RULES, NOON) is None  # its draft tells another result
    text = renewed_text(case, workplace.out, RULES, NOON)
    assert text is not None
    said = " ".join(s for part in text.sections for s in part.en)
    assert "12.0 %" in said
    assert "5.0 %" not in said
    assert text.results == ("slide-b/ki67-00000001",)
    before = case.texts[0].text.draft
    assert before is not None
    assert text.draft is not None
    assert text.draft.facts.by_id["er.status"] == before.facts.by_id["er.status"]
    desk.book.write(desk.case, text, "corrected result", desk.by("dr.lin"))
    desk.decide_all()
    desk.see_all()
    document = json.loads(workplace.sign().files[0].read_text("utf-8"))
    [result] = document["results"]
    assert (result["author"], result["supersedes"]) == ("dr.lin", KEY.result_id)
    assert (workplace.folder / "findings.json").exists()


def test_a_signed_version_is_written_whole_with_a_hash_that_anybody_can_check(
    workplace: Workplace,
) -> None:
    workplace.ready()
    done = workplace.sign(pdf=True)
    assert [p.name for p in done.files] == ["report-v2.json", "report-v2.html", "report-v2.pdf"]
    document = json.loads(done.files[0].read_text("utf-8"))
    assert faults(document, "signed-1") == ()
    stated = document.pop("content_sha256")
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert hashlib.sha256(canonical.encode()).hexdigest() == stated
    whole = hashlib.sha256(workplace.slide.read_bytes()).hexdigest()
    assert document["results"][0]["slide_sha256"] == whole
    assert done.files[2].read_bytes().startswith(b"%PDF")
    page = done.files[1].read_text("utf-8")
    assert "approved by Lin &lt;Xia&gt; (dr.lin), 2026-03-04T12:00:00+00:00" in page
    assert "批准" in page
    assert "not verified" not in page
    assert "draft report" not in page
    assert "草稿" not in page
    assert "edited by" not in page
    assert stated in page


def test_files_that_a_killed_program_did_not_write_are_written_later_and_once(
    workplace: Workplace,
) -> None:
    workplace.ready()
    done = workplace.sign()
    for path in done.files:
        path.unlink()
    desk = workplace.desk
    again = write_signed(desk.book, desk.case, workplace.place())
    assert [p.name for p in again] == ["report-v2.json", "report-v2.html"]
    assert write_signed(desk.book, desk.case, workplace.place()) == ()
    told = json.loads(again[0].read_text("utf-8"))
    again[0].write_text(json.dumps({**told, "case_id": "forged"}), encoding="utf-8")
    third = write_signed(desk.book, desk.case, workplace.place())  # what was changed is no version
    assert [p.name for p in third] == ["report-v3.json", "report-v3.html"]
    assert content_sha256(json.loads(third[0].read_text("utf-8"))) == told["content_sha256"]


def test_a_folder_that_cannot_be_written_does_not_undo_the_signature(workplace: Workplace) -> None:
    workplace.ready()
    kept = workplace.reports.rename(workplace.out / "kept")
    workplace.reports.write_text("a file is in the way", encoding="utf-8")
    done = workplace.sign()
    assert (done.changed.state, done.files) == ("SIGNED", ())
    assert done.problem
    workplace.reports.unlink()
    kept.rename(workplace.reports)
    desk = workplace.desk
    assert len(write_signed(desk.book, desk.case, workplace.place())) == 2


def test_a_slide_that_is_gone_or_another_is_not_signed(workplace: Workplace) -> None:
    workplace.ready()
    kept = workplace.slide.rename(workplace.out / "moved")
    with pytest.raises(CaseRefused) as told:
        workplace.sign()
    assert code_of(told) == "slide-gone"
    workplace.slide.write_bytes(b"another")
    with pytest.raises(CaseRefused) as told:
        workplace.sign()
    assert code_of(told) == "slide-other"
    assert workplace.desk.book.case(workplace.desk.case).signed == ()
    kept.replace(workplace.slide)
    assert workplace.sign().changed.state == "SIGNED"


def test_a_result_that_was_changed_since_is_not_signed(workplace: Workplace) -> None:
    workplace.ready()
    file = workplace.folder / "findings.json"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"0.05", b"0.06"))
    with pytest.raises(CaseRefused) as told:
        workplace.sign()
    assert code_of(told) == "result-changed"
    file.unlink()
    with pytest.raises(CaseRefused) as told:
        workplace.sign()
    assert code_of(told) == "result-changed"


def test_a_signature_asked_for_again_is_answered_though_the_slide_is_gone_by_now(
    workplace: Workplace,
) -> None:
    workplace.ready()
    desk, change = workplace.desk, workplace.desk.by("dr.lin")
    wish = SigningWish(proof=desk.proof(), printed_name="Lin Xia", meaning="approved")
    first = sign_on_desk(desk.book, desk.case, wish, workplace.place(), change)
    workplace.slide.unlink()
    second = sign_on_desk(desk.book, desk.case, wish, workplace.place(), change)
    assert second.changed == replace(first.changed, repeated=True)
    assert len(desk.book.case(desk.case).signed) == 1
