"""Judging as a person orders it: models, perhaps a student's teacher, and the card to write."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from pathology.errors import UsageError
from pathology.models.catalogue import Installed
from pathology.records.model import ModelCard
from pathology.records.progress import Tell
from pathology.training.card_results import write_results
from pathology.training.evaluate import (
    Evaluation,
    EvaluationOrder,
    evaluate,
    evaluate_together,
)
from pathology.training.make import TrainingOrder
from pathology.training.student_score import Kept, check_taught_by, kept_of_teacher, with_score


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingOrder:
    """An evaluation, and what is to be done beside it."""

    evaluation: EvaluationOrder
    teacher: Installed | None = None  # of the one model, which is a student
    card_of: Installed | None = None  # whose card gets the rows; None: the one model's
    write: bool = False

    def __post_init__(self) -> None:
        models = self.evaluation.models
        if self.teacher is not None:
            if len(models) > 1:
                raise UsageError("--teacher: belongs to one student alone")
            check_taught_by(models[0].card, self.teacher)
        if self.write and self.card_of is None and len(models) > 1:
            raise UsageError("--write-card: several models are evaluated. Name the card by --card")
        if self.card_of is not None:
            self._check_card(self.card_of)

    def _check_card(self, target: Installed) -> None:
        """Rows go into the card of what they are about: the model, or one made the same way."""
        for model in self.evaluation.models:
            ours, theirs = model.card, target.card
            if _kind(ours) != _kind(theirs):
                raise UsageError(
                    f"--card {theirs.name}: {ours.name} is another kind of network, so its results "
                    "are not about that model"
                )


def _kind(card: ModelCard) -> tuple[object, ...]:
    return card.task, card.classes, card.network


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What came of it."""

    evaluation: Evaluation
    kept: Kept | None  # without a teacher there is nothing to keep
    card_path: Path | None  # None where no card was written


def judge(order: JudgingOrder, tell: Tell) -> Judgement:
    """Evaluate, and write the card if that is asked for and anything could be measured.

    Raises
    ------
    UsageError
        See ``evaluate`` and ``kept_of_teacher``.
    OutputError
        The card cannot be written.
    """
    orders = [order.evaluation]
    if order.teacher is not None:
        orders.append(replace(order.evaluation, models=(order.teacher,)))
    told, *beside = evaluate_together(orders, tell)
    kept = kept_of_teacher(told, beside[0]) if beside else None
    path = None
    if order.write and told.rows:
        target = order.card_of or order.evaluation.models[0]
        if kept is not None:
            target = replace(target, card=with_score(target.card, kept))
        path = write_results(target, [row.result for row in told.rows])
    return Judgement(evaluation=told, kept=kept, card_path=path)


def judge_made(made: Installed, order: TrainingOrder, tell: Tell) -> Judgement | None:
    """Put a new model's results into its card: the usual public sets that are there, and its own.

    None where there is nothing to judge it by.

    Raises
    ------
    OutputError
        The card cannot be written.
    """
    sources = order.sources
    evaluation = EvaluationOrder(
        models=(made,),
        data=sources.data,
        annotations=sources.annotations,
        sets=(),
        settings=order.settings,
        command="",
        device=order.device,
        as_there=True,
    )
    told = evaluate(evaluation, tell)
    if not told.rows and not told.left_out:
        return None
    command = _command(made, order, told.sets)
    told = replace(
        told,
        rows=tuple(replace(row, result=replace(row.result, command=command)) for row in told.rows),
    )
    path = write_results(made, [row.result for row in told.rows]) if told.rows else None
    return Judgement(evaluation=told, kept=None, card_path=path)


def _command(made: Installed, order: TrainingOrder, sets: tuple[str, ...]) -> str:
    """What a person would write to get the same rows again."""
    sources = order.sources
    words = ["pathology", "evaluate", f"{order.out.name}/{made.card.name}.toml"]
    if sources.data is not None and sets:
        words += ["--data", sources.data.absolute().name, "--sets", *sets]
    if sources.annotations is not None:
        words += ["--annotations", sources.annotations.absolute().name]
    return shlex.join(words)
