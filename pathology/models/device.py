"""What a network can run on here."""

from __future__ import annotations

import torch


def cuda_device() -> str | None:
    """Name of the GPU that torch would use; None where it sees none."""
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
