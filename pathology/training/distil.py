"""A smaller network that learns from a larger one, and what it costs and keeps."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Final

import torch
from torch import nn

from pathology.errors import UsageError
from pathology.models.catalogue import Installed
from pathology.models.smoke import painted
from pathology.models.weights import read_network
from pathology.predictions.devices import device_for
from pathology.records.model import Distilled
from pathology.records.progress import Tell
from pathology.training.evaluate import EvaluationOrder, evaluate
from pathology.training.make import Trained, TrainingOrder, device_of, make_model, write_card
from pathology.training.student_score import kept_of_teacher, with_score

SIDE_PX: Final = 512
ROUNDS: Final = 5


def distil(order: TrainingOrder, tell: Tell) -> Trained:
    """Train a student by its teacher's maps and the labels; its card says cost and score.

    Raises
    ------
    UsageError
        No teacher is named, or the recipe does not say how it is heard; see ``make_model``.
    """
    if order.teacher is None or order.recipe.teacher is None:
        raise UsageError("distil wants --teacher, and a recipe with a section [teacher]")
    made = make_model(order, tell)
    cost = cost_ratio(made.installed, order.teacher, device_of(order.device))
    distilled = Distilled(
        teacher=order.teacher.card.name,
        teacher_sha256=order.teacher.card.weights.sha256,
        cost_ratio=round(cost, 3),
    )
    installed = replace(made.installed, card=replace(made.installed.card, distilled=distilled))
    write_card(installed)
    if order.sources.data is not None and order.recipe.teacher.judged:
        installed = scored(order, installed, order.teacher, tell)
        write_card(installed)
    return replace(made, installed=installed)


def scored(order: TrainingOrder, student: Installed, teacher: Installed, tell: Tell) -> Installed:
    """The student with what it keeps of its teacher's score on the recipe's judging sets.

    Where nothing was held out of both, the card names no score rather than a flattering one.
    """
    evaluation = EvaluationOrder(
        models=(student,),
        data=order.sources.data,
        annotations=None,
        sets=() if order.recipe.teacher is None else order.recipe.teacher.judged,
        settings=order.settings,
        command=order.command,
        device=order.device,
    )
    ours = evaluate(evaluation, tell)
    theirs = evaluate(replace(evaluation, models=(teacher,)), tell)
    try:
        kept = kept_of_teacher(ours, theirs)
    except UsageError:
        return student
    return replace(student, card=with_score(student.card, kept))


def cost_ratio(student: Installed, teacher: Installed, device: torch.device) -> float:
    """Time of one forward pass of the student over that of the teacher; medians of turns.

    They take turns on the same picture, so that whatever else the machine does hits both. On a CPU
    it is processor time, on a GPU the time until it is done.
    """
    networks = [_ready(student, device), _ready(teacher, device)]
    picture = painted(SIDE_PX, SIDE_PX).to(device, memory_format=torch.channels_last)
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for network, taken in zip(networks, times, strict=True):
            seconds = _seconds(network, picture)
            if turn:  # the first turn fills caches
                taken.append(seconds)
    return statistics.median(times[0]) / statistics.median(times[1])


def _ready(model: Installed, device: torch.device) -> nn.Module:
    network: nn.Module = read_network(model).to(device)
    return network


def _seconds(network: nn.Module, picture: torch.Tensor) -> float:
    clock = time.perf_counter if picture.is_cuda else time.process_time
    kind = picture.device.type
    half = device_for("cuda" if picture.is_cuda else "cpu").bf16
    start = clock()
    with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=half):
        network(picture)
    if picture.is_cuda:
        torch.cuda.synchronize()
    return clock() - start
