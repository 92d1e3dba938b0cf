"""Ways of saying that are ordinary, and what would be false in the same words."""

from __future__ import annotations

import pytest

from pathology.pipeline.report_settings import load_report_rules
from tests.reports.erring_writer import patterns
from tests.reports.unseen import tried
from tests.reports.verify.test_prose import kinds
from tests.reports.wrong import passed


@pytest.mark.parametrize(
    ("true", "false", "language"),
    [
        (
            "ER and PR were scored at 90 % and 10 %, respectively.",
            "ER and PR were scored at 10 % and 90 %, respectively.",
            "en",
        ),
        (
            "ER 和 PR 的阳性比例分别为 90 % 和 10 %。",
            "ER 和 PR 的阳性比例分别为 10 % 和 90 %。",
            "zh",
        ),
        (
            "全切片与热点区 Ki-67 指数分别为 25.2 % 和 67.4 %。",
            "热点区与全切片 Ki-67 指数分别为 25.2 % 和 67.4 %。",
            "zh",
        ),
        (
            "Whole-slide Ki-67, counted nuclei: 6956; positive nuclei: 1750.",
            "Whole-slide Ki-67, counted nuclei: 1750; positive nuclei: 6956.",
            "en",
        ),
        (
            "Out of 6956 tumour nuclei on the whole slide, 1750 showed Ki-67 staining.",
            "Out of 1750 tumour nuclei on the whole slide, 6956 showed Ki-67 staining.",
            "en",
        ),
        (
            "The whole-slide count covered 6956 tumour nuclei, 1750 of which were Ki-67 positive.",
            "The whole-slide count covered 1750 tumour nuclei, 6956 of which were Ki-67 positive.",
            "en",
        ),
        (
            "全切片 Ki-67 指数的分母为 6956,分子为 1750。",
            "全切片 Ki-67 指数的分母为 1750,分子为 6956。",
            "zh",
        ),
        (
            "In addition to the whole slide, the hot spot was counted: Ki-67 67.4 %.",
            "In addition to the whole slide, the hot spot was counted: Ki-67 25.2 %.",
            "en",
        ),
        ("The tumor's hot spot has a Ki-67 index of 67.4 %.", "The tumor's Ki-67 is 67.4 %.", "en"),
        ("经计算机辅助计数,Ki-67 指数为 25.2 %。", "经计算机辅助计数,Ki-67 指数为 67.4 %。", "zh"),
        ("ER positive / PR positive.", "ER positive / HER2 positive.", "en"),
        (
            "Based on ER and Ki-67, HER2 is negative.",
            "Based on ER and Ki-67, HER2 is positive.",
            "en",
        ),
    ],
)
def test_the_true_sentence_passes_and_the_false_one_does_not(
    true: str, false: str, language: str
) -> None:
    assert not kinds(true, language)
    assert kinds(false, language)


@pytest.mark.parametrize(
    ("name", "most"), [("first", 30), ("second", 5), ("third", 2), ("fourth", 3)]
)
def test_ordinary_sentences_pass(name: str, most: int) -> None:
    """What is left was left on purpose: it says more than the facts, or compares."""
    blocked = [one for one in tried(patterns(f"unseen_{name}")) if one.blocks]
    assert len(blocked) <= most, [one.text for one in blocked]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [("fifth", 18), ("sixth", 12), ("seventh", 2)])
def test_sentences_of_another_hand_pass(name: str, most: int) -> None:
    blocked = [one for one in tried(patterns(f"unseen_{name}")) if one.blocks]
    assert len(blocked) <= most, [one.text for one in blocked]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["first", "second"])
def test_no_wrong_sentence_passes(name: str) -> None:
    assert not [one.text for one in passed(patterns(f"wrong_{name}"))]


CLAIMING = {
    "en": {"system", "proliferative", "point", "present", "marked", "above", "below"},
    "zh": {"不", "不确定", "阳性", "强", "临界", "活跃", "癌", "以上", "以下", "界"}
    | set("一五四百成级点期倍半两二"),
}
"""Words that assert, and stand inside of plain phrases that were looked at one by one."""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_plain_phrase_hides_a_word_that_asserts(language: str) -> None:
    words = load_report_rules().vocabulary
    refused = (words.claims, words.negations, words.comparisons, words.numerals)
    values = [terms for codes in words.values.values() for terms in codes.values()]
    strong = {w.lower() for t in (*refused, *values) for w in getattr(t, language)}
    strong -= CLAIMING[language]
    for phrase in getattr(words.plain, language):
        plain = phrase.lower()
        inside = plain.replace("-", " ").split() if language == "en" else [plain]
        for word in strong - {plain}:
            assert word not in (inside if language == "en" else plain), (phrase, word)
