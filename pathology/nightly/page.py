"""The summary on one printed page, English or Chinese: no script, nothing fetched, no identity."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache, partial
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from pathology.nightly.draft_words import drafts_lines, title
from pathology.nightly.page_words import INCIDENTS, LABELS, SENTENCES, STAGES, STATES, WHY, phrase
from pathology.records.night_summary import Drift, Named, NightSummary, NotBegun, Try
from pathology.records.reasons import Language, worded

MOST: Final = {"incidents": 5, "stopped": 4, "failed": 5, "aside": 3, "drift": 4}
"""Rows of each part, so that a night on which all went wrong is still one page of A4."""
NAMES: Final = 1
TRIES: Final = 4
LONGEST: Final = 200
"""Letters of a reason: its facts may be a sentence of a library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    names: str
    text: str
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Rows shown, and what is said of those that are not."""

    rows: Sequence[Any] = ()
    more: str = ""
    lines: Sequence[str] = ()


@cache
def _template() -> Template:
    pages = Environment(
        loader=PackageLoader("pathology.nightly", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return pages.get_template("night.html")


def page(summary: NightSummary, language: Language) -> str:
    """The page as HTML text."""
    say = partial(_say, language)
    zone = ZoneInfo(summary.zone)
    return _template().render(
        w={name: phrase(LABELS, name, language) for name in LABELS},
        night=f"{summary.night or summary.began_utc.astimezone(zone).date()}",
        shift=say("shift", shift=summary.shift_id or "-", actor=summary.actor),
        bad=summary.exit_code != 0,
        verdict=_verdict(summary, language),
        times=_times(summary, zone, language),
        boxes=_boxes(summary, language),
        incidents=_incidents(summary, zone, language),
        stopped=_one_by_one(summary.stopped, "stopped", language),
        failed=_failed(summary.failed, language),
        aside=_one_by_one(summary.set_aside, "aside", language),
        left=_left(summary.not_begun, language),
        stages=[
            {
                "stage": phrase({row.stage: (row.stage, row.stage), **STAGES}, row.stage, language),
                "slides": row.slides,
                "median": f"{row.median_s:.1f}",
                "p95": f"{row.p95_s:.1f}",
                "total": f"{row.total_s / 3600:.2f}",
            }
            for row in summary.stages
        ],
        storage=_storage(summary, language),
        ledger=" · ".join(
            f"{phrase(STATES, state, language)} {number:,}"
            for state, number in summary.counts.items()
        ),
        drift=_drift(summary.drift, language),
        drafts_title=title(language),
        drafts=[] if summary.drafts is None else drafts_lines(asdict(summary.drafts), language),
    )


def _say(language: Language, key: str, **facts: object) -> str:
    return phrase(SENTENCES, key, language, **facts)


def _verdict(summary: NightSummary, language: Language) -> str:
    open_parts = {
        "failed": len(summary.failed),
        "set-aside": len(summary.set_aside),
        "stopped": len(summary.stopped),
        "not-begun": len(summary.not_begun),
    }
    left = sum(open_parts.values())
    facts = {"done": summary.done, "all": summary.done + left}
    if summary.end == "broken":
        return _say(language, "broken", **facts)
    if summary.end == "running":
        return _say(language, "running", **facts)
    if not left:
        return _say(language, "good" if summary.done else "nothing", **facts)
    what = "; ".join(f"{_say(language, f'box-{k}')} {n}" for k, n in open_parts.items() if n)
    return _say(language, "bad", **facts, not_done=left, what=what)


def _times(summary: NightSummary, zone: ZoneInfo, language: Language) -> str:
    def clock(moment: datetime | None, absent: str) -> str:
        if moment is None:
            return _say(language, absent)
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"

    told = _say(
        language,
        "times",
        began=clock(summary.began_utc, "unknown"),
        ended=clock(summary.ended_utc, "not_yet"),
        expected=clock(summary.expected_end_utc, "unknown"),
        zone=summary.zone,
        end=_say(language, f"end-{summary.end}"),
    )
    return told + (" " + _say(language, "kept", kept=summary.kept) if summary.kept else "")


def _boxes(summary: NightSummary, language: Language) -> list[tuple[str, str]]:
    numbers = {
        "done": summary.done,
        "failed": len(summary.failed),
        "set-aside": len(summary.set_aside),
        "stopped": len(summary.stopped),
        "not-begun": len(summary.not_begun),
        "area": round(summary.tissue_mm2),
    }
    return [(f"{number:,}", _say(language, f"box-{name}")) for name, number in numbers.items()]


def _incidents(summary: NightSummary, zone: ZoneInfo, language: Language) -> _Part:
    rows = [
        (f"{one.at_utc.astimezone(zone):%H:%M}", phrase(INCIDENTS, one.code, language, **one.facts))
        for one in summary.incidents
    ]
    return _cut(rows, "incidents", language)


def _cut(rows: Sequence[Any], part: str, language: Language) -> _Part:
    most = MOST[part]
    left = len(rows) - most
    more = _say(language, "more-rows", number=left) if left > 0 else ""
    return _Part(rows=rows[:most], more=more)


def reason_of(named: Named | Try, language: Language) -> str:
    """Problem and remedy in a language; a fact that is missing leaves its place visible."""
    wording = worded(named.reason_code, _Facts(named.facts), language)
    text = f"{wording.problem}. {wording.remedy}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


class _Fact(str):
    """A fact as stored, text, where its wording may ask for a number."""

    __slots__ = ()

    def __format__(self, form: str) -> str:
        try:
            return format(float(self), form) if form else str(self)
        except ValueError:
            return str(self)


class _Facts(dict[str, str]):
    """Facts of a reason; where one is missing its place stays visible."""

    def __getitem__(self, key: str) -> str:
        return _Fact(self.get(key, "…"))


def _names(names: Sequence[str], language: Language) -> str:
    shown = ", ".join(names[:NAMES])
    left = len(names) - NAMES
    return f"{shown} {_say(language, 'more-slides', number=left)}" if left > 0 else shown


def _failed(failed: Sequence[Named], language: Language) -> _Part:
    """By reason, the most frequent first."""
    by_reason: dict[str, list[Named]] = defaultdict(list)
    for one in failed:
        by_reason[one.reason_code].append(one)
    groups = sorted(by_reason.values(), key=len, reverse=True)
    rows = [
        _Row(
            number=len(group),
            text=reason_of(group[0], language),
            names=_names([one.name for one in group], language),
        )
        for group in groups
    ]
    shown = rows[: MOST["failed"]]
    left = len(failed) - sum(row.number for row in shown)
    return _Part(rows=shown, more=_say(language, "more-reasons", number=left) if left else "")


def _one_by_one(slides: Sequence[Named], part: str, language: Language) -> _Part:
    rows = [_Row(names=one.name, text=_story(one, language)) for one in slides]
    return _cut(rows, part, language)


def _story(named: Named, language: Language) -> str:
    """Why a slide stands alone; attempts in a row that failed alike are told together."""
    if not named.story:
        return worded(named.reason_code, _Facts(named.facts), language).problem[:LONGEST]
    told = []
    for problem, group in groupby(named.story, partial(_problem, language)):
        tries = list(group)
        first, last = tries[0].number, tries[-1].number
        told.append(
            _say(
                language,
                "try",
                number=f"{first}" if first == last else f"{first}-{last}",
                reason=problem,
                seconds=", ".join(_seconds(one, language) for one in tries[-TRIES:]),
            )
        )
    return "; ".join(told[-TRIES:])


def _problem(language: Language, one: Try) -> str:
    return worded(one.reason_code, _Facts(one.facts), language).problem[:LONGEST]


def _seconds(one: Try, language: Language) -> str:
    if one.seconds is None:
        return _say(language, "try-lost")
    return _say(language, "try-seconds", seconds=one.seconds)


def _left(left: Iterable[NotBegun], language: Language) -> _Part:
    by_why: dict[str, list[str]] = defaultdict(list)
    for one in left:
        by_why[one.why].append(one.name)
    return _Part(
        rows=[
            _Row(number=len(names), text=phrase(WHY, why, language), names=_names(names, language))
            for why, names in by_why.items()
        ]
    )


def _storage(summary: NightSummary, language: Language) -> str:
    if summary.free_gib is None:
        return _say(language, "storage-unknown")
    return _say(language, "storage", free=summary.free_gib, reserve=summary.reserve_gib)


def _drift(drift: Sequence[Drift], language: Language) -> _Part:
    """What drifted, row by row; what did not, as numbers of measures."""
    states = Counter(row.state for row in drift)
    lines = [
        _say(language, sentence, number=number)
        for number, sentence in (
            (states["steady"], "drift-steady"),
            (states["not-enough"], "drift-few"),
        )
        if number
    ] or ([] if drift else [_say(language, "drift-none")])
    rows = [
        {
            "scanner": f"{row.scanner or _say(language, 'scanner-unnamed')}, {row.analysis}",
            "measure": row.measure,
            "tonight": f"{row.tonight:.3g}",
            "before": f"{row.before:.3g}",
            "spread": f"{row.spread:.2g}",
            "n": f"{row.tonight_n} / {row.before_n}",
        }
        for row in drift
        if row.state == "drifted"
    ]
    part = _cut(rows, "drift", language)
    return _Part(rows=part.rows, more=part.more, lines=lines)
