"""No identity comes in: one look takes them out, another refuses what is left."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.knowledge.deidentify import chinese_id_is_valid, deidentify, plain_letters
from pathology.knowledge.identity_check import suspects
from tests.knowledge.planted import id_card, planted
from tests.knowledge.written import written_cases
from tests.knowledge.written_guidelines import handbook

SAMPLE = 1500


def test_planted_identities_are_taken_out() -> None:
    """At least 99 of 100, of thirty forms in which reports have them."""
    chance = random.Random(11)  # noqa: S311 -- a fixed seed is wanted
    left = []
    for _ in range(SAMPLE):
        sentence, identity = planted(chance)
        text = deidentify(f"浸润性癌。{sentence}。\nKi-67 30 %", is_case=True).text
        if plain_letters(identity) in text:
            left.append((sentence, text))
    assert len(left) <= SAMPLE // 100, left[:5]


def test_what_the_first_look_leaves_the_second_refuses() -> None:
    """Both together: nothing that was planted comes in unseen."""
    chance = random.Random(12)  # noqa: S311
    through = []
    for _ in range(SAMPLE):
        sentence, identity = planted(chance)
        text = deidentify(sentence, is_case=True).text
        if plain_letters(identity) in text and not suspects(text, is_case=True):
            through.append(sentence)
    assert not through


def test_the_second_look_finds_most_by_itself() -> None:
    """It stands when the first is broken: what is numbered or announced, not a bare name."""
    chance = random.Random(13)  # noqa: S311
    caught = [bool(suspects(planted(chance)[0], is_case=True)) for _ in range(SAMPLE)]
    assert sum(caught) / SAMPLE > 0.8


def test_clean_text_passes_both() -> None:
    cases = written_cases(1000, seed=5)
    for case in cases:
        cleaned = deidentify(case.row["text"], is_case=True)
        assert not cleaned.removed, (case.row["text"], cleaned)
        assert cleaned.text == plain_letters(case.row["text"])
        assert not suspects(cleaned.text, is_case=True), case.row["text"]
    for language in ("zh", "en"):
        assert deidentify(handbook(language), is_case=False).text == handbook(language)
        assert not suspects(handbook(language), is_case=False)


@pytest.mark.parametrize(
    "text",
    [
        "患者女,56岁,左乳肿块3个月",
        "Patient: 56-year-old woman with a breast mass",
        "核分裂象8/10HPF,Ki-67约30%,计数1200个细胞核",
        "肿瘤大小2.5×2.0×1.8cm,pT2N1aM0",
        "ER(90%,强+),PR(-),HER2(2+),建议FISH",
        "mm² and 10³ and 5×10⁻³",
        "淋巴结(0/12,1/3)",
    ],
)
def test_what_belongs_to_the_case_stays(text: str) -> None:
    assert deidentify(text, is_case=True).text == text
    assert not suspects(text, is_case=True)


def test_a_guideline_keeps_its_dates_and_institutions() -> None:
    text = "2023年5月1日修订,北京协和医院牵头。"
    assert deidentify(text, is_case=False).text == text
    assert "[DATE]" in deidentify(text, is_case=True).text


@pytest.mark.parametrize(
    "text",
    [
        "姓\u200b名:王\u200b芳",
        "电话一三八零零一二三四五六七",
        "138 0013 8000",
        "ID ６２１０２３４５６７８",
        "contact me at a.b@c.org",
        "mrs Miller said",
        "出院 2023 年 5 月 6 日",
        "病案号: 甲乙丙",
    ],
)
def test_the_second_look_refuses(text: str) -> None:
    assert suspects(text, is_case=True)


@given(st.integers(0, 10**6))
def test_the_check_digit_of_identity_cards(seed: int) -> None:
    number = id_card(random.Random(seed))  # noqa: S311
    assert chinese_id_is_valid(number)
    other = "0" if number[5] != "0" else "1"
    assert not chinese_id_is_valid(number[:5] + other + number[6:])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_looked_at_and_marks_are_stable(text: str) -> None:
    once = deidentify(text, is_case=True).text
    assert deidentify(once, is_case=True).text == once or suspects(once, is_case=True)
