"""Reads what the page is sent, as the page does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    length = int.from_bytes(message[:4], "little")
    told = json.loads(message[4 : 4 + length])
    arrays = {
        name: np.frombuffer(message, f"<{kind}", count=size, offset=offset)
        for name, (kind, offset, size) in told["arrays"].items()
    }
    return told, arrays


def centres(told: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Level-0 px (n, 2) of points."""
    which = np.repeat(np.arange(len(told["buckets"])), np.diff(told["start"]))
    origin = np.array(told["buckets"])[which] * told["bucket_px0"]
    return origin + np.stack([arrays["x"], arrays["y"]], axis=1) * told["step_px0"]
