"""Categories of an index: by the operators of a guideline, on integers, never on rounded values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from pathology.records.finding import Category, Clustered, Proportion
from pathology.records.settings.ki67 import CategoryRule, CutOff

COMPARED: Final[Mapping[str, Callable[[Fraction, Fraction], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def category_of(share: Proportion, clustered: Clustered | None, rule: CategoryRule) -> Category:
    """What ``rule`` calls the share; "borderline" where the wider interval holds a cut-off."""
    index = Fraction(100 * share.part, share.whole)
    name = next((g.name for g in rule.grades if _holds(index, g)), rule.otherwise)
    low, high = widest(share, clustered)
    near = [g.percent for g in rule.grades if 100 * low <= g.percent <= 100 * high]
    return Category(rule=rule.name, name=name, borderline=bool(near))


def _holds(index: Fraction, grade: CutOff) -> bool:
    return COMPARED[grade.operator](index, Fraction(str(grade.percent)))


def widest(share: Proportion, clustered: Clustered | None) -> tuple[float, float]:
    """The interval that decides: the clustered one where it is wider than the counted one."""
    if clustered is None or clustered.high - clustered.low <= share.high - share.low:
        return share.low, share.high
    return clustered.low, clustered.high
