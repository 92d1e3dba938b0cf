"""Which drafts are due, over a real ledger: by what is new, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.exchange.documents import write_json
from pathology.ledger.open import OpenLedger
from pathology.nightly.cases import CaseBook, cases_of
from pathology.nightly.drafts_due import DraftPlace, DraftsDue
from pathology.nightly.settings import load_nightly
from pathology.pipeline.authors import load_llm
from pathology.pipeline.drafting import SCHEMA, STORY
from pathology.records.drafting import DraftAsk, DraftStory, DraftTry
from pathology.records.settings.drafts import DraftsSettings
from pathology.records.work import Outcome, SlideIdentity, WorkItem, WorkOrder
from tests.ledgers import MINUTE, NOON, OPERATOR, LedgerSite, order
from tests.nightly.worklists import item

SPELLING = load_nightly().identity.spelling
DAYS = timedelta(days=1)


def accession(of: WorkOrder) -> str | None:
    return of.identity.accession


class Site:
    """A ledger, a folder of results, and one who looks."""

    def __init__(self, ledger: OpenLedger, out: Path) -> None:
        self.work, self.out = ledger.work, out
        self.due = DraftsDue(
            self.work,
            DraftPlace(
                out=out,
                drafts=DraftsSettings(look_s=3600, case_data=(str(out / "lis"),)),
                spelling=SPELLING,
                llm=load_llm(),
                settings=None,
                since_utc=NOON,
                name_of=accession,
            ),
        )

    def done(self, *numbers: int, at: datetime = NOON, **more: str) -> None:
        """Slides of these orders: analysed, each with a result."""
        for number in self.work.enrol([order(n, **more) for n in numbers], OPERATOR, at).new:
            lease = self.work.claim(number, "h", at, MINUTE)
            assert lease is not None
            key = f"{number:064x}"
            outcome = Outcome(
                kind="done", slide_id=f"P{number}", digest=key, result_id=f"P{number}/r",
                result_key=key, result_folder=f"P{number}/r",
            )  # fmt: skip
            assert self.work.finish(lease, outcome, at, None)

    def drafted(self, ask: DraftAsk) -> None:
        """As a worker leaves it."""
        ended = DraftTry(began_utc=NOON.isoformat(), ended_utc=NOON.isoformat())
        story = DraftStory(
            case_id=ask.case_id, key=ask.key, state="done", report="report-v1.json",
            outcome="template-only", tries=(ended,),
        )  # fmt: skip
        folder = self.out / "cases" / ask.case_id
        folder.mkdir(parents=True)
        write_json(folder / STORY, {"schema": SCHEMA, **asdict(story)}, "drafting-1")

    def asks(self, *, reading: bool = False) -> dict[str, DraftAsk]:
        if reading:
            self.due.read_soon()
        return {ask.case_id: ask for ask in self.due.look().due}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = LedgerSite(folder=tmp_path / "site")
    site.folder.mkdir()
    with site.open() as ledger:
        yield Site(ledger, tmp_path / "out")


def test_an_old_case_is_left_alone_until_something_new_comes_for_it(site: Site) -> None:
    site.done(0, 1, at=NOON - 31 * DAYS)
    site.done(2, 3, at=NOON - 29 * DAYS)
    assert site.asks().keys() == {"ACCESSION-1"}
    site.work.enrol([order(0, analysis="infiltration")], OPERATOR, NOON)
    seen = site.asks(reading=True)
    assert seen.keys() == {"ACCESSION-1"}, "its new slide is not done"
    assert site.due.look().counts.incomplete == 1
    (waiting,) = site.work.items(("waiting",))
    lease = site.work.claim(waiting.item_id, "h", NOON, MINUTE)
    assert lease is not None
    done = Outcome(kind="done", result_key="e" * 64, result_id="P9/r", result_folder="P9/r")
    assert site.work.finish(lease, done, NOON, None)
    assert site.asks(reading=True)["ACCESSION-0"].results == ("P1/r", "P2/r", "P9/r")


def test_an_ended_draft_changes_what_is_known_of_its_own_case_alone(site: Site) -> None:
    site.done(0, 1, 2, 3)
    first, second = site.asks().values()
    site.drafted(first)
    site.drafted(second)
    assert len(site.asks()) == 2, "nothing was told, and the ledger is not read yet"
    site.due.ended(first.case_id)
    seen = site.due.look()
    assert [ask.case_id for ask in seen.due] == [second.case_id]
    assert (seen.counts.made, seen.counts.waiting) == (1, 1)
    assert site.asks(reading=True) == {}, "what another night drafted is seen with the ledger"


def test_new_case_data_is_seen_at_the_next_look(site: Site) -> None:
    site.done(0, 1)
    (ask,) = site.asks().values()
    site.drafted(ask)
    site.due.ended(ask.case_id)
    assert site.asks() == {}
    (site.out / "lis").mkdir()
    (site.out / "lis" / "one.json").write_text('{"case_id": "ACCESSION-0"}', encoding="utf-8")
    (again,) = site.asks().values()
    assert again.key != ask.key
    assert again.case_file == site.out / "lis" / "one.json"


def test_what_failed_and_was_taken_up_again_makes_its_case_whole(site: Site) -> None:
    site.done(0)
    (bad,) = site.work.enrol([order(1)], OPERATOR, NOON).new
    lease = site.work.claim(bad, "h", NOON, MINUTE)
    assert lease is not None
    assert site.work.finish(lease, Outcome(kind="refused", reason_code="cut-short"), NOON, None)
    assert site.asks() == {}
    site.work.reopen([bad], OPERATOR, NOON, "repaired")
    lease = site.work.claim(bad, "h", NOON, MINUTE)
    assert lease is not None
    done = Outcome(kind="done", result_key="e" * 64, result_id="P9/r", result_folder="P9/r")
    assert site.work.finish(lease, done, NOON, None)
    assert site.asks(reading=True)["ACCESSION-0"].results == ("P1/r", "P9/r")


def test_a_slide_that_came_and_was_done_between_two_readings_is_seen(site: Site) -> None:
    site.done(8, 9, at=NOON - 31 * DAYS)
    assert site.asks() == {}
    site.done(0)
    assert site.asks(reading=True)["ACCESSION-0"].results == ("P3/r",)
    site.done(1)
    assert site.asks(reading=True)["ACCESSION-0"].results == ("P3/r", "P4/r")
    assert site.asks(reading=True).keys() == {"ACCESSION-0"}, "the old case stays alone"


STATES = st.sampled_from(["waiting", "leased", "done", "failed"])
CASES = st.sampled_from(["S1", "S2", None])


@given(st.lists(st.tuples(st.integers(0, 5), STATES, CASES), max_size=25))
def test_a_book_kept_up_is_the_book_made_anew(changes: list[tuple[int, str, str | None]]) -> None:
    def changed(number: int, state: str, case: str | None) -> WorkItem:
        made = item(number, state=state)
        return replace(made, order=replace(made.order, identity=SlideIdentity(accession=case)))

    kept, last = CaseBook(accession, SPELLING), {}
    for one in changes:
        before = dict(kept.cases)
        last[one[0]] = changed(*one)
        told = kept.put([last[one[0]]])
        assert {n for n in before | kept.cases if before.get(n) != kept.cases.get(n)} <= told
    assert [case for _, case in sorted(kept.cases.items())] == cases_of(
        [last[n] for n in sorted(last)], accession, SPELLING
    )


def test_names_are_worked_out_once_for_an_order() -> None:
    asked: list[int] = []
    name_of: Callable[[WorkOrder], str | None] = lambda of: asked.append(1) or "S1"  # noqa: E731
    book = CaseBook(name_of, SPELLING)
    for state in ("waiting", "leased", "done"):
        assert book.put([item(1, state=state)]) == {"S1"}
        assert book.put([item(1, state=state)]) == set()
    assert asked == [1]
