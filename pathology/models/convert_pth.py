"""``python -I -m pathology.models.convert_pth FROM TO``: a state dict as safetensors.

Reading is torch's ``weights_only``, which knows tensors and plain containers and calls nothing
else; that it happens in a process that can open no socket and start no program is the second lock.
Prints one line of JSON: {"error": ...} where the file cannot be used.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import safetensors.torch
import torch
from torch import Tensor

from pathology.models.sandbox import Bounds, NoSandbox, lock_up

SECONDS: Final = 600
WRAPPED_AS: Final = ("state_dict", "model_state_dict", "model", "net", "weights")
PARALLEL: Final = "module."
"""What training on several GPUs writes before every name."""


def main(source: Path, target: Path) -> int:
    """Convert; 0 when ``target`` is written."""
    length = source.stat().st_size
    bounds = Bounds(seconds=SECONDS, file_bytes=4 * length + 2**24, memory_bytes=8 * length + 2**31)
    try:
        lock_up(bounds)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = torch.load(source, map_location="cpu", weights_only=True)
        safetensors.torch.save_file(tensors_in(read), target)
    except NoSandbox as cause:
        return _fail(f"this machine cannot lock up the process that would read it: {cause}")
    except pickle.UnpicklingError:
        return _fail("it holds more than tensors, and could run as a program")
    except (
        RuntimeError,
        ValueError,
        TypeError,
        LookupError,
        EOFError,
        OSError,
        MemoryError,
    ) as cause:
        return _fail(str(cause).partition("\n")[0][:200] or type(cause).__name__)
    return 0


def tensors_in(read: Any) -> dict[str, Tensor]:
    """The state dict, which some save inside another dict or with a prefix to every name."""
    for key in WRAPPED_AS:
        if isinstance(read, Mapping) and isinstance(read.get(key), Mapping):
            read = read[key]
    if not isinstance(read, Mapping) or not read:
        raise ValueError("it holds no dictionary of tensors")
    if strangers := [k for k, v in read.items() if not isinstance(v, Tensor)]:
        raise ValueError(f"{strangers[0]!r} in it is no tensor")
    prefix = PARALLEL if all(str(key).startswith(PARALLEL) for key in read) else ""
    return {str(k).removeprefix(prefix): v.detach().clone().contiguous() for k, v in read.items()}


def _fail(why: str) -> int:
    print(json.dumps({"error": why}))  # noqa: T201 - the answer to the process that started this
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
