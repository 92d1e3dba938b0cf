"""Which images a model has not seen, as far as its card tells.

A card names the sets that went into the weights and the command that made them, and the command
names what was held out. Where that does not make it certain that an image was kept away, from the
model and from those it was made from, the image counts as seen.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pathology.records.model import Evidence, ModelCard
from pathology.training.field import Grouped, folds, key_of

AnyField = TypeVar("AnyField", bound=Grouped)
HELD_OUT: Final = "more held out"
"""What a card's line about a set says if a part of it was kept away."""
OWN_COMMAND: Final = "pathology train "
"""What begins the command in the card of a model that was trained here."""
FOREIGN: Final = "(not trained here)"
"""In a card's line about a parent whose own words about data are another hand's."""
PARENT: Final = "made from: "
"""What a card's line about the model's parents says before their own data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAway:
    """What the command of a training held out."""

    groups: frozenset[str]  # "dataset/group"
    fold: tuple[int, int] | None  # K of N


def parted(card: ModelCard, fields: Sequence[AnyField]) -> Mapping[Evidence, list[AnyField]]:
    """All images of one set, parted into those held out of the model and those it has seen."""
    foreign = not card.training.command.startswith(OWN_COMMAND)
    if foreign or any(FOREIGN in line for line in card.training.data):  # nothing is sure
        return {"held-out": [], "seen": list(fields)}
    lines = [line for line in card.training.data if _names(line, fields[0].dataset)]
    if not lines:
        return {"held-out": list(fields), "seen": []}
    if any(PARENT in line or HELD_OUT not in line for line in lines):
        return {"held-out": [], "seen": list(fields)}
    away = _groups_away(kept_away(card.training.command), fields)
    return {
        "held-out": [f for f in fields if key_of(f) in away],
        "seen": [f for f in fields if key_of(f) not in away],
    }


def kept_away(command: str) -> KeptAway:
    """What ``--hold-out`` and ``--fold`` of a training's command say."""
    try:
        words = shlex.split(command)
    except ValueError:  # no command of ours
        words = []
    groups: set[str] = set()
    fold = None
    for place, word in enumerate(words):
        if word == "--hold-out":
            for group in words[place + 1 :]:
                if group.startswith("--"):
                    break
                groups.add(group)
        elif word == "--fold" and place + 1 < len(words):
            number, _, count = words[place + 1].partition("/")
            if number.isdecimal() and count.isdecimal():
                fold = int(number), int(count)
    return KeptAway(groups=frozenset(groups), fold=fold)


def _groups_away(kept: KeptAway, fields: Sequence[Grouped]) -> frozenset[str]:
    if kept.fold is None:
        return kept.groups
    number, count = kept.fold
    made = folds(fields, count)
    # A set of fewer groups than there are folds has none in the last ones.
    return made[number - 1].held_out if 1 <= number <= len(made) <= count else frozenset()


def _names(line: str, dataset: str) -> bool:
    """Whether a card's line is about a set: ``Title (set), ...`` of a public one, ``set, ...``.

    A line about a parent holds the parent's own lines.
    """
    named = rf"\({re.escape(dataset)}\)|(?:^|; |{PARENT}){re.escape(dataset)},"
    return re.search(named, line) is not None
