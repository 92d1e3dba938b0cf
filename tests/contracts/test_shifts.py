"""The night's own lock, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from pathology.ledger.open import OpenLedger
from tests.ledgers import MINUTE, NOON, LedgerSite


@pytest.fixture
def ledger(ledger_site: LedgerSite) -> Iterator[OpenLedger]:
    with ledger_site.open() as opened:
        yield opened


def test_the_second_is_told_who_and_since_when(ledger: OpenLedger) -> None:
    first = ledger.shifts.begin("a:1", "night", NOON, MINUTE, alone=True)
    second = ledger.shifts.begin("b:2", "night", NOON + MINUTE / 2, MINUTE, alone=True)
    assert second == first
    assert (second.owner, second.began_utc) == ("a:1", NOON)
    assert [shift.shift_id for shift in ledger.shifts.newest()] == [1]


def test_a_shift_that_gave_no_sign_of_life_holds_nobody_up(ledger: OpenLedger) -> None:
    ledger.shifts.begin("a:1", "night", NOON, MINUTE, alone=True)
    assert ledger.shifts.keep(1, NOON + MINUTE / 2, MINUTE, {"dashboard": "http://127.0.0.1:1"})
    held = ledger.shifts.begin("b:2", "night", NOON + MINUTE, MINUTE, alone=True)
    assert held.owner == "a:1"
    later = ledger.shifts.begin("b:2", "night", NOON + 2 * MINUTE, MINUTE, alone=True)
    assert (later.owner, later.shift_id) == ("b:2", 2)


def test_what_a_shift_tells_is_read_by_others_and_its_end_stays(ledger: OpenLedger) -> None:
    ledger.shifts.begin("a:1", "night", NOON, MINUTE, alone=True)
    ledger.shifts.end(1, NOON + MINUTE, {"end": "all-done", "zh": "完成"})
    ledger.shifts.end(1, NOON + timedelta(days=1), {"end": "again"})
    assert not ledger.shifts.keep(1, NOON + MINUTE, MINUTE, {})
    [shift] = ledger.shifts.newest()
    assert (shift.ended_utc, shift.told) == (NOON + MINUTE, {"end": "all-done", "zh": "完成"})
    assert [line.act for line in ledger.audit.lines()][-2:] == ["begin-shift", "end-shift"]
    assert ledger.audit.verify().faults == ()


def test_several_may_work_where_nobody_must_be_alone(ledger: OpenLedger) -> None:
    owners = [ledger.shifts.begin(name, "night", NOON, MINUTE, alone=False).owner for name in "abc"]
    assert owners == ["a", "b", "c"]


def test_of_many_that_begin_at_once_one_does(ledger: OpenLedger) -> None:
    def begin(name: str) -> str:
        return ledger.shifts.begin(name, "night", NOON, MINUTE, alone=True).owner

    with ThreadPoolExecutor(4) as pool:
        owners = set(pool.map(begin, "abcdefgh"))
    assert len(owners) == 1
    assert len(ledger.shifts.newest()) == 1
