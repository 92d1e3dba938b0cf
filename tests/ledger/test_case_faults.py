"""A desk whose process is killed, whose database goes away, and on which two sign at once."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pathology.errors import CaseRefused, LedgerAway
from pathology.records.case_review import Change, Changed, SigningOrder
from pathology.records.decision import Decision
from tests.cases_on_desk import HOT, KI67, PaintedDesk, rules
from tests.ledgers import LedgerSite, server_site
from tests.postgres import PostgresServer

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.cases_on_desk"])


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as a browser sends it, also a second time."""

    case: str
    change: Change
    order: SigningOrder | None = None  # None: a decision

    def do(self, site: LedgerSite, before: Callable[[Any], None] = lambda _: None) -> Changed:
        with site.open() as ledger:
            before(ledger)
            book = ledger.cases(rules())
            if self.order is None:
                return book.decide(self.case, Decision(of=KI67, kind="accept"), self.change)
            return book.sign(self.case, self.order, self.change)


def asked_on(site: LedgerSite, what: str) -> Asked:
    """A case as it is just before the request."""
    with site.open() as ledger:
        desk = PaintedDesk(ledger=ledger)
        desk.taken()
        if what == "decide":
            return Asked(case=desk.case, change=desk.by("dr.lin"))
        desk.decide_all()
        desk.see_all()
        return Asked(case=desk.case, change=desk.by("dr.lin"), order=desk.order())


def dies(site: LedgerSite, asked: Asked, when: str, there) -> None:
    """Come to a point, say so, and stay there until killed."""

    def stay() -> None:
        there.put(True)
        time.sleep(60)

    def watched(ledger: Any) -> None:
        if when == "before the commit":
            append = ledger.transactions.chain.append
            ledger.transactions.chain.append = lambda *a: (append(*a), stay())

    asked.do(site, watched)
    stay()  # committed, and nobody was answered


@pytest.mark.parametrize("what", ["decide", "sign"])
@pytest.mark.parametrize("when", ["before the commit", "before the answer"])
def test_a_desk_that_is_killed_loses_nothing_and_doubles_nothing(
    ledger_site: LedgerSite, what: str, when: str
) -> None:
    asked = asked_on(ledger_site, what)
    there = PROCESSES.Queue()
    victim = PROCESSES.Process(target=dies, args=(ledger_site, asked, when, there))
    victim.start()
    assert there.get(timeout=60)
    victim.kill()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    again = asked.do(ledger_site)
    assert again.repeated == (when == "before the answer")
    assert again.version == asked.change.seen_version + 1
    with ledger_site.open() as ledger:
        case = ledger.cases(rules()).case(asked.case)
        lines = [x.act for x in ledger.audit.lines() if x.act == f"case-{what}"]
        assert case.line.version == again.version
        if what == "decide":
            assert (set(case.decided), len(lines)) == ({KI67}, 1)
        else:
            assert (len(case.signed), len(lines)) == (1, 1)
            assert len(ledger.outbox.items()) == 1
        assert ledger.audit.verify().faults == ()


def test_a_database_that_goes_away_is_told_and_the_same_request_then_counts_once(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    site = server_site(postgres, postgres.new_database(postgres_template), tmp_path)
    asked = asked_on(site, "sign")
    assert asked.order is not None
    with site.open() as ledger:
        book = ledger.cases(rules())
        postgres.stop("immediate")
        try:
            with pytest.raises(LedgerAway, match="Try again"):
                book.sign(asked.case, asked.order, asked.change)
            with pytest.raises(LedgerAway):
                book.worklist()
        finally:
            postgres.start()
        done = book.sign(asked.case, asked.order, asked.change)
        assert (done.state, done.repeated) == ("SIGNED", False)
        assert book.sign(asked.case, asked.order, asked.change).repeated
        assert len(book.case(asked.case).signed) == 1


def signs(site: LedgerSite, asked: Asked, begin, told) -> None:
    """One of several that sign the same case at one moment, each by a request of its own."""
    begin.wait(60)
    try:
        told.put(asked.do(site).state)
    except CaseRefused as refusal:
        told.put(refusal.code)


def test_of_signatures_at_one_moment_one_is_made(ledger_site: LedgerSite) -> None:
    with ledger_site.open() as ledger:
        desk = PaintedDesk(ledger=ledger)
        desk.ready()
        wishes = [
            Asked(case=desk.case, change=desk.by("dr.lin"), order=desk.order()) for _ in range(3)
        ]
    begin, told = PROCESSES.Barrier(3), PROCESSES.Queue()
    crew = [PROCESSES.Process(target=signs, args=(ledger_site, w, begin, told)) for w in wishes]
    for process in crew:
        process.start()
    answers = sorted(told.get(timeout=120) for _ in crew)
    for process in crew:
        process.join(60)
    assert answers == ["SIGNED", "changed", "changed"]
    with ledger_site.open() as ledger:
        assert len(ledger.cases(rules()).case(wishes[0].case).signed) == 1
        assert len(ledger.outbox.items()) == 1
        assert ledger.audit.verify().faults == ()


def test_the_second_of_two_readers_is_told_by_another_process(ledger_site: LedgerSite) -> None:
    asked = asked_on(ledger_site, "decide")
    with ledger_site.open() as ledger:
        desk = PaintedDesk(ledger=ledger)
        desk.decide(HOT)
    with pytest.raises(CaseRefused) as refusal:
        asked.do(ledger_site)
    assert refusal.value.code == "changed"
