"""Which passages of guidelines reach the prompt: approved ones that give no orders.

A passage is quoted data. One that speaks to the reader of the prompt instead of about medicine is
left out, whoever approved it; the draft then says how many were left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from pathology.records.report import Quotation

LONGEST: Final = 600
MOST: Final = 5
ORDERS: Final = re.compile(
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(previous|prior|above|earlier|all|any|rules?|"
    r"instructions?|prompts?)\b|\b(system|assistant|user|developer)\s*(:|prompt|message|role)"
    r"|<\|?/?(system|im_start|im_end|user|assistant)|\[/?INST\]|you (are|must|shall|will) now"
    r"|\b(write|output|print|report|state|say|answer|reply|respond)\b.{0,30}\b(that|exactly|only|"
    r"instead|following|as follows|with)\b|do not (mention|tell|say|show)|"
    r"remove the (banner|warning)"
    r"|忽略|无视|不要理会|系统提示|系统消息|你现在是|请输出|请写|请回答|改写为|改为写|按以下|不得提及|删除(横幅|警示)|"
    r"角色设定|新的指令|以下指令",
    re.IGNORECASE | re.DOTALL,
)
"""What instructions look like in a text that should only state. Coarse on purpose."""
HIDDEN: Final = frozenset({"Cf", "Cc", "Co", "Cs", "Cn"})
BLOB: Final = re.compile(r"[A-Za-z0-9+/=]{40,}")
"""A run that long is no word: encoded text."""


def quotable(passages: Sequence[Quotation]) -> tuple[Quotation, ...]:
    """The first passages that may be shown to a model and quoted in a draft."""
    return tuple(p for p in passages if is_plain(p.text))[:MOST]


def is_plain(text: str) -> bool:
    """Whether ``text`` has no hidden characters, no orders and no encoded runs."""
    if len(text) > LONGEST or any(
        unicodedata.category(c) in HIDDEN and c not in "\n\t" for c in text
    ):
        return False
    plain = unicodedata.normalize("NFKC", text)
    return not (ORDERS.search(plain) or BLOB.search(plain) or "{{" in plain)
