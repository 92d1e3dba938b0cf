"""Errors that were written down after the last change of the check, and tried only then."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from tests.reports.erring_writer import (
    Error,
    Language,
    Writing,
    added,
    number_slots,
    renumber,
)


def rounded_otherwise(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = [p for p in number_slots(w, language) if len(p.numbers) == 1 and "." in p.text]
    if not parts:
        return False
    part = rng.choice(parts)
    before = part.numbers
    number = part.text[: part.text.index(" ")]
    if not re.fullmatch(r"[0-9]+\.[0-9]+", number):
        return False  # another error was here before
    renumber(part, part.text.replace(number, str(round(float(number)))))
    return part.numbers != before


def places_renamed(w: Writing, language: Language, rng: random.Random) -> bool:
    facts = w.facts.by_id
    ids = ("til.density_stroma.value", "til.density_tumour.value")
    if any(i not in facts for i in ids) or facts[ids[0]].numbers == facts[ids[1]].numbers:
        return False
    for sentence in w.sentences(language):
        slots = {p.fact: p for p in sentence.slots()}
        if all(i in slots for i in ids):
            first, second = (slots[i] for i in ids)
            first.text, second.text = second.text, first.text
            first.numbers, second.numbers = second.numbers, first.numbers
            return True
    return False


def minus_spelled(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = [p for p in number_slots(w, language) if len(p.numbers) == 1]
    if not parts:
        return False
    part = rng.choice(parts)
    part.text = ("负 " if language == "zh" else "minus ") + part.text
    part.numbers = (-part.numbers[0],)
    return True


def percent_spelled(w: Writing, language: Language, rng: random.Random) -> bool:
    parts = [p for p in number_slots(w, language) if p.text.endswith(" %") and len(p.numbers) == 1]
    if not parts:
        return False
    part = rng.choice(parts)
    part.text, part.numbers = part.text[:-2] + (" 个百分点" if language == "zh" else " pct"), None
    return True


def _said(en: list[str], zh: list[str], *unless: str) -> Error:
    def make(w: Writing, language: Language, rng: random.Random) -> bool:
        if any(f.id in unless and f.state == "value" for f in w.facts.facts):
            return False
        return added(w, language, rng.choice(zh if language == "zh" else en))

    return make


def shared_status(w: Writing, language: Language, rng: random.Random) -> bool:
    known = {f.id: f.code for f in w.facts.facts if f.role == "status"}
    codes = [known.get(f"{t}.status") for t in ("er", "pr", "her2")]
    if len(set(codes)) < 2:
        return False
    texts = {
        "en": ["ER, PR and HER2 are positive.", "HER2, PR and ER are negative."],
        "zh": ["ER、PR 和 HER2 均为阳性。", "HER2、PR、ER 均为阴性。"],
    }
    return added(w, language, rng.choice(texts[language]))


LAST: Mapping[str, tuple[str, Error]] = {
    "rounded otherwise": ("numeral", rounded_otherwise),
    "places swapped": ("numeral", places_renamed),
    "minus spelled": ("sign", minus_spelled),
    "per cent spelled": ("unit", percent_spelled),
    "date added": (
        "numeral",
        _said(
            ["The specimen was received on 2029-11-03.", "Reported on 3 November."],
            ["标本于 2029-11-03 收到。", "报告日期 11 月 3 日。"],
        ),
    ),
    "intensity added": (
        "category",
        _said(
            ["ER is strongly positive.", "ER staining is weak."],
            ["ER 强阳性。", "ER 染色弱。"],
            "er.intensity",
        ),
    ),
    "gene status added": (
        "category",
        _said(
            ["HER2 is amplified.", "HER2: amplified."], ["HER2 扩增。", "HER2 有扩增。"], "her2.ish"
        ),
    ),
    "category of another topic": (
        "category",
        _said(
            ["In the hot spot the Ki-67 index is high.", "The hot spot is low."],
            ["热点区 Ki-67 指数高。", "热点区 Ki-67 指数为低。"],
            "ki67.hotspot.category",
        ),
    ),
    "one status for all": ("category", shared_status),
    "measured thing denied": (
        "negation",
        _said(
            ["The Ki-67 index of the whole slide is not measurable."],
            ["全切片 Ki-67 指数不可测量。", "全切片 Ki-67 指数无法测量。"],
        ),
    ),
    "side of the margin": (
        "side",
        _said(
            ["The right margin is shown.", "Left side."], ["右侧前沿。", "左侧。"], "specimen.side"
        ),
    ),
    "advice in plain words": (
        "claim",
        _said(
            ["Follow the guideline and repeat the request.", "Use ER for the patient's treatment."],
            ["按指南给予治疗。", "可再次送检并考虑手术。"],
        ),
    ),
}
