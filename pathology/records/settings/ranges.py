"""Which values a number in the settings may take; most of it stands in the number's name.

Every comparison is written so that NaN fails it. All raise ``ValueError`` with the field's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from math import inf
from typing import Any

MEASURES = ("_um", "_um2", "_mm2", "_px", "_gib", "mpp")
SHARES = ("_share", "_cover", "quantile")


def check_names(record: Any, *, signed: tuple[str, ...] = ()) -> None:
    """Refuse numbers that their names forbid.

    Lengths, areas, scales and memory are positive, shares lie in 0..1, percentiles in 0..100, and
    nothing is negative but the fields named ``signed``.
    """
    for field in fields(record):
        if field.name.endswith(MEASURES):
            check_positive(record, field.name)
        elif field.name.endswith(SHARES):
            check_between(record, 0, 1, field.name)
        elif field.name.endswith("_percentile"):
            check_between(record, 0, 100, field.name)
        else:
            check_between(record, -inf if field.name in signed else 0, inf, field.name)


def check_positive(record: Any, *names: str) -> None:
    """Refuse what is not above zero."""
    for name in names:
        for number in _numbers(getattr(record, name)):
            if not number > 0:
                raise ValueError(f"{name} must be positive, not {number:g}")


def check_between(record: Any, least: float, most: float, *names: str) -> None:
    """Refuse what lies outside ``least``..``most``, both allowed."""
    for name in names:
        for number in _numbers(getattr(record, name)):
            if not least <= number <= most:
                wanted = f"at least {least:g}" if most == inf else f"in {least:g}..{most:g}"
                raise ValueError(f"{name} must be {wanted}, not {number:g}")


def _numbers(value: Any) -> Iterator[float]:
    """The numbers in a field; texts, switches and records have none."""
    for item in value if isinstance(value, tuple) else (value,):
        if isinstance(item, int | float) and not isinstance(item, bool):
            yield item
