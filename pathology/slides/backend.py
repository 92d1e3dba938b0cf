"""What a way of reading slides must offer; ``slides.recognise`` holds the table of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pathology.records.slide import Slide, SlideFacts, SlideInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One way of reading slides.

    ``recognises`` looks at the content of a path and never raises for a strange file.
    ``examine(path, slide_id)`` reads the facts and raises ``SlideUnreadable`` with a reason.
    ``open(path, info)`` opens for reading; ``info.facts`` came from ``examine`` of the same path.
    """

    name: str
    recognises: Callable[[Path], bool]
    examine: Callable[[Path, str], SlideFacts]
    open: Callable[[Path, SlideInfo], Slide]
