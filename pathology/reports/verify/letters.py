"""Which characters finished prose may hold. What looks like a digit and is none is refused here."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Final

from pathology.records.reasons import Language
from pathology.records.report import Block

SIGNS: Final = frozenset(" .,;:()[]/%+-–&'=µ²“”")
"""Besides letters and digits: an en dash in ranges, µ (U+00B5), ² of mm²."""
CHINESE_SIGNS: Final = frozenset("，。；：（）、“”《》")
FIRST_HAN: Final = "\u4e00"
LAST_HAN: Final = "\u9fff"
"""The unified ideographs; compatibility forms and radicals look the same and are others."""


def strange_letters(text: str, language: Language, where: str) -> Iterator[Block]:
    """A block for each character that has no place in ``language``."""
    allowed = frozenset(string.ascii_letters + string.digits) | SIGNS
    if language == "zh":
        allowed |= CHINESE_SIGNS
    for sign in dict.fromkeys(text):
        han = FIRST_HAN <= sign <= LAST_HAN
        if sign in allowed or (han and language == "zh"):
            continue
        kind = "language" if han else "numeral" if sign.isnumeric() else "letters"
        yield Block(
            kind=kind,
            where=where,
            span=sign if sign.isprintable() else f"U+{ord(sign):04X}",
            reason=f"the character U+{ord(sign):04X} has no place in this language's text",
        )


def is_han(sign: str) -> bool:
    """Whether ``sign`` is a Chinese character."""
    return FIRST_HAN <= sign <= LAST_HAN
