"""The record of the review desk (``records.case_ledger``), on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from pathology.errors import CaseChanged, CaseRefused, LedgerError, ModelRefused, NotAllowed
from pathology.ledger.database import connect
from pathology.ledger.open import OpenLedger
from pathology.records.case_note import CaseNote
from pathology.records.case_review import CaseOpening, Changed, FindingOnDesk, TextChange
from pathology.records.decision import Decision, FindingKey, OwnReading, OwnValue, SecondReading
from pathology.records.opinion import Opinion, OpinionAsked
from pathology.records.signed_report import content_sha256, signed_content
from tests.cases_on_desk import (
    FINDINGS_SHA,
    HOT,
    KI67,
    MODEL,
    PATIENT,
    SLIDE_SHA,
    PaintedDesk,
    block,
    result,
    rules,
    text,
)
from tests.ledgers import MINUTE, NOON, LedgerSite, Tampering, order


@pytest.fixture
def ledger(ledger_site: LedgerSite) -> Iterator[OpenLedger]:
    with ledger_site.open() as opened:
        yield opened


@pytest.fixture
def desk(ledger: OpenLedger) -> PaintedDesk:
    return PaintedDesk(ledger=ledger)


def refused(code: str, do: Callable[[], Any]) -> CaseRefused:
    with pytest.raises(CaseRefused) as told:
        do()
    assert told.value.code == code
    assert told.value.text("en")
    assert told.value.text("zh") != told.value.text("en")
    return told.value


def test_a_case_comes_back_as_it_was_put_on_the_desk(desk: PaintedDesk) -> None:
    desk.open(priority="stat", deadline_utc=NOON + MINUTE)
    case = desk.book.case(desk.case)
    assert case.results == (result(),)
    assert case.text == text()
    assert case.case_id == f"ACCESSION-{PATIENT}"
    [line] = desk.book.worklist()
    assert line == case.line
    assert (line.state, line.version, line.priority) == ("AI_DRAFT", 1, "stat")
    assert (line.deadline_utc, line.slides, line.analyses) == (NOON + MINUTE, 1, ("ki67",))
    assert desk.ledger.audit.verify().faults == ()


def test_a_case_that_an_order_named_is_the_same_case(desk: PaintedDesk) -> None:
    """What the night enrolled and what the desk opens is one row."""
    desk.person("night", "service")
    desk.ledger.work.enrol([order(4)], desk.people["night"], NOON)
    desk.case = desk.book.name_of("ACCESSION-2")
    desk.open()
    assert [line.case for line in desk.book.worklist()] == [desk.case]


def test_discrepancies_come_first_then_the_pressing(desk: PaintedDesk) -> None:
    cases = {}
    for name, priority in (("a", "routine"), ("b", "stat"), ("c", "urgent")):
        desk.case = cases[name] = desk.book.name_of(name)
        desk.open(priority=priority)
    desk.case = cases["a"]
    desk.book.claim(desk.case, desk.by("dr.lin"))
    desk.decide(KI67, "override")
    lines = desk.book.worklist()
    assert [line.case for line in lines] == [cases["a"], cases["b"], cases["c"]]
    assert [line.discrepancy for line in lines] == [True, False, False]
    assert desk.book.worklist(states=["CORRECTED"]) == desk.book.worklist(assignee="dr.lin")


def test_claim_release_assign_and_second_reader(desk: PaintedDesk) -> None:
    desk.open()
    done = desk.book.claim(desk.case, desk.by("dr.lin"))
    assert done.state == "IN_REVIEW"
    refused("taken", lambda: desk.book.claim(desk.case, desk.by("dr.wu")))
    refused("not-yours", lambda: desk.book.release(desk.case, desk.by("dr.wu")))
    desk.book.ask_second(desk.case, "dr.wu", desk.by("dr.lin"))
    refused("second-is-first", lambda: desk.book.assign(desk.case, "dr.wu", desk.by("dr.lin")))
    refused("second-is-first", lambda: desk.book.ask_second(desk.case, "dr.lin", desk.by("dr.ma")))
    refused("no-pathologist", lambda: desk.book.assign(desk.case, "alex", desk.by("dr.lin")))
    refused("no-pathologist", lambda: desk.book.assign(desk.case, "nobody", desk.by("dr.lin")))
    desk.book.assign(desk.case, "dr.ma", desk.by("dr.lin"))
    desk.book.release(desk.case, desk.by("dr.ma"))
    refused("second-is-first", lambda: desk.book.claim(desk.case, desk.by("dr.wu")))
    line = desk.book.case(desk.case).line
    assert (line.assignee, line.second_reader, line.state) == (None, "dr.wu", "IN_REVIEW")


def test_the_second_of_two_is_told_who_was_first_and_nothing_is_overwritten(
    desk: PaintedDesk,
) -> None:
    desk.taken()
    seen = desk.book.case(desk.case).line.version
    desk.decide(KI67)
    desk.book.assign(desk.case, "dr.wu", desk.by("dr.ma"))
    stale = desk.by("dr.lin", seen=seen)
    with pytest.raises(CaseChanged) as told:
        desk.book.write(desk.case, text("mine"), "", stale)
    assert told.value.facts["who"] == "dr.ma"
    assert "dr.ma" in told.value.text()
    assert desk.book.case(desk.case).text == text()


@pytest.mark.parametrize("kind", ["accept", "reject", "override"])
def test_a_request_that_comes_twice_is_done_once(desk: PaintedDesk, kind: str) -> None:
    desk.taken()
    change = desk.by("dr.lin")
    own = OwnValue(value=21.0, unit="%") if kind == "override" else None
    decision = Decision(of=KI67, kind=kind, reason="seen", own=own)  # type: ignore[arg-type]
    first = desk.book.decide(desk.case, decision, change)
    lines = len(list(desk.ledger.audit.lines()))
    desk.decide(HOT)  # the world goes on
    second = desk.book.decide(desk.case, decision, change)
    assert second == replace(first, repeated=True)
    assert len(list(desk.ledger.audit.lines())) == lines + 1
    other = replace(decision, reason="something else")
    refused("other-request", lambda: desk.book.decide(desk.case, other, change))


def test_each_role_is_asked_and_a_refusal_is_in_the_chain(desk: PaintedDesk) -> None:
    desk.open()
    for name, role in (("tech", "technician"), ("op", "operator"), ("aud", "auditor")):
        desk.person(name, role)
        with pytest.raises(NotAllowed):
            desk.book.claim(desk.case, desk.by(name))
    with pytest.raises(NotAllowed):
        desk.book.sign(desk.case, desk.order("alex"), desk.by("alex"))
    refusals = [line for line in desk.ledger.audit.lines() if line.act == "refused"]
    assert [line.actor for line in refusals] == ["tech", "op", "aud", "alex"]


def test_an_override_is_kept_beside_what_the_ai_said(desk: PaintedDesk) -> None:
    desk.taken()
    refused("wrong-unit", lambda: desk.decide(KI67, "override", own=OwnValue(value=3, unit="mm")))
    gone = FindingKey(KI67.result_id, "f9")
    refused("no-such-finding", lambda: desk.decide(gone))
    done = desk.decide(KI67, "override")
    assert done.state == "CORRECTED"
    [warning] = done.warnings
    assert (warning.of, warning.ai, warning.own, warning.unit) == (KI67, 20.0, 35.0, "%")
    case = desk.book.case(desk.case)
    assert case.decided[KI67].decision.own == OwnValue(value=35.0, unit="%")
    assert case.results[0].findings[0].value == 0.2
    assert case.line.needs_second


@pytest.mark.parametrize(("own", "differs"), [(30.0, False), (30.1, True), (9.9, True)])
def test_a_difference_beyond_the_setting_asks_for_a_second_reader(
    desk: PaintedDesk, own: float, differs: bool
) -> None:
    desk.ready()
    desk.decide(KI67, "override", own=OwnValue(value=own, unit="%"))
    desk.book.write(desk.case, text("Ki-67 as read.", tells=()), "", desk.by("dr.lin"))
    codes = [p.code for p in desk.book.unready(desk.case, "dr.lin")]
    assert codes == (["second-missing"] if differs else [])


def test_a_second_reader_agrees_to_what_stands_and_not_to_what_comes_later(
    desk: PaintedDesk,
) -> None:
    desk.ready()
    desk.book.ask_second(desk.case, "dr.wu", desk.by("dr.lin"))
    refused("second-missing", desk.sign)
    refused(
        "not-second",
        lambda: desk.book.second_read(desk.case, SecondReading(agrees=True), desk.by("dr.ma")),
    )
    differs = SecondReading(agrees=False, note="the edge is in situ")
    desk.book.second_read(desk.case, differs, desk.by("dr.wu"))
    assert desk.book.case(desk.case).line.discrepancy
    refused("second-missing", desk.sign)
    desk.book.second_read(desk.case, SecondReading(agrees=True), desk.by("dr.wu"))
    assert desk.book.unready(desk.case, "dr.lin") == ()
    desk.decide(KI67, "override", own=OwnValue(value=21.0, unit="%"))
    codes = {p.code for p in desk.book.unready(desk.case, "dr.lin")}
    assert codes == {"second-missing", "text-tells-rejected"}
    desk.book.second_read(desk.case, SecondReading(agrees=True), desk.by("dr.wu"))
    desk.book.write(desk.case, text("Ki-67 21 %.", tells=()), "", desk.by("dr.lin"))
    desk.sign()
    assert desk.book.report(desk.case, 1).second_reader == "dr.wu"


def test_a_second_reader_who_differs_is_not_outvoted_by_another(desk: PaintedDesk) -> None:
    desk.ready()
    desk.book.ask_second(desk.case, "dr.wu", desk.by("dr.lin"))
    differs = SecondReading(agrees=False, note="the edge is in situ")
    desk.book.second_read(desk.case, differs, desk.by("dr.wu"))
    desk.book.ask_second(desk.case, "dr.ma", desk.by("dr.lin"))
    desk.book.second_read(desk.case, SecondReading(agrees=True), desk.by("dr.ma"))
    refused("second-missing", desk.sign)
    desk.decide(KI67)  # decided anew: both readings were of what stood before
    refused("second-missing", desk.sign)
    desk.book.second_read(desk.case, SecondReading(agrees=True), desk.by("dr.ma"))
    assert desk.sign().state == "SIGNED"
    assert desk.book.report(desk.case, 1).second_reader == "dr.ma"


def test_who_decided_is_no_second_reader(desk: PaintedDesk) -> None:
    desk.taken()
    desk.decide(KI67)
    desk.book.assign(desk.case, "dr.wu", desk.by("dr.lin"))
    desk.book.ask_second(desk.case, "dr.lin", desk.by("dr.wu"))
    agrees = SecondReading(agrees=True)
    refused("second-is-first", lambda: desk.book.second_read(desk.case, agrees, desk.by("dr.lin")))


def test_blind_first_hides_the_ais_number_until_the_reader_has_told_an_own_one(
    desk: PaintedDesk,
) -> None:
    desk.rules = rules(blind_first="always")
    desk.taken()
    case = desk.book.case(desk.case)
    assert desk.book.hidden_from(case, "dr.lin") == {KI67}
    refused("read-first", lambda: desk.decide(KI67))
    refused("read-first", desk.see_all)
    reading = OwnReading(of=KI67, own=OwnValue(value=5.0, unit="%"))
    done = desk.book.read(desk.case, reading, desk.by("dr.lin"))
    assert [w.own for w in done.warnings] == [5.0]
    case = desk.book.case(desk.case)
    assert [r.blind for r in case.readings] == [True]
    assert desk.book.hidden_from(case, "dr.lin") == frozenset()
    assert desk.book.hidden_from(case, "dr.wu") == {KI67}
    desk.decide(KI67)
    desk.see_all()


def test_by_rule_the_first_cases_and_borderline_results_are_read_blind(desk: PaintedDesk) -> None:
    desk.rules = rules(blind_first="by-rule", first_cases=1, random_share=0.0)
    desk.taken()
    assert desk.book.hidden_from(desk.book.case(desk.case), "dr.lin") == {KI67}
    reading = OwnReading(of=KI67, own=OwnValue(value=20.0, unit="%"))
    desk.book.read(desk.case, reading, desk.by("dr.lin"))
    desk.case = desk.book.name_of("another")
    desk.taken()
    assert desk.book.hidden_from(desk.book.case(desk.case), "dr.lin") == frozenset()
    desk.case = desk.book.name_of("a third")
    near = FindingOnDesk(
        finding_id="f1", name="ki67.global", value=0.2, unit="fraction", borderline=True
    )
    desk.taken(result(findings=(near,)))
    assert desk.book.hidden_from(desk.book.case(desk.case), "dr.lin") == {KI67}


def test_a_reading_after_looking_is_kept_as_such(desk: PaintedDesk) -> None:
    desk.taken()
    desk.see_all()
    reading = OwnReading(of=KI67, own=OwnValue(value=20.0, unit="%"))
    desk.book.read(desk.case, reading, desk.by("dr.lin"))
    assert [r.blind for r in desk.book.case(desk.case).readings] == [False]


def test_nobody_signs_what_is_undecided_unseen_or_in_an_unconfirmed_region(
    desk: PaintedDesk,
) -> None:
    desk.taken(result(tumour_region_source="automatic"))
    codes = [p.code for p in desk.book.unready(desk.case, "dr.lin")]
    assert codes == ["undecided", "unseen"]
    desk.decide(KI67)
    told = refused("undecided", desk.sign)
    assert told.facts == {"count": "1", "findings": "ki67.hotspot"}
    desk.decide(HOT)
    told = refused("unseen", desk.sign)
    assert told.facts["count"] == "2"
    desk.book.saw(desk.case, KI67.result_id, "regions", desk.by("dr.lin"))
    desk.book.saw(desk.case, KI67.result_id, "nuclei", desk.by("dr.wu"))  # not the signer's eyes
    told = refused("unseen", desk.sign)
    assert told.facts == {"count": "1", "overlays": "ki67: nuclei"}
    desk.book.saw(desk.case, KI67.result_id, "nuclei", desk.by("dr.lin"))
    refused("region-unconfirmed", desk.sign)
    refused("no-such-overlay", lambda: desk.book.saw(desk.case, "P1", "label", desk.by("dr.lin")))
    desk.book.confirm_region(desk.case, KI67.result_id, desk.by("dr.lin"))
    assert desk.sign().state == "SIGNED"


def test_an_overlay_may_be_opened_by_two_at_one_time(desk: PaintedDesk) -> None:
    desk.taken()
    version = desk.book.case(desk.case).line.version
    for name in ("dr.lin", "dr.wu"):
        desk.book.saw(desk.case, KI67.result_id, "nuclei", desk.by(name, seen=version))
    assert desk.book.case(desk.case).line.version == version


def test_a_signature_makes_a_version_that_holds_all_it_rests_on(desk: PaintedDesk) -> None:
    desk.ready(text=text(flagged=(block(),)))
    done = desk.sign()
    assert done.state == "SIGNED"
    report = desk.book.report(desk.case, 1)
    assert (report.version, report.state, report.amends) == (1, "SIGNED", None)
    assert report.signature.printed_name == "Lin Xia"
    assert report.signature.signed_utc == "2026-03-04T12:00:00+00:00"
    assert report.signature.meaning == "approved"
    assert [f.decision.kind for f in report.findings] == ["accept", "accept"]
    assert report.results[0].slide_sha256 == SLIDE_SHA
    assert report.results[0].models == (f"nuclei-1 {'a' * 64}",)
    assert report.flagged == (block(),)
    [version] = desk.book.case(desk.case).signed
    assert version.content_sha256 == content_sha256(signed_content(report))
    [line] = [x for x in desk.ledger.audit.lines() if x.act == "case-sign"]
    assert line.after["content_sha256"] == version.content_sha256
    [item] = desk.ledger.outbox.items()
    assert (item.version, item.format, item.destination, item.state) == (
        1,
        "fhir",
        "lis",
        "waiting",
    )


def test_what_a_signature_needs(desk: PaintedDesk) -> None:
    desk.ready()
    other = desk.proof("dr.wu")
    refused("proof-wrong", lambda: desk.sign(proof=other))
    old = desk.proof(at_utc=NOON - timedelta(seconds=301))
    told = refused("proof-old", lambda: desk.sign(proof=old))
    assert told.facts == {"seconds": "300"}
    refused("proof-old", lambda: desk.sign(proof=desk.proof(at_utc=NOON + MINUTE)))
    refused("printed-name-missing", lambda: desk.sign(printed_name="  "))
    refused("slide-gone", lambda: desk.sign(slides_sha256={}))
    refused("result-changed", lambda: desk.sign(findings_sha256={KI67.result_id: "0" * 64}))
    refused("not-yours", lambda: desk.sign("dr.wu"))
    assert desk.book.case(desk.case).signed == ()
    assert desk.ledger.outbox.items() == []


def test_one_proof_signs_one_report(desk: PaintedDesk) -> None:
    desk.ready()
    proof = desk.proof()
    desk.sign(proof=proof)
    desk.case = desk.book.name_of("another")
    desk.ready()
    refused("proof-used", lambda: desk.sign(proof=proof))


def test_a_signature_asked_for_twice_is_one(desk: PaintedDesk) -> None:
    desk.ready()
    asked, change = desk.order(), desk.by("dr.lin")
    first = desk.book.sign(desk.case, asked, change)
    second = desk.book.sign(desk.case, asked, change)
    assert (second.repeated, second.entry, second.state) == (True, first.entry, "SIGNED")
    assert len(desk.book.case(desk.case).signed) == len(desk.ledger.outbox.items()) == 1


def test_weights_for_research_need_the_sites_word(desk: PaintedDesk) -> None:
    desk.ready(result(models=(replace(MODEL, research_only=True),)))
    told = refused("research-weights", desk.sign)
    assert told.facts == {"model": "nuclei-1"}
    assert desk.sign(research_accepted=True).state == "SIGNED"


def test_a_signature_asked_for_again_brings_a_proof_of_its_own(desk: PaintedDesk) -> None:
    """A browser whose answer was lost proves again who sits there: the password is asked anew."""
    desk.ready()
    change = desk.by("dr.lin")
    first = desk.book.sign(desk.case, desk.order(), change)
    second = desk.book.sign(desk.case, desk.order(), change)
    assert second == replace(first, repeated=True)
    assert len(desk.book.case(desk.case).signed) == 1
    refused(
        "other-request",
        lambda: desk.book.sign(desk.case, desk.order(printed_name="Wu Ma"), change),
    )


def test_an_assumed_scale_and_a_report_of_nothing_are_not_signed(desk: PaintedDesk) -> None:
    desk.ready(result(scale_source="assumed"))
    refused("scale-assumed", desk.sign)
    desk.case = desk.book.name_of("another")
    desk.taken(text=text(tells=()))
    desk.see_all()
    desk.decide(KI67, "reject")
    desk.decide(HOT, "reject")
    refused("all-rejected", desk.sign)
    assert desk.book.reject(desk.case, "wrong block", desk.by("dr.lin")).state == "REJECTED"


def test_nothing_changes_after_the_signature_but_by_an_amendment(desk: PaintedDesk) -> None:
    desk.ready()
    desk.sign()
    first = desk.book.report(desk.case, 1)
    refused("wrong-state", lambda: desk.decide(KI67, "reject"))
    refused("wrong-state", lambda: desk.book.write(desk.case, text("x"), "", desk.by("dr.lin")))
    refused("wrong-state", lambda: desk.book.claim(desk.case, desk.by("dr.lin")))
    refused("wrong-state", lambda: desk.book.release(desk.case, desk.by("dr.lin")))
    refused("wrong-state", lambda: desk.book.assign(desk.case, "dr.wu", desk.by("dr.lin")))
    refused("wrong-state", lambda: desk.book.reject(desk.case, "no", desk.by("dr.lin")))
    refused("wrong-state", desk.sign)
    refused("why-missing", lambda: desk.book.reopen(desk.case, " ", desk.by("dr.wu")))
    desk.book.reopen(desk.case, "the block was mixed up", desk.by("dr.wu"))
    case = desk.book.case(desk.case)
    assert (case.amending, case.line.state, case.line.assignee) == (1, "IN_REVIEW", "dr.wu")
    refused("wrong-state", lambda: desk.book.reject(desk.case, "no", desk.by("dr.wu")))
    refused("unseen", lambda: desk.sign("dr.wu"))  # who signs has looked
    desk.see_all("dr.wu")
    desk.book.write(desk.case, text("Ki-67: 20 %, block 2."), "block", desk.by("dr.wu"))
    assert desk.sign("dr.wu").state == "AMENDED"
    second = desk.book.report(desk.case, 2)
    assert (second.version, second.state, second.amends) == (2, "AMENDED", 1)
    assert second.amendment_reason == "the block was mixed up"
    assert desk.book.report(desk.case, 1) == first
    assert [v.number for v in desk.book.case(desk.case).signed] == [1, 2]


def test_an_amendment_given_up_leaves_the_version_in_force(desk: PaintedDesk) -> None:
    desk.ready()
    desk.sign()
    desk.book.reopen(desk.case, "by mistake", desk.by("dr.lin"))
    desk.book.write(desk.case, text("half"), "", desk.by("dr.lin"))
    assert desk.book.drop_amendment(desk.case, "by mistake", desk.by("dr.lin")).state == "SIGNED"
    case = desk.book.case(desk.case)
    assert (case.amending, len(case.signed)) == (None, 1)


def test_a_rejected_report_can_be_taken_up_again(desk: PaintedDesk) -> None:
    desk.taken()
    desk.book.reject(desk.case, "wrong stain", desk.by("dr.lin"))
    refused("wrong-state", desk.sign)
    desk.book.reopen(desk.case, "it was right", desk.by("dr.wu"))
    case = desk.book.case(desk.case)
    assert (case.line.state, case.rejected_reason, case.amending) == ("IN_REVIEW", "", None)


def test_a_corrected_result_takes_the_place_of_the_one_before_and_both_stay(
    desk: PaintedDesk,
) -> None:
    desk.ready()
    new = result("P1/ki67-bbbbbbbb", supersedes=KI67.result_id, author="dr.lin")
    refused(
        "wrong-superseded",
        lambda: desk.book.supersede(
            desk.case, replace(new, supersedes="P9/x"), "drawn anew", desk.by("dr.lin")
        ),
    )
    desk.book.supersede(desk.case, new, "drawn anew", desk.by("dr.lin"))
    case = desk.book.case(desk.case)
    assert ([r.result_id for r in case.results], case.superseded) == (
        ["P1/ki67-bbbbbbbb"],
        (result(),),
    )
    codes = [p.code for p in desk.book.unready(desk.case, "dr.lin")]
    assert codes == ["undecided", "unseen", "text-of-other-results"]
    desk.decide_all()
    desk.see_all()
    key = FindingKey("P1/ki67-bbbbbbbb", "f1")
    anew = text("Ki-67: 20 %.", results=("P1/ki67-bbbbbbbb",), tells=(key,))
    desk.book.write(desk.case, anew, "drawn anew", desk.by("dr.lin"))
    desk.sign()
    [signed] = desk.book.report(desk.case, 1).results
    assert (signed.result_id, signed.supersedes) == ("P1/ki67-bbbbbbbb", KI67.result_id)


def test_edits_of_the_text_are_kept_sentence_by_sentence(desk: PaintedDesk) -> None:
    desk.taken(text=text("One.", "Two.", "Three."))
    desk.book.write(desk.case, text("One.", "2.", "Three.", "Four."), "why", desk.by("dr.lin"))
    first, second = desk.book.case(desk.case).texts
    assert (first.by, first.changes) == ("night", ())
    assert second.by == "dr.lin"
    assert second.changes == (
        TextChange(section="ki67", language="en", before="Two.", after="2."),
        TextChange(section="ki67", language="en", before=None, after="Four."),
    )


def test_the_software_may_renew_its_draft_and_not_a_signed_one(desk: PaintedDesk) -> None:
    desk.open()
    new = result("P1/ki67-cccccccc")
    opening = CaseOpening(case=desk.case, case_id="x", results=(new,), text=None)
    desk.book.open(opening, desk.by("night"))
    case = desk.book.case(desk.case)
    assert (case.line.state, case.results, case.superseded) == ("AI_DRAFT", (new,), (result(),))
    desk.case = desk.book.name_of("another")
    desk.ready()
    desk.sign()
    other = replace(opening, case=desk.case)
    refused("wrong-state", lambda: desk.book.open(other, desk.by("night")))


def test_an_opening_that_comes_twice_is_one(desk: PaintedDesk) -> None:
    desk.person("night", "service")
    opening = CaseOpening(case=desk.case, case_id="x", results=(result(),), text=text())
    change = desk.by("night", seen=0)
    first = desk.book.open(opening, change)
    assert desk.book.open(opening, change) == replace(first, repeated=True)
    assert desk.book.case(desk.case).line.version == 1


def test_a_withdrawn_model_is_told_and_what_rests_on_it_is_not_signed(desk: PaintedDesk) -> None:
    desk.ready()
    models, sha = desk.ledger.models, MODEL.weights_sha256
    models.withdraw("nuclei-1", sha, by=desk.people["dr.wu"], now_utc=NOON, why="counts stroma")
    with pytest.raises(ModelRefused, match="counts stroma"):
        models.check([("nuclei-1", sha)])
    models.check([("nuclei-1", "b" * 64), ("tissue-1", None)])
    told = refused("model-withdrawn", desk.sign)
    assert told.facts == {"model": "nuclei-1", "why": "counts stroma", "result": "ki67"}
    assert [line.case for line in desk.book.touched_by("nuclei-1", sha)] == [desk.case]
    assert desk.book.touched_by("nuclei-1", "b" * 64) == desk.book.touched_by("tissue-1") == []
    with pytest.raises(NotAllowed):
        models.restore("nuclei-1", sha, by=desk.people["dr.wu"], now_utc=NOON, why="mended")
    alex = desk.people["alex"]
    assert models.restore("nuclei-1", sha, by=alex, now_utc=NOON, why="mended")
    assert not models.restore("nuclei-1", sha, by=alex, now_utc=NOON, why="mended")
    assert models.withdrawn() == ()
    desk.sign()
    acts = [line.act for line in desk.ledger.audit.lines()]
    assert {"withdraw-model", "restore-model"} <= set(acts)


def test_what_leaves_is_taken_once_tried_again_and_set_aside(desk: PaintedDesk) -> None:
    desk.ready()
    desk.sign()
    outbox = desk.ledger.outbox
    [item] = outbox.take(NOON, 60)
    assert outbox.take(NOON + MINUTE / 2, 60) == []
    assert outbox.report(item.item_id) == desk.book.report(desk.case, 1)
    outbox.failed(item.item_id, NOON, "connection refused", NOON + 2 * MINUTE)
    assert outbox.take(NOON + MINUTE, 60) == []
    [again] = outbox.take(NOON + 2 * MINUTE, 60)
    assert (again.tries, again.last_problem) == (2, "connection refused")
    outbox.failed(item.item_id, NOON, "AR", None)
    assert [i.state for i in outbox.items()] == ["dead"]
    assert outbox.take(NOON + 9 * MINUTE, 60) == []
    assert outbox.again([item.item_id], desk.people["dr.lin"], NOON, "mended") == 1
    assert outbox.again([item.item_id], desk.people["dr.lin"], NOON, "mended") == 0
    outbox.take(NOON, 60)
    outbox.sent(item.item_id, NOON, "AA")
    outbox.sent(item.item_id, NOON, "AA")
    assert [i.item_id for i in outbox.items(["sent"])] == [item.item_id]
    with pytest.raises(LedgerError):
        outbox.failed(item.item_id, NOON, "late", None)
    assert desk.ledger.audit.verify().faults == ()


def test_no_judgement_and_no_name_stands_in_the_database_or_the_chain(
    desk: PaintedDesk, tampering: Tampering
) -> None:
    desk.ready()
    desk.decide(KI67, "override", own=OwnValue(value=21.0, unit="%"))
    desk.book.write(desk.case, text(f"{PATIENT} 21 %.", tells=()), PATIENT, desk.by("dr.lin"))
    desk.sign()
    tables = ("case_entries", "signed_versions", "review_cases", "audit_lines", "outbox", "cases")
    for table in tables:
        rows = tampering.execute(f"SELECT * FROM {table}")  # noqa: S608 -- a literal above
        assert rows
        found = [v for row in rows for v in row]
        spelled = " ".join(
            bytes(v).decode("latin-1") if isinstance(v, bytes | memoryview) else str(v)
            for v in found
        )
        assert PATIENT not in spelled
        assert "override" not in spelled


@pytest.mark.parametrize("table", ["case_entries", "signed_versions"])
def test_entries_and_signed_versions_are_only_added_to(
    desk: PaintedDesk, ledger_site: LedgerSite, table: str
) -> None:
    """By a statement of somebody who can write to the database and does not drop triggers."""
    desk.ready()
    desk.sign()
    database = connect(ledger_site.settings, ledger_site.file)
    change = f"UPDATE {table} SET state = 'AI_DRAFT'"  # noqa: S608 -- a literal above
    for statement in (change, f"DELETE FROM {table}"):  # noqa: S608
        with pytest.raises(DBAPIError, match="only added to"), database.begin() as connection:
            connection.execute(sql(statement))
    if database.dialect.name == "sqlite":
        replaced = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"  # noqa: S608
        with pytest.raises(DBAPIError, match="only added to"), database.begin() as connection:
            connection.execute(sql(replaced))
    database.dispose()


def test_a_signed_version_that_was_exchanged_is_not_given_out(
    desk: PaintedDesk, tampering: Tampering
) -> None:
    desk.ready()
    desk.sign()
    tampering.execute("UPDATE signed_versions SET content_sha256 = ?", ("0" * 64,))
    with pytest.raises(LedgerError, match="not what was signed"):
        desk.book.report(desk.case, 1)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM case_entries WHERE kind = 'second-read'", "content-changed"),
        ("UPDATE case_entries SET sealed_body = ? WHERE kind = 'decide'", "content-changed"),
        ("UPDATE case_entries SET entry_id = 99 WHERE kind = 'second-read'", "content-added"),
        ("DELETE FROM signed_versions", "content-changed"),
    ],
)
def test_verifying_finds_what_was_taken_out_exchanged_or_put_in(
    desk: PaintedDesk, tampering: Tampering, statement: str, fault: str
) -> None:
    desk.ready()
    desk.book.ask_second(desk.case, "dr.wu", desk.by("dr.lin"))
    desk.book.second_read(desk.case, SecondReading(agrees=True), desk.by("dr.wu"))
    desk.sign()
    lines = {line.act: line.sequence for line in desk.ledger.audit.lines()}
    assert desk.ledger.audit.verify().faults == ()
    tampering.execute(statement, (b"other",) * statement.count("?"))
    faults = dict(desk.ledger.audit.verify().faults)
    assert fault in faults.values()
    assert faults.keys() <= {0, lines["case-second-read"], lines["case-decide"], lines["case-sign"],
                             lines["case-decide"] - 1}  # fmt: skip


def test_what_is_not_there_is_told(desk: PaintedDesk) -> None:
    refused("no-such-case", lambda: desk.book.case("C0000000000000000"))
    desk.open()
    refused("no-such-case", lambda: desk.book.report(desk.case, 1))
    assert isinstance(desk.book.claim(desk.case, desk.by("dr.lin")), Changed)
    assert desk.book.case(desk.case).results[0].findings_sha256 == FINDINGS_SHA


SITE = "aaaa-bbbb"


def asked(number: int = 1, **more: Any) -> OpinionAsked:
    given = {"sha256": "5" * 64, "site": SITE, "site_name": "North", "lock": "", "sign": ""}
    told = {"question": f"{PATIENT}?", "slides": 1, "regions": 0, **given, **more}
    return OpinionAsked(bundle_id=f"B{number:032x}", **told)


def opinion(number: int = 1, words: str = f"{PATIENT}: invasive", **more: Any) -> Opinion:
    given = {"text": words, "by": "Ma Li", "given_utc": NOON, "site": SITE, **more}
    return Opinion(bundle_id=f"B{number:032x}", **given)


def test_an_opinion_of_another_hospital_stays_with_the_case_it_was_asked_about(
    desk: PaintedDesk,
) -> None:
    desk.taken()
    before = desk.book.case(desk.case).line
    desk.book.ask_opinion(desk.case, asked(), desk.by("dr.lin"))
    assert desk.book.asked_about(asked().bundle_id) == desk.case
    assert desk.book.asked_about("B" + "9" * 32) is None
    stale = desk.by("dr.ma", seen=0)  # it changes nothing that anybody is looking at
    done = desk.book.take_opinion(desk.case, opinion(), stale)
    assert desk.book.take_opinion(desk.case, opinion(), stale) == replace(done, repeated=True)
    case = desk.book.case(desk.case)
    assert case.line == before
    assert [a.asked for a in case.asked] == [asked()]
    [kept] = case.opinions
    assert (kept.opinion, kept.site_name, kept.by) == (opinion(), "North", "dr.ma")
    assert [x.act for x in desk.ledger.audit.lines()][-2:] == ["case-ask-opinion", "case-opinion"]
    assert desk.ledger.audit.verify().faults == ()


def test_an_opinion_that_is_replayed_or_was_not_asked_for_is_refused(desk: PaintedDesk) -> None:
    desk.taken()
    desk.book.ask_opinion(desk.case, asked(), desk.by("dr.lin"))

    def take(case: str, told: Opinion) -> Callable[[], Any]:
        return lambda: desk.book.take_opinion(case, told, desk.by("dr.lin"))

    take(desk.case, opinion())()
    refused("opinion-repeated", take(desk.case, opinion()))
    refused("opinion-not-asked", take(desk.case, opinion(2)))
    refused("opinion-not-asked", take(desk.case, opinion(site="cccc-dddd", words="other")))
    mine, desk.case = desk.case, desk.book.name_of("ANOTHER")
    desk.open()
    refused("opinion-not-asked", take(desk.case, opinion(words="for the other case")))
    take(mine, opinion(words="an addendum"))()
    assert len(desk.book.case(mine).opinions) == 2


def test_who_may_not_send_bundles_asks_for_no_opinion(desk: PaintedDesk) -> None:
    desk.taken()
    desk.person("tech", "technician")
    with pytest.raises(NotAllowed):
        desk.book.ask_opinion(desk.case, asked(), desk.by("tech"))
    with pytest.raises(NotAllowed):
        desk.book.take_opinion(desk.case, opinion(), desk.by("tech"))
    assert desk.book.case(desk.case).asked == ()


def note(**more: Any) -> CaseNote:
    given = {"result_id": KI67.result_id, "text": f"{PATIENT}: look at this gland"}
    box = {"x_um": 10.0, "y_um": 20.0, "width_um": 300.0, "height_um": 200.0}
    return CaseNote(**{**given, **box, **more})


def test_a_note_on_a_place_stays_with_the_case_and_changes_nothing(desk: PaintedDesk) -> None:
    desk.taken()
    before = desk.book.case(desk.case).line
    desk.book.note(desk.case, note(), desk.by("dr.ma", seen=0))
    case = desk.book.case(desk.case)
    assert case.line == before
    assert [(n.note, n.by) for n in case.notes] == [(note(), "dr.ma")]
    assert desk.ledger.audit.verify().faults == ()
    stranger = note(result_id="P9/ki67-bbbbbbbb")
    refused("no-such-finding", lambda: desk.book.note(desk.case, stranger, desk.by("dr.ma")))
    desk.person("tech", "technician")
    with pytest.raises(NotAllowed):
        desk.book.note(desk.case, note(), desk.by("tech"))


@pytest.mark.parametrize(
    ("strange", "why"),
    [
        ({"text": " "}, "letters"),
        ({"text": "x" * 2001}, "letters"),
        ({"width_um": 0.0}, "two sides"),
        ({"x_um": float("nan")}, "place"),
    ],
)
def test_a_note_that_is_none(strange: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        note(**strange)
