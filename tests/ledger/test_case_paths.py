"""Persons at one case in any order: nothing is signed undecided, unseen or without a proof.

A signed version never changes.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pathology.errors import CaseRefused, NotAllowed
from pathology.records.case_review import SignedVersion
from pathology.records.decision import FindingKey, OwnValue, SecondReading
from pathology.records.signed_report import content_sha256, signed_content
from tests.cases_on_desk import KI67, PaintedDesk, result, text
from tests.ledgers import LedgerSite
from tests.postgres import quick_folder

PERSONS = st.sampled_from(["dr.lin"] * 5 + ["dr.wu", "dr.wu", "alex", "night"])
RESULTS = st.sampled_from([KI67.result_id, "P1/ki67-bbbbbbbb"])
LEAVES_OUT = st.sampled_from(["", "", "", "", "claim", "decide", "look", "write", "second"])
OWN = st.sampled_from([20.0, 25.0, 90.0])


class Desk(RuleBasedStateMachine):
    """Persons at one case; ``self.kept`` is what was signed as it was when it was signed."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(quick_folder())
        ledger = self.stack.enter_context(LedgerSite(folder=folder).open())
        self.desk = PaintedDesk(ledger=ledger)
        self.desk.person("night", "service")
        self.kept: dict[int, tuple[SignedVersion, str]] = {}
        self.seen: set[tuple[str, str, str]] = set()

    def teardown(self) -> None:
        self.stack.close()

    def tried(self, do: Any) -> Any:
        """What a person tries; a refusal changes nothing."""
        before = self.desk.book.case(self.desk.case)
        try:
            return do()
        except (CaseRefused, NotAllowed):
            assert self.desk.book.case(self.desk.case) == before
            return None

    @initialize(automatic=st.booleans())
    def opened(self, automatic: bool) -> None:
        source = "automatic" if automatic else "confirmed"
        self.desk.open(result(tumour_region_source=source))

    @rule(who=PERSONS)
    def claim(self, who: str) -> None:
        self.tried(lambda: self.desk.book.claim(self.desk.case, self.desk.by(who)))

    @rule(who=PERSONS, to=PERSONS)
    def assign(self, who: str, to: str) -> None:
        self.tried(lambda: self.desk.book.assign(self.desk.case, to, self.desk.by(who)))

    @rule(who=PERSONS, reader=PERSONS)
    def ask_second(self, who: str, reader: str) -> None:
        self.tried(lambda: self.desk.book.ask_second(self.desk.case, reader, self.desk.by(who)))

    @rule(who=PERSONS, agrees=st.booleans())
    def second(self, who: str, agrees: bool) -> None:
        reading = SecondReading(agrees=agrees, note="read")
        self.tried(lambda: self.desk.book.second_read(self.desk.case, reading, self.desk.by(who)))

    @rule(who=PERSONS, of=RESULTS, hot=st.booleans(), own=OWN,
          kind=st.sampled_from(["accept", "accept", "accept", "reject", "override"]))  # fmt: skip
    def decide(self, who: str, of: str, hot: bool, own: float, kind: str) -> None:
        key = FindingKey(of, "f2" if hot else "f1")
        more = {"own": OwnValue(value=own, unit="" if hot else "%")} if kind == "override" else {}
        self.tried(lambda: self.desk.decide(key, kind, by=who, **more))

    @rule(who=PERSONS)
    def decide_all(self, who: str) -> None:
        case = self.desk.book.case(self.desk.case)
        for one in case.results:
            for finding in one.findings:
                key = FindingKey(one.result_id, finding.finding_id)
                self.tried(lambda key=key: self.desk.decide(key, by=who))

    @rule(who=PERSONS, of=RESULTS, overlay=st.sampled_from(["regions", "nuclei", "label"]))
    def look(self, who: str, of: str, overlay: str) -> None:
        by = self.desk.by(who)
        if self.tried(lambda: self.desk.book.saw(self.desk.case, of, overlay, by)):
            self.seen.add((who, of, overlay))

    @rule(who=PERSONS, leaves_out=LEAVES_OUT)
    def prepare(self, who: str, leaves_out: str) -> None:
        """All that a signature needs, or all but one thing."""
        steps = {
            "claim": lambda: (self.reopen(who), self.claim(who)),
            "decide": lambda: self.decide_all(who),
            "look": lambda: self.look_at_all(who),
            "write": lambda: self.write(who, self.in_force(), False),
            "second": lambda: self.let_agree(who),
        }
        for name, step in steps.items():
            if name != leaves_out:
                step()
        self.confirm(who, self.in_force())

    @rule(who=PERSONS, leaves_out=LEAVES_OUT)
    def work_through(self, who: str, leaves_out: str) -> None:
        self.prepare(who, leaves_out)
        self.sign(who, None, 0)

    def let_agree(self, who: str) -> None:
        line = self.desk.book.case(self.desk.case).line
        if line.needs_second:
            other = line.second_reader or ("dr.wu" if who == "dr.lin" else "dr.lin")
            self.ask_second(who, other)
            self.second(other, True)

    def in_force(self) -> str:
        return self.desk.book.case(self.desk.case).results[0].result_id

    @rule(who=PERSONS)
    def look_at_all(self, who: str) -> None:
        for one in self.desk.book.case(self.desk.case).results:
            for overlay in one.overlays:
                self.look(who, one.result_id, overlay)

    @rule(who=PERSONS, of=RESULTS)
    def confirm(self, who: str, of: str) -> None:
        self.tried(lambda: self.desk.book.confirm_region(self.desk.case, of, self.desk.by(who)))

    @rule(who=PERSONS)
    def correct(self, who: str) -> None:
        new = result("P1/ki67-bbbbbbbb", supersedes=KI67.result_id, author=who)
        by = self.desk.by(who)
        self.tried(lambda: self.desk.book.supersede(self.desk.case, new, "drawn anew", by))

    @rule(who=PERSONS, of=RESULTS, tells=st.booleans())
    def write(self, who: str, of: str, tells: bool) -> None:
        said = text("Ki-67.", results=(of,), tells=(FindingKey(of, "f1"),) if tells else ())
        self.tried(lambda: self.desk.book.write(self.desk.case, said, "", self.desk.by(who)))

    @rule(who=PERSONS)
    def reject(self, who: str) -> None:
        self.tried(lambda: self.desk.book.reject(self.desk.case, "no", self.desk.by(who)))

    @rule(who=PERSONS)
    def reopen(self, who: str) -> None:
        """An amendment, or a rejection taken back."""
        self.tried(lambda: self.desk.book.reopen(self.desk.case, "again", self.desk.by(who)))

    @rule(who=PERSONS)
    def drop(self, who: str) -> None:
        self.tried(lambda: self.desk.book.drop_amendment(self.desk.case, "no", self.desk.by(who)))

    @rule(who=PERSONS, other=st.sampled_from([None, None, None, "dr.wu"]),
          age_s=st.sampled_from([0, 0, 0, 299, 301]))  # fmt: skip
    def sign(self, who: str, other: str | None, age_s: int) -> None:
        of = other or who
        before = self.desk.book.case(self.desk.case)
        proof = self.desk.proof(of, at_utc=self.desk.now - timedelta(seconds=age_s))
        if self.tried(lambda: self.desk.sign(who, proof=proof)) is None:
            return
        assert who == of
        assert who in ("dr.lin", "dr.wu")
        assert age_s <= 300
        assert before.line.assignee == who
        self.check_signed(before, who)

    def check_signed(self, before: Any, who: str) -> None:
        """Said here a second time, in other words than the program's."""
        for one in before.results:
            kinds = {before.decided[(one.result_id, f.finding_id)].decision.kind
                     for f in one.findings}  # fmt: skip
            assert all((who, one.result_id, o) in self.seen for o in one.overlays)
            if "accept" in kinds and one.tumour_region_source == "automatic":
                assert one.result_id in before.confirmed
        if before.differences or before.line.second_reader:
            last = [s for s in before.second_readings if s.by == before.line.second_reader][-1]
            assert last.reading.agrees
            assert last.by != who
        number = len(before.signed) + 1
        listed = self.desk.book.case(self.desk.case).signed[-1]
        report = self.desk.book.report(self.desk.case, number)
        self.kept[number] = (listed, content_sha256(signed_content(report)))

    @invariant()
    def what_was_signed_stays_as_it_was(self) -> None:
        if not self.kept:
            return
        case = self.desk.book.case(self.desk.case)
        assert [v.number for v in case.signed] == sorted(self.kept)
        for number, (listed, sha256) in self.kept.items():
            assert case.signed[number - 1] == listed
            assert listed.content_sha256 == sha256
            report = self.desk.book.report(self.desk.case, number)
            assert content_sha256(signed_content(report)) == sha256
        assert case.line.state != "AI_DRAFT"


Desk.TestCase.settings = settings(
    max_examples=10,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestDesk = Desk.TestCase
