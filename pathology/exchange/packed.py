"""Arrays for a browser: one message of a JSON header and columns of numbers, for typed arrays.

4 bytes       length of the header, little-endian
header        JSON in UTF-8; ``arrays`` maps a name to [kind, offset in bytes, length]
arrays        little-endian, each beginning at a multiple of 8 bytes from the message's start
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

KINDS: Final = {"u1": "u1", "u2": "<u2", "u4": "<u4", "i4": "<i4", "f4": "<f4"}


def packed(told: Mapping[str, Any], **arrays: NDArray[np.generic]) -> bytes:
    """``told`` and ``arrays`` as one message; ValueError for a kind of number that is not known."""
    places: dict[str, list[Any]] = {name: ["", 0, 0] for name in arrays}
    columns = {name: _column(name, array) for name, array in arrays.items()}
    for name, array in columns.items():
        places[name] = [array.dtype.str.strip("<|"), 10**9, array.size]
    # The header's length depends on offsets, and they on it: room for any offset is kept free.
    room = _aligned(4 + len(_header(told, places)))
    at = room
    for name, array in columns.items():
        places[name][1] = at
        at = _aligned(at + array.nbytes)
    header = _header(told, places).ljust(room - 4)
    message = bytearray(at)
    message[:4] = len(header).to_bytes(4, "little")
    message[4:room] = header
    for name, array in columns.items():
        start = places[name][1]
        message[start : start + array.nbytes] = array.tobytes()
    return bytes(message)


def _column(name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    kind = array.dtype.newbyteorder("<").str.strip("<|")
    if kind not in KINDS:
        raise ValueError(f"{name}: {array.dtype} is no kind of number that is sent")
    return np.ascontiguousarray(array, dtype=KINDS[kind]).ravel()


def _header(told: Mapping[str, Any], places: Mapping[str, list[Any]]) -> bytes:
    text = json.dumps({**told, "arrays": places}, ensure_ascii=False, allow_nan=False)
    return text.encode()


def _aligned(length: int) -> int:
    return -(-length // 8) * 8
