"""How long a case is kept, what keeps it longer, and its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pathology.records.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCase:
    """A case and when it may go."""

    case: str
    signed: bool
    last_utc: datetime  # of the last signature, or of the last change of one never signed
    due_utc: datetime
    legal_hold: bool
    asked_by: str | None = None  # who asked for its purge
    purged_utc: datetime | None = None


class Retention(Protocol):
    """Holds and purges; each is a line of the chain, which stays whole whatever is purged."""

    def kept(self, *, due_before_utc: datetime | None = None) -> list[KeptCase]:
        """Cases, those due first; all of them when no time is given."""
        ...

    def hold(self, case: str, why: str, by: Actor, now_utc: datetime) -> None:
        """Nothing of the case is purged until the hold is lifted."""
        ...

    def lift(self, case: str, why: str, by: Actor, now_utc: datetime) -> None:
        """The hold's end."""
        ...

    def ask(self, case: str, why: str, by: Actor, now_utc: datetime) -> None:
        """One person asks for the purge of a case that is due."""
        ...

    def purge(self, case: str, why: str, by: Actor, now_utc: datetime) -> None:
        """Another carries it out: the data keys of case and slides are destroyed.

        Raises
        ------
        CaseRefused
            The case is held or not due, nobody asked, or the same person did.
        """
        ...
