"""Arguments and results of a node in an exported graph, each a JSON object of one key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

DTYPES: Final[Mapping[int, torch.dtype]] = MappingProxyType(
    {
        1: torch.uint8,
        2: torch.int8,
        3: torch.int16,
        4: torch.int32,
        5: torch.int64,
        6: torch.float16,
        7: torch.float32,
        8: torch.float64,
        12: torch.bool,
        13: torch.bfloat16,
    }
)
"""Numbers of the file's layout."""
FORMATS: Final[Mapping[int, torch.memory_format]] = MappingProxyType(
    {1: torch.contiguous_format, 2: torch.channels_last, 4: torch.preserve_format}
)
Known = Mapping[str, Any]

LITERALS: Final = frozenset(
    ["as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_bools", "as_string"]
)
NAMED: Final = frozenset(["as_tensor", "as_name", "as_sym_int", "as_sym_float", "as_sym_bool"])
LISTS: Final = frozenset(["as_tensors", "as_optional_tensors", "as_sym_ints", "as_sym_floats"])
READ: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "as_none": lambda _: None,
        "as_scalar_type": DTYPES.__getitem__,
        "as_memory_format": FORMATS.__getitem__,
        "as_layout": lambda _: torch.strided,
    }
)


def single(tagged: Mapping[str, Any]) -> tuple[str, Any]:
    """Key and value of an object that has one."""
    ((key, value),) = tagged.items()
    return key, value


def argument(tagged: Mapping[str, Any], known: Known, device: torch.device) -> Any:
    """The value of an argument; ``ValueError`` for a kind that no network for pictures needs."""
    kind, value = single(tagged)
    if kind == "as_device":  # the file names the machine it was made on
        return device
    if kind in LITERALS:
        return value
    if kind in READ:
        return READ[kind](value)
    if kind in LISTS:
        return [_listed(item, known, device) for item in value]
    if kind in NAMED:
        return _named(value, known, device)
    raise ValueError(f"arguments of kind {kind} are not known here")


def _named(value: Any, known: Known, device: torch.device) -> Any:
    if isinstance(value, str):
        return known[value]
    if "name" in value:
        return known[value["name"]]
    return argument(value, known, device)


def _listed(item: Mapping[str, Any], known: Known, device: torch.device) -> Any:
    return known[item["name"]] if "name" in item else argument(item, known, device)


def check_argument(tagged: Mapping[str, Any]) -> None:
    """``ValueError`` for an argument that ``argument`` would refuse; names are not looked up."""
    kind, _ = single(tagged)
    if kind not in LITERALS | NAMED | LISTS | READ.keys() | {"as_device"}:
        raise ValueError(f"arguments of kind {kind} are not known here")


def outputs_of(outputs: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], bool]:
    """Names of a node's results, and whether it makes them as one list."""
    kinds = [single(output) for output in outputs]
    if len(kinds) == 1 and kinds[0][0] == "as_tensors":
        return tuple(item["name"] for item in kinds[0][1]), True
    names = []
    for index, (kind, value) in enumerate(kinds):
        if kind == "as_none":
            names.append(f"nothing {index}")  # no name in a graph has a blank
        elif kind in ("as_tensor", "as_sym_int", "as_sym_float", "as_sym_bool"):
            names.append(value["name"] if "name" in value else value["as_name"])
        else:
            raise ValueError(f"results of kind {kind} are not known here")
    return tuple(names), False
