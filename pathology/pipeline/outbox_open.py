"""The outbox for whoever comes through a door."""

from __future__ import annotations

from collections.abc import Sequence

from pathology.ledger.open import utc_now
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.outbox import Sender, Sent, again
from pathology.records.outbox import OutboxItem, OutboxState
from pathology.records.settings.run import RunSettings


def send_outbox(settings: RunSettings) -> list[Sent]:
    """Every delivery that is due, tried once.

    Raises
    ------
    NotAllowed
        The user may not send.
    LedgerError
        There is no ledger, or it cannot be reached.
    """
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "send-final")
        sender = Sender(
            outbox=ledger.outbox,
            settings=settings.outbox,
            codes=settings.exchange,
            clock=utc_now,
        )
        return sender.send_due()


def list_outbox(settings: RunSettings, states: Sequence[OutboxState]) -> list[OutboxItem]:
    """What is in the outbox; raises as ``send_outbox``."""
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "send-final")
        return ledger.outbox.items(states)


def send_again(settings: RunSettings, items: Sequence[int], why: str) -> int:
    """Dead deliveries (all when none is named) wait again; how many did.

    Raises
    ------
    NotAllowed
        The user may not answer for what leaves.
    """
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        return again(ledger.outbox, items, actor, utc_now(), why)
