"""Where networks run, and with which precision."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch

from pathology.errors import SlideError
from pathology.records.order import DeviceChoice

Precision = Literal["bf16", "fp32"]
QUICK_BF16: Final = ("amx_bf16", "avx512_bf16")
"""Processors without these do bf16 by way of fp32, which is slower than fp32 itself."""
PROCESSORS: Final = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A processor or a GPU."""

    kind: Literal["cpu", "cuda"]
    name: str
    bf16: bool  # quick in hardware

    @property
    def torch(self) -> torch.device:
        """As torch names it."""
        return torch.device(self.kind)


class Lost:
    """Whether this process has lost its GPU: nothing that it asks of CUDA is answered any more."""

    gpu = False


def device_for(choice: DeviceChoice) -> Device:
    """The device that is asked for.

    Raises
    ------
    SlideError
        "gpu-absent" or "gpu-lost": CUDA was asked for by name and is not to be had. With ``auto``
        the processor takes over.
    """
    if choice == "cpu" or (choice == "auto" and (Lost.gpu or not torch.cuda.is_available())):
        return Device(kind="cpu", name=f"cpu ({platform.machine()})", bf16=_processor_knows_bf16())
    if Lost.gpu:
        raise SlideError("-", "gpu-lost", {"detail": "it was lost on an earlier slide"})
    if not torch.cuda.is_available():
        raise SlideError("-", "gpu-absent")
    return Device(
        kind="cuda",
        name=torch.cuda.get_device_name(),
        bf16=torch.cuda.is_bf16_supported(including_emulation=False),
    )


def _processor_knows_bf16() -> bool:
    try:
        known = PROCESSORS.read_text(encoding="utf-8")
    except OSError:
        return False
    return any(feature in known for feature in QUICK_BF16)
