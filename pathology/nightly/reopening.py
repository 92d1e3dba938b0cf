"""A person's word that slides which failed, were set aside or stopped are taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pathology.errors import UsageError
from pathology.nightly.books import CANCELLED
from pathology.nightly.status import called
from pathology.records.actor import Act, Actor
from pathology.records.ledger import Ledger
from pathology.records.work import WorkItem

OVER: Final = ("failed", "set-aside", "stopped")
MOST_WORDS: Final = 500
"""Characters of a reason, which stays in the audit chain for good."""


def take_up_again(
    ledger: Ledger, actor: Actor, names: Sequence[str], why: str, now_utc: datetime
) -> tuple[WorkItem, ...]:
    """Let slides of these names wait again, their attempts counted from 0; what they were before.

    All of them or none: one name that cannot be taken up again leaves the others as they are. The
    reason is a line of the audit chain for each.

    Raises
    ------
    UsageError
        No reason; no slide of a name; one that is done, at work or waiting; a cancelled order.
    NotAllowed
        Whose slide it is was questioned, and the account may not correct identities; or it may not
        have slides analysed.
    """
    reason = why.strip()
    if not 0 < len(reason) <= MOST_WORDS:
        raise UsageError(
            f"--why must say why, in at most {MOST_WORDS} characters and without a patient's name: "
            "it stays in the audit chain"
        )
    ledger.accounts.require(actor, "read-worklist")
    items = ledger.work.items()
    found = {item.item_id: item for name in names for item in _to_reopen(items, name)}
    for act in sorted({_asks(item) for item in found.values()}):
        ledger.accounts.require(actor, act)
    ledger.work.reopen(tuple(found), actor, now_utc, reason)
    return tuple(found.values())


def _asks(item: WorkItem) -> Act:
    """Who lets a slide run that two sources disagreed about answers for whose slide it is."""
    return "run-analysis" if item.order.held is None else "correct-identity"


def _to_reopen(items: Sequence[WorkItem], name: str) -> list[WorkItem]:
    known = called(items, name)
    if not known:
        raise UsageError(
            f"no slide is called {name}. Names stand in `pathology nightly status` and in the "
            "night's summary"
        )
    over = [item for item in known if item.state in OVER]
    if not over:
        states = ", ".join(sorted({item.state for item in known}))
        raise UsageError(
            f"{name} is {states}: only what failed, was set aside or stopped is taken up again"
        )
    if any(item.last is not None and item.last.reason_code == CANCELLED for item in over):
        raise UsageError(f"{name}: its order was cancelled. Order it again")
    return over
