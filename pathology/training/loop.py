"""The one loop that trains: steps, a moving average of the weights, checkpoints, going on.

Which crops a step sees and how fast it learns depend on its number alone, so that a training that
was killed goes on as if nothing had happened, up to rounding.
"""

from __future__ import annotations

import json
import math
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader, Dataset

from pathology.errors import OutputError, UsageError
from pathology.predictions.devices import device_for
from pathology.records.progress import Progress, Tell

Loss = Callable[[Tensor, Mapping[str, Tensor]], dict[str, Tensor]]
"""Parts of the loss of a batch; their sum is minimised."""
CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """How long and how fast."""

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    warm_up_steps: int
    average_decay: float
    most_gradient: float
    checkpoint_steps: int
    loader_processes: int
    seed: int

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.checkpoint_steps) < 1:
            raise ValueError("steps, batch and checkpoint_steps must be 1 or more")
        if not 0 <= self.average_decay < 1:
            raise ValueError("average_decay is in 0..1")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Apprentice:
    """A network, what it is taught with, and where its progress is kept."""

    network: nn.Module
    crops: Dataset[dict[str, Tensor]]  # crop number -> "picture" (uint8) and targets
    loss: Loss
    settings: LoopSettings
    folder: Path
    device: torch.device
    teacher: nn.Module | None = None  # its maps of the same pictures are the target "taught"


def train(apprentice: Apprentice, tell: Tell) -> nn.Module:
    """The averaged network after all steps; goes on from the folder's checkpoint if there is one.

    Raises
    ------
    UsageError
        The checkpoint there belongs to a training with other settings.
    OutputError
        The folder cannot be written.
    """
    settings, device = apprentice.settings, apprentice.device
    network = apprentice.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if apprentice.teacher is not None:
        apprentice.teacher.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    average = AveragedModel(network, multi_avg_fn=_moving(settings.average_decay), use_buffers=True)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    state = _State(network=network, average=average, optimizer=optimizer)
    step = _resumed(apprentice, state)
    for batch in _batches(apprentice, step):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, settings)
        parts = _taught(apprentice, state, batch)
        average.update_parameters(network)
        step += 1
        if step % settings.checkpoint_steps == 0 or step == settings.steps:
            _kept(apprentice, state, step)
        tell(Progress(task=_told(parts), stage="training", done=step, total=settings.steps))
        _logged(apprentice.folder, step, parts)
    averaged: nn.Module = average.module
    return averaged.eval()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    network: nn.Module
    average: AveragedModel
    optimizer: torch.optim.Optimizer


def _moving(decay: float) -> Callable[..., None]:
    moving: Callable[..., None] = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return moving


def learning_rate(step: int, settings: LoopSettings) -> float:
    """Linear warm-up, then half a cosine down to a hundredth (Loshchilov & Hutter, ICLR 2017)."""
    if step < settings.warm_up_steps:
        return settings.learning_rate * (step + 1) / settings.warm_up_steps
    left = max(settings.steps - settings.warm_up_steps, 1)
    share = (step - settings.warm_up_steps) / left
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def _taught(apprentice: Apprentice, state: _State, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    settings, device = apprentice.settings, apprentice.device
    truth = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
    pictures = truth.pop("picture").float().div_(255).to(memory_format=torch.channels_last)
    half = device_for(device.type).bf16  # type: ignore[arg-type]
    if apprentice.teacher is not None:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=half):
            truth["taught"] = apprentice.teacher(pictures).float()
    state.network.train()
    with torch.autocast(device.type, torch.bfloat16, enabled=half), wide_depthwise(device):
        maps = state.network(pictures)
    parts = apprentice.loss(maps, truth)
    total = torch.stack(list(parts.values())).sum()
    state.optimizer.zero_grad(set_to_none=True)
    if torch.isfinite(total):  # one broken batch must not end hours of work
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(state.network.parameters(), settings.most_gradient)
        state.optimizer.step()
    return {name: part.detach() for name, part in parts.items()}


def wide_depthwise(device: torch.device) -> AbstractContextManager[object]:
    """On a processor, depthwise convolutions go in fp32 whatever autocast says.

    Their gradient in bf16 has no quick kernel there (docs/benchmarks/models.md, "Training").
    """
    return _WideDepthwise() if device.type == "cpu" else nullcontext()


class _WideDepthwise(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        known = kwargs or {}
        if func is not F.conv2d or known.get("groups", args[6] if len(args) > 6 else 1) == 1:
            return func(*args, **known)
        with torch.autocast("cpu", enabled=False):
            picture, *rest = args
            return func(picture.float(), *rest, **known)


def _batches(apprentice: Apprentice, step: int) -> Iterator[dict[str, Tensor]]:
    settings = apprentice.settings
    left = range(step * settings.batch, settings.steps * settings.batch)
    return iter(
        DataLoader(
            apprentice.crops,
            batch_size=settings.batch,
            sampler=left,
            num_workers=settings.loader_processes,
            pin_memory=apprentice.device.type == "cuda",
            prefetch_factor=4 if settings.loader_processes else None,
        )
    )


def _kept(apprentice: Apprentice, state: _State, step: int) -> None:
    """Write a checkpoint; whole or not at all."""
    file = apprentice.folder / CHECKPOINT
    partial = file.with_suffix(".partial")
    held = {
        "step": step,
        "settings": asdict(apprentice.settings),
        "network": state.network.state_dict(),
        "average": state.average.state_dict(),
        "optimizer": state.optimizer.state_dict(),
    }
    try:
        torch.save(held, partial)
        partial.replace(file)
    except OSError as cause:
        raise OutputError(f"the checkpoint cannot be written ({cause.strerror})") from cause


def _resumed(apprentice: Apprentice, state: _State) -> int:
    """The step to go on from; 0 for a fresh start."""
    try:
        apprentice.folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OutputError(f"the training's folder cannot be made ({cause.strerror})") from cause
    file = apprentice.folder / CHECKPOINT
    if not file.exists():
        return 0
    try:
        held: dict[str, Any] = torch.load(file, map_location=apprentice.device, weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError) as cause:
        raise UsageError(
            f"{apprentice.folder.name}: {CHECKPOINT} is damaged ({type(cause).__name__}). Take it "
            "away to begin anew"
        ) from cause
    if _deciding(held["settings"]) != _deciding(asdict(apprentice.settings)):
        raise UsageError(
            f"{apprentice.folder.name}: the checkpoint there was made with other settings. Use the "
            "same ones to go on, or an empty folder to begin anew."
        )
    state.network.load_state_dict(held["network"])
    state.average.load_state_dict(held["average"])
    state.optimizer.load_state_dict(held["optimizer"])
    return int(held["step"])


def _deciding(settings: Mapping[str, object]) -> dict[str, object]:
    """The settings that decide the weights: who loads the crops does not."""
    return {name: value for name, value in settings.items() if name != "loader_processes"}


def _told(parts: Mapping[str, Tensor]) -> str:
    return "loss " + " ".join(f"{name} {float(part):.3f}" for name, part in parts.items())


def _logged(folder: Path, step: int, parts: Mapping[str, Tensor]) -> None:
    line = {"step": step, "time": round(time.time(), 1)}
    line |= {name: round(float(part), 5) for name, part in parts.items()}
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
