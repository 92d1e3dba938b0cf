"""``pathology nightly again``: a person's word, with a reason, and for whom it is not enough."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta

import pytest

from pathology.errors import NotAllowed, UsageError
from pathology.ledger.open import OpenLedger
from pathology.nightly.books import CANCELLED
from pathology.nightly.reopening import take_up_again
from pathology.records.actor import Actor
from pathology.records.work import Outcome, OutcomeKind, WorkItem
from tests.ledgers import MINUTE, NOON, OPERATOR, LedgerSite, order
from tests.night_site import NightSite, made_site

TECHNICIAN = Actor(name="tina", kind="person", roles=frozenset({"technician"}))
DISAGREE = {"held": "identity-disagrees", "held_facts": {"detail": "accession"}}


@pytest.fixture
def ledger(sqlite_site: LedgerSite) -> Iterator[OpenLedger]:
    with sqlite_site.open() as opened:
        founder = opened.accounts.found("alex", NOON)
        assert founder is not None
        opened.accounts.add(OPERATOR, founder, NOON)
        opened.accounts.add(TECHNICIAN, founder, NOON)
        yield opened


def ended(
    ledger: OpenLedger, number: int, kind: OutcomeKind, reason: str | None = None, **more: object
) -> WorkItem:
    """An item that was tried once, with no try left."""
    (item_id,) = ledger.work.enrol([order(number, **more)], OPERATOR, NOON).new
    lease = ledger.work.claim(item_id, "here", NOON, MINUTE)
    assert lease is not None
    outcome = Outcome(kind=kind, reason_code=reason, slide_id=f"P{number:016}")
    assert ledger.work.finish(lease, outcome, NOON, None)
    return again_now(ledger, item_id)


def again_now(ledger: OpenLedger, item_id: int) -> WorkItem:
    (item,) = ledger.work.items(ids=[item_id])
    return item


def test_what_failed_and_what_was_set_aside_wait_again_by_either_name(ledger: OpenLedger) -> None:
    failed = ended(ledger, 1, "refused", "damaged-file")
    aside = ended(ledger, 2, "transient", "worker-died")
    assert (failed.state, aside.state) == ("failed", "set-aside")
    names = [failed.name, "P0000000000000002"]
    then = NOON + timedelta(hours=9)
    told = take_up_again(ledger, OPERATOR, names, "  scanned anew ", then)
    assert [item.item_id for item in told] == [failed.item_id, aside.item_id]
    now = [again_now(ledger, item.item_id) for item in told]
    assert {(item.state, item.attempts) for item in now} == {("waiting", 0)}
    lines = [line for line in ledger.audit.lines() if line.act == "reopen"]
    assert [(line.actor, line.reason) for line in lines] == [("night", "scanned anew")] * 2
    assert ledger.audit.verify().faults == ()


def test_whose_slide_it_is_takes_somebody_who_may_correct_identities(ledger: OpenLedger) -> None:
    stopped = ended(ledger, 1, "stopped", "identity-disagrees", **DISAGREE)
    assert stopped.state == "stopped"
    failed = ended(ledger, 2, "refused", "damaged-file")
    with pytest.raises(NotAllowed):
        take_up_again(ledger, OPERATOR, [failed.name, stopped.name], "looked", NOON)
    states = [again_now(ledger, item.item_id).state for item in (failed, stopped)]
    assert states == ["failed", "stopped"], "all or none"
    take_up_again(ledger, TECHNICIAN, [stopped.name], "the label was swapped", NOON)
    now = again_now(ledger, stopped.item_id)
    assert now.state == "waiting"
    assert not now.is_held


@pytest.mark.parametrize("why", ["", "   ", "x" * 501])
def test_a_reason_is_asked_for(ledger: OpenLedger, why: str) -> None:
    failed = ended(ledger, 1, "refused", "damaged-file")
    with pytest.raises(UsageError, match="--why"):
        take_up_again(ledger, OPERATOR, [failed.name], why, NOON)
    assert again_now(ledger, failed.item_id).state == "failed"


def test_what_cannot_be_taken_up_again_is_refused_with_the_reason(ledger: OpenLedger) -> None:
    done = ended(ledger, 1, "refused", "damaged-file")
    with pytest.raises(UsageError, match="no slide is called S1234"):
        take_up_again(ledger, OPERATOR, [done.name, "S1234"], "why", NOON)
    assert again_now(ledger, done.item_id).state == "failed", "all or none"
    take_up_again(ledger, OPERATOR, [done.name], "why", NOON)
    with pytest.raises(UsageError, match="is waiting"):
        take_up_again(ledger, OPERATOR, [done.name], "why", NOON)
    cancelled = ended(ledger, 2, "stopped", CANCELLED)
    with pytest.raises(UsageError, match="Order it again"):
        take_up_again(ledger, TECHNICIAN, [cancelled.name], "why", NOON)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> NightSite:
    return made_site(tmp_path_factory.mktemp("hospital"))


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "waits   {} ki67 (was: failed)"), ("zh", "等待 {} ki67(原状态:失败)")],
)
def test_the_command_says_what_waits_again(hospital: NightSite, language: str, said: str) -> None:
    with hospital.ledger() as ledger:
        failed = ended(ledger, len(language + said), "refused", "damaged-file")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**hospital.environment, "PATHOLOGY_LANG": language}
        return subprocess.run(
            hospital.words("again", *words), env=environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip

    assert call(failed.name).returncode == 2, "no reason"
    done = call(failed.name, "--why", "scanned anew")
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stdout.split()) == " ".join(said.format(failed.name).split())
    again = call(failed.name, "--why", "scanned anew", "--json")
    assert again.returncode == 2
    assert again.stdout == ""


def test_the_command_tells_programs_too(hospital: NightSite) -> None:
    with hospital.ledger() as ledger:
        failed = ended(ledger, 99, "refused", "damaged-file")
    told = hospital.call("again", failed.name, "--why", "scanned anew", "--json")
    assert json.loads(told) == [
        {"item": failed.item_id, "name": failed.name, "analysis": "ki67", "was": "failed"}
    ]
