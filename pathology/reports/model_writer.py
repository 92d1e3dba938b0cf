"""A language model as a writer of drafts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pathology.records.answer import AnswersBySchema, Message, ModelAnswer
from pathology.records.report import WritingTask


def unheard(_: str) -> None:
    """Nobody listens to the pieces of an answer."""


@dataclass(frozen=True, slots=True)
class ModelWriter:
    """Asks a model that answers by schema.

    Answers are always streamed: a draft takes a minute or more, and only between the pieces of a
    stream can a slow server be told from one that hangs.
    """

    model: AnswersBySchema
    on_text: Callable[[str], None] = unheard

    def write(self, task: WritingTask, *, complaint: str | None = None) -> ModelAnswer:
        """The answer; a complaint about the one before is put after the task."""
        messages = [
            Message(role="system", text=task.system),
            Message(role="user", text=task.user),
        ]
        if complaint is not None:
            said = f"The last answer was rejected: {complaint} Answer the task again."
            messages.append(Message(role="user", text=said))
        return self.model.answer(messages, task.schema, on_text=self.on_text)
