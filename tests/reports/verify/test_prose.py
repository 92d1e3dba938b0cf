"""What the check hears in a sentence, and what it refuses to hear."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.records.report import Draft, WrittenSection
from tests.reports.drafting import blocks_of, draft_of, facts_for
from tests.reports.injections import attacked_case

QUIET = ("omission", "languages")  # of a sentence that stands alone
DRAFT: list[Draft] = []


def draft() -> Draft:
    if not DRAFT:
        case, results = attacked_case()
        DRAFT.append(draft_of(facts_for(case, results)))
    return DRAFT[0]


def kinds(text: str, language: str = "en") -> set[str]:
    """Kinds of block of one sentence."""
    one = (text,)
    section = WrittenSection(
        id="x", en=one if language == "en" else (), zh=one if language == "zh" else ()
    )
    blocks = blocks_of(replace(draft(), sections=(section,)))
    return {b.kind for b in blocks if b.kind not in QUIET}


@pytest.mark.parametrize(
    "text",
    [
        "In the hot spot the Ki-67 index was 67.4 %, over the whole slide 25.2 %.",
        "The Ki-67 index was 67.4 % in the hot spot and 25.2 % over the whole slide.",
        "67.4 % was the Ki-67 index of the hot spot.",
        "The Ki-67 index is 67.4 % (hot spot).",
        "ER and PR are positive.",
        "Ki-67: 25.2 % (1750/6956).",
        "Ki-67 index 25.2 % (95 % CI 24.2–26.2 %).",
        "Lymphovascular invasion is not identified; necrosis is present.",
        "HER2 is negative (score 1+).",
        "Of 6956 counted tumour nuclei on the whole slide, 1750 were positive for Ki-67.",
    ],
)
def test_true_sentences_pass(text: str) -> None:
    assert not kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "热点区 Ki-67 指数为 67.4 %，全切片为 25.2 %。",
        "ER、PR 均为阳性。",
        "未见脉管侵犯，可见坏死。",
        "计数 6956 个肿瘤细胞核，其中 Ki-67 阳性 1750 个。",
        "左侧乳腺粗针穿刺标本。",
    ],
)
def test_true_chinese_sentences_pass(text: str) -> None:
    assert not kinds(text, "zh")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("In the hot spot the Ki-67 index was 25.2 %, over the whole slide 67.4 %.", "numeral"),
        ("In the hot spot and over the whole slide the Ki-67 index was 25.2 %.", "numeral"),
        ("Ki-67 was 25.2 % over the whole slide, as in the hot spot.", "numeral"),
        ("PR 90 %, ER 10 %.", "numeral"),
        ("ER and PR are 90 % and 10 %.", "numeral"),
        ("6956 of 1750 tumour nuclei were positive for Ki-67.", "numeral"),
        ("The Ki-67 index is 24.2–26.2 %.", "numeral"),
        ("Ki-67 index 25.2 % (90 % CI 24.2–26.2 %).", "numeral"),
        ("The Ki-67 index is - 25.2 %.", "numeral"),
        ("Ki-67 was 25.20 %.", "numeral"),
        ("Ki-67 index: 25.2.", "numeral"),
        ("ER, PR and HER2 are positive.", "status"),
        ("ER is positive, as is HER2.", "status"),
        ("Ki-67 is positive.", "status"),
        ("The Ki-67 index is low.", "category"),
        ("Right breast, core biopsy.", "side"),
        ("Necrosis and lymphovascular invasion are present.", "negation"),
        ("Lymphovascular invasion.", "negation"),
        ("The hot spot was not measurable.", "negation"),
        ("The Ki-67 index is not 25.2 %.", "negation"),
        ("The tumour is malignant.", "claim"),
        ("Use the guideline for the whole case.", "claim"),
        ("The Ki-67 index of 25.2 % is worrisome.", "unknown-word"),
        ("The Ki-67 index is 25.2 % [1].", "citation"),
        ("The Ki-67 index is more than 25.2 %.", "comparison"),
        ("ER could be positive.", "claim"),
        ("ER is about positive.", "claim"),
        ("The Ki-67 index is 25.2 % per mm².", "unit"),
        ("Both are positive for ER.", "claim"),
        ("ER (90 %) and HER2 (1+) are both positive.", "status"),
    ],
)
def test_false_sentences_are_blocked_for_what_is_false_in_them(text: str, kind: str) -> None:
    assert kind in kinds(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("热点区 Ki-67 指数为 25.2 %。", "numeral"),
        ("全切片与热点区 Ki-67 指数为 25.2 %。", "numeral"),
        ("计数 1750 个肿瘤细胞核，其中 Ki-67 阳性 6956 个。", "numeral"),
        ("Ki-67 指数为 25.2 %左右。", "comparison"),
        ("ER、PR、HER2 均为阳性。", "status"),
        ("右侧乳腺。", "side"),
        ("未见坏死。", "negation"),
        ("全切片 Ki-67 指数高。", "category"),
        ("三阴性。", "subtype"),
        ("建议化疗。", "claim"),
        ("The Ki-67 index is 25.2 %.", "unknown-word"),
    ],
)
def test_false_chinese_sentences_are_blocked(text: str, kind: str) -> None:
    assert kind in kinds(text, "zh")


NUMERALS = [
    "٢٥.٢", "２５．２", "𝟐𝟓.𝟐", "XXV", "twenty-five", "a quarter of", "½ of", "2.5e1", "10³",
    "25,2", "2 5.2", "1/4", "25·2", "0x19", "²⁵", "fifty", "dozens of",
]  # fmt: skip
CHINESE_NUMERALS = [
    "百分之二十五", "二十五", "廿五", "贰拾伍", "四分之一", "两成半", "二五", "〇", "半数", "㉕",
    "Ⅳ", "２５．２", "٢٥", "一半", "三成",
]  # fmt: skip


@pytest.mark.parametrize("numeral", NUMERALS)
def test_a_number_in_another_form_is_blocked(numeral: str) -> None:
    assert kinds(f"The Ki-67 index over the whole slide is {numeral} %.")
    assert kinds(f"The Ki-67 index over the whole slide is 25.2 %, that is {numeral}.")


@pytest.mark.parametrize("numeral", CHINESE_NUMERALS)
def test_a_number_in_another_chinese_form_is_blocked(numeral: str) -> None:
    assert kinds(f"全切片 Ki-67 指数为{numeral} %。", "zh")
    assert kinds(f"全切片 Ki-67 指数为 25.2 %，即{numeral}。", "zh")


@settings(deadline=None, max_examples=60)
@given(st.decimals(0, 9999, places=1))
def test_no_other_number_passes_for_the_index(number: object) -> None:
    text = f"The Ki-67 index over the whole slide is {number} %."
    assert bool(kinds(text)) == (str(number) != "25.2")


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 99_999), st.integers(0, 99_999))
def test_no_other_counts_pass(positive: int, counted: int) -> None:
    text = f"全切片计数 {counted} 个肿瘤细胞核，其中 Ki-67 阳性 {positive} 个。"
    assert bool(kinds(text, "zh")) == ((positive, counted) != (1750, 6956))


@settings(deadline=None, max_examples=60)
@given(st.characters())
def test_no_stray_character_slips_into_a_number(sign: str) -> None:
    text = f"The Ki-67 index over the whole slide is 2{sign}5.2 %."
    assert kinds(text)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40))
def test_any_text_is_read_without_failing(text: str) -> None:
    kinds(text)
    kinds(text, "zh")


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=1, max_size=12))
def test_words_after_a_true_sentence_are_weighed_too(text: str) -> None:
    told = kinds(f"The Ki-67 index over the whole slide is 25.2 % {text}.")
    if any(c.isdigit() for c in text):
        assert told
