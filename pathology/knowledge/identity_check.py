"""The second look at text that was de-identified: it takes nothing out, it refuses.

It shares no pattern and no list with ``deidentify``. Where that looks for identities, this looks
for what should not be left of a text without any: long numbers, words that announce an identity and
are followed by something else than a mark, titles before or after a name. A text that it refuses
wrongly costs a curator a minute.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

LONG_NUMBER: Final = 7
"""Digits in a row, over spaces and hyphens. Measurements and counts in reports are shorter."""

DIGITS: Final = frozenset("0123456789〇零幺一二三四五六七八九")
GROUPS: Final = re.compile(
    "[0-9〇零幺一二三四五六七八九]+(?:[ .()·-]{1,2}[0-9〇零幺一二三四五六七八九]{3,})*"
)
ANNOUNCE: Final = (
    *("姓名", "名字", "身份证", "证件号", "电话", "手机", "微信", "住院号", "门诊号", "病案号"),
    *("病历号", "病理号", "医保", "社保", "床号", "住址", "地址", "家住", "出生", "生日"),
    *("送检医", "报告医", "审核医", "签名"),
    *("patient name", "surname", "forename", "date of birth", "dob", "address", "phone"),
    *("telephone", "mobile", "mrn", "medical record", "accession", "ssn", "social security"),
    *("passport", "e-mail", "email", "name", "reported by", "signed by", "患者", "病人"),
)
BEFORE_NAME: Final = ("mr ", "mrs ", "ms ", "mr. ", "mrs. ", "ms. ", "miss ")
AT_ONCE: Final = re.compile(
    r"家住\s*[一-鿿0-9]|(?i:\b(?:lives|living|resides) at \w|\bborn (?:on )?\d)"
)
"""Words that announce an identity without a colon."""
TOLD_OF: Final = re.compile(
    r"(?:患者|病人|患儿)[一-鿿·]{2,4}\s*[,，、(（]\s*(?:男|女)"
    r"|(?:^|[,，。;；:：\s])[一-鿿]{1,2}[一-鿿](?<![科室院副组部])(?:主任|医生|教授|大夫)"
)
"""Three or so letters where a name belongs: before "woman, 56", or before a title."""
AFTER_NAME: Final = ("先生", "女士", "小姐", "同志", "大爷", "阿姨")
MARK_OPENS: Final = "["


class Suspect(NamedTuple):
    """Something that looks like an identity. What it is stands nowhere: only kind and line."""

    kind: str
    line: int


def suspects(text: str, *, is_case: bool) -> list[Suspect]:
    """What in ``text`` still looks like an identity, by line from 1; nothing if it may be kept."""
    found: list[Suspect] = []
    for number, line in enumerate(_seen(text).splitlines(), 1):
        found += [Suspect(kind, number) for kind in _kinds(line, is_case=is_case)]
    return found


def _seen(text: str) -> str:
    """As a reader sees it: one form of letters, and nothing without a shape."""
    shaped = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return "".join(shaped)


def _kinds(line: str, *, is_case: bool) -> Iterator[str]:
    if "@" in line and re.search(r"\S@\S+\.\S", line):
        yield "e-mail"
    if _has_long_number(line):
        yield "long number"
    low = line.lower()
    for word in ANNOUNCE:
        if _announced(low, word):
            yield f"something after {word!r}"
    if AT_ONCE.search(line):
        yield "something announced"
    if not is_case:
        return
    if TOLD_OF.search(line):
        yield "place of a name"
    if any(_titled(line, low, title) for title in BEFORE_NAME):
        yield "title and name"
    if any(_before(low, title) for title in AFTER_NAME):
        yield "name and title"
    if _has_day(line):
        yield "date"


def _has_long_number(line: str) -> bool:
    """A run of digits, or groups of three and more: numbers in a table are shorter and apart."""
    groups = GROUPS.findall(line)
    return any(sum(letter in DIGITS for letter in group) >= LONG_NUMBER for group in groups)


def _announced(low: str, word: str) -> bool:
    """Whether ``word`` is followed by a colon and something that is no mark and no hole."""
    start = low.find(word)
    while start >= 0:
        rest = low[start + len(word) :]
        after = re.match(r"[a-z ]{0,12}[号码人师生日期年月]{0,4}\s*[:=]\s*(\S)", rest)
        whole_word = not word.isascii() or not low[max(start - 1, 0) : start].isalnum()
        if after and whole_word and after[1] not in f"{MARK_OPENS}-_/*":
            return True
        start = low.find(word, start + 1)
    return False


def _titled(line: str, low: str, title: str) -> bool:
    start = low.find(title)
    while start >= 0:
        alone = start == 0 or not low[start - 1].isalnum()
        name = line[start + len(title) : start + len(title) + 1]
        if alone and name.isupper():
            return True
        start = low.find(title, start + 1)
    return False


def _before(low: str, title: str) -> bool:
    """Whether letters, and no mark, stand right before ``title``."""
    start = low.find(title)
    return start > 0 and low[start - 1] not in "]的位名,。;、: "


def _has_day(line: str) -> bool:
    """A year with month and day: an age and a year may stay, a day may not."""
    for year, month, day in re.findall(r"(\d{4})\D{1,3}(\d{1,2})\D{1,3}(\d{1,2})(?!\d)", line):
        if 1900 <= int(year) <= 2099 and 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
            return True
    return False
