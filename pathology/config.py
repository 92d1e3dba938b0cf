"""TOML -> frozen settings. Unknown and missing keys, wrong types, nan and inf are refused."""

from __future__ import annotations

import math
import sys
import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pathology.errors import ConfigError

T = TypeVar("T")


def shipped_configs() -> Path:
    """Folder of the default settings: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "_configs"
    return installed if installed.is_dir() else package.parent / "configs"


def load_record(path: Path, kind: type[T]) -> T:
    """One settings file as a frozen record of ``kind``.

    Raises
    ------
    ConfigError
        The file is missing or is no TOML; a key is unknown, missing or of the wrong type; a value
        is impossible. The message names the file and the key.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise ConfigError(f"{path.name}: cannot be read ({cause.strerror})") from cause
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as cause:
        raise ConfigError(f"{path.name}: is not valid TOML ({cause})") from cause
    return build_record(raw, kind, where=path.name)


def build_record(raw: Mapping[str, Any], kind: type[T], *, where: str) -> T:
    """A frozen record from a TOML table; ``where`` names the table in messages."""
    if not is_dataclass(kind):
        raise TypeError(f"{kind} is no settings record")
    known = {f.name: f for f in fields(kind)}
    if strangers := sorted(raw.keys() - known.keys()):
        raise ConfigError(f"{where}: unknown keys {strangers}; it knows {sorted(known)}")
    needed = {n for n, f in known.items() if f.default is f.default_factory is MISSING}
    if absent := sorted(needed - raw.keys()):
        raise ConfigError(f"{where}: lacks {absent}")
    hints = get_type_hints(kind, vars(sys.modules[kind.__module__]))
    given = {k: _value(v, hints[k], where=f"{where}: {k}") for k, v in raw.items()}
    try:
        return kind(**given)
    except ValueError as cause:
        raise ConfigError(f"{where}: {cause}") from cause


def _value(raw: Any, hint: Any, *, where: str) -> Any:
    """``raw`` as ``hint`` asks, or a ConfigError; TOML's integers may stand for floats."""
    origin, inner = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(raw, Mapping):
        return build_record(raw, hint, where=where)  # type: ignore[arg-type]
    if origin is tuple and isinstance(raw, list):
        return tuple(_value(v, inner[0], where=where) for v in raw)
    if origin in (dict, Mapping) and isinstance(raw, Mapping):
        return types.MappingProxyType({k: _value(v, inner[1], where=where) for k, v in raw.items()})
    if origin in (types.UnionType, Union):  # a Literal or None is the latter
        return raw if raw is None else _value(raw, inner[0], where=where)
    if hint is float and isinstance(raw, int | float) and not isinstance(raw, bool):
        return _finite(raw, where=where)
    if isinstance(hint, type) and isinstance(raw, hint) and (hint is bool) == isinstance(raw, bool):
        return raw
    if getattr(hint, "__origin__", None) is not None and raw in inner:
        return raw
    raise ConfigError(f"{where}: {raw!r} is not {getattr(hint, '__name__', hint)}")


def _finite(raw: float, *, where: str) -> float:
    """``raw`` as a float; TOML knows nan and inf, which compare like no threshold should."""
    try:
        number = float(raw)
    except OverflowError:  # an integer of 309 digits or more
        number = math.inf
    if not math.isfinite(number):
        raise ConfigError(f"{where}: is no finite number")
    return number
