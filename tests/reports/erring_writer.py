"""A writer that knows the truth and errs on purpose, and the oracle that knows what it did.

It writes finished sentences, past the filler, so that nothing but the check stands between an error
and the reader. Each sentence is a list of parts; a part that tells a fact says which fact the
sentence *names* there, and what it wrote. The oracle compares those with the case itself: it reads
no text, and shares no code with the check.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from pathology.records.report import CaseFacts, Fact, WrittenSection

HERE = Path(__file__).parent
Language = str
CORE = {"value", "category", "status", "side", "presence", "subtype", "grade", "ish", "tumour_type"}


@dataclass
class Part:
    """A piece of a sentence: plain words, or what is written for a fact."""

    text: str
    fact: str | None = None  # the fact that the sentence names here
    numbers: tuple[Decimal, ...] | None = None  # as written; None: not digits
    unit: str = ""
    code: str | None = None


@dataclass
class Sentence:
    """A sentence on its way, in one language."""

    group: str
    language: Language
    parts: list[Part]

    def text(self) -> str:
        return "".join(p.text for p in self.parts)

    def slots(self) -> list[Part]:
        return [p for p in self.parts if p.fact is not None]


@dataclass
class Writing:
    """A draft's prose, and what was done to it."""

    facts: CaseFacts
    en: list[Sentence]
    zh: list[Sentence]
    errors: list[tuple[str, str]] = field(default_factory=list)  # family, kind

    def sentences(self, language: Language) -> list[Sentence]:
        return self.zh if language == "zh" else self.en

    def sections(self) -> tuple[WrittenSection, ...]:
        groups = list(dict.fromkeys(s.group for s in (*self.en, *self.zh)))
        return tuple(
            WrittenSection(
                id=g,
                en=tuple(s.text() for s in self.en if s.group == g),
                zh=tuple(s.text() for s in self.zh if s.group == g),
            )
            for g in groups
        )


def patterns(name: str) -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))


def slots_of(pattern: str) -> list[str]:
    return re.findall(r"\{([a-z0-9_.]+)\}", pattern)


def truth_of(fact: Fact) -> tuple[tuple[Decimal, ...] | None, str, str | None]:
    """Numbers, unit and code of a fact as the case has them, at the decimals they are told with."""
    step = Decimal(1).scaleb(-fact.decimals)
    numbers = tuple(Decimal(repr(n)).quantize(step) for n in fact.numbers) or None
    return numbers, fact.unit, fact.code


def written(pattern: str, group: str, language: Language, facts: Mapping[str, Fact]) -> Sentence:
    parts: list[Part] = []
    for piece in re.split(r"(\{[a-z0-9_.]+\})", pattern):
        if piece.startswith("{"):
            fact = facts[piece[1:-1]]
            numbers, unit, code = truth_of(fact)
            text = fact.text.zh if language == "zh" else fact.text.en
            parts.append(Part(text, fact.id, numbers, unit, code))
        elif piece:
            parts.append(Part(piece))
    return Sentence(group, language, parts)


def correct(
    rng: random.Random, facts: CaseFacts, book: Mapping[str, Mapping[str, list[str]]]
) -> Writing:
    """A draft without error: for each group that can be told, a sentence in both languages."""
    known = {f.id: f for f in facts.facts if f.state == "value"}
    writing = Writing(facts, [], [])
    for group, told in book.items():
        english = [p for p in told["en"] if all(s in known for s in slots_of(p))]
        rng.shuffle(english)
        for pattern in english:
            same = [
                p
                for p in told["zh"]
                if core(p) == core(pattern) and all(s in known for s in slots_of(p))
            ]
            if same:
                writing.en.append(written(pattern, group, "en", known))
                writing.zh.append(written(rng.choice(same), group, "zh", known))
                break
    return writing


def core(pattern: str) -> frozenset[str]:
    return frozenset(s for s in slots_of(pattern) if s.rpartition(".")[2] in CORE)


# ---------------------------------------------------------------------------------------------
# Errors. Each takes the writing, a language and a random source, and says whether it could be made.

Error = Callable[[Writing, Language, random.Random], bool]


def number_slots(writing: Writing, language: Language) -> list[Part]:
    return [p for s in writing.sentences(language) for p in s.slots() if p.numbers is not None]


def coded_slots(writing: Writing, language: Language, *roles: str) -> list[Part]:
    return [
        p
        for s in writing.sentences(language)
        for p in s.slots()
        if p.code is not None and p.fact.rpartition(".")[2] in roles
    ]


def digits_of(part: Part) -> list[int]:
    """Places of digits in the text, without those of "95 %" and of a unit."""
    start = part.text.index("%") if len(part.numbers or ()) == 2 else 0
    end = part.text.find("2 mm²") if "2 mm²" in part.text else len(part.text)
    return [i for i, c in enumerate(part.text) if c in "0123456789" and start <= i < end]


def renumber(part: Part, text: str) -> None:
    """Writes ``text`` and records the numbers that it shows."""
    body = text.replace("2 mm²", "")
    numbers = [Decimal(n) for n in re.findall(r"\d+(?:\.\d+)?", body)]
    if part.numbers is not None and len(part.numbers) == 2 and numbers and str(numbers[0]) == "95":
        numbers = numbers[1:]
    part.text, part.numbers = text, tuple(numbers)


def digit_changed(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = number_slots(w, language)
    if not parts:
        return False
    part = rng.choice(parts)
    at = rng.choice(digits_of(part))
    other = rng.choice([d for d in "0123456789" if d != part.text[at]])
    before = part.numbers
    renumber(part, part.text[:at] + other + part.text[at + 1 :])
    return part.numbers != before


def numbers_swapped(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = number_slots(w, language)
    pairs = [
        (a, b)
        for i, a in enumerate(parts)
        for b in parts[i + 1 :]
        if a.unit == b.unit and len(a.numbers) == len(b.numbers) and a.numbers != b.numbers
    ]
    if not pairs:
        return False
    a, b = rng.choice(pairs)
    a.text, b.text, a.numbers, b.numbers = b.text, a.text, b.numbers, a.numbers
    return True


WORDS = ["twelve", "twenty-five", "thirty", "forty-two", "ninety"]
WORDS_ZH = ["十二", "二十五", "三十", "四十二", "九十"]


def in_words(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = number_slots(w, language)
    if not parts:
        return False
    part = rng.choice(parts)
    if language == "zh":
        part.text = rng.choice([f"百分之{rng.choice(WORDS_ZH)}", f"{rng.choice(WORDS_ZH)} %"])
    else:
        part.text = rng.choice([f"{rng.choice(WORDS)} per cent", f"{rng.choice(WORDS)} %"])
    part.numbers = None
    return True


def full_width(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = number_slots(w, language)
    if not parts:
        return False
    part = rng.choice(parts)
    at = rng.choice(digits_of(part))
    part.text = part.text[:at] + chr(0xFF10 + rng.randrange(10)) + part.text[at + 1 :]
    part.numbers = None
    return True


ADDED = {
    "en": [
        "The Ki-67 index of the margin is {n} %.",
        "In a second count {n} % of nuclei were positive for Ki-67.",
        "The mitotic count is {n} per mm².",
        "The tumour measures {n} mm.",
        "ER is stained in {n} % of nuclei.",
    ],
    "zh": [
        "浸润前沿 Ki-67 指数为 {n} %。",
        "复核计数 Ki-67 阳性率为 {n} %。",
        "核分裂象 {n} 个/mm²。",
        "肿瘤大小为 {n} mm。",
        "ER 阳性比例为 {n} %。",
    ],
}


def added(
    w: Writing, language: Language, text: str, fact: str | None = None, **said: object
) -> bool:
    w.sentences(language).append(
        Sentence(rng_group(w), language, [Part(text, fact or "nobody.said", **said)])
    )
    return True


def rng_group(w: Writing) -> str:
    return w.en[-1].group if w.en else "ki67"


def number_added(w: Writing, language: Language, rng: random.Random) -> bool:
    number = Decimal(rng.randrange(1, 990)) / 10
    text = rng.choice(ADDED[language]).format(n=number)
    return added(w, language, text, numbers=(number,))


def unit_changed(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = [p for p in number_slots(w, language) if p.unit in ("%", "/mm2", "mm2", "mm")]
    if not parts:
        return False
    part = rng.choice(parts)
    tails = {
        "en": {"%": "%", "/mm2": "per mm²", "mm2": "mm²", "mm": "mm"},
        "zh": {"%": "%", "/mm2": "个/mm²", "mm2": "mm²", "mm": "mm"},
    }[language]
    new = rng.choice([u for u in tails if u != part.unit])
    if not part.text.endswith(tails[part.unit]):
        return False
    part.text = part.text[: -len(tails[part.unit])] + tails[new]
    part.unit = new
    return True


SIDES = {"left": ("left", "左侧"), "right": ("right", "右侧"), "both": ("bilateral", "双侧")}


def recode(part: Part, code: str, words: tuple[str, str], language: Language) -> bool:
    part.code, part.text = code, words[language == "zh"]
    return True


def side_flipped(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = coded_slots(w, language, "side")
    if not parts:
        return False
    part = rng.choice(parts)
    other = "left" if part.code == "right" else "right"
    return recode(part, other, SIDES[other], language)


def sign_added(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = [p for p in number_slots(w, language) if len(p.numbers) == 1]
    if not parts:
        return False
    part = rng.choice(parts)
    part.text, part.numbers = rng.choice("-–") + part.text, (-part.numbers[0],)
    return True


CATEGORIES = {
    "low": ("low", "低"),
    "high": ("high", "高"),
    "intermediate, not to be categorised": (
        "intermediate, not to be categorised",
        "中间（不予分类）",
    ),
    "G1": ("G1", "G1"),
    "G3": ("G3", "G3"),
}


def category_changed(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = coded_slots(w, language, "category", "grade")
    if not parts:
        return False
    part = rng.choice(parts)
    other = rng.choice([c for c in CATEGORIES if c != part.code.removesuffix(", borderline")])
    return recode(part, other, CATEGORIES[other], language)


STATUSES = {"positive": ("positive", "阳性"), "negative": ("negative", "阴性")}


def status_flipped(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = coded_slots(w, language, "status")
    if not parts:
        return False
    part = rng.choice(parts)
    other = rng.choice([c for c in STATUSES if c != part.code])
    return recode(part, other, STATUSES[other], language)


SUBTYPES = {
    "luminal-a": ("luminal A-like", "管腔 A 型样"),
    "triple-negative": ("triple-negative", "三阴性"),
    "luminal-b": ("luminal B-like, HER2-negative", "管腔 B 型样（HER2 阴性）"),
}


def subtype_changed(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = coded_slots(w, language, "subtype")
    if not parts:
        return False
    part = rng.choice(parts)
    other = rng.choice([c for c in SUBTYPES if c != part.code])
    return recode(part, other, SUBTYPES[other], language)


PRESENCES = {"present": ("present", "可见"), "absent": ("not identified", "未见")}


def presence_flipped(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = coded_slots(w, language, "presence")
    if not parts:
        return False
    part = rng.choice(parts)
    other = "absent" if part.code == "present" else "present"
    return recode(part, other, PRESENCES[other], language)


def omission(w: Writing, language: Language, rng: random.Random) -> bool:
    sentences = w.sentences(language)
    told = [s for s in sentences if s.group in ("ki67", "category")]
    if not told:
        return False
    sentences.remove(rng.choice(told))
    return True


CLAIMS = {
    "en": [
        "There is no lymph node metastasis.",
        "The tumour is highly aggressive.",
        "Adjuvant chemotherapy is recommended.",
        "The resection margins are clear.",
        "This finding suggests a poor prognosis.",
        "The Ki-67 index was verified by a physician.",
        "The tumour shows perineural invasion.",
    ],
    "zh": [
        "未见淋巴结转移。",
        "肿瘤侵袭性强。",
        "建议辅助化疗。",
        "切缘阴性。",
        "提示预后不良。",
        "该指数已经医师核实。",
        "可见神经侵犯。",
    ],
}


def claim_added(w: Writing, language: Language, rng: random.Random) -> bool:
    return added(w, language, rng.choice(CLAIMS[language]))


def citation_invented(w: Writing, language: Language, rng: random.Random) -> bool:
    sentence = rng.choice(w.sentences(language))
    sentence.parts.append(Part(f" [{rng.randint(1, 9)}]", "nobody.said"))
    return True


def wrong_language(w: Writing, language: Language, rng: random.Random) -> bool:
    other = rng.choice(w.sentences("en" if language == "zh" else "zh"))
    mine = rng.choice(w.sentences(language))
    mine.parts = [Part(other.text(), "nobody.said")]
    return True


DEVELOPMENT: Mapping[str, tuple[str, Error]] = {
    "digit changed": ("numeral", digit_changed),
    "numbers swapped": ("numeral", numbers_swapped),
    "number in words": ("numeral", in_words),
    "full-width digit": ("numeral", full_width),
    "number added": ("numeral", number_added),
    "unit changed": ("unit", unit_changed),
    "side flipped": ("side", side_flipped),
    "sign added": ("sign", sign_added),
    "category changed": ("category", category_changed),
    "status flipped": ("category", status_flipped),
    "subtype changed": ("category", subtype_changed),
    "presence flipped": ("negation", presence_flipped),
    "required fact left out": ("omission", omission),
    "claim added": ("claim", claim_added),
    "citation invented": ("citation", citation_invented),
    "wrong language": ("language", wrong_language),
}
"""Errors that were at hand while the check was made. Those held out: erring_held_out.py."""


def erring(
    rng: random.Random,
    facts: CaseFacts,
    book: Mapping[str, Mapping[str, list[str]]],
    kinds: Sequence[tuple[str, tuple[str, Error]]],
    number: int,
) -> Writing:
    """A draft with up to ``number`` errors; those that could not be made are not counted."""
    writing = correct(rng, facts, book)
    for kind, (family, make) in rng.sample(list(kinds), min(number, len(kinds))):
        language = rng.choice(["en", "zh"])
        if writing.en and writing.zh and make(writing, language, rng):
            writing.errors.append((family, kind))
    return writing


# ---------------------------------------------------------------------------------------------
# The oracle.


def is_wrong(writing: Writing) -> bool:
    """Whether a number, unit, side or category of the prose is not the case's.

    By what was written down while writing, never by reading the text.
    """
    facts = {f.id: f for f in writing.facts.facts if f.state == "value"}
    return any(
        _slot_wrong(part, facts)
        for sentence in (*writing.en, *writing.zh)
        for part in sentence.slots()
    )


def _slot_wrong(part: Part, facts: Mapping[str, Fact]) -> bool:
    fact = facts.get(part.fact or "")
    if fact is None:
        return True  # it says what nobody said
    numbers, unit, code = truth_of(fact)
    return (part.numbers, part.unit, part.code) != (numbers, unit, code)
