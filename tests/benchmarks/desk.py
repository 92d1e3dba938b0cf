"""What a case on the desk costs: ``scripts/bench desk [--cases 1000] [--signed 20]``.

On SQLite, with a real draft as the text of every case: the worklist, one case, a decision, a
signature. Processor time stands beside the time on the clock, since a busy machine mostly waits.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pathology.pipeline.desk_cases import result_on_desk
from pathology.pipeline.desk_text import text_of_draft
from pathology.pipeline.draft import CaseOrder, draft_case
from pathology.pipeline.report_settings import load_report_rules
from pathology.records.decision import Decision, FindingKey
from tests.cases_on_desk import PaintedDesk
from tests.ledgers import LedgerSite
from tests.pipeline.test_draft import write_case, write_result

Timed = dict[str, list[tuple[float, float]]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--signed", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        out = where / "out"
        out.mkdir()
        made = result_on_desk(write_result(out))
        draft = draft_case(CaseOrder(out=out, case_file=write_case(where), pdf=False)).draft
        text = text_of_draft(draft, load_report_rules())
        with LedgerSite(folder=where).open() as ledger:
            desk, took = PaintedDesk(ledger=ledger), Timed()
            for number in range(given.cases):
                desk.case = desk.book.name_of(f"case {number}")
                timed(took, "open", lambda: desk.open(made, text=text))
            for number in range(given.signed):
                desk.case = desk.book.name_of(f"case {number}")
                desk.book.claim(desk.case, desk.by("dr.lin"))
                for one in made.findings:
                    key = FindingKey(made.result_id, one.finding_id)
                    decision, by = Decision(of=key, kind="accept"), desk.by("dr.lin")
                    ask = partial(desk.book.decide, desk.case, decision, by)
                    timed(took, "decide", ask)
                desk.see_all()
                for word in ("once", "twice", "three times"):
                    desk.book.write(desk.case, text, word, desk.by("dr.lin"))
                timed(took, "case", lambda: desk.book.case(desk.case))
                order, by = desk.order(), desk.by("dr.lin")
                timed(took, "sign", partial(desk.book.sign, desk.case, order, by))
                timed(took, "worklist", desk.book.worklist)
            timed(took, "verify", lambda: ledger.audit.verify())
    print("| what | median, ms | p95, ms | processor, ms |\n|---|---|---|---|")
    for name, times in took.items():
        clock = sorted(1000 * t for t, _ in times)
        cpu = statistics.median(1000 * c for _, c in times)
        p95 = clock[min(len(clock) - 1, round(0.95 * len(clock)))]
        print(f"| {name} | {statistics.median(clock):.1f} | {p95:.1f} | {cpu:.1f} |")


def timed(took: Timed, name: str, do: Callable[[], object]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    took.setdefault(name, []).append((time.perf_counter() - wall, time.process_time() - cpu))


if __name__ == "__main__":
    main()
