"""A smaller network that learns from a larger one, and what it costs and keeps."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pathology.errors import UsageError
from pathology.models.catalogue import Installed
from pathology.models.smoke import painted
from pathology.predictions.devices import device_for
from pathology.predictions.forward import Network, network_at_hand
from pathology.records.model import Distilled
from pathology.records.order import DeviceChoice
from pathology.records.progress import Tell
from pathology.training.evaluate import EvaluationOrder, evaluate_together
from pathology.training.make import TrainingOrder, make_model, write_card
from pathology.training.student_score import kept_of_teacher, with_score

SIDE_PX: Final = 512
ROUNDS: Final = 20


def distil(order: TrainingOrder, tell: Tell) -> Installed:
    """Train a student by its teacher's maps and the labels; its card says cost and score.

    Raises
    ------
    UsageError
        No teacher is named, or the recipe does not say how it is heard; see ``make_model``.
    """
    if order.teacher is None or order.recipe.teacher is None:
        raise UsageError("distil wants --teacher, and a recipe with a section [teacher]")
    student = make_model(order, tell)
    cost = cost_ratio(student, order.teacher, order.device)
    distilled = Distilled(
        teacher=order.teacher.card.name,
        teacher_sha256=order.teacher.card.weights.sha256,
        cost_ratio=round(cost, 3),
    )
    student = replace(student, card=replace(student.card, distilled=distilled))
    write_card(student)
    student = scored(order, student, order.teacher, tell)
    write_card(student)
    return student


def scored(order: TrainingOrder, student: Installed, teacher: Installed, tell: Tell) -> Installed:
    """The student with what it keeps of its teacher's score on the recipe's judging sets.

    Where they are not there, or nothing was held out of both, the card names no score rather than a
    flattering one.
    """
    data, judged = order.sources.data, order.recipe.teacher.judged if order.recipe.teacher else ()
    if data is None or not judged:
        return student
    evaluation = EvaluationOrder(
        models=(student,),
        data=data,
        annotations=None,
        sets=judged,
        settings=order.settings,
        command=order.command,
        device=order.device,
        as_there=True,
    )
    ours, theirs = evaluate_together((evaluation, replace(evaluation, models=(teacher,))), tell)
    try:
        kept = kept_of_teacher(ours, theirs)
    except UsageError:
        return student
    return replace(student, card=with_score(student.card, kept))


def cost_ratio(student: Installed, teacher: Installed, device: DeviceChoice) -> float:
    """Time of the student over that of the teacher for the same area; the least of many turns.

    Both run as they do on slides, each at its own scale, and take turns on a picture of
    ``SIDE_PX`` at the teacher's. Whatever else the machine does only adds to a turn: waiting
    threads spend processor time, too. On a CPU it is processor time, on a GPU the time until it
    is done.
    """
    networks = [network_at_hand(model, device_for(device), ()) for model in (student, teacher)]
    sides = [_side_px(model, teacher.card.input.mpp * SIDE_PX) for model in (student, teacher)]
    pictures = [_picture(side) for side in sides]
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for network, picture, taken in zip(networks, pictures, times, strict=True):
            seconds = _seconds(network, picture)
            if turn:  # the first turn fills caches
                taken.append(seconds)
    areas = [
        (side * model.card.input.mpp) ** 2
        for side, model in zip(sides, (student, teacher), strict=True)
    ]
    return (min(times[0]) / areas[0]) / (min(times[1]) / areas[1])


def _side_px(model: Installed, side_um: float) -> int:
    """Side of a picture of about ``side_um`` in whole steps of a network."""
    step_px = model.card.input.step_px
    return max(1, round(side_um / model.card.input.mpp / step_px)) * step_px


def _picture(side_px: int) -> NDArray[np.uint8]:
    light = painted(side_px, side_px)[0].permute(1, 2, 0).mul(255).round()
    return np.ascontiguousarray(light.numpy().astype(np.uint8))


def _seconds(network: Network, picture: NDArray[np.uint8]) -> float:
    clock = time.perf_counter if network.device.kind == "cuda" else time.process_time
    start = clock()
    for pending in network.forward([picture]):
        pending.maps()
    return clock() - start
