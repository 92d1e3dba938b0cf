"""What the page asks of a night. It is handed in: the doors of the house do not know each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pathology.records.actor import Actor


class IncomingSlide(Protocol):
    """A slide on its way; each call may raise UploadRefused or OutputError."""

    def write(self, data: bytes) -> None:
        """The next bytes."""
        ...

    def keep(self) -> dict[str, Any]:
        """All came: it is put in its place, or SlideUnreadable says why not."""
        ...

    def drop(self) -> None:
        """It is over; what was not kept is gone."""
        ...


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

    def upload_limits(self, actor: Actor) -> dict[str, Any]:
        """What may be sent through the page."""
        ...

    def begin_upload(
        self, actor: Actor, name: str, size: int, head: bytes, order: Mapping[str, str]
    ) -> dict[str, Any]:
        """A place for a slide that is to be sent."""
        ...

    def receive(self, actor: Actor, token: str) -> IncomingSlide:
        """The slide that was announced."""
        ...

    def close(self) -> None:
        """The page ends."""
        ...
