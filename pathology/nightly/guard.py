"""Why a night may not begin: weights nobody accepted, another operator, no window, no account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from pathology.errors import NotAllowed, UsageError
from pathology.ledger.open import OpenLedger
from pathology.nightly.clock import NightClock
from pathology.nightly.journal import tell
from pathology.nightly.options import NightSettings
from pathology.nightly.owner import died_here, own_name, told
from pathology.nightly.window import window_at
from pathology.pipeline.eyes import check_models, chosen_models
from pathology.records.actor import Actor
from pathology.records.night import Window
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings
from pathology.records.shift import Shift


def check_weights(settings: RunSettings) -> None:
    """Refuse a night whose results would rest on weights for research that nobody accepted.

    By day a person sees the flag on each result; at night nobody looks on.

    Raises
    ------
    UsageError
        The site has neither accepted them nor chosen others; or a model cannot be used at all.
    """
    analyses = set(get_args(Analysis))
    check_models(settings, analyses, "auto")
    if settings.site.models.accept_research_weights:
        return
    names = {
        model.card.name
        for analysis in analyses
        for model in chosen_models(settings, analysis).all
        if model.card.weights.research_only
    }
    if names:
        raise UsageError(
            f"{', '.join(sorted(names))}: for research only, which this site has not accepted, so "
            "that no night may rest on it. The person responsible sets accept_research_weights = "
            'true in [models] of site.toml, or chooses other weights or "classical" there '
            "(`pathology doctor` tells)"
        )


def window_of(settings: NightSettings, clock: NightClock, *, now: bool) -> Window | None:
    """The window that holds this moment; None with ``now``: at once, without an end.

    Raises
    ------
    UsageError
        It is not night; the message says when the next one begins.
    """
    if now:
        return None
    rules = settings.nightly.window
    window = window_at(clock.now(), rules)
    if not window.holds(clock.now()):
        begins = window.begins_utc.astimezone(ZoneInfo(rules.zone))
        raise UsageError(
            f"the next night begins at {begins:%Y-%m-%d %H:%M} ({rules.zone}). Use --now to run at "
            "once until all is done, or --service to wait for it"
        )
    return window


def check_operators(settings: NightSettings) -> bool:
    """Whether a night must be alone.

    Raises
    ------
    UsageError
        Several operators are asked for on the embedded database.
    """
    several = settings.nightly.operating.several_operators
    if several and not settings.run.ledger.ledger.url:
        raise UsageError(
            "[operating] several_operators of nightly.toml needs PostgreSQL ([ledger] url): the "
            "embedded database belongs to one machine"
        )
    return not several


def begin_shift(
    ledger: OpenLedger, actor: Actor, clock: NightClock, lease: timedelta, *, alone: bool
) -> Shift:
    """The night's own lock. One that a dead process of this machine left is taken away from it.

    Raises
    ------
    UsageError
        Another operator holds it; the message says who and since when.
    """
    owner = own_name()
    while True:
        now = clock.now()
        shift = ledger.shifts.begin(owner, actor.name, now, lease, alone=alone)
        if shift.owner == owner:
            tell("shift-begun", shift=shift.shift_id, owner=owner, actor=actor.name)
            return shift
        if not died_here(shift.owner):
            raise UsageError(_held_by(shift, now))
        ledger.shifts.end(shift.shift_id, now, {**shift.told, "end": "died"})
        tell("shift-of-the-dead-ended", shift=shift.shift_id, owner=shift.owner)


def _held_by(shift: Shift, now: datetime) -> str:
    until = (shift.alive_until_utc - now).total_seconds()
    return (
        f"{shift.actor} ({told(shift.owner)}) has been running the night since "
        f"{shift.began_utc:%Y-%m-%d %H:%M:%S} UTC. `pathology nightly status` shows it. If that "
        f"process is gone, its claim runs out within {until:.0f} s"
    )


def make_account(ledger: OpenLedger, by: Actor, name: str, now_utc: datetime) -> bool:
    """The service account of nights, if there is none of that name; whether it was made.

    Raises
    ------
    NotAllowed
        ``by`` may not manage users.
    """
    try:
        ledger.accounts.actor(name)
    except NotAllowed:
        service = Actor(name=name, kind="service", roles=frozenset({"service"}))
        ledger.accounts.add(service, by, now_utc)
        return True
    return False
