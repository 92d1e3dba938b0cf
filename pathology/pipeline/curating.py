"""Who curates is proved: by an account of the ledger, or at least by the system's own user.

Where the site has a ledger, the account of the system user acts; it needs the right to curate, and
each act is a line of the audit chain before it is done. Without a ledger the name of the system
user is written down, which nobody can give as somebody else's, and no chain keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pathology.errors import KnowledgeError
from pathology.ledger.open import OpenLedger, utc_now
from pathology.pipeline.archive_places import archive_places
from pathology.pipeline.ledger_open import opened_ledger, os_user
from pathology.records.actor import Actor
from pathology.records.settings.ledger import ArchiveSettings

ACT: Final = "curate-knowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curating:
    """Who acts, and the chain that keeps it; None without a ledger."""

    actor: Actor
    ledger: OpenLedger | None = None

    @property
    def audited(self) -> bool:
        """Whether an audit chain keeps what is done."""
        return self.ledger is not None

    @contextmanager
    def noted(self, act: str, subject: str, *, why: str = "", **told: object) -> Iterator[None]:
        """A line in the chain before the act, and a second one if it is refused.

        Raises
        ------
        LedgerError, LedgerAway
            It cannot be written down: then it is not done.
        """
        self._append(f"{act}-knowledge", subject, why, told)
        try:
            yield
        except KnowledgeError as refused:
            self._append("refused", f"{act}-knowledge", refused.code, {"of": subject})
            raise

    def _append(self, act: str, subject: str, why: str, told: dict[str, object]) -> None:
        if self.ledger is not None:
            self.ledger.audit.append(
                actor=self.actor.name,
                act=act,
                subject=subject,
                now_utc=utc_now(),
                after=told,
                reason=why,
            )


@contextmanager
def curating(settings: ArchiveSettings, claimed: str = "") -> Iterator[Curating]:
    """The curator at this terminal; ``claimed`` is the name they gave, if any.

    Raises
    ------
    NotAllowed
        The system user has no account, or not the right to curate.
    KnowledgeError
        The name is another's.
    LedgerError, VaultError
        There is a ledger, and it cannot be opened.
    """
    if not (settings.ledger.url or archive_places(settings).database.exists()):
        actor = Actor(name=os_user(), kind="person", roles=frozenset({"curator"}))
        _check_name(claimed, actor)
        yield Curating(actor=actor)
        return
    with opened_ledger(settings, make=False) as (ledger, actor):
        ledger.accounts.require(actor, ACT)
        _check_name(claimed, actor)
        yield Curating(actor=actor, ledger=ledger)


def _check_name(claimed: str, actor: Actor) -> None:
    if claimed and claimed.strip().casefold() != actor.name.casefold():
        raise KnowledgeError("--by", "not-your-name", {"account": actor.name})
