"""A smaller network that learns from a larger one, and what it costs and keeps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import nn

from pathology.errors import UsageError
from pathology.models.catalogue import Installed
from pathology.models.smoke import painted
from pathology.models.weights import read_network
from pathology.records.model import Distilled
from pathology.records.progress import Tell
from pathology.training.field import LabelledField
from pathology.training.gather import read_sets
from pathology.training.kept import Judges, kept_share
from pathology.training.make import Trained, TrainingOrder, device_of, make_model, write_card
from pathology.training.public_sets import READERS
from pathology.training.tissue_field import TISSUE_READERS, TissueField

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
    device = device_of(order.device)
    judges = Judges(fields=_fields(order, made), settings=order.settings, device=order.device)
    kept = kept_share(made.installed, order.teacher, judges, tell)
    distilled = Distilled(
        teacher=order.teacher.card.name,
        teacher_sha256=order.teacher.card.weights.sha256,
        cost_ratio=round(cost_ratio(made.installed, order.teacher, device), 3),
        score_ratio=None if kept is None else round(kept.ratio, 4),
        measure="" if kept is None else kept.measure,
        data="" if kept is None else kept.data,
    )
    card = replace(made.installed.card, distilled=distilled)
    installed = replace(made.installed, card=card)
    write_card(installed)
    return replace(made, installed=installed)


def _fields(order: TrainingOrder, made: Trained) -> Sequence[LabelledField | TissueField]:
    """Images held out of this training, and the sets that neither model was trained on."""
    names = order.recipe.teacher.judged if order.recipe.teacher and order.sources.data else ()
    if not names or order.sources.data is None:
        return made.lesson.held_out
    if order.recipe.task == "tissue":
        return [*made.lesson.held_out, *read_sets(order.sources.data, names, TISSUE_READERS)]
    return [*made.lesson.held_out, *read_sets(order.sources.data, names, READERS)]


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
    start = clock()
    with torch.inference_mode(), torch.autocast(picture.device.type, torch.bfloat16):
        network(picture)
    if picture.is_cuda:
        torch.cuda.synchronize()
    return clock() - start
