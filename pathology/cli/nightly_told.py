"""A plan and a what-if as text, English or Chinese, and as JSON. Slides go by their pseudonyms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pathology.records.capacity import Capacity, Needed, Plan, PlanVerdict, Throughput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathology.records.incoming import IntakeProblem
    from pathology.records.reasons import Language

SHOWN: Final = 20  # slides or rows named one by one
WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "window": ("Night: {begins} to {ends}", "夜班:{begins} 至 {ends}"),
        "no-end": ("no end", "不限"),
        "runs": (
            "{number} slides run; the last ends about {ends} (between {low} and {high})",
            "将运行 {number} 张;最后一张约在 {ends} 结束({low} 至 {high} 之间)",
        ),
        "none": ("No slide runs.", "没有切片将运行。"),
        "unread": (
            "{number} of them were never read: their tissue is estimated",
            "其中 {number} 张从未读取:组织面积为估计值",
        ),
        "storage": ("Results take about {gib:.1f} GiB", "结果约占 {gib:.1f} GiB"),
        "late": ("will miss their deadline", "将错过截止时间"),
        "perhaps-late": ("may miss their deadline", "可能错过截止时间"),
        "not-tonight": ("would end after the night and wait", "将超出夜班时间,留待下次"),
        "too-long": (
            "take longer than a whole night: run them with pathology run",
            "耗时超过整个夜班:请用 pathology run 运行",
        ),
        "no-room": ("find no room on the disk: make room", "磁盘空间不足:请清理"),
        "held": ("are held: a person must decide", "已暂停:须由人工决定"),
        "set-aside": ("were lost too often and are set aside", "失败次数过多,已搁置"),
        "more": ("and {number} more", "另有 {number} 张"),
        "drafts": (
            "{number} draft reports follow if every slide goes well",
            "如全部切片顺利,将随后生成 {number} 份报告草稿",
        ),
        "source": ("From: {source}", "依据:{source}"),
        "machines": (
            "{workers} workers, {cores} cores, {cards} cards",
            "{workers} 个进程,{cores} 个核心,{cards} 块显卡",
        ),
        "question": (
            "In {hours:g} hours, {mm2:g} mm² of tissue a slide ({mix}):",
            "{hours:g} 小时内,每张组织 {mm2:g} mm²({mix}):",
        ),
        "slides": (
            "{number} slides; what stops more is the {limit}",
            "{number} 张;瓶颈为{limit}",
        ),
        "one": (
            "one slide takes {minutes:.1f} minutes of a worker",
            "每张需一个进程 {minutes:.1f} 分钟",
        ),
        "processor": ("processor", "处理器"),
        "gpu": ("GPU", "显卡"),
        "storage-limit": ("storage", "存储"),
        "needed": (
            "{number} slides need {cores} cores and {memory:.0f} GiB of memory, {cards}, "
            "{storage:.1f} MB/s from storage and {gib:.0f} GiB for results",
            "{number} 张需要 {cores} 个核心、{memory:.0f} GiB 内存、{cards}、"
            "存储读取 {storage:.1f} MB/s、结果空间 {gib:.0f} GiB",
        ),
        "cards": ("{number} cards", "{number} 块显卡"),
        "no-cards": (
            "no GPU (none was measured: give --gpu-s-per-mm2 to reckon with one)",
            "不用显卡(未经测量;如需计算请给出 --gpu-s-per-mm2)",
        ),
        "problems": (
            "{code}: {number} times, first at {place}. {text}",
            "{code}:{number} 次,首次在 {place}。{text}",
        ),
    }
)  # fmt: skip
TOLD: Final[tuple[PlanVerdict, ...]] = (
    "late", "perhaps-late", "not-tonight", "too-long", "no-room", "held", "set-aside",
)  # fmt: skip


def told_plan(plan: Plan, language: Language, zone: tzinfo) -> str:
    """The plan for a person: when it ends, what will be late, what will not run, and why."""
    lines = [
        _say(
            "window", language, begins=_time(plan.begins_utc, zone),
            ends=_time(plan.night_ends_utc, zone) or _say("no-end", language),
        ),
        _say("machines", language, **_machines(plan.capacity)),
    ]  # fmt: skip
    running = sum(slide.begins_utc is not None for slide in plan.slides)
    if running:
        ends = {"ends": plan.ends_utc, "low": plan.ends_low_utc, "high": plan.ends_high_utc}
        times = {name: _time(moment, zone) for name, moment in ends.items()}
        lines.append(_say("runs", language, number=running, **times))
    else:
        lines.append(_say("none", language))
    if plan.areas_unknown:
        lines.append(_say("unread", language, number=plan.areas_unknown))
    lines.append(_say("storage", language, gib=plan.gib))
    if plan.drafts:
        lines.append(_say("drafts", language, number=plan.drafts))
    for verdict in TOLD:
        names = [slide.name for slide in plan.slides if slide.verdict == verdict]
        if names:
            lines.append(f"{len(names)} {_say(verdict, language)}: {_some(names, language)}")
    return "\n".join([*lines, *_sources(plan.sources, language)])


def plan_json(plan: Plan) -> dict[str, object]:
    """The plan for a program; times are UTC."""
    return {
        "schema": "pathology.night-plan/1",
        "begins_utc": _iso(plan.begins_utc),
        "night_ends_utc": _iso(plan.night_ends_utc),
        "ends_utc": {
            "low": _iso(plan.ends_low_utc),
            "expected": _iso(plan.ends_utc),
            "high": _iso(plan.ends_high_utc),
        },
        "counts": dict(Counter(slide.verdict for slide in plan.slides)),
        "areas_unknown": plan.areas_unknown,
        "result_gib": round(plan.gib, 3),
        "machines": _machines(plan.capacity),
        "sources": dict(plan.sources),
        "drafts": plan.drafts,
        "slides": [
            {
                "item": slide.item_id,
                "name": slide.name,
                "analysis": slide.analysis,
                "priority": slide.priority,
                "deadline_utc": _iso(slide.deadline_utc),
                "verdict": slide.verdict,
                "begins_utc": _iso(slide.begins_utc),
                "ends_utc": {
                    "low": _iso(slide.ends_low_utc),
                    "expected": _iso(slide.ends_utc),
                    "high": _iso(slide.ends_high_utc),
                },
            }
            for slide in plan.slides
        ],
    }


def told_what_if(answers: Sequence[Throughput | Needed], language: Language) -> str:
    """Answers for a person, each under its question and with its sources."""
    return "\n\n".join("\n".join(_answer(answer, language)) for answer in answers)


def what_if_json(answers: Sequence[Throughput | Needed]) -> dict[str, object]:
    """Answers for a program. What was neither measured nor given is null."""
    return {"schema": "pathology.night-what-if/1", "answers": [_as_json(a) for a in answers]}


def told_problems(problems: Iterable[IntakeProblem], language: Language) -> list[str]:
    """What could not be taken; many of one kind (a thousand rows of one slide) are one line."""
    alike: dict[str, list[IntakeProblem]] = {}
    for problem in problems:
        alike.setdefault(problem.code, []).append(problem)
    lines: list[str] = []
    for code, found in alike.items():
        if len(found) <= SHOWN:
            lines += [problem.text(language) for problem in found]
        else:
            first = found[0]
            lines.append(
                _say(
                    "problems", language, code=code, number=len(found), place=first.place,
                    text=first.text(language),
                )
            )  # fmt: skip
    return lines


def _answer(answer: Throughput | Needed, language: Language) -> list[str]:
    asked = answer.question
    mix = ", ".join(f"{share:.0%} {analysis}" for analysis, share in asked.mix.items())
    lines = [_say("question", language, hours=asked.hours, mm2=asked.mm2_a_slide, mix=mix)]
    if isinstance(answer, Throughput):
        limit = "storage-limit" if answer.limit == "storage" else answer.limit
        told = _say(limit, language)
        lines += [
            _say("machines", language, **_machines(answer.capacity)),
            _say("slides", language, number=answer.slides, limit=told),
            _say("one", language, minutes=answer.slide_s / 60),
        ]
    else:
        cards = (
            _say("no-cards", language)
            if answer.cards is None
            else _say("cards", language, number=answer.cards)
        )
        lines.append(
            _say(
                "needed", language, number=answer.slides, cores=answer.cores, cards=cards,
                memory=answer.memory_gib, storage=answer.storage_mb_s, gib=answer.result_gib,
            )
        )  # fmt: skip
    return [*lines, *_sources(answer.sources, language)]


def _as_json(answer: Throughput | Needed) -> dict[str, object]:
    asked = answer.question
    told: dict[str, object] = {
        "hours": asked.hours,
        "mm2_a_slide": asked.mm2_a_slide,
        "mix": dict(asked.mix),
        "slides": answer.slides,
        "sources": dict(answer.sources),
    }
    if isinstance(answer, Throughput):
        return {
            **told,
            "machines": _machines(answer.capacity),
            "limit": answer.limit,
            "by_limit": dict(answer.by_limit),
            "slide_s": round(answer.slide_s, 1),
        }
    return {
        **told,
        "cores": answer.cores,
        "cards": answer.cards,
        "memory_gib": round(answer.memory_gib, 1),
        "storage_mb_s": round(answer.storage_mb_s, 2),
        "result_gib": round(answer.result_gib, 1),
    }


def _say(key: str, language: Language, **facts: object) -> str:
    en, zh = WORDS[key]
    return (zh if language == "zh" else en).format(**facts)


def _machines(capacity: Capacity) -> dict[str, int]:
    return {"workers": capacity.workers, "cores": capacity.cores, "cards": capacity.cards}


def _some(names: Sequence[str], language: Language) -> str:
    shown = ", ".join(names[:SHOWN])
    rest = len(names) - SHOWN
    return f"{shown}, {_say('more', language, number=rest)}" if rest > 0 else shown


def _sources(sources: Mapping[str, str], language: Language) -> list[str]:
    return [_say("source", language, source=f"{k}: {v}") for k, v in sources.items()]


def _time(moment: datetime | None, zone: tzinfo) -> str:
    return "" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
