"""What the ledger costs a slide: ``scripts/bench ledger [--rows 3000 30000] [--claims 300]``.

On SQLite and on a PostgreSQL started for it (fsync on, as a site has it): enrolling, then claims
and ends one after another, with as many rows there already as named. Beside each time stands what
one small synced write takes at that moment, before and after: on a busy machine most of it is
waiting for a processor.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from pathology.ledger.open import OpenLedger
from pathology.records.work import Lease, Outcome
from tests.ledgers import MINUTE, NOON, OPERATOR, LedgerSite, order, server_site
from tests.postgres import PostgresServer, programs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[3000, 30_000])
    parser.add_argument("--claims", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    given = parser.parse_args()
    print(
        "| database | rows | enrol, s | claim: median, p95, CPU ms | finish: median, p95, CPU ms | "
        "claims and ends a second | waiting list, s | verify, s | synced write, ms |"
    )
    print("|---" * 9 + "|")
    with tempfile.TemporaryDirectory(dir=given.folder, ignore_cleanup_errors=True) as folder:
        where = Path(folder)
        where.chmod(0o755)
        for rows in given.rows:
            site = LedgerSite(folder=where / f"sqlite-{rows}")
            site.folder.mkdir()
            measure(site, "SQLite", rows, given.claims)
        bin_folder = programs()
        if bin_folder is None:
            print("no PostgreSQL server here: apt-get install postgresql")
            return
        data = where / "server"
        data.mkdir()
        server = PostgresServer(bin_folder, data, fsync=True)
        for rows in given.rows:
            own = where / f"postgresql-{rows}"
            own.mkdir()
            site = server_site(server, server.new_database(), own)
            measure(site, "PostgreSQL", rows, given.claims)
        server.stop()


def measure(site: LedgerSite, name: str, rows: int, claims: int) -> None:
    before = synced_write_ms(site.folder)
    with site.open() as ledger:
        start = time.perf_counter()
        numbers = ledger.work.enrol([order(n) for n in range(rows)], OPERATOR, NOON).new
        enrol_s = time.perf_counter() - start
        chosen = numbers[:: max(1, rows // claims)][:claims]
        claimed, leases = timed(lambda n: take(ledger, n), chosen)
        ended, _ = timed(lambda lease: end(ledger, lease), leases)
        start = time.perf_counter()
        ledger.work.items(("waiting",))
        listed_s = time.perf_counter() - start
        start = time.perf_counter()
        assert ledger.audit.verify().faults == ()
        verified_s = time.perf_counter() - start
    a_second = 1000 * len(chosen) / (claimed["all"] + ended["all"])
    after = synced_write_ms(site.folder)
    print(
        f"| {name} | {rows:,} | {enrol_s:.1f} | {told(claimed)} | {told(ended)} | {a_second:.0f} | "
        f"{listed_s:.1f} | {verified_s:.1f} | {before:.1f}, {after:.1f} |",
        flush=True,
    )


def take(ledger: OpenLedger, number: int) -> Lease:
    lease = ledger.work.claim(number, "host:1:night", NOON, MINUTE)
    assert lease
    return lease


def end(ledger: OpenLedger, lease: Lease) -> None:
    outcome = Outcome(
        kind="done",
        slide_id=f"P{lease.item_id:016x}",
        digest=f"{lease.item_id:064x}",
        result_key=f"{lease.item_id:064x}",
        result_folder=f"P{lease.item_id:016x}/ki67-0000",
        stage_s={"read": 12.5, "see": 30.25, "score": 1.5},
    )
    assert ledger.work.finish(lease, outcome, NOON, None)


def timed(do, values) -> tuple[dict[str, float], list]:
    walls, results = [], []
    cpu = time.process_time()
    for value in values:
        start = time.perf_counter()
        results.append(do(value))
        walls.append(1000 * (time.perf_counter() - start))
    cpu_ms = 1000 * (time.process_time() - cpu) / len(walls)
    p95 = statistics.quantiles(walls, n=20)[-1]
    return {
        "median": statistics.median(walls),
        "p95": p95,
        "cpu": cpu_ms,
        "all": sum(walls),
    }, results


def told(times: dict[str, float]) -> str:
    return f"{times['median']:.1f}, {times['p95']:.1f}, {times['cpu']:.1f}"


def synced_write_ms(folder: Path, times: int = 50) -> float:
    with (folder / "probe").open("wb", buffering=0) as file:
        walls = []
        for _ in range(times):
            start = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            walls.append(1000 * (time.perf_counter() - start))
    return statistics.median(walls)


if __name__ == "__main__":
    main()
