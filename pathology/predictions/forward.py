"""The one loop that runs a network: pictures in, maps out, on a processor or a GPU."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torch.fx.proxy import TraceError

from pathology.errors import SlideError
from pathology.models.catalogue import Installed
from pathology.models.looking import seen_by_looks
from pathology.models.network import with_plain_norms
from pathology.models.weights import read_network
from pathology.predictions.devices import Device, Lost, Precision
from pathology.records.model import ModelCard, ModelForm

OWN_FORMS: Final[tuple[ModelForm, ...]] = ("nucleus-network", "tissue-network")
"""Networks trained here: seen to be exact enough in bf16, and known to be traceable."""
GPU_PICTURES: Final = 4
"""Pictures in a batch on a GPU, to begin with."""
FULL: Final = ("out of memory", "ALLOC_FAILED")
"""In errors of memory that torch's own allocator does not raise: of pages, contexts, workspaces."""
BROKEN: Final = (
    "CUDA error",
    "CUDA driver error",
    "CUDA NVRTC error",
    "cuDNN error",
    "cuDNN Frontend error",
    "CUBLAS_STATUS",
    "CUDNN_STATUS",
)
"""In errors after which a GPU answers nothing any more."""
KEPT: Final = 4
"""Networks that a process keeps at hand."""


class Network:
    """A network on its device. One thread at a time may use it."""

    def __init__(self, card: ModelCard, module: nn.Module, device: Device) -> None:
        self.card, self.device = card, device
        self.precision: Precision = (
            "bf16" if device.bf16 and card.network.form in OWN_FORMS else "fp32"
        )
        self.batch = GPU_PICTURES if device.kind == "cuda" else 1
        self.memory_halvings = 0
        ready = _fused(module) if card.network.form in OWN_FORMS else module
        ready = seen_by_looks(ready, card.looks)
        try:
            with named_errors(card.name):
                self.module = ready.to(memory_format=torch.channels_last).to(device.torch)
        except torch.OutOfMemoryError as cause:
            raise self._too_large() from cause

    def forward(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Pending]:
        """What the network answers to each picture (h, w, 3), all of one shape.

        Nothing waits for a GPU here: the answers may still be on their way when this returns.

        Raises
        ------
        SlideError
            "gpu-memory": one picture alone is too much. "gpu-lost": the GPU failed.
        """
        answers: list[Pending] = []
        while len(answers) < len(pictures):
            some = pictures[len(answers) : len(answers) + self.batch]
            try:
                with named_errors(self.card.name):
                    answers += self._answers(some)
            except torch.OutOfMemoryError as cause:
                if self.batch == 1:
                    raise self._too_large() from cause
                self.batch = min(self.batch, len(some)) // 2 or 1
                self.memory_halvings += 1
                torch.cuda.empty_cache()
        return answers

    def _too_large(self) -> SlideError:
        facts = {"model": self.card.name, "gpu": self.device.name}
        return SlideError("-", "gpu-memory", facts)

    def _answers(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Pending]:
        rgb = torch.from_numpy(np.stack(pictures))
        on_gpu = self.device.kind == "cuda"
        if on_gpu:
            rgb = rgb.pin_memory()
        # (b, h, w, 3) seen as (b, 3, h, w) is channels_last already: nothing is copied.
        seen = rgb.to(self.device.torch, non_blocking=True).permute(0, 3, 1, 2)
        kind = self.device.kind
        with (
            torch.inference_mode(),
            torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16"),
        ):
            answer = self._told(self.module(seen.float() / 255))
        if not on_gpu:
            return [Pending(answer=one, ready=None, model=self.card.name) for one in answer]
        home = torch.empty(answer.shape, dtype=answer.dtype, pin_memory=True)
        home.copy_(answer, non_blocking=True)
        ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
        ready.record()
        return [Pending(answer=one, ready=ready, model=self.card.name) for one in home]

    def _told(self, answer: Tensor) -> Tensor:
        """Small enough to carry home: maps of nuclei in half precision, tissue as probabilities."""
        if not answer.is_floating_point():
            return answer
        if self.card.task == "tissue":
            return torch.softmax(answer.float(), dim=1)
        return answer.half().contiguous()  # each map by itself, as decoding reads them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pending:
    """The answer to one picture, perhaps still on its way from the GPU."""

    answer: Tensor
    ready: torch.cuda.Event | None
    model: str

    def maps(self) -> NDArray[Any]:
        """The answer as an array, once it is there.

        Raises
        ------
        SlideError
            "network-not-finite": nan or inf is in it. "gpu-lost": the GPU failed.
        """
        if self.ready is not None:
            try:
                with named_errors(self.model):
                    self.ready.synchronize()
            except torch.OutOfMemoryError as cause:
                facts = {"model": self.model, "gpu": torch.cuda.get_device_name()}
                raise SlideError("-", "gpu-memory", facts) from cause
        if self.answer.is_floating_point():
            ends = torch.stack(self.answer.aminmax())  # nan, if there is any, is both
            if not bool(torch.isfinite(ends).all()):
                raise SlideError("-", "network-not-finite", {"model": self.model})
        answer: NDArray[Any] = self.answer.numpy()
        return answer


def _fused(module: nn.Module) -> nn.Module:
    """The network with each normalisation made part of the convolution before it: a third faster.

    One whose course depends on its input cannot be traced, and stays as it is.
    """
    try:
        return fuse(with_plain_norms(copy.deepcopy(module)))
    except (TraceError, TypeError, RuntimeError):
        return module


@contextmanager
def named_errors(model: str) -> Iterator[None]:
    """A GPU that fails is a reason of the slide; errors of memory pass."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as cause:  # torch.AcceleratorError is one
        if any(word in str(cause) for word in FULL):
            raise torch.OutOfMemoryError(str(cause)) from cause
        if not any(word in str(cause) for word in BROKEN):
            raise
        Lost.gpu = True
        detail = f"{model}: {str(cause).splitlines()[0][:120]}"
        raise SlideError("-", "gpu-lost", {"detail": detail}) from cause


@lru_cache(maxsize=KEPT)
def network_at_hand(
    installed: Installed, device: Device, allowed_torchscript: tuple[str, ...]
) -> Network:
    """The network of a model, read once in a process; a changed card is another network.

    Raises
    ------
    ModelRefused
        The weights are not those of the card, or hold no such network.
    """
    module = read_network(installed, allowed_torchscript)
    return Network(installed.card, module, device)
