"""What is said of a night's drafts, English and Chinese, and as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final

from pathology.records.drafting import DraftCounts, DraftNamed
from pathology.records.reasons import Language

WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "title": ("Draft reports", "报告草稿"),
        "line": (
            "{made} drafts made (not verified by a physician), {by_template} of them by the "
            "template instead of the model; {waiting} complete cases wait for theirs; {incomplete} "
            "cases are not complete.",
            "已生成草稿 {made} 份(未经医师核实),其中 {by_template} 份由模板代替模型撰写;"
            "{waiting} 个已完成病例等待草稿;{incomplete} 个病例尚未完成。",
        ),
        "refused": ("{number} cannot be drafted:", "{number} 份无法生成:"),
        "set-aside": ("{number} set aside after repeated failures:", "{number} 份多次失败后搁置:"),
        "named": ("{case} ({why})", "{case}({why})"),
        "more": ("and {number} more", "另有 {number} 份"),
        "case-data": ("its case data: {detail}", "病例资料:{detail}"),
        "several": (
            "two files of case data differ; remove the wrong one",
            "两份病例资料不一致;请删除错误的一份",
        ),
        "results": ("its results: {detail}", "分析结果:{detail}"),
        "template": ("the site's template: {detail}", "本单位模板:{detail}"),
        "output": ("it could not be written: {detail}", "无法写入:{detail}"),
        "lost": ("its process was lost", "进程丢失"),
    }
)
NAMED: Final = 3
LONGEST: Final = 160


def drafts_told(counts: DraftCounts | None) -> dict[str, Any] | None:
    """For the shift's own words; cases are pseudonyms."""
    return None if counts is None else asdict(counts)


def drafts_lines(told: Mapping[str, Any], language: Language) -> Sequence[str]:
    """For a person: numbers, then the cases that somebody must look at."""
    numbers = {name: told[name] for name in ("made", "by_template", "waiting", "incomplete")}
    lines = [_say("line", language, **numbers)]
    for state, key in (("refused", "refused"), ("set-aside", "set_aside")):
        if named := [DraftNamed(**one) for one in told[key]]:
            shown = [_named(one, language) for one in named[:NAMED]]
            if (left := len(named) - NAMED) > 0:
                shown.append(_say("more", language, number=left))
            lines.append(f"{_say(state, language, number=len(named))} {'; '.join(shown)}")
    return lines


def title(language: Language) -> str:
    """Heading of the part."""
    return _say("title", language)


def _named(one: DraftNamed, language: Language) -> str:
    kind = "several" if one.detail == "several" else one.trouble
    why = _say(kind, language, detail=one.detail[:LONGEST])
    return _say("named", language, case=one.case_id, why=why)


def _say(key: str, language: Language, **facts: object) -> str:
    en, zh = WORDS[key]
    return (zh if language == "zh" else en).format(**facts)
