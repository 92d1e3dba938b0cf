"""One training from the order to a folder that can be installed: weights and their card.

The folder keeps the checkpoint and a note of what is being learned, so that the same command goes
on after a kill and another command is refused instead of mixed in.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Final

import torch
from torch import nn

from pathology.errors import ModelRefused, OutputError, UsageError
from pathology.models.card_toml import card_text
from pathology.models.catalogue import Installed, load_catalogue, read_card
from pathology.models.smoke import check_sees
from pathology.models.weights import read_network, write_weights
from pathology.models.weights_file import write_whole
from pathology.records.model import (
    NAME,
    MeasuredResult,
    ModelCard,
    TrainedOn,
    WeightsFile,
)
from pathology.records.order import DeviceChoice
from pathology.records.progress import Tell
from pathology.records.settings.predictions import PredictionSettings
from pathology.training.begin import (
    TeacherMaps,
    begun_by_teacher,
    begun_from,
    check_same_kind,
    check_same_scale,
    first_network,
)
from pathology.training.evidence import FOREIGN, OWN_COMMAND, PARENT
from pathology.training.field import key_of
from pathology.training.gather import Sources
from pathology.training.lesson import Lesson, lesson_of
from pathology.training.loop import CHECKPOINT, LOG, Apprentice, train
from pathology.training.recipe import Recipe
from pathology.training.terms import PUBLIC_LICENCE

NOTE: Final = "training.json"
PAUSE_S: Final = 600.0
"""A longer gap between two steps was no training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOrder:
    """What is to be made, from what, and where to."""

    recipe: Recipe
    sources: Sources
    out: Path
    settings: PredictionSettings  # stains of the fields, and the eyes that score
    command: str  # as the card tells it, without paths of this machine
    name: str = ""  # of the model; the recipe's where not given
    licence: str = ""  # of weights from a site's own annotations alone
    device: DeviceChoice = "auto"
    start: Installed | None = None  # begin with this model's weights
    teacher: Installed | None = None  # learn from this model's maps


def make_model(order: TrainingOrder, tell: Tell) -> Installed:
    """Train as ordered; weights and card lie in ``order.out`` afterwards.

    Raises
    ------
    UsageError
        The order makes no sense, data are missing, or the folder holds another training.
    ModelRefused
        The model to start from, or the one that was made, is not fit.
    OutputError
        The folder cannot be written.
    """
    order = _settled(order)
    licence = licence_of(order)
    device = device_of(order.device)
    guide = order.teacher or (order.start if order.recipe.teacher else None)
    lesson = lesson_of(order.recipe, order.sources, order.settings.stain, taught=guide is not None)
    network = _network(order)
    _note(order, lesson)
    apprentice = Apprentice(
        network=network,
        crops=lesson.crops,
        loss=lesson.loss,
        settings=order.recipe.loop,
        folder=order.out,
        device=device,
        teacher=None if guide is None else TeacherMaps(order.recipe, guide),
    )
    made = train(apprentice, tell)
    return _stored(order, made, licence, lesson)


def _settled(order: TrainingOrder) -> TrainingOrder:
    """The order with a name, and with the shape of the network it starts from."""
    name = order.name or order.recipe.name
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name!r}: is made of a-z, 0-9 and -")
    shipped = load_catalogue()
    if name in shipped and (order.sources.annotations or order.sources.data is None):
        raise UsageError(f"--name {name}: a shipped model has this name. Choose another")
    recipe = order.recipe
    for model in (order.start, order.teacher):
        if model is not None:
            check_same_kind(recipe, model)
    if order.start is not None:
        check_same_scale(recipe, order.start)
        card = order.start.card
        recipe = replace(recipe, network=card.network, input=card.input, decoding=card.decoding)
    return replace(order, name=name, recipe=recipe)


def device_of(choice: DeviceChoice) -> torch.device:
    """The device asked for; ``UsageError`` where there is no GPU to be had."""
    if choice == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "--device cuda: torch sees no GPU here. Ask `pathology doctor`, or leave it out"
        )
    if choice == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")


def licence_of(order: TrainingOrder) -> tuple[str, bool]:
    """Licence of the weights, and whether they are for research only.

    Raises
    ------
    UsageError
        The data decide, and another licence is asked for; or nobody says which it is.
    """
    parents = [m.card for m in (order.start, order.teacher) if m is not None]
    bound = [card.weights.licence for card in parents if card.weights.research_only]
    if order.sources.data is not None and order.recipe.sets:
        bound.insert(0, PUBLIC_LICENCE)
    if bound and order.licence:
        raise UsageError(
            f"--licence {order.licence}: what it is made from allows {bound[0]} "
            "only, for research. Leave --licence out"
        )
    if bound:
        return bound[0], True
    if not order.licence.strip():
        raise UsageError(
            "--licence: say on what terms weights of your own annotations may be used, for example "
            "--licence 'our laboratory only'"
        )
    return order.licence, "-NC" in order.licence.upper()


def _network(order: TrainingOrder) -> nn.Module:
    if order.start is not None:
        return begun_from(order.recipe, order.start)
    if order.teacher is not None and order.recipe.teacher and order.recipe.teacher.gives:
        return begun_by_teacher(order.recipe, order.teacher)
    return first_network(order.recipe)


def _note(order: TrainingOrder, lesson: Lesson) -> None:
    """Write what is learned here, or refuse to go on with something else."""
    note = {
        "name": order.name,
        "lesson": order.recipe.lesson_sha256(),
        "images": lesson.images_sha256,
        "start": order.start.card.weights.sha256 if order.start else "",
        "teacher": order.teacher.card.weights.sha256 if order.teacher else "",
    }
    path = order.out / NOTE
    if (order.out / CHECKPOINT).exists():
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            held = {}
        if other := sorted(key for key, value in note.items() if held.get(key) != value):
            raise UsageError(
                f"{order.out.name}: holds a training with other {', '.join(other)}. Use the same "
                "command to go on, or an empty folder to begin anew"
            )
        return
    try:
        order.out.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OutputError(f"--out {order.out.name}: cannot be made ({cause.strerror})") from cause
    write_whole(path, json.dumps(note, indent=1).encode())


def _stored(
    order: TrainingOrder, network: nn.Module, licence: tuple[str, bool], lesson: Lesson
) -> Installed:
    """Weights and card, read back and tried before anybody relies on them."""
    file = f"{order.name}.safetensors"
    sha256 = write_weights(network, order.out / file)
    card = _card(
        order,
        lesson,
        WeightsFile(file=file, sha256=sha256, licence=licence[0], research_only=licence[1]),
    )
    installed = Installed(card=card, folder=order.out, shipped=False)
    check_sees(card, read_network(installed))
    write_card(installed)
    return installed


def write_card(installed: Installed) -> None:
    """The card beside its weights."""
    path = installed.folder / f"{installed.card.name}.toml"
    write_whole(path, card_text(installed.card).encode())


def _card(order: TrainingOrder, lesson: Lesson, weights: WeightsFile) -> ModelCard:
    recipe = order.recipe
    parents = [
        f"{what} {model.card.name} (sha256 {model.card.weights.sha256[:12]})"
        f"{_origin(model)}, {PARENT}{'; '.join(model.card.training.data)}"
        for what, model in (("begun from", order.start), ("taught by", order.teacher))
        if model is not None
    ]
    return ModelCard(
        schema="pathology.model/1",
        name=order.name,
        title=recipe.title,
        task=recipe.task,
        classes=recipe.classes,
        network=recipe.network,
        input=recipe.input,
        weights=weights,
        training=TrainedOn(
            data=(*lesson.told, *_encoder_told(order), *parents),
            command=_told_command(order, lesson),
            seed=recipe.loop.seed,
            steps=recipe.loop.steps,
            hours=round(hours_of(order.out / LOG), 2),
            date=datetime.now(UTC).date().isoformat(),
        ),
        limits=_limits(order),
        results=_results_before(order, weights.sha256),
        decoding=recipe.decoding,
        organs=_organs(order),
    )


def _origin(parent: Installed) -> str:
    return "" if parent.card.training.command.startswith(OWN_COMMAND) else f" {FOREIGN}"


def _told_command(order: TrainingOrder, lesson: Lesson) -> str:
    """The command, with a fold spelled out: folds of a set that has grown are dealt anew."""
    words = shlex.split(order.command)
    if order.sources.fold is None or "--fold" not in words:
        return order.command
    place = words.index("--fold")
    del words[place : place + 2]
    away = sorted({key_of(field) for field in lesson.held_out})
    return shlex.join([*words, "--hold-out", *away])


def _results_before(order: TrainingOrder, sha256: str) -> tuple[MeasuredResult, ...]:
    """What was measured of these very weights, if their card lies there already."""
    try:
        card = read_card(order.out / f"{order.name}.toml")
    except ModelRefused:
        return ()
    return card.results if card.weights.sha256 == sha256 else ()


def _encoder_told(order: TrainingOrder) -> tuple[str, ...]:
    """What the encoder began with; a model that was begun from tells it among its own."""
    start = order.recipe.encoder_start
    if order.start is not None or start is None:
        return ()
    return (f"encoder begun from {start.told}",)


def _organs(order: TrainingOrder) -> tuple[str, ...]:
    """The sets' and those of the models it was made from."""
    own = () if order.sources.data is None else order.recipe.organs
    parents = [m.card.organs for m in (order.start, order.teacher) if m is not None]
    return tuple(dict.fromkeys(chain(own, *parents)))


def _limits(order: TrainingOrder) -> tuple[str, ...]:
    """The recipe's speak of the public sets; those of the models it was made from hold on."""
    parents = [m.card.limits for m in (order.start, order.teacher) if m is not None]
    own = order.recipe.limits
    if not parents and order.sources.data is None:
        own = ("Trained on one site's annotations alone: what they do not show is not known.",)
    return tuple(dict.fromkeys(chain(own, *parents)))


def hours_of(log: Path) -> float:
    """Hours of training in a log of steps; pauses, and a line cut short by a kill, do not count."""
    times = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            times.append(float(json.loads(line)["time"]))
        except (ValueError, LookupError, TypeError):
            continue
    gaps = [after - before for before, after in pairwise(times)]
    return sum(gap for gap in gaps if 0 <= gap < PAUSE_S) / 3600
