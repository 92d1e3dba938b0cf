"""Every word of a picture exists in both languages, and every Chinese letter can be drawn."""

from __future__ import annotations

import string

import pytest

from pathology.config import shipped_configs
from pathology.exchange import ink
from pathology.exchange.overlay import draw_overlay
from pathology.exchange.overlay_layers import OverlayLayers
from pathology.exchange.overlay_words import PictureWords, facts_of, finding_line, warnings_of
from pathology.exchange.picture_labels import CHINESE, ENGLISH, REASONS_ZH, chinese_letters
from pathology.pipeline.settings import load_settings
from pathology.records.finding import Category, Measurement, NotMeasurable, Search
from pathology.records.result import Quality
from tests.exchange.examples import refusal, result, share
from tests.exchange.test_overlay import EN, NAMES, ZH, overview


def test_both_languages_have_the_same_labels_with_the_same_facts() -> None:
    assert CHINESE.keys() == ENGLISH.keys()
    for key, english in ENGLISH.items():
        assert english.strip()
        assert CHINESE[key].strip()
        fields = [{f for _, f, *_ in string.Formatter().parse(t)} for t in (english, CHINESE[key])]
        assert fields[0] == fields[1], key
    assert all(REASONS_ZH.values())


def test_every_chinese_letter_is_in_the_shipped_font_and_the_font_is_small() -> None:
    letters = chinese_letters(code.zh for code in load_settings().exchange.findings.values())
    assert len(letters) > 200
    missing = {letter for letter in letters if ink.legible(letter) != letter}
    assert not missing, "run scripts/font"
    assert ink.CHINESE_FONT.stat().st_size < 200_000
    assert "Apache License" in (ink.CHINESE_FONT.parent / "LICENSE-Apache-2.0.txt").read_text()


def test_every_finding_has_a_name_in_both_languages() -> None:
    assert (shipped_configs() / "exchange.toml").is_file()
    for name, code in NAMES.items():
        assert EN.finding(name) == code.en != name
        assert ZH.finding(name) == code.zh
        assert ink.legible(code.zh) == code.zh
    assert ZH.finding("a.new.one") == "a.new.one"


def test_a_finding_is_told_in_chinese() -> None:
    found = Search(windows=9, expected_by_chance=0.2, chance_limit=0.25, beyond_chance=False)
    rated = share(search=found, category=Category(rule="r", name="low", borderline=True))
    line = finding_line(rated, ZH)
    assert line.name == "Ki-67 指数（全切片）"
    assert line.value == "20.0 %（低，临界）"
    assert line.detail == "95 % 置信区间 17.0 - 24.0 %; 100 / 500 个细胞核；热点区未超出随机波动"
    density = share(answer=Measurement(value=39.4, unit="1/mm2"), ambiguous_range=None)
    assert finding_line(density, ZH).value == "39.4 个/mm²"


def test_why_there_is_no_value_is_told_in_chinese_or_said_to_be_english() -> None:
    line = finding_line(refusal(), ZH)
    assert line.value == "无法测量"
    assert line.detail == REASONS_ZH["too-few-nuclei"]
    new = NotMeasurable(code="quite-new", reason="nobody knows")
    assert finding_line(share(answer=new), ZH).detail == "原因（英文）：nobody knows"
    assert finding_line(share(answer=new), EN).detail == "nobody knows"


def test_warnings_and_facts_are_told_in_chinese() -> None:
    flags = ("not-ki67", "research-weights", "excluded-pen", "unheard-of")
    quality = Quality(tissue_mm2=2, analysed_mm2=1, unreadable_tiles=0, flags=flags)
    told = result(quality=quality, marker=None)
    assert warnings_of(told, ZH) == [
        "暂定结果：自动划定的肿瘤区域未经人工确认",
        "非 Ki-67：未注明标记物",
        "模型权重仅限研究使用",
        "unheard of",
    ]
    assert "比例尺 0.5 µm/px，取自文件" in facts_of(told, ZH)
    assert "已分析组织 1 / 2 mm²" in facts_of(told, ZH)


def test_chinese_is_wrapped_between_letters_and_no_line_begins_with_a_stop() -> None:
    text = "暂定结果：自动划定的肿瘤区域，未经人工确认（Ki-67 指数）；" * 3
    rows = ink.wrapped(text, 20, 150, 99)
    assert len(rows) > 8
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
    assert all(ink.text_width(row, 20) <= 150 for row in rows)
    assert not any(row[0] in ink.CLOSING or row[-1] in ink.OPENING for row in rows)
    short = ink.wrapped(text, 20, 150, 2)
    assert len(short) == 2
    assert short[-1].endswith("...")


def test_the_chinese_picture_has_the_size_of_the_english_one_and_other_words() -> None:
    told = result()
    english, chinese = (draw_overlay(overview(), told, OverlayLayers(), w) for w in (EN, ZH))
    assert abs(english.height - chinese.height) < 100
    assert english.tobytes() != chinese.tobytes()


@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_every_finding_is_shown_however_many_there_are(words: PictureWords) -> None:
    few, many = (
        draw_overlay(overview(), result(*[share()] * n), OverlayLayers(), words) for n in (5, 11)
    )
    assert many.height - few.height == 3 * 23
