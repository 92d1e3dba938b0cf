"""A draft as plain text for a laboratory system: one language, a sentence a line, no markup."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from pathology.records.reasons import Language
from pathology.records.report import Draft, Worded

HEADINGS: Final = MappingProxyType(
    {
        "not_measured": Worded(en="Not measured", zh="未测得项目"),
        "limits": Worded(en="Limits of the data", zh="数据局限"),
        "cited": Worded(en="Quoted guidelines", zh="引用的指南"),
        "written": Worded(en="Written by", zh="撰写"),
        "fields": Worded(en="Structured fields", zh="结构化字段"),
        "no_value": Worded(en="no value, see above", zh="无值，见上"),
        "by_hand": Worded(en="to be filled in", zh="待填写"),
        "sources": Worded(en="Provenance", zh="溯源"),
        "pictures": Worded(en="Key pictures", zh="关键图片"),
        "note": Worded(
            en="Quoted from the request, not checked", zh="申请单原文（引用，未经核对）"
        ),
        "summary": Worded(en="Draft text", zh="草稿正文"),
        "similar": Worded(
            en="Similar past cases: other patients, not this patient; no part of the report",
            zh="相似既往病例：其他患者，并非本患者；不属于报告内容",
        ),
    }
)
"""Headings that are the same in every report."""
HOW: Final = MappingProxyType(
    {
        "template-only": Worded(
            en="sentences from the template; no language model was asked",
            zh="语句来自模板，未使用语言模型",
        ),
        "accepted-first": Worded(
            en="sentences by a language model, machine-checked at the first try; numbers by the "
            "program",
            zh="语句由语言模型撰写，首次即通过机器检查；数字由程序填写",
        ),
        "accepted-after-retry": Worded(
            en="sentences by a language model, machine-checked after a rejected try; numbers by "
            "the program",
            zh="语句由语言模型撰写，经退回重写后通过机器检查；数字由程序填写",
        ),
        "fell-back": Worded(
            en="sentences from the template, because the language model's were not usable",
            zh="因语言模型文本不可用，语句来自模板",
        ),
    }
)
"""How a draft came about, in words."""


def plain_text(draft: Draft, language: Language) -> str:
    """The draft in ``language``, the banner above and below everything."""
    return "\n".join(_lines(draft, language)) + "\n"


def _lines(draft: Draft, language: Language) -> Iterator[str]:
    yield f"*** {draft.banner.told(language)} ***"
    yield draft.title.told(language)
    for section in draft.sections:
        yield ""
        yield draft.headings[section.id].told(language)
        yield from section.told(language)
    if draft.not_measured:
        yield from _heading("not_measured", language)
        for silence in draft.not_measured:
            yield _item(f"{silence.name.told(language)}: {silence.why.told(language)}")
    if draft.limits:
        yield from _heading("limits", language)
        for limit in draft.limits:
            yield _item(limit.told(language))
    if cited(draft):
        yield from _heading("cited", language)
    for number in cited(draft):
        quoted = draft.citations[number - 1]
        yield f"[{number}] “{quoted.text}” {quoted.document}, {quoted.version}"
    yield ""
    yield authorship(draft).told(language)
    yield f"*** {draft.banner.told(language)} ***"


def authorship(draft: Draft) -> Worded:
    """Who wrote the draft and how, in one sentence."""
    written, how = draft.authorship, HOW[draft.authorship.outcome]
    who = f"{written.model} ({written.model_version}), prompt {written.prompt_version}"
    why = written.why_template
    name = f"[{written.asked}] " if why and written.asked else ""
    return Worded(
        en=f"{how.en}{f' ({name}{why.en})' if why else ''}. {who}.",
        zh=f"{how.zh}{f'（{name}{why.zh}）' if why else ''}。{who}。",
    )


def cited(draft: Draft) -> tuple[int, ...]:
    """Numbers of the citations that the prose names."""
    prose = " ".join(s for part in draft.sections for s in (*part.en, *part.zh))
    return tuple(n for n in range(1, len(draft.citations) + 1) if f"[{n}]" in prose)


def _heading(name: str, language: Language) -> Iterator[str]:
    yield ""
    yield HEADINGS[name].told(language)


def _item(text: str) -> str:
    return f"- {text}"
