"""English drafts by the embedded model, through the same check as any model's.

    scripts/bench drafts --embedded 100 [--seed 3] [--answers FILE]

The model words the English half of each section, bound by the schema; the Chinese half is the
template's. One try a draft. The oracle reads the model's raw answer, knows no vocabulary of the
check, and asks three things of each sentence: a numeral outside a placeholder, a side or a category
outside a placeholder, a placeholder that is no fact of the case.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pathology.records.answer import AnswersBySchema, Message, ModelAnswer
from pathology.records.report import CaseFacts, Draft, WritingTask
from pathology.records.settings.llm import LimitSettings, WriterSettings
from pathology.reports.draft import DraftOrder, DraftRules, make_draft
from pathology.reports.embedded_model import EmbeddedModel
from pathology.reports.language_model import LanguageModel
from pathology.reports.prompt import NO_DIGIT
from pathology.reports.template_writer import template_sections
from tests.reports.drafting import MADE, drawn_case, facts_for, rules_for
from tests.reports.made_cases import dice

WRITER = WriterSettings(source="bench", chosen="embedded", answer_tokens=700, seed=7)
LIMITS = LimitSettings(
    source="bench: the processors are shared",
    connect_s=30.0,
    read_s=900.0,
    total_s=1800.0,
    answer_bytes=1 << 20,
    tries=1,
    pause_s=0.5,
    at_once=1,
)
NUMERAL = re.compile(
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|"
    r"fifty|sixty|seventy|eighty|ninety|hundred|thousand|half|third|quarter|percent)\b",
    re.IGNORECASE,
)
RESULT = re.compile(
    r"\b(left|right|bilateral|high|low|positive|negative|equivocal|present|absent|luminal|"
    r"triple.negative|amplified|weak|moderate|strong|grade)\b",
    re.IGNORECASE,
)
NAMES = re.compile(r"Ki-?67|HER2|positive nuclei|tumou?r nuclei are positive", re.IGNORECASE)
PLACEHOLDER = re.compile(r"\{\{([a-z0-9_.]+)\}\}")


@dataclass
class EnglishHalf:
    """Asks a model for the English half of each section; the Chinese is the template's."""

    model: AnswersBySchema
    chinese: Mapping[str, list[str]]
    answers: list[Mapping[str, Any]] = field(default_factory=list)

    def write(self, task: WritingTask, *, complaint: str | None = None) -> ModelAnswer:
        messages = [
            Message(role="system", text=task.system.replace(" and Chinese", "")),
            Message(role="user", text=english_part(task.user)),
        ]
        answer = self.model.answer(messages, english_schema(task.schema))
        self.answers.append(answer.content)
        both = {
            name: {"en": told, "zh": self.chinese.get(name, [])}
            for name, told in answer.content.items()
        }
        return replace(answer, content=both)


def english_part(user: str) -> str:
    """The prompt without its Chinese."""
    lines = [line.partition(" / ")[0] for line in user.splitlines() if "  zh:" not in line]
    return "\n".join([*lines[:-1], "Word each section in English, one or two sentences."])


def english_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For each section one or two sentences, short enough for a small model to end them."""
    sections = {}
    for name, both in schema["properties"].items():
        several = both["properties"]["en"]
        items = {**several["items"], "maxLength": 160, "pattern": NO_DIGIT % 160}
        sections[name] = {**several, "items": items, "maxItems": 2}
    return {**schema, "properties": sections}


def unsupported(answer: Mapping[str, Any], facts: CaseFacts) -> list[str]:
    """What the oracle finds in a raw answer."""
    known = {f.id for f in facts.facts if f.state == "value"}
    found = []
    for sentence in (s for told in answer.values() for s in told):
        plain = NAMES.sub("", PLACEHOLDER.sub("", sentence))
        found += ["numeral"] if NUMERAL.search(plain) else []
        found += ["side or category"] if RESULT.search(plain) else []
        found += ["no fact"] if set(PLACEHOLDER.findall(sentence)) - known else []
    return found


@dataclass
class Counted:
    """What came of the drafts."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    wrong_answers: int = 0
    passed_wrong: int = 0


def told_embedded(number: int, seed: int, answers: Path | None = None) -> Iterator[str]:
    """Rows of a table, one as soon as it is known."""
    counted, began = Counted(), time.monotonic()
    with EmbeddedModel(LIMITS) as door:
        model = LanguageModel(door, WRITER)
        for i in range(number):
            draft, wrong, raw = _one(model, seed, i)
            _count(counted, draft, wrong)
            if answers is not None:
                with answers.open("a", encoding="utf-8") as file:
                    told = {"i": i, "outcome": draft.authorship.outcome, "wrong": wrong, "raw": raw}
                    file.write(json.dumps(told, ensure_ascii=False) + "\n")
    yield "| English drafts | passed | fell back | wrong by the oracle | of them passed |"
    yield "|---|---|---|---|---|"
    outcomes = counted.outcomes
    passed = outcomes["accepted-first"]
    yield (
        f"| {number} | {passed} | {outcomes['fell-back']} | {counted.wrong_answers} "
        f"| {counted.passed_wrong} |"
    )
    yield ""
    yield "| seconds a draft: median | slowest | tokens of an answer: median | hours in all |"
    yield "|---|---|---|---|"
    seconds, tokens = counted.seconds or [0.0], counted.tokens or [0]
    hours = (time.monotonic() - began) / 3600
    middle = f"{statistics.median(seconds):.0f} | {max(seconds):.0f}"
    yield f"| {middle} | {statistics.median(tokens):.0f} | {hours:.2f} |"
    for reason, times in counted.reasons.most_common(12):
        yield f"rejected for: {reason} ({times})"


def _one(
    model: AnswersBySchema, seed: int, i: int
) -> tuple[Draft, list[str], list[Mapping[str, Any]]]:
    template, case, results = drawn_case(dice(f"embedded {seed} {i}"), i)
    facts, rules = facts_for(case, results), _once(rules_for(template))
    sections = template_sections(rules.template, facts.by_id)
    writer = EnglishHalf(model, {s.id: list(s.zh) for s in sections})
    draft = make_draft(DraftOrder(facts=facts, made_utc=MADE, writer=writer), rules)
    wrong = [w for answer in writer.answers for w in unsupported(answer, facts)]
    return draft, wrong, writer.answers


def _once(rules: DraftRules) -> DraftRules:
    return replace(rules, settings=replace(rules.settings, most_tries=1))


def _count(counted: Counted, draft: Draft, wrong: list[str]) -> None:
    made = draft.authorship
    counted.outcomes[made.outcome] += 1
    counted.wrong_answers += bool(wrong)
    counted.passed_wrong += bool(wrong) and made.outcome != "fell-back"
    for attempt in made.attempts:
        counted.seconds.append(attempt.seconds)
        counted.tokens.append(attempt.answer_tokens or 0)
        counted.reasons.update({kind_of(f) for f in attempt.faults[:1]})


def kind_of(fault: str) -> str:
    """A fault without the words it quotes."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\d+", "...", fault)[:90]
