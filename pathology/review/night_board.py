"""What the page asks of a night. It is handed in: the doors of the house do not know each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pathology.records.actor import Actor


class NightBoard(Protocol):
    """The night as ``nightly.at_the_page`` tells it; every answer is a document.

    Each raises NotAllowed where the account may not, UsageError where it cannot be done.
    """

    def status(self, actor: Actor) -> dict[str, Any]:
        """How far the night is."""
        ...

    def plan(self, actor: Actor) -> dict[str, Any]:
        """What tonight will do."""
        ...

    def slides(self, actor: Actor) -> dict[str, Any]:
        """Slides in the watched folders of which nobody asks anything."""
        ...

    def pick(self, actor: Actor, wish: Mapping[str, str]) -> dict[str, Any]:
        """Put one of them on the worklist."""
        ...

    def again(self, actor: Actor, names: Sequence[str], why: str) -> dict[str, Any]:
        """Let slides that failed wait again."""
        ...
