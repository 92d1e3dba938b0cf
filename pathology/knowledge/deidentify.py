"""Identities out of text, on its way in. ``identity_check`` looks again, by other means.

What is taken out leaves a mark that says what it was: ``[NAME]``. Too much is taken rather than too
little: a lost word costs a search, a name that stays is a breach. The words that announce an
identity are in ``identities.toml``; what must be found is in ``tests/knowledge``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final, NamedTuple

from pathology.knowledge.identity_words import any_of, identity_words

HIDDEN: Final = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)
"""Letters without a shape: they hide a name from a pattern and an order from a reader."""

HALF_WIDTH: Final = {
    code: code - 0xFEE0
    for code in (*range(0xFF10, 0xFF1A), *range(0xFF20, 0xFF3B), *range(0xFF41, 0xFF5B), 0xFF0D)
}
HAN: Final = "[一-龥]"
FOREIGN: Final = rf"{HAN}{{1,3}}[·•][一-龥·•]{{1,9}}"
LATIN_NAME: Final = (
    r"(?:[A-Z][a-z]+|[A-Z]{2,}|[A-Z]\.)"
    r"(?:[ '’,-]+(?:[A-Z][A-Za-z’']+|[A-Z]\.|[A-Z]{2,}|de|van|von|bin)){0,3}"
)
END: Final = r"(?=[\s,;.()\[\]\uff0c\uff1b\u3002\u3001\uff08\uff09男女性年]|$)"
SAID: Final = r"[ \t]*[:=#\uff1a]?[ \t]*"
COLON: Final = r"[ \t]*[:=\uff1a][ \t]*"
NUMBERED: Final = (
    r"(?:\d{1,4}床|[A-Za-z]{0,4}[-#.]?(?=[A-Za-z0-9./-]*\d)[A-Za-z0-9][A-Za-z0-9./-]{1,24})"
)
MONTH: Final = (
    "(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
DATES: Final = (
    r"(?:19|20)\d\d[-/.](?:1[0-2]|0?[1-9])[-/.](?:3[01]|[12]\d|0?[1-9])(?!\d)",
    r"(?:19|20)\d\d ?年 ?\d{1,2} ?月(?: ?\d{1,2} ?[日号])?",
    r"(?<!\d)\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d(?!\d)",
    rf"\d{{1,2}}(?:st|nd|rd|th)? {MONTH},? (?:19|20)\d\d",
    rf"{MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? (?:19|20)\d\d",
    r"[一二][〇零○一二三四五六七八九]{3}年(?:[一二三四五六七八九十]{1,3}月)?(?:[一二三四五六七八九十]{1,3}[日号])?",
)
DATE: Final = f"(?:{'|'.join(DATES)})"


class Rule(NamedTuple):
    """What to look for. The group ``id`` is taken out, or all of the match where there is none."""

    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] | None = None


class Deidentified(NamedTuple):
    """The text that may be kept, and how many identities of each kind were taken out."""

    text: str
    removed: Counter[str]


def deidentify(text: str, *, is_case: bool) -> Deidentified:
    """``text`` without the identities that the rules know, in plain letters.

    A guideline has authors, institutions and dates by right: with ``is_case`` these go too.
    """
    plain = plain_letters(text)
    removed: Counter[str] = Counter()
    rules: Iterable[Rule] = (*_everywhere(), *_in_cases()) if is_case else _everywhere()
    for rule in rules:
        plain = _without(plain, rule, removed)
    return Deidentified(plain, removed)


def plain_letters(text: str) -> str:
    """Without hidden letters, and with full-width letters and digits as half-width ones.

    Not NFKC: that would make 102 of 10², in a guideline that is quoted letter for letter.
    """
    return HIDDEN.sub("", unicodedata.normalize("NFC", text)).translate(HALF_WIDTH)


def chinese_id_is_valid(number: str) -> bool:
    """Whether the last of 18 letters is the check digit of those before it (GB 11643, ISO 7064)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], weights, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()


def _id_or_birthday(number: str) -> bool:
    """A right check digit, or a birthday where one belongs: a mistyped number is a number too."""
    bare = number.replace(" ", "")
    born = r"\d{6}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}."
    return chinese_id_is_valid(bare) or re.fullmatch(born, bare) is not None


def _rule(kind: str, pattern: str, holds: Callable[[str], bool] | None = None) -> Rule:
    return Rule(kind, re.compile(pattern, re.MULTILINE), holds)


@cache
def _everywhere() -> tuple[Rule, ...]:
    words = identity_words()
    phones = rf"(?:{any_of(words.phones_zh)}|(?i:{any_of(words.phones_en)})(?i: no\.?| number)?)"
    births = rf"(?:{any_of(words.births_zh)}|\b(?i:{any_of(words.births_en)}))"
    numbers = rf"(?:{any_of(words.numbers_zh)}|\b(?i:{any_of(words.numbers_en)})\b\.?)"
    return (
        _rule("EMAIL", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
        _rule("ID", r"(?<!\d)\d{6} ?\d{8} ?\d{3}[\dXx](?!\d)", _id_or_birthday),
        _rule("ID", r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"),
        _rule("PHONE", r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"),
        _rule("PHONE", r"(?<![\d-])0\d{2,3}[- ]\d{7,8}(?!\d)"),
        _rule("PHONE", r"(?<!\w)(?:\+\d{1,3}[ -]?)?\(\d{3}\)[ -]?\d{3}[ -]\d{4}(?!\d)"),
        _rule("PHONE", r"(?<![\w-])(?:\+\d{1,3}[ -])?\d{3}[- .]\d{3}[- .]\d{4}(?![\w-])"),
        _rule("PHONE", rf"{phones}{SAID}(?P<id>\+?[\d() -]{{6,20}}\d)"),
        _rule("BIRTH", rf"{births}{SAID}(?P<id>{DATE}|(?:19|20)\d{{2,6}}|[\d/.-]{{6,10}})"),
        _rule("NUMBER", rf"{numbers}{SAID}(?P<id>{NUMBERED})"),
        *_addresses(),
        *_announced_names(),
    )


def _addresses() -> tuple[Rule, ...]:
    words = identity_words()
    return (
        _rule(
            "ADDRESS",
            rf"(?:{any_of(words.addresses_zh)}){COLON}(?P<id>[^\n,;\uff0c\uff1b。]{{2,60}})",
        ),
        _rule("ADDRESS", rf"\b(?i:{any_of(words.addresses_en)}){COLON}(?P<id>[^\n;]{{4,80}})"),
        _rule(
            "ADDRESS",
            rf"{HAN}{{2,8}}?(?:省|自治区|市){HAN}{{1,10}}?(?:市|区|县|镇|乡)[一-龥0-9A-Za-z-]{{0,24}}?"
            r"(?:路|街|道|巷|村|弄|小区|号|室|栋|单元)(?:[0-9一-龥-]{0,12}(?:号|室|栋|单元|楼|弄))*",
        ),
        _rule(
            "ADDRESS",
            rf"\b\d{{1,5}}[A-Za-z]? (?:[A-Z][a-z]+ ){{1,3}}(?:{any_of(words.streets_en)})\b\.?"
            r"(?:, [A-Z][A-Za-z ]+)?(?:,? [A-Z]{2} \d{5})?",
        ),
    )


def _han_name() -> str:
    words = identity_words()
    long = rf"(?:{any_of(words.compound_surnames)}){HAN}{{1,2}}"
    return rf"(?:{long}|[{words.surnames}]{HAN}{{1,2}}|{FOREIGN})"


def _announced_names() -> tuple[Rule, ...]:
    """Names that a word before them announces."""
    words = identity_words()
    people, patient = any_of(words.people_zh), any_of(words.patient_zh)
    person = rf"\b(?i:{any_of(words.people_en)})"
    name = _han_name()
    return (
        _rule("NAME", rf"(?:{people}){COLON}(?P<id>{name}|{HAN}{{2,4}}|{LATIN_NAME}){END}"),
        _rule("NAME", rf"(?:{people})[ \t]+(?P<id>{name}|{LATIN_NAME}){END}"),
        _rule("NAME", rf"(?:{patient}){COLON}(?P<id>{name}|{LATIN_NAME}){END}"),
        _rule("NAME", rf"{person}{COLON}(?P<id>{LATIN_NAME}|{HAN}{{2,4}})"),
    )


@cache
def _in_cases() -> tuple[Rule, ...]:
    words = identity_words()
    patient, name = any_of(words.patient_zh), _han_name()
    titles, places = any_of(words.titles_en), any_of(words.places_en)
    return (
        _rule("NAME", rf"(?:{patient})[ \t]?(?P<id>{name}){END}"),
        _rule("NAME", rf"(?P<id>{name})(?={any_of(words.titles_zh)})"),
        _rule("NAME", rf"\b(?:{titles})\.? (?P<id>[A-Z][a-z]+(?:[ -][A-Z][a-z]+){{0,2}})"),
        _rule("NAME", r"\b[Pp]atient (?P<id>[A-Z][a-z]+ [A-Z][a-z]+)\b"),
        *_told_aside(),
        _rule("PLACE", rf"{HAN}{{2,14}}?(?:{any_of(words.places_zh)})"),
        _rule("PLACE", rf"\b(?:[A-Z][A-Za-z’'.]+ ){{1,4}}(?:{places})\b"),
        _rule("DATE", DATE),
        _rule("AGE", r"(?<!\d)(?P<id>9\d|1[01]\d)(?= ?岁)"),
        _rule("AGE", r"(?<!\d)(?P<id>9\d|1[01]\d)(?=[- ]years?[- ]old)"),
    )


def _told_aside() -> tuple[Rule, ...]:
    """Names in brackets and of relatives, short dates, plates of cars."""
    words = identity_words()
    patient, name, kin = any_of(words.patient_zh), _han_name(), any_of(words.kin_zh)
    return (
        _rule("NAME", rf"(?:{patient}) ?[(（] ?(?P<id>{name}|{LATIN_NAME}) ?(?=[)）])"),
        _rule("NAME", rf"(?:{kin})(?P<id>{name})(?=代?[诉述称]|签|要求|同意|{END})"),
        _rule(
            "NAME", r"\b(?:[Pp]t|[Pp]atient)\.? (?P<id>[A-Z]{2,} [A-Z][a-z]+(?:-?[A-Z][a-z]+)?)\b"
        ),
        _rule("DATE", rf"日期{SAID}(?P<id>\d\d[-/.]\d{{1,2}}[-/.]\d{{1,2}})(?!\d)"),
        _rule("NUMBER", rf"[{words.plates}][A-Z][·.]?(?=[A-Z]*\d)[A-Z0-9]{{5,6}}(?![A-Za-z0-9])"),
    )


def _without(text: str, rule: Rule, removed: Counter[str]) -> str:
    group = "id" if "id" in rule.pattern.groupindex else 0

    def mark(match: re.Match[str]) -> str:
        found = match[group]
        if found.startswith("[") or (rule.holds and not rule.holds(found)):
            return match[0]
        removed[rule.kind] += 1
        start, end = match.start(group) - match.start(), match.end(group) - match.start()
        return f"{match[0][:start]}[{rule.kind}]{match[0][end:]}"

    return rule.pattern.sub(mark, text)
