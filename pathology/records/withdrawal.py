"""The kill switch: a model taken out of use at once, with its reason, for everybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pathology.records.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnModel:
    """A model out of use. Without a hash, all weights of that name are."""

    name: str
    weights_sha256: str | None
    why: str
    by: str
    at_utc: datetime

    def covers(self, name: str, weights_sha256: str | None) -> bool:
        """Whether a network of this name and hash is out of use."""
        return self.name == name and self.weights_sha256 in (None, weights_sha256)


class ModelSwitch(Protocol):
    """Models out of use. Each change is a line of the chain."""

    def withdrawn(self) -> tuple[WithdrawnModel, ...]:
        """Models that are out of use now."""
        ...

    def check(self, models: Iterable[tuple[str, str | None]]) -> None:
        """Nothing where all of these (name, hash) may be used.

        Raises
        ------
        ModelRefused
            One is withdrawn; the message says since when and why.
        """
        ...

    def withdraw(
        self, name: str, weights_sha256: str | None, *, by: Actor, now_utc: datetime, why: str
    ) -> WithdrawnModel:
        """Out of use from now on. Withdrawn twice, the first stays."""
        ...

    def restore(
        self, name: str, weights_sha256: str | None, *, by: Actor, now_utc: datetime, why: str
    ) -> bool:
        """In use again; False where it was not withdrawn."""
        ...
