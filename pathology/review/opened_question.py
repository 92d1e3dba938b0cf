"""What a desk knows of another hospital's question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pathology.pipeline.opened_bundle import OpenedBundle
from pathology.records.actor import Actor
from pathology.records.opinion import Opinion


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionOnDesk:
    """An opened bundle, and how an answer to it is sealed."""

    opened: OpenedBundle
    answer: Callable[[Actor, tuple[str, str]], tuple[Opinion, bytes]]
