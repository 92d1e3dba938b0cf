"""Processes that race, are killed, or lose their server: nothing is doubled, lost or half done."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pathology.errors import LedgerAway, LedgerError
from pathology.ledger.database import WRITES
from pathology.records.work import Outcome
from tests.ledgers import MINUTE, NOON, OPERATOR, LedgerSite, Tampering, order, server_site
from tests.postgres import PostgresServer

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.ledgers"])
ITEMS = 20


def claim_all(site: LedgerSite, owner: str, begin, won) -> None:
    """One claimer of several: every item it can get, half of them finished."""
    got = []
    with site.open() as ledger:
        for number in range(1, ITEMS + 1):
            begin.wait(60)  # all four want this very item
            lease = ledger.work.claim(number, owner, NOON, MINUTE)
            if lease is None:
                continue
            got.append(number)
            if number % 2:
                outcome = Outcome(kind="done", result_key=f"{number:064x}", result_folder=owner)
                assert ledger.work.finish(lease, outcome, NOON, None)
    won.put((owner, got))


def test_four_claimers_never_get_one_item_twice(ledger_site: LedgerSite) -> None:
    with ledger_site.open() as ledger:
        ledger.work.enrol([order(n) for n in range(ITEMS)], OPERATOR, NOON)
    begin, won = PROCESSES.Barrier(4), PROCESSES.Queue()
    crew = [
        PROCESSES.Process(target=claim_all, args=(ledger_site, f"owner-{n}", begin, won))
        for n in range(4)
    ]
    for process in crew:
        process.start()
    results = dict(won.get(timeout=120) for _ in crew)
    for process in crew:
        process.join(60)
        assert process.exitcode == 0
    claimed = Counter(number for got in results.values() for number in got)
    assert claimed == Counter(range(1, ITEMS + 1))
    with ledger_site.open() as ledger:
        report = ledger.audit.verify()
        assert report.faults == ()
        assert report.lines == 1 + ITEMS + ITEMS + ITEMS // 2, "two writers keep one chain"
        for number in range(1, ITEMS + 1, 2):
            [attempt] = ledger.work.attempts(number)
            assert ledger.work.result_of(f"{number:064x}") == attempt.owner
            assert number in results[attempt.owner]


def stop_inside(site: LedgerSite, during: str, inside) -> None:
    """Begin a change and stay in its transaction: all is written, nothing is committed."""
    ledger = site.open()
    lease = ledger.work.claim(1, "killed", NOON, MINUTE)
    assert lease
    append = ledger.transactions.chain.append

    def stays(session, entries):
        append(session, entries)
        inside.put(True)
        time.sleep(60)

    ledger.transactions.chain.append = stays
    if during == "finish":
        ledger.work.finish(lease, Outcome(kind="done", result_key="f" * 64), NOON, None)
    else:
        ledger.work.enrol([order(n) for n in range(100, 600)], OPERATOR, NOON)


@pytest.mark.parametrize("during", ["finish", "enrol"])
def test_a_process_killed_inside_a_transaction_leaves_nothing_of_it(
    ledger_site: LedgerSite, during: str
) -> None:
    with ledger_site.open() as ledger:
        ledger.work.enrol([order(n) for n in range(3)], OPERATOR, NOON)
    inside = PROCESSES.Queue()
    victim = PROCESSES.Process(target=stop_inside, args=(ledger_site, during, inside))
    victim.start()
    assert inside.get(timeout=60)
    victim.kill()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    with ledger_site.open() as ledger:
        assert ledger.work.counts()["leased"] == 1
        assert sum(ledger.work.counts().values()) == 3
        assert ledger.work.result_of("f" * 64) is None
        assert ledger.audit.verify().faults == ()
        heir = ledger.work.claim(1, "heir", NOON + MINUTE, MINUTE)
        assert heir
        assert ledger.work.finish(heir, Outcome(kind="done", result_key="f" * 64), NOON, None)
        assert len(ledger.work.enrol([order(n) for n in range(100, 110)], OPERATOR, NOON).new) == 10
        assert ledger.audit.verify().faults == ()


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_server_restarted_during_work_costs_one_call(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path, how: str
) -> None:
    site = server_site(postgres, postgres.new_database(postgres_template), tmp_path)
    with site.open() as ledger:
        ledger.work.enrol([order(n) for n in range(3)], OPERATOR, NOON)
        lease = ledger.work.claim(1, "h", NOON, MINUTE)
        assert lease
        postgres.stop(how)
        with pytest.raises(LedgerAway, match="Try again"):
            ledger.work.finish(lease, Outcome(kind="done"), NOON, None)
        with pytest.raises(LedgerAway):
            ledger.work.items()
        postgres.start()
        assert ledger.work.finish(lease, Outcome(kind="done"), NOON, None), "the pool recovered"
        assert ledger.work.counts()["done"] == 1
        assert ledger.audit.verify().faults == ()


def test_an_answer_lost_after_the_commit_is_said_again(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    """The connection dies in a transaction: the caller cannot know what came of it, and asks."""
    site = server_site(postgres, postgres.new_database(postgres_template), tmp_path)
    with site.open() as ledger:
        ledger.work.enrol([order(0)], OPERATOR, NOON)
        lease = ledger.work.claim(1, "h", NOON, MINUTE)
        assert lease
        chain, outcome = ledger.transactions.chain, Outcome(kind="done", result_key="e" * 64)
        append = chain.append

        def dies(session, entries):
            head = append(session, entries)
            postgres.cut_connections(site.url)
            return head

        chain.append = dies
        with pytest.raises(LedgerAway):
            ledger.work.finish(lease, outcome, NOON, None)
        chain.append = append
        assert ledger.work.finish(lease, outcome, NOON, None)
        assert ledger.work.finish(lease, outcome, NOON, None)
        finished = [line for line in ledger.audit.lines() if line.act == "finish"]
        assert len(finished) == 1
        assert ledger.audit.verify().faults == ()


def test_a_writer_that_holds_on_makes_others_say_so(ledger_site: LedgerSite) -> None:
    site = replace(ledger_site, busy_s=0.3)
    with site.open() as ledger:
        ledger.work.enrol([order(0)], OPERATOR, NOON)
        with ledger.transactions.writing():
            begun = time.monotonic()
            other = site.open()
            with pytest.raises(LedgerAway):
                other.work.claim(1, "h", NOON, MINUTE)
            assert time.monotonic() - begun < 20
            assert other.work.counts()["waiting"] == 1, "readers are not held up"
            other.close()
        assert ledger.work.claim(1, "h", NOON, MINUTE)


def test_threads_of_one_process_share_a_ledger(ledger_site: LedgerSite) -> None:
    wins: list[int] = []
    with ledger_site.open() as ledger:
        ledger.work.enrol([order(n) for n in range(10)], OPERATOR, NOON)

        def take() -> None:
            wins.extend(
                n for n in range(1, 11) if ledger.work.claim(n, "thread", NOON, MINUTE) is not None
            )

        crew = [threading.Thread(target=take) for _ in range(4)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
        assert sorted(wins) == list(range(1, 11))
        assert ledger.audit.verify().faults == ()


def start_first(site: LedgerSite, begin, told) -> None:
    begin.wait(60)
    with site.open() as ledger:
        told.put(ledger.accounts.found("alex", NOON) is not None)


def test_first_starts_at_once_make_one_ledger(ledger_site: LedgerSite) -> None:
    ledger_site.vault()
    begin, told = PROCESSES.Barrier(3), PROCESSES.Queue()
    crew = [
        PROCESSES.Process(target=start_first, args=(ledger_site, begin, told)) for _ in range(3)
    ]
    for process in crew:
        process.start()
    assert sorted(told.get(timeout=120) for _ in crew) == [False, False, True]
    for process in crew:
        process.join(60)
        assert process.exitcode == 0
    with ledger_site.open() as ledger:
        assert ledger.audit.verify().faults == ()
        acts = Counter(line.act for line in ledger.audit.lines())
        assert acts == {"place-anchor": 1, "found-ledger": 1}


def test_a_disk_that_takes_no_anchor_stops_writing_before_too_much_is_unproved(
    ledger_site: LedgerSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger_site.open() as ledger:
        ledger.work.enrol([order(n) for n in range(200)], OPERATOR, NOON)

        def full(head):
            raise LedgerError("the anchor cannot be written (No space left on device)")

        with monkeypatch.context() as patch:
            patch.setattr(ledger.transactions.chain.anchor, "_write", full)
            ledger.transactions.bring_up_anchor()
            with pytest.raises(LedgerError, match="No space left"):
                for number in range(1, 200):
                    ledger.work.claim(number, "h", NOON, MINUTE)
            assert ledger.work.counts()["leased"] <= 64
        assert ledger.work.claim(150, "h", NOON, MINUTE), "room again"
        assert ledger.audit.verify().faults == ()


def test_a_full_disk_passes(tmp_path: Path) -> None:
    """SQLite is told how large it may become: the error is the very one of a full disk."""
    site = LedgerSite(folder=tmp_path)
    with site.open() as ledger:
        ledger.work.enrol([order(n) for n in range(20)], OPERATOR, NOON)
        connection = ledger.transactions.database.raw_connection()
        pages = connection.cursor().execute("PRAGMA page_count").fetchone()[0]
        connection.cursor().execute(f"PRAGMA max_page_count = {pages}")
        connection.close()  # back to the pool: the one connection of this thread
        with pytest.raises(LedgerAway, match="full"):
            ledger.work.enrol([order(n) for n in range(20, 400)], OPERATOR, NOON)
        connection = ledger.transactions.database.raw_connection()
        connection.cursor().execute("PRAGMA max_page_count = 1000000")
        connection.close()
        told = ledger.work.enrol([order(n) for n in range(20, 400)], OPERATOR, NOON)
        assert (len(told.new), len(told.known)) == (380, 0)
        assert ledger.audit.verify().faults == ()


def test_the_database_holds_no_name(ledger_site: LedgerSite, tampering: Tampering) -> None:
    """Paths, identities, facts and folders are sealed; what is on disk is searched for them."""
    with ledger_site.open() as ledger:
        ledger.work.enrol(
            [order(n, within=Path("/MUSTERFRAU/r")) for n in range(5)], OPERATOR, NOON
        )
        lease = ledger.work.claim(1, "h", NOON, MINUTE)
        assert lease
        outcome = Outcome(
            kind="stopped", facts={"label": "BARCODE-1"}, result_folder="MUSTERFRAU-1/ki67"
        )
        ledger.work.finish(lease, outcome, NOON, None)
        connection = ledger.transactions.database.execution_options(**{WRITES: False}).connect()
        with connection:
            names = {
                "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
                "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
            }
            dump = "".join(
                repr([tuple(map(plain, row)) for row in connection.exec_driver_sql(
                    f"SELECT * FROM {table}"  # noqa: S608 -- names come from the catalogue
                )])
                for (table,) in connection.exec_driver_sql(
                    names[connection.dialect.name]
                ).fetchall()
            )  # fmt: skip
    assert "stopped" in dump
    for name in ("MUSTERFRAU", "BARCODE", "ACCESSION", "ORDER-", "/scans"):
        assert name not in dump
        for file in ledger_site.folder.iterdir():
            assert name.encode() not in file.read_bytes(), file.name


def plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value
