"""How far a model's answer is, on a terminal; elsewhere nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

from pathology.cli.messages import say


@contextmanager
def heard(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Called with each piece of an answer; shows its length as it grows. Silent with ``quiet``."""
    if quiet or not sys.stdout.isatty():
        yield lambda _: None
        return
    with Status(say("report-asking", letters=0), console=Console()) as status:
        letters = 0

        def on_text(piece: str) -> None:
            nonlocal letters
            letters += len(piece)
            status.update(say("report-asking", letters=letters))

        yield on_text
