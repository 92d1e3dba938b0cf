"""Who may do what: the table whole, and accounts as they are made, changed and closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from pathology.errors import NotAllowed, UsageError
from pathology.ledger.open import OpenLedger
from pathology.ledger.permissions import MAY, NEVER_TOGETHER, allowed
from pathology.records.actor import Act, Actor, Role
from tests.ledgers import NOON, LedgerSite, Tampering

ROLES: tuple[Role, ...] = get_args(Role)
ACTS: tuple[Act, ...] = get_args(Act)
LEAST: dict[Act, set[Role]] = {
    "plan-night": {"operator", "service"},
    "run-night": {"operator", "service"},
    "run-analysis": {"technician", "pathologist", "operator", "service"},
    "read-worklist": {"technician", "pathologist", "operator", "auditor", "service"},
    "read-identity": {"pathologist", "operator"},
    "view-case": {"technician", "pathologist"},
    "count-region": {"pathologist"},
    "correct-result": {"pathologist"},
    "correct-identity": {"technician"},
    "draft-report": {"pathologist"},
    "sign-report": {"pathologist"},
    "export-final": {"pathologist"},
    "curate-knowledge": {"curator"},
    "manage-users": {"administrator"},
    "manage-keys": {"administrator"},
    "verify-audit": {"administrator", "auditor"},
    "export-audit": {"administrator", "auditor"},
    "open-case": {"pathologist", "operator", "service"},
    "review-case": {"pathologist"},
    "assign-case": {"pathologist", "operator"},
    "withdraw-model": {"pathologist", "operator", "administrator"},
    "restore-model": {"administrator"},
    "hold-case": {"administrator", "auditor"},
    "purge-case": {"administrator"},
    "send-final": {"pathologist", "operator", "service"},
    "send-bundle": {"pathologist", "operator"},
    "answer-bundle": {"pathologist", "operator"},
    "upload-slide": {"technician", "operator"},
    "back-up": {"administrator"},
}
"""Written a second time on purpose: a role that gains an act changes two places."""


@pytest.fixture
def ledger(ledger_site: LedgerSite) -> Iterator[OpenLedger]:
    with ledger_site.open() as opened:
        yield opened


@pytest.fixture
def admin(ledger: OpenLedger) -> Actor:
    founder = ledger.accounts.found("alex", NOON)
    assert founder
    return founder


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("act", ACTS)
def test_each_role_may_what_the_table_says(role: Role, act: Act) -> None:
    assert allowed(frozenset({role}), act) == (role in LEAST[act])


def test_every_role_and_act_stands_in_the_table() -> None:
    assert set(MAY) == set(ROLES)
    assert set().union(*MAY.values()) == set(ACTS) == set(LEAST)


@pytest.mark.parametrize("role", ROLES)
def test_an_administrator_never_signs(role: Role) -> None:
    assert not allowed(frozenset({"administrator", "pathologist", role}), "sign-report")
    assert not allowed(frozenset(), "read-worklist")


def test_accounts_are_made_changed_and_closed(ledger: OpenLedger, admin: Actor) -> None:
    doctor = Actor(name="dr.lin", kind="person", roles=frozenset({"pathologist"}))
    ledger.accounts.add(doctor, admin, NOON, os_user="lin")
    assert ledger.accounts.actor_of_os_user("lin") == doctor
    ledger.accounts.require(doctor, "sign-report")
    ledger.accounts.set_roles("dr.lin", frozenset({"curator"}), admin, NOON)
    with pytest.raises(NotAllowed):
        ledger.accounts.require(doctor, "sign-report")  # a record from before counts no more
    ledger.accounts.require(doctor, "curate-knowledge")
    ledger.accounts.close("dr.lin", admin, NOON, "left")
    for refused in (
        lambda: ledger.accounts.require(doctor, "curate-knowledge"),
        lambda: ledger.accounts.actor("dr.lin"),
        lambda: ledger.accounts.actor_of_os_user("lin"),
    ):
        with pytest.raises(NotAllowed):
            refused()
    told = [(line.act, line.actor, line.subject) for line in ledger.audit.lines()][2:]
    assert told == [
        ("add-account", "alex", "dr.lin"),
        ("set-roles", "alex", "dr.lin"),
        ("refused", "dr.lin", "sign-report"),
        ("close-account", "alex", "dr.lin"),
        ("refused", "dr.lin", "curate-knowledge"),
    ]
    assert ledger.audit.verify().faults == ()


def test_only_who_manages_users_makes_accounts(ledger: OpenLedger, admin: Actor) -> None:
    doctor = Actor(name="doctor", kind="person", roles=frozenset({"pathologist"}))
    ledger.accounts.add(doctor, admin, NOON)
    other = Actor(name="other", kind="person", roles=frozenset({"technician"}))
    forged = Actor(name="doctor", kind="person", roles=frozenset({"administrator"}))
    for by in (doctor, forged):
        for change in (
            lambda by=by: ledger.accounts.add(other, by, NOON),
            lambda by=by: ledger.accounts.set_roles("alex", frozenset(), by, NOON),
            lambda by=by: ledger.accounts.close("alex", by, NOON, ""),
        ):
            with pytest.raises(NotAllowed, match="manage-users"):
                change()
    assert ledger.accounts.actor("alex") == admin


@pytest.mark.parametrize(
    ("account", "told"),
    [
        *[
            (Actor(name="x", kind="person", roles=pair), "one account cannot be")
            for pair in NEVER_TOGETHER
        ],
        (Actor(name="x", kind="service", roles=frozenset({"pathologist"})), "service cannot"),
        (Actor(name="x", kind="service", roles=frozenset({"administrator"})), "service cannot"),
        (Actor(name="", kind="person", roles=frozenset()), "name"),
        (Actor(name="a b", kind="person", roles=frozenset()), "name"),
        (Actor(name="x" * 65, kind="person", roles=frozenset()), "name"),
        (Actor(name="x", kind="person", roles=frozenset({"king"})), "no roles"),
        (Actor(name="alex", kind="person", roles=frozenset()), "already"),
    ],
)
def test_impossible_accounts_are_refused(
    ledger: OpenLedger, admin: Actor, account: Actor, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        ledger.accounts.add(account, admin, NOON)


def test_one_system_user_has_one_account(ledger: OpenLedger, admin: Actor) -> None:
    twin = Actor(name="twin", kind="person", roles=frozenset())
    with pytest.raises(UsageError, match="system user"):
        ledger.accounts.add(twin, admin, NOON, os_user="alex")


def test_taking_out_all_accounts_does_not_found_the_ledger_again(
    ledger: OpenLedger, admin: Actor, tampering: Tampering
) -> None:
    tampering.execute("DELETE FROM account_roles")
    tampering.execute("DELETE FROM accounts")
    assert ledger.accounts.found("eve", NOON) is None
    with pytest.raises(NotAllowed):
        ledger.accounts.actor_of_os_user("eve")
