"""The ledger's contract (``records.ledger``), kept on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pathology.errors import LedgerError, NotAllowed
from pathology.ledger.open import OpenLedger
from pathology.records.actor import Actor
from pathology.records.geometry import Mpp
from pathology.records.work import Claim, Outcome, SlideIdentity, WorkOrder
from tests.ledgers import MINUTE, NOON, OPERATOR, LedgerSite, order

KEY = "a" * 64
DONE = Outcome(
    kind="done",
    slide_id="P1",
    digest="d" * 64,
    result_id="r1",
    result_key=KEY,
    result_folder="P1/ki67-aaaaaaaa",
    stage_s={"read": 1.25, "see": 0.1},
    tissue_mm2=103.7,
    scanner="Vendor One",
    drift={"focus": 0.123456789012345},
    peak_gib=1.5,
)
REFUSED = Outcome(kind="refused", reason_code="not-a-slide", facts={"detail": "it is a letter"})
TRANSIENT = Outcome(kind="transient", reason_code="cannot-read", facts={"detail": "share away"})
STOPPED = Outcome(kind="stopped", reason_code="not-found", facts={"label": "A1", "order": "A2"})


@pytest.fixture
def ledger(ledger_site: LedgerSite) -> Iterator[OpenLedger]:
    with ledger_site.open() as opened:
        yield opened


@pytest.fixture
def items(ledger: OpenLedger) -> tuple[int, ...]:
    return ledger.work.enrol([order(n) for n in range(3)], OPERATOR, NOON).new


def test_an_order_comes_back_as_it_was_given(ledger: OpenLedger) -> None:
    given = WorkOrder(
        path=Path("/扫描/病人 甲\udcff.svs"),
        analysis="infiltration",
        source="hl7",
        marker="CD8",
        identity=SlideIdentity(barcode="b", accession="a", specimen="A", block="2", order_id="o"),
        priority="stat",
        deadline_utc=NOON + MINUTE,
        mpp=Mpp(0.2501),
        within=Path("/regions/r.geojson"),
        said=(
            Claim(source="hl7", identity=SlideIdentity(accession="a", specimen="A")),
            Claim(source="label", identity=SlideIdentity(accession="b")),
        ),
        held="identity-disagrees",
        held_facts={"detail": "accession: hl7 ≠ label"},
    )
    plain = WorkOrder(path=Path("/x.svs"), analysis="ki67", source="run")
    new = ledger.work.enrol([given, plain], OPERATOR, NOON).new
    first, second = ledger.work.items()
    assert (first.item_id, second.item_id) == new
    assert (first.order, second.order) == (given, plain)
    assert (first.state, first.attempts, first.received_utc) == ("waiting", 0, NOON)
    assert first.not_before_utc <= NOON
    assert first.lease is None
    assert first.last is None
    assert first.name != second.name


def test_enrolling_again_changes_nothing(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    before = ledger.work.items()
    again = ledger.work.enrol(
        [order(2, priority="stat"), order(9), order(0), order(9)], OPERATOR, NOON + MINUTE
    )
    assert again.known == (items[2], items[0], again.new[0])
    assert len(again.new) == 1
    assert ledger.work.items(ids=items) == before


def test_path_analysis_and_order_id_tell_orders_apart(ledger: OpenLedger) -> None:
    path = Path("/one.svs")
    variants = [
        WorkOrder(path=path, analysis="ki67", source="run"),
        WorkOrder(path=path, analysis="infiltration", source="run"),
        *(
            WorkOrder(
                path=path, analysis="ki67", source="run", identity=SlideIdentity(order_id=name)
            )
            for name in ("", "1", "2")
        ),
    ]
    enrolled = ledger.work.enrol(variants, OPERATOR, NOON)
    assert len(enrolled.new) == len(variants)
    assert len({item.name for item in ledger.work.items()}) == 1, "one slide, one pseudonym"


def test_items_are_chosen_by_state_and_id(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    assert ledger.work.claim(items[1], "h", NOON, MINUTE)
    assert [i.item_id for i in ledger.work.items(("waiting",))] == [items[0], items[2]]
    assert [i.item_id for i in ledger.work.items(("leased", "done"))] == [items[1]]
    assert [i.item_id for i in ledger.work.items(ids=[items[2], items[0], 999])] == [
        items[0],
        items[2],
    ]
    assert ledger.work.items(ids=[]) == []
    assert [i.item_id for i in ledger.work.items(after=items[1])] == [items[2]]
    assert ledger.work.items(("leased",), after=items[1]) == []
    assert ledger.work.items(after=items[2]) == []
    assert ledger.work.counts() == {
        "waiting": 2, "leased": 1, "done": 0, "failed": 0, "set-aside": 0, "stopped": 0,
    }  # fmt: skip


def test_cases_come_whole_by_what_is_new_in_them(
    ledger: OpenLedger, items: tuple[int, ...]
) -> None:
    later = NOON + MINUTE
    nobody = WorkOrder(path=Path("/nobody.svs"), analysis="ki67", source="run")
    (added, *_) = ledger.work.enrol([order(1, analysis="infiltration")], OPERATOR, later).new
    ledger.work.enrol([nobody], OPERATOR, later)
    work = ledger.work
    first_case = [items[0], items[1], added]
    assert [i.item_id for i in work.items_of_cases(received_since_utc=later)] == first_case
    assert work.items_of_cases(received_since_utc=NOON) == work.items(ids=[*items, added])
    assert work.items_of_cases(received_since_utc=later + MINUTE) == []
    assert [i.item_id for i in work.items_of_cases(with_items=[items[1], 999])] == first_case
    assert [i.item_id for i in work.items_of_cases(with_items=[items[2]])] == [items[2]]
    assert work.items_of_cases() == []


def test_a_claim_is_one_owners(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    lease = ledger.work.claim(items[0], "first", NOON, 10 * MINUTE)
    assert lease
    assert (lease.item_id, lease.owner) == (items[0], "first")
    assert lease.until_utc == NOON + 10 * MINUTE
    assert ledger.work.claim(items[0], "second", NOON + 9 * MINUTE, MINUTE) is None
    [item] = ledger.work.items(("leased",))
    assert item.lease == lease
    assert item.attempts == 1
    [attempt] = ledger.work.attempts(items[0])
    assert (attempt.number, attempt.owner, attempt.started_utc) == (1, "first", NOON)
    assert attempt.ended_utc is attempt.outcome is None


def test_a_lease_that_ran_out_is_anothers(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    old = ledger.work.claim(items[0], "gone", NOON, MINUTE)
    new = ledger.work.claim(items[0], "heir", NOON + MINUTE, MINUTE)
    assert old
    assert new
    assert new.token != old.token
    assert ledger.work.heartbeat(old, NOON + MINUTE, MINUTE) is None
    assert not ledger.work.finish(old, DONE, NOON + MINUTE, None)
    ledger.work.release(old, NOON + MINUTE)
    assert [i.lease for i in ledger.work.items(("leased",))] == [new]
    assert [a.number for a in ledger.work.attempts(items[0])] == [1, 2]
    assert ledger.work.result_of(KEY) is None
    assert ledger.work.finish(new, DONE, NOON + 2 * MINUTE, None)


def test_heartbeats_keep_a_lease(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    lease = ledger.work.claim(items[0], "h", NOON, MINUTE)
    assert lease
    longer = ledger.work.heartbeat(lease, NOON + MINUTE / 2, MINUTE)
    assert longer
    assert longer.until_utc == NOON + 1.5 * MINUTE
    assert ledger.work.claim(items[0], "other", NOON + 1.2 * MINUTE, MINUTE) is None
    assert ledger.work.finish(lease, DONE, NOON + 1.3 * MINUTE, None), "the token counts"


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=30)])
def test_a_clock_set_back_neither_loses_a_lease_nor_keeps_it(
    ledger: OpenLedger, items: tuple[int, ...], back: timedelta
) -> None:
    lease = ledger.work.claim(items[0], "alive or not", NOON, 10 * MINUTE)
    assert lease
    earlier = NOON - back
    assert ledger.work.claim(items[0], "other", earlier, MINUTE) is None, "not lost"
    assert ledger.work.claim(items[0], "other", earlier + 9 * MINUTE, MINUTE) is None
    [told] = [line for line in ledger.audit.lines() if line.act == "clock-set-back"]
    assert told.subject == str(items[0])
    heir = ledger.work.claim(items[0], "other", earlier + 10 * MINUTE, MINUTE)
    assert heir, "ends after its own length, not an hour later"
    assert not ledger.work.finish(lease, DONE, earlier + 11 * MINUTE, None)


def test_a_living_owner_survives_a_clock_set_back(
    ledger: OpenLedger, items: tuple[int, ...]
) -> None:
    lease = ledger.work.claim(items[0], "alive", NOON, 10 * MINUTE)
    earlier = NOON - timedelta(hours=1)
    assert lease
    lease = ledger.work.heartbeat(lease, earlier, 10 * MINUTE)
    assert lease
    assert lease.until_utc == earlier + 10 * MINUTE
    assert ledger.work.claim(items[0], "other", earlier + 9 * MINUTE, MINUTE) is None
    assert ledger.work.finish(lease, DONE, earlier + 9 * MINUTE, None)


@pytest.mark.parametrize(
    ("outcome", "retry", "state"),
    [
        (DONE, None, "done"),
        (REFUSED, None, "failed"),
        (STOPPED, None, "stopped"),
        (TRANSIENT, NOON + 30 * MINUTE, "waiting"),
        (TRANSIENT, None, "set-aside"),
    ],
)
def test_each_outcome_has_its_state(
    ledger: OpenLedger, items: tuple[int, ...], outcome: Outcome, retry, state: str
) -> None:
    lease = ledger.work.claim(items[0], "h", NOON, MINUTE)
    assert lease
    assert ledger.work.finish(lease, outcome, NOON + MINUTE, retry)
    [item] = ledger.work.items(ids=items[:1])
    assert (item.state, item.lease, item.last) == (state, None, outcome)
    [attempt] = ledger.work.attempts(items[0])
    assert (attempt.ended_utc, attempt.outcome) == (NOON + MINUTE, outcome)
    if retry:
        assert item.not_before_utc == retry
    again = ledger.work.claim(items[0], "h", NOON + 40 * MINUTE, MINUTE)
    assert (again is not None) == (state == "waiting")


def test_finishing_twice_is_finishing_once(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    lease = ledger.work.claim(items[0], "h", NOON, MINUTE)
    assert lease
    assert ledger.work.finish(lease, TRANSIENT, NOON, NOON + MINUTE)
    lines = len(list(ledger.audit.lines()))
    assert ledger.work.finish(lease, TRANSIENT, NOON + MINUTE, NOON + MINUTE), "answer was lost"
    assert not ledger.work.finish(lease, DONE, NOON + MINUTE, None), "another end is not this one"
    assert not ledger.work.finish(lease, TRANSIENT, NOON + MINUTE, None)
    assert len(list(ledger.audit.lines())) == lines
    second = ledger.work.claim(items[0], "other", NOON + MINUTE, MINUTE)
    assert second
    assert ledger.work.finish(lease, TRANSIENT, NOON + MINUTE, NOON + MINUTE)
    assert [i.lease for i in ledger.work.items(("leased",))] == [second]


def test_a_result_is_registered_once(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    assert ledger.work.result_of(KEY) is None
    for item, folder in zip(items, ("first", "second"), strict=False):
        lease = ledger.work.claim(item, "h", NOON, MINUTE)
        assert lease
        outcome = Outcome(kind="done", result_key=KEY, result_folder=folder)
        assert ledger.work.finish(lease, outcome, NOON, None)
    assert ledger.work.result_of(KEY) == "first"


def test_a_short_key_is_refused(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    """Eight characters meet another slide's among 30,000 with a chance of one in ten."""
    lease = ledger.work.claim(items[0], "h", NOON, MINUTE)
    assert lease
    with pytest.raises(LedgerError, match="unique"):
        ledger.work.finish(lease, Outcome(kind="done", result_key="1234abcd"), NOON, None)
    assert ledger.work.items(("leased",)), "nothing was changed"


def test_released_work_was_never_tried(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    lease = ledger.work.claim(items[0], "h", NOON, MINUTE)
    assert lease
    ledger.work.release(lease, NOON)
    ledger.work.release(lease, NOON)
    [item] = ledger.work.items(ids=items[:1])
    assert (item.state, item.attempts, item.lease) == ("waiting", 0, None)
    assert ledger.work.attempts(items[0]) == []
    assert not ledger.work.finish(lease, DONE, NOON, None)
    assert ledger.work.claim(items[0], "h", NOON, MINUTE)


def test_a_person_reopens_what_failed(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    for item, outcome in zip(items, (REFUSED, STOPPED, DONE), strict=True):
        lease = ledger.work.claim(item, "h", NOON, MINUTE)
        assert lease
        assert ledger.work.finish(lease, outcome, NOON, None)
    assert ledger.work.reopen([*items, 999], OPERATOR, NOON + MINUTE, "rescanned") == 2
    first, second, third = ledger.work.items()
    assert (first.state, second.state, third.state) == ("waiting", "waiting", "done")
    assert first.attempts == 0
    assert first.last == REFUSED
    assert first.not_before_utc == NOON + MINUTE
    lease = ledger.work.claim(items[0], "h", NOON + MINUTE, MINUTE)
    assert lease
    assert [a.number for a in ledger.work.attempts(items[0])] == [1, 2]
    reasons = {line.reason for line in ledger.audit.lines() if line.act == "reopen"}
    assert reasons == {"rescanned"}


def test_the_summary_reads_attempts_by_their_end(
    ledger: OpenLedger, items: tuple[int, ...]
) -> None:
    for minutes, item in zip((3, 1, 2), items, strict=True):
        lease = ledger.work.claim(item, "h", NOON, MINUTE)
        assert lease
        assert ledger.work.finish(lease, REFUSED, NOON + minutes * MINUTE, None)
    since = ledger.work.attempts_since(NOON + 2 * MINUTE)
    assert [attempt.item_id for attempt in since] == [items[2], items[0]]
    assert {attempt.outcome for attempt in since if attempt.outcome != REFUSED} == set()


def test_an_item_that_is_not_there_is_an_error(ledger: OpenLedger) -> None:
    with pytest.raises(LedgerError, match="no item 77"):
        ledger.work.claim(77, "h", NOON, MINUTE)


def test_every_change_is_a_line(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    lease = ledger.work.claim(items[0], "host-1", NOON, MINUTE)
    assert lease
    ledger.work.finish(lease, STOPPED, NOON, None)
    ledger.work.reopen(items, OPERATOR, NOON, "seen by a person")
    lines = list(ledger.audit.lines())
    assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
    acts = ["place-anchor", *["enrol"] * 3, "claim", "finish", "reopen"]
    assert [line.act for line in lines] == acts
    assert lines[4].after["owner"] == "host-1"
    assert lines[5].before["state"] == "leased"
    assert lines[5].after["state"] == "stopped"
    assert {line.actor for line in lines} == {OPERATOR.name}
    assert ledger.audit.verify().faults == ()


def test_a_refused_change_leaves_no_line(ledger: OpenLedger, items: tuple[int, ...]) -> None:
    before = list(ledger.audit.lines())
    with pytest.raises(LedgerError):
        ledger.work.claim(999, "h", NOON, MINUTE)
    assert list(ledger.audit.lines()) == before


def test_a_line_comes_back_as_it_was_chained(ledger: OpenLedger) -> None:
    line = ledger.audit.append(
        actor="晨",
        act="look",
        subject="S1",
        now_utc=NOON,
        before={"b": [1, None]},
        after={"a": {"ü": 0.1}},
        reason="nul \0 and half \ud800",
    )
    [read] = ledger.audit.lines(line.sequence)
    assert read == line
    assert read.reason == "nul \ufffd and half ?"
    assert [one.sequence for one in ledger.audit.lines(1, 1)] == [1]


def test_accounts_may_what_their_roles_say(ledger: OpenLedger) -> None:
    founder = ledger.accounts.found("alex", NOON)
    assert founder
    assert ledger.accounts.found("eve", NOON) is None, "once"
    assert ledger.accounts.actor("alex") == ledger.accounts.actor_of_os_user("alex") == founder
    ledger.accounts.require(founder, "run-night")
    with pytest.raises(NotAllowed, match="pathologist"):
        ledger.accounts.require(founder, "sign-report")
    assert [
        (line.actor, line.subject) for line in ledger.audit.lines() if line.act == "refused"
    ] == [("alex", "sign-report")]
    with pytest.raises(NotAllowed):
        ledger.accounts.actor("nobody")
    with pytest.raises(NotAllowed):
        ledger.accounts.require(
            Actor(name="nobody", kind="person", roles=founder.roles), "run-night"
        )
