"""Places in a text that read like orders to a machine, or that a reader cannot see.

They stay as they are: nothing that is kept is ever obeyed, and a guideline on machines may well
speak of them. Who approves the text is shown each and must say that it was seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from pathology.records.knowledge import Flag

EXCERPT: Final = 80
MOST_FLAGS: Final = 50

ORDERS: Final = {
    "forget": (
        r"(?i)\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}?"
        r"\b(?:instruct\w*|prompt\w*|rules?|previous|prior|above|earlier|guidelines?|system)\b"
    ),
    "forget-zh": (
        "(?:忽略|无视|忘记|忘掉|不要理会|不要遵守|覆盖).{0,12}"
        "(?:指令|指示|提示|规则|要求|以上|上文|前文|系统)"
    ),
    "role": (
        r"(?i)(?:\byou are (?:now|no longer)\b|\bact as\b|\bpretend (?:to be|you)\b|"
        r"\bsystem prompt\b|\bdeveloper mode\b|\bnew instructions?\b|\bfrom now on\b)"
    ),
    "role-zh": (
        "(?:你现在是|从现在起你|请你扮演|扮演.{0,8}角色|系统提示词?|开发者模式|新的?指令|越狱)"
    ),
    "template": (
        r"(?i)<\|[a-z_]+\|>|\[/?INST\]|<</?SYS>>|"
        r"^#{1,4} ?(?:system|instruction|assistant|user)\b|"
        r"^(?:system|assistant|user|系统|助手|用户)\s*:"
    ),
    "write": (
        r"(?i)\b(?:always|you must|do not|don't|never)\b.{0,30}?"
        r"\b(?:report|write|output|say|state|answer|reveal|mention|print)\b.{0,40}?"
        r"\b(?:as|that|negative|positive|benign|malignant)\b"
    ),
    "write-zh": (
        "(?:一律|必须|务必|直接|总是|请).{0,6}(?:报告|输出|写成|回答|改为|填写|生成)(?:为|成)?.{0,10}"
        "(?:阴性|阳性|%|结果|密码|提示)"
    ),
    "placeholder": r"\{\{[^}]{0,60}\}\}",
    "page": (
        r"(?i)<\s*(?:script|iframe|img|style|link|object|svg)\b|javascript:|"
        r"!\[[^\]]*\]\(\s*https?:"
    ),
    "packed": r"[A-Za-z0-9+/]{80,}={0,2}",
}
PATTERNS: Final = {kind: re.compile(pattern, re.MULTILINE) for kind, pattern in ORDERS.items()}
UNSEEN: Final = frozenset({"Cf", "Cc", "Co"})
ORDINARY: Final = frozenset("\n\t\r\f")


def orders_found(text: str, *, place: str = "line") -> tuple[Flag, ...]:
    """Flags by line from 1, at most fifty; call it before hidden letters are taken out."""
    return tuple(_limited(_flags(text, place)))


def _limited(flags: Iterator[Flag]) -> Iterator[Flag]:
    for count, flag in enumerate(flags):
        if count == MOST_FLAGS:
            return
        yield flag


def _flags(text: str, place: str) -> Iterator[Flag]:
    for number, line in enumerate(text.split("\n"), 1):
        hidden = [
            c for c in line if unicodedata.category(c) in ("Cf", "Cc", "Co") and c not in ORDINARY
        ]
        if hidden:
            names = sorted({f"U+{ord(c):04X}" for c in hidden})
            yield Flag(kind="hidden", place=f"{place} {number}", excerpt=" ".join(names)[:EXCERPT])
        shown = unicodedata.normalize("NFKC", "".join(c for c in line if c not in hidden))
        for kind, pattern in PATTERNS.items():
            if match := pattern.search(shown):
                excerpt = shown[max(match.start() - 20, 0) :][:EXCERPT]
                yield Flag(kind=kind, place=f"{place} {number}", excerpt=excerpt.strip())
