"""Who gets in, on SQLite and on a real PostgreSQL: passwords, delays, sessions, broken glass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median

import pytest

from pathology.errors import NotAllowed, UsageError
from pathology.ledger.entrance import Entrance
from pathology.ledger.open import OpenLedger
from pathology.records.actor import Actor
from pathology.records.entrance import Entered, Visit
from pathology.vault.passwords import token_sha256
from tests.access import OTHER, PASSWORD, RULES
from tests.ledgers import MINUTE, NOON, LedgerSite, Tampering

READER = Actor(name="reader", kind="person", roles=frozenset({"pathologist"}))


def at(now_utc: datetime) -> Visit:
    return Visit(now_utc=now_utc, address="127.0.0.1")


@pytest.fixture
def ledger(ledger_site: LedgerSite) -> Iterator[OpenLedger]:
    with ledger_site.open() as opened:
        yield opened


@pytest.fixture
def admin(ledger: OpenLedger) -> Actor:
    founder = ledger.accounts.found("alex", NOON)
    assert founder
    ledger.accounts.add(READER, founder, NOON)
    return founder


@pytest.fixture
def door(ledger: OpenLedger, admin: Actor) -> Entrance:
    """The reader has a password of her own."""
    opened = ledger.entrance(RULES)
    first = opened.one_time("reader", admin, NOON)
    assert isinstance(opened.change_password("reader", first, PASSWORD, at(NOON)), Entered)
    return opened


def token_of(door: Entrance, now_utc: datetime = NOON) -> str:
    entered = door.sign_in("reader", PASSWORD, at(now_utc))
    assert isinstance(entered, Entered)
    return entered.token


def test_a_one_time_password_opens_nothing_but_its_change(ledger: OpenLedger, admin: Actor) -> None:
    door = ledger.entrance(RULES)
    first = door.one_time("reader", admin, NOON)
    assert len(set(first)) > 8
    assert door.sign_in("reader", first, at(NOON)) == "must-change"
    assert ledger.accounts.listed()[-1].password == "one-time"  # noqa: S105
    entered = door.change_password("reader", first, PASSWORD, at(NOON))
    assert isinstance(entered, Entered)
    assert door.sign_in("reader", first, at(NOON)) == "refused"
    session = ledger.sessions(RULES).who(entered.token, NOON)
    assert session is not None
    assert (session.actor, session.method) == (READER, "password")


def test_a_one_time_password_has_its_time(ledger: OpenLedger, admin: Actor) -> None:
    door = ledger.entrance(RULES)
    first = door.one_time("reader", admin, NOON)
    late = NOON + timedelta(hours=RULES.passwords.one_time_hours)
    assert door.change_password("reader", first, PASSWORD, at(late)) == "refused"


def test_a_weak_password_is_refused_with_its_reason(door: Entrance) -> None:
    assert door.change_password("reader", PASSWORD, "short", at(NOON)) == "too-short"
    assert door.change_password("reader", PASSWORD, PASSWORD, at(NOON)) == "same"
    assert isinstance(door.sign_in("reader", PASSWORD, at(NOON)), Entered)


def test_a_password_may_be_chinese_and_typed_in_either_width(door: Entrance) -> None:
    new = "今天下午阅片十五张切片ABC一二三四"
    assert isinstance(door.change_password("reader", PASSWORD, new, at(NOON)), Entered)
    wide = new.replace("ABC", "ABC")
    assert isinstance(door.sign_in("reader", wide, at(NOON)), Entered)


def test_all_that_fails_looks_the_same(ledger: OpenLedger, admin: Actor, door: Entrance) -> None:
    ledger.accounts.add(replace(READER, name="gone"), admin, NOON)
    door.one_time("gone", admin, NOON)
    ledger.accounts.close("gone", admin, NOON, "left")
    ledger.accounts.add(replace(READER, name="bare"), admin, NOON)
    for name in ("reader", "nobody", "gone", "bare", "", "x" * 10_000, "a\0b", "读者"):
        assert door.sign_in(name, "not the password", at(NOON)) == "refused", name[:10]


def test_all_that_fails_takes_as_long(door: Entrance) -> None:
    def seconds(name: str) -> float:
        taken = []
        for i in range(5):
            begun = time.process_time()
            door.sign_in(name, "not the password", at(NOON + i * timedelta(hours=1)))
            taken.append(time.process_time() - begun)
        return median(taken)

    known, unknown = seconds("reader"), seconds("nobody")
    # Without the detour over a hash of nobody's, unknown names take less than a tenth.
    assert 0.4 < unknown / known < 2.5


def test_tries_are_followed_by_growing_delays(door: Entrance) -> None:
    rules, now = RULES.lockout, NOON
    for _ in range(rules.free_tries):
        assert door.sign_in("reader", "wrong", at(now)) == "refused"
    shut = rules.first_delay_s
    for _ in range(8):
        just_before = now + timedelta(seconds=shut - 1)
        assert door.sign_in("reader", PASSWORD, at(just_before)) == "refused"
        now += timedelta(seconds=shut)
        assert door.sign_in("reader", "wrong", at(now)) == "refused"
        shut = min(2 * shut, rules.longest_delay_s)
    assert shut == rules.longest_delay_s
    assert isinstance(door.sign_in("reader", PASSWORD, at(now + timedelta(seconds=shut))), Entered)
    assert door.sign_in("reader", "wrong", at(now + timedelta(hours=1))) == "refused"
    assert isinstance(door.sign_in("reader", PASSWORD, at(now + timedelta(hours=1))), Entered)


def test_many_tries_at_once_are_no_way_round_the_delay(door: Entrance) -> None:
    """The right password is the last of many that are sent at one moment."""
    guesses = [f"wrong {i}" for i in range(12)] + [PASSWORD]
    with ThreadPoolExecutor(len(guesses)) as pool:
        wrong = list(pool.map(lambda g: door.sign_in("reader", g, at(NOON)), guesses[:-1]))
    assert set(wrong) == {"refused"}
    assert door.sign_in("reader", PASSWORD, at(NOON)) == "refused"


def test_an_administrator_lets_a_person_in_again(door: Entrance, admin: Actor) -> None:
    for _ in range(20):
        door.sign_in("reader", "wrong", at(NOON))
    first = door.one_time("reader", admin, NOON)
    assert door.sign_in("reader", first, at(NOON)) == "must-change"


def test_a_session_ends_when_nobody_is_there(ledger: OpenLedger, door: Entrance) -> None:
    book, token = ledger.sessions(RULES), token_of(door)
    now = NOON
    while now < NOON + timedelta(hours=2):
        now += timedelta(seconds=RULES.sessions.idle_s - RULES.sessions.touch_s - 1)
        assert book.who(token, now) is not None
    assert book.who(token, now + timedelta(seconds=RULES.sessions.idle_s + 1)) is None


def test_a_session_ends_however_busy_it_is(ledger: OpenLedger, door: Entrance) -> None:
    book, token, now = ledger.sessions(RULES), token_of(door), NOON
    end = NOON + timedelta(seconds=RULES.sessions.longest_s)
    while now + 10 * MINUTE < end:
        now += 10 * MINUTE
        assert book.who(token, now) is not None
    assert book.who(token, end + MINUTE) is None
    assert book.sweep(end + MINUTE) == 2  # the one that the change of the password began, too
    assert [line.act for line in ledger.audit.lines()][-1] == "session-ran-out"


def test_a_clock_set_back_prolongs_no_session(ledger: OpenLedger, door: Entrance) -> None:
    token = token_of(door)
    assert ledger.sessions(RULES).who(token, NOON - timedelta(hours=1)) is None


def test_a_session_that_was_signed_out_is_over(ledger: OpenLedger, door: Entrance) -> None:
    book, token = ledger.sessions(RULES), token_of(door)
    book.end(token, at(NOON))
    book.end(token, at(NOON))
    assert book.who(token, NOON) is None
    acts = [line.act for line in ledger.audit.lines()]
    assert acts.count("sign-out") == 1


def test_another_role_or_a_closed_account_ends_sessions(
    ledger: OpenLedger, door: Entrance, admin: Actor
) -> None:
    book, token = ledger.sessions(RULES), token_of(door)
    ledger.accounts.set_roles("reader", frozenset({"technician"}), admin, NOON)
    assert book.who(token, NOON) is None
    token = token_of(door)
    session = book.who(token, NOON)
    assert session is not None
    assert session.actor.roles == {"technician"}
    ledger.accounts.close("reader", admin, NOON, "left")
    assert book.who(token, NOON) is None
    assert door.sign_in("reader", PASSWORD, at(NOON)) == "refused"


def test_a_new_password_ends_the_other_sessions(ledger: OpenLedger, door: Entrance) -> None:
    book, token = ledger.sessions(RULES), token_of(door)
    entered = door.change_password("reader", PASSWORD, OTHER, at(NOON))
    assert isinstance(entered, Entered)
    assert book.who(token, NOON) is None
    assert book.who(entered.token, NOON) is not None


def test_a_signature_is_proved_by_the_password_and_tries_count(
    ledger: OpenLedger, door: Entrance
) -> None:
    session = ledger.sessions(RULES).who(token_of(door), NOON)
    assert session is not None
    proof = door.prove(session, PASSWORD, at(NOON))
    assert proof is not None
    assert (proof.account, proof.method, proof.at_utc) == ("reader", "password", NOON)
    again = door.prove(session, PASSWORD, at(NOON))
    assert again is not None
    assert again.proof_id != proof.proof_id
    for _ in range(RULES.lockout.free_tries):
        assert door.prove(session, "wrong", at(NOON)) is None
    assert door.prove(session, PASSWORD, at(NOON)) is None


def test_nothing_secret_stands_in_the_database(
    ledger: OpenLedger, door: Entrance, tampering: Tampering
) -> None:
    token = token_of(door)
    assert door.sign_in("hunter2 typed as a name", "x", at(NOON)) == "refused"
    tables = ("passwords", "sessions", "audit_lines", "accounts")
    rows = repr([tampering.execute(f"SELECT * FROM {t}") for t in tables])  # noqa: S608
    assert "argon2id" in rows
    for secret in (token, PASSWORD, "hunter2"):
        assert secret not in rows


def test_every_step_is_a_line(ledger: OpenLedger, door: Entrance) -> None:
    door.sign_in("reader", "wrong", at(NOON))
    door.sign_in("nobody", "wrong", at(NOON))
    ledger.sessions(RULES).end(token_of(door), at(NOON))
    told = [(line.act, line.actor) for line in ledger.audit.lines()][-6:]
    assert told == [
        ("change-password", "reader"),
        ("sign-in", "reader"),
        ("sign-in-failed", "reader"),
        ("sign-in-failed", "unknown"),
        ("sign-in", "reader"),
        ("sign-out", "reader"),
    ]
    assert ledger.audit.verify().faults == ()


def test_a_stolen_hash_is_useless_with_another_key(
    ledger: OpenLedger, door: Entrance, tampering: Tampering
) -> None:
    from argon2 import PasswordHasher
    from argon2.exceptions import VerifyMismatchError

    [(hashed,)] = tampering.execute("SELECT hashed FROM passwords")
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(hashed, PASSWORD)


def test_a_dearer_setting_renews_what_is_stored(
    ledger: OpenLedger, door: Entrance, tampering: Tampering
) -> None:
    dearer = replace(RULES, passwords=replace(RULES.passwords, passes=3))
    assert isinstance(ledger.entrance(dearer).sign_in("reader", PASSWORD, at(NOON)), Entered)
    [(hashed,)] = tampering.execute("SELECT hashed FROM passwords")
    assert "t=3" in hashed
    assert isinstance(door.sign_in("reader", PASSWORD, at(NOON)), Entered)


def test_single_sign_on_lets_in_whom_it_was_tied_to(
    ledger: OpenLedger, door: Entrance, admin: Actor
) -> None:
    who = ("https://op.example", "subject-7")
    assert door.enter_by(*who, at(NOON)) is None
    door.tie("reader", who, admin, NOON)
    with pytest.raises(UsageError, match="already"):
        door.tie("alex", who, admin, NOON)
    entered = door.enter_by(*who, at(NOON))
    assert entered is not None
    assert entered.session.method == "oidc"
    assert door.enter_by("https://other.example", "subject-7", at(NOON)) is None
    ledger.accounts.close("reader", admin, NOON, "left")
    assert door.enter_by(*who, at(NOON)) is None


def test_an_account_is_one_person_of_the_single_sign_on(
    ledger: OpenLedger, door: Entrance, admin: Actor
) -> None:
    night = Actor(name="night", kind="service", roles=frozenset({"service"}))
    ledger.accounts.add(night, admin, NOON)
    issuer = "https://op.example"
    door.tie("reader", (issuer, "subject-7"), admin, NOON)
    assert [a.tied for a in ledger.accounts.listed()] == [False, False, True]
    with pytest.raises(UsageError, match="untie it first"):
        door.tie("reader", (issuer, "subject-8"), admin, NOON)
    with pytest.raises(UsageError, match="service"):
        door.tie("night", (issuer, "subject-9"), admin, NOON)
    for subject in ("", "s" * 256, "a\nb"):
        with pytest.raises(UsageError, match="255"):
            door.tie(admin.name, (issuer, subject), admin, NOON)
    with pytest.raises(NotAllowed):
        door.tie("nobody", (issuer, "subject-9"), admin, NOON)


def test_an_account_that_was_untied_is_left_by_all(
    ledger: OpenLedger, door: Entrance, admin: Actor
) -> None:
    who = ("https://op.example", "subject-7")
    door.tie("reader", who, admin, NOON)
    entered = door.enter_by(*who, at(NOON))
    assert entered is not None
    door.untie("reader", admin, NOON)
    assert ledger.sessions(RULES).who(entered.token, NOON) is None
    assert door.enter_by(*who, at(NOON)) is None
    with pytest.raises(UsageError, match="nobody"):
        door.untie("reader", admin, NOON)
    door.tie("alex", who, admin, NOON)  # the person is free for another account
    acts = [line.act for line in ledger.audit.lines()]
    assert [a for a in acts if "tie" in a] == ["tie-account", "untie-account", "tie-account"]
    assert "subject-7" not in repr(list(ledger.audit.lines()))


def test_a_proof_of_the_single_sign_on_is_its_persons_and_good_once(
    ledger: OpenLedger, door: Entrance, admin: Actor
) -> None:
    issuer = "https://op.example"
    door.tie("reader", (issuer, "subject-7"), admin, NOON)
    door.tie("alex", (issuer, "subject-8"), admin, NOON)
    entered = door.enter_by(issuer, "subject-7", at(NOON))
    assert entered is not None
    key = token_sha256(entered.token)
    assert door.proof_of(entered.token) is None
    assert not door.proved_outside(key, (issuer, "subject-8"), at(NOON)), "a colleague's"
    assert not door.proved_outside(key, (issuer, "subject-9"), at(NOON)), "a stranger's"
    assert not door.proved_outside("0" * 64, (issuer, "subject-7"), at(NOON)), "no such session"
    assert door.proof_of(entered.token) is None
    assert door.proved_outside(key, (issuer, "subject-7"), at(NOON))
    proof = door.proof_of(entered.token)
    assert proof is not None
    assert (proof.account, proof.method, proof.at_utc) == ("reader", "oidc", NOON)
    assert door.proof_of(entered.token) is None


def test_a_service_and_a_stranger_get_no_password(ledger: OpenLedger, admin: Actor) -> None:
    door = ledger.entrance(RULES)
    night = Actor(name="night", kind="service", roles=frozenset({"service"}))
    ledger.accounts.add(night, admin, NOON)
    with pytest.raises(UsageError, match="service"):
        door.one_time("night", admin, NOON)
    with pytest.raises(NotAllowed):
        door.one_time("nobody", admin, NOON)


def test_somebody_must_be_able_to_manage(ledger: OpenLedger, admin: Actor) -> None:
    door = ledger.entrance(RULES)
    assert door.no_administrator(NOON)
    door.one_time(admin.name, admin, NOON)
    assert not door.no_administrator(NOON)
    assert door.no_administrator(NOON + timedelta(days=30))


ASSIGNED = replace(RULES, cases=replace(RULES.cases, seen="assigned"))
CASE = ("A-17", "slide-1")


def test_broken_glass_shows_one_case_for_a_while_and_to_the_auditor(
    ledger: OpenLedger, admin: Actor
) -> None:
    access = ledger.case_access(ASSIGNED)
    assert ledger.case_access(RULES).sees(READER, CASE, NOON)
    assert not access.sees(READER, CASE, NOON)
    with pytest.raises(UsageError, match="reason"):
        access.break_glass(READER, CASE, "  why  ", NOON)
    glass = access.break_glass(READER, CASE, "frozen section, colleague away", NOON)
    assert access.sees(READER, CASE, NOON + timedelta(hours=3))
    assert not access.sees(READER, ("A-18", "slide-1"), NOON)
    assert not access.sees(READER, (None, "slide-1"), NOON)
    assert not access.sees(replace(READER, name="alex"), CASE, NOON)
    assert not access.sees(READER, CASE, glass.until_utc)
    auditor = Actor(name="auditor", kind="person", roles=frozenset({"auditor"}))
    ledger.accounts.add(auditor, admin, NOON)
    assert access.broken(auditor, NOON) == [glass]
    assert access.broken(auditor, NOON + timedelta(days=30)) == []
    with pytest.raises(NotAllowed):
        access.broken(READER, NOON)
    line = next(line for line in ledger.audit.lines() if line.act == "break-glass")
    assert (line.actor, line.reason) == ("reader", "frozen section, colleague away")
    assert "A-17" not in line.subject


def test_who_may_see_no_case_breaks_no_glass(ledger: OpenLedger, admin: Actor) -> None:
    auditor = Actor(name="auditor", kind="person", roles=frozenset({"auditor"}))
    ledger.accounts.add(auditor, admin, NOON)
    with pytest.raises(NotAllowed):
        ledger.case_access(ASSIGNED).break_glass(auditor, CASE, "I am here to look", NOON)
