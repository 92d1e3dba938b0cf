"""Holds and purges (``records.retention``), on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from pathology.errors import CaseRefused, NotAllowed
from pathology.ledger.open import OpenLedger
from pathology.ledger.retaining import RetentionBook
from pathology.vault.ring import with_fresh_key, write_ring
from tests.cases_on_desk import PATIENT, PaintedDesk
from tests.ledgers import NOON, LedgerSite, Tampering, order

YEARS = timedelta(days=366)


@pytest.fixture
def ledger(ledger_site: LedgerSite) -> Iterator[OpenLedger]:
    with ledger_site.open() as opened:
        yield opened


@pytest.fixture
def desk(ledger: OpenLedger) -> PaintedDesk:
    made = PaintedDesk(ledger=ledger)
    made.person("aud", "auditor")
    made.person("night", "service")
    return made


def book(desk: PaintedDesk) -> RetentionBook:
    return desk.ledger.retention(desk.rules.retention)


def refused(code: str, do: Callable[[], Any]) -> None:
    with pytest.raises(CaseRefused) as told:
        do()
    assert told.value.code == code


def ask_and_purge(desk: PaintedDesk, years: int) -> None:
    now = NOON + years * YEARS
    book(desk).ask(desk.case, "its time is over", desk.people["aud"], now)
    book(desk).purge(desk.case, "its time is over", desk.people["alex"], now)


def test_nothing_signed_goes_before_its_time(desk: PaintedDesk) -> None:
    desk.ready()
    desk.sign()
    [kept] = book(desk).kept()
    assert (kept.signed, kept.due_utc) == (True, NOON + timedelta(days=30 * 365.25))
    refused("not-due", lambda: ask_and_purge(desk, 29))
    assert book(desk).kept(due_before_utc=NOON + 29 * YEARS) == []
    ask_and_purge(desk, 31)


def test_what_was_never_signed_goes_earlier(desk: PaintedDesk) -> None:
    desk.taken()
    refused("not-due", lambda: ask_and_purge(desk, 2))
    ask_and_purge(desk, 4)
    [kept] = book(desk).kept()
    assert kept.purged_utc == NOON + 4 * YEARS


def test_a_purge_takes_two_persons_and_a_hold_stops_it(desk: PaintedDesk) -> None:
    desk.taken()
    later, people = NOON + 9 * YEARS, desk.people
    alex, aud, lin = people["alex"], people["aud"], people["dr.lin"]
    refused("purge-not-asked", lambda: book(desk).purge(desk.case, "old", alex, later))
    refused("why-missing", lambda: book(desk).ask(desk.case, "", aud, later))
    with pytest.raises(NotAllowed):
        book(desk).ask(desk.case, "old", lin, later)
    book(desk).ask(desk.case, "old", alex, later)
    refused("purge-needs-two", lambda: book(desk).purge(desk.case, "old", alex, later))
    with pytest.raises(NotAllowed):
        book(desk).purge(desk.case, "old", aud, later)
    book(desk).hold(desk.case, "court", aud, later)
    assert desk.book.case(desk.case).line.legal_hold
    refused("legal-hold", lambda: ask_and_purge(desk, 9))
    book(desk).lift(desk.case, "settled", aud, later)
    refused("purge-not-asked", lambda: book(desk).purge(desk.case, "old", alex, later))
    ask_and_purge(desk, 9)
    acts = [line.act for line in desk.ledger.audit.lines()]
    assert [a for a in acts if a in ("hold-case", "lift-hold", "ask-purge", "purge-case")] == [
        "ask-purge", "hold-case", "lift-hold", "ask-purge", "purge-case",
    ]  # fmt: skip


def test_after_a_purge_nobody_reads_it_and_the_chain_is_whole(
    desk: PaintedDesk, tampering: Tampering
) -> None:
    desk.ledger.work.enrol([order(4)], desk.people["night"], NOON)
    desk.case = desk.book.name_of("ACCESSION-2")
    desk.ready()
    desk.sign()
    keys = tampering.execute("SELECT sealed FROM data_keys WHERE wrapped_by <> 'destroyed'")
    ask_and_purge(desk, 31)
    refused("purged", lambda: desk.book.case(desk.case))
    refused("purged", lambda: desk.book.report(desk.case, 1))
    refused("purged", lambda: ask_and_purge(desk, 32))
    assert desk.book.worklist() == []
    assert desk.ledger.work.items() == []
    assert desk.ledger.outbox.take(NOON + 31 * YEARS, 60) == []
    assert [i.state for i in desk.ledger.outbox.items()] == ["dead"]
    left = tampering.execute("SELECT sealed FROM data_keys WHERE wrapped_by = 'destroyed'")
    assert [bytes(sealed) for (sealed,) in left] == [b"", b""]
    assert len(keys) == 2
    assert desk.ledger.audit.verify().faults == ()
    assert tampering.execute("SELECT count(*) FROM signed_versions") == [(1,)]


def test_slides_of_another_case_stay_readable(desk: PaintedDesk) -> None:
    desk.ledger.work.enrol([order(4), order(6)], desk.people["night"], NOON)
    desk.case = desk.book.name_of("ACCESSION-2")
    desk.taken()
    ask_and_purge(desk, 4)
    assert [i.order.identity.accession for i in desk.ledger.work.items()] == ["ACCESSION-3"]


def test_the_same_slide_and_case_may_come_again(desk: PaintedDesk) -> None:
    desk.ledger.work.enrol([order(4)], desk.people["night"], NOON)
    desk.case = desk.book.name_of("ACCESSION-2")
    desk.taken()
    ask_and_purge(desk, 4)
    again = desk.ledger.work.enrol([order(4)], desk.people["night"], NOON)
    assert [i.item_id for i in desk.ledger.work.items(ids=again.new)] == list(again.new)
    desk.taken()
    assert [line.case for line in desk.book.worklist()] == [desk.case]


def test_keys_are_rotated_past_what_was_destroyed(
    desk: PaintedDesk, ledger_site: LedgerSite
) -> None:
    desk.taken()
    ask_and_purge(desk, 4)
    desk.case = desk.book.name_of("another")
    desk.taken()
    site_keys = desk.ledger.keys
    write_ring(with_fresh_key(ledger_site.vault().ring), ledger_site.keys)
    current = site_keys.adopt(desk.people["alex"], NOON)
    while site_keys.lock_again(desk.people["alex"], NOON):
        pass
    assert site_keys.uses() == {current: 1}
    assert desk.book.case(desk.case).case_id == f"ACCESSION-{PATIENT}"


def test_a_destroyed_key_is_nowhere_in_the_databases_files(sqlite_site: LedgerSite) -> None:
    with sqlite_site.open() as ledger:
        desk = PaintedDesk(ledger=ledger)
        desk.person("aud", "auditor")
        night = desk.person("night", "service")
        desk.ledger.work.enrol([order(n) for n in range(40)], night, NOON)
        desk.case = desk.book.name_of("ACCESSION-10")
        desk.taken()
        keys = Tampering(sqlite_site, None)
        before = {bytes(k) for (k,) in keys.execute("SELECT sealed FROM data_keys")}
        ask_and_purge(desk, 4)
        gone = before - {bytes(k) for (k,) in keys.execute("SELECT sealed FROM data_keys")}
        assert len(gone) == 3  # of the case and its two slides
        for file in sqlite_site.folder.glob("ledger.sqlite*"):
            assert not [key for key in gone if key in file.read_bytes()], file.name
