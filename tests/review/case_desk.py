"""A served desk with a drafted case on it: real results, ledger, accounts, server and browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pathology.pipeline.desk_signing import SigningPlace
from pathology.pipeline.draft import CaseOrder, draft_case
from pathology.pipeline.opinion_errands import opinion_place
from pathology.pipeline.report_settings import load_report_rules
from pathology.records.settings.deciding import BlindFirst
from pathology.review.corrections_on_desk import CorrectionsOnDesk
from pathology.review.desk import CaseDesk, Desk
from tests.ledgers import LedgerSite
from tests.review.painted_desk import CASE, SITE, PaintedDesk
from tests.review.real_desk import Clock, RealDesk

READER, SECOND, CLERK = "dr.lin", "dr.wu", "tech"


@dataclass(kw_only=True)
class DraftedDesk:
    """The parts, for tests that look behind the page."""

    real: RealDesk
    desk: Desk
    cases: CaseDesk
    out: Path

    @property
    def case(self) -> str:
        return self.cases.ledger.name_of(CASE)


def case_desk(real: RealDesk, out: Path, blind_first: BlindFirst = "off") -> CaseDesk:
    """Where the cases of a folder of results are decided."""
    rules = SITE.deciding
    own = replace(rules, reading=replace(rules.reading, blind_first=blind_first))
    return CaseDesk(
        ledger=real.ledger.cases(own),
        rules=load_report_rules(),
        place=SigningPlace(
            out=out, slide_of=real.desk().slide_of, research_accepted=False, pdf=False
        ),
        opinions=opinion_place(SITE, out, real.desk().slide_of),
    )


@contextmanager
def drafted_desk(
    painted: PaintedDesk,
    folder: Path,
    blind_first: BlindFirst = "off",
    site: LedgerSite | None = None,
) -> Iterator[DraftedDesk]:
    """A copy of the painted desk's results with a draft, and three persons with passwords."""
    out = folder / "out"
    shutil.copytree(painted.results, out)
    own = replace(painted, results=out, folder=out / painted.folder.relative_to(painted.results))
    case_file = folder / "case.json"
    told = {
        "schema": "pathology.case/1",
        "case_id": CASE,
        "specimen": {"organ": "breast", "side": "left", "procedure": "core-biopsy"},
    }
    case_file.write_text(json.dumps(told), encoding="utf-8")
    draft_case(CaseOrder(out=out, case_file=case_file, pdf=False))
    with (site or LedgerSite(folder=folder / "ledger")).open() as ledger:
        now = datetime.now(UTC)
        admin = ledger.accounts.found("chief", now)
        assert admin is not None
        real = RealDesk(painted=own, ledger=ledger, admin=admin, clock=Clock(now))
        for name in (READER, SECOND):
            real.person(name, "pathologist")
        real.person(CLERK, "technician")
        cases = case_desk(real, out, blind_first)
        kept = CorrectionsOnDesk(cases, real.desk().kept, real.clock)
        real.more = {"cases": cases, "kept": kept, "notes": True}
        desk = real.desk()
        yield DraftedDesk(real=real, desk=desk, cases=cases, out=out)
