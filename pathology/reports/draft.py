"""A draft: by a model if one is there and what it writes passes, else by the template.

    facts -> template sentences, or a model's -> filled -> checked -> Draft

A rejected answer is asked for again with the reason, then the template stands in and the draft says
so. What the template says goes through the same check.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pathology.errors import AnswerRefused, DraftRejected, IntranetError
from pathology.records.report import (
    Attempt,
    Authorship,
    Block,
    CaseFacts,
    Draft,
    DraftWriter,
    Fact,
    NotMeasured,
    Quotation,
    ReportField,
    Worded,
    WrittenSection,
)
from pathology.records.settings.reports import (
    ReportSettings,
    ReportTemplate,
    ReportWording,
    Vocabulary,
)
from pathology.reports.answer import written_sections
from pathology.reports.fill import fill_sections
from pathology.reports.passages import quotable
from pathology.reports.prompt import Asked, writing_task
from pathology.reports.retell import saying
from pathology.reports.template_writer import facts_of_template, template_sections
from pathology.reports.verify.draft import check_draft

TEMPLATE_ONLY = "template only"
NOT_STATED = "not stated"
TOLD_FAULTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRules:
    """What drafts are made and checked by."""

    settings: ReportSettings
    template: ReportTemplate
    wording: ReportWording
    vocabulary: Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOrder:
    """A draft that is asked for."""

    facts: CaseFacts
    made_utc: str
    writer: DraftWriter | None = None  # None: by the template
    asked: str = ""  # the writer's name in the settings
    writer_version: str = ""  # hash or version of the writer's model; empty: not stated
    passages: tuple[Quotation, ...] = ()


def make_draft(order: DraftOrder, rules: DraftRules) -> Draft:
    """The draft, machine-checked; its authorship says how it came about.

    Raises
    ------
    DraftRejected
        Even the template's text does not pass: a template or a wording of the site is wrong.
    """
    passages = quotable(order.passages)
    if order.writer is not None:
        attempts, draft = _by_model(order, rules, passages)
        if draft is not None:
            return draft
    else:
        attempts = ()
    return _by_template(order, rules, attempts)


def _by_model(
    order: DraftOrder, rules: DraftRules, passages: tuple[Quotation, ...]
) -> tuple[tuple[Attempt, ...], Draft | None]:
    facts = order.facts.by_id
    asked = Asked(template=rules.template, facts=facts, passages=passages)
    task = writing_task(asked, rules.settings)
    attempts: list[Attempt] = []
    complaint: str | None = None
    while len(attempts) < rules.settings.most_tries and order.writer is not None:
        number, began = len(attempts) + 1, time.monotonic()
        try:
            answer = order.writer.write(task, complaint=complaint)
        except AnswerRefused as refused:  # asking again may help
            complaint = "it was not of the form asked for"
            attempts.append(_unanswered(number, refused, began))
            continue
        except IntranetError as down:
            attempts.append(_unanswered(number, down, began))
            break
        counted = Attempt(
            number=number,
            faults=(),
            seconds=answer.seconds,
            prompt_tokens=answer.prompt_tokens,
            answer_tokens=answer.answer_tokens,
        )
        written_by = Authorship(
            outcome="accepted-first" if number == 1 else "accepted-after-retry",
            model=answer.model,
            model_version=order.writer_version or answer.build or NOT_STATED,
            prompt_version=task.prompt_version,
            asked=order.asked,
            attempts=(*attempts, counted),
        )
        try:
            sections = written_sections(answer.content, rules.template, facts, rules.settings)
            draft = _draft(sections, order, rules, written_by, passages)
            blocks = _blocks(draft, rules, order.passages)
            faults, kinds = tuple(b.told() for b in blocks), tuple(b.kind for b in blocks)
        except DraftRejected as rejected:
            faults, kinds = (str(rejected),), (rejected.kind,)
        if not faults:
            return (*attempts, counted), draft
        attempts.append(replace(counted, faults=faults, kinds=kinds))
        complaint = "; ".join(faults[:TOLD_FAULTS])
    return tuple(attempts), None


def _unanswered(number: int, why: IntranetError, began: float) -> Attempt:
    return Attempt(
        number=number,
        faults=(why.text(), why.text("zh")),
        seconds=time.monotonic() - began,
        answered=False,
        kinds=(why.code,),
    )


def _by_template(order: DraftOrder, rules: DraftRules, attempts: tuple[Attempt, ...]) -> Draft:
    sections = template_sections(rules.template, order.facts.by_id)
    written_by = Authorship(
        outcome="fell-back" if attempts else "template-only",
        model=TEMPLATE_ONLY,
        model_version=rules.template.version,
        prompt_version=rules.settings.prompt_version,
        attempts=attempts,
        why_template=_why(attempts, rules.wording),
        asked=order.asked,
    )
    draft = _draft(sections, order, rules, written_by, ())
    if blocks := _blocks(draft, rules, ()):
        raise DraftRejected(
            f"template {rules.template.name}: its own text does not pass the check: "
            f"{'; '.join(b.told() for b in blocks[:TOLD_FAULTS])}"
        )
    return draft


def _why(attempts: Sequence[Attempt], wording: ReportWording) -> Worded | None:
    if not attempts:
        return None
    last = attempts[-1]
    if not last.answered:
        reason = Worded(en=last.faults[0], zh=last.faults[1])
        return saying(wording, "model_down", reason=reason)
    return saying(wording, "model_rejected", times=str(len(attempts)))


def _blocks(draft: Draft, rules: DraftRules, passages: Sequence[Quotation]) -> tuple[Block, ...]:
    return check_draft(
        draft,
        rules.template.required,
        rules.vocabulary,
        main_topic=rules.template.main_topic,
        passages=passages,
    )


def _draft(
    sections: tuple[WrittenSection, ...],
    order: DraftOrder,
    rules: DraftRules,
    written_by: Authorship,
    passages: tuple[Quotation, ...],
) -> Draft:
    facts, template = order.facts.by_id, rules.template
    return Draft(
        case_id=order.facts.case_id,
        template=template.name,
        template_version=template.version,
        title=template.title,
        headings={s.id: s.heading for s in template.sections},
        sections=fill_sections(sections, facts, len(passages)),
        fields=tuple(_fields(template, facts)),
        facts=order.facts,
        not_measured=tuple(_not_measured(template, facts, rules.wording)),
        citations=passages,
        authorship=written_by,
        made_utc=order.made_utc,
    )


def _fields(template: ReportTemplate, facts: Mapping[str, Fact]) -> Iterator[ReportField]:
    for field in template.fields:
        fact = facts.get(field.fact)
        yield ReportField(
            id=field.id,
            label=field.label,
            text=None if fact is None else fact.text,
            fact=field.fact,
            state="not-given" if fact is None else fact.state,
        )


def _not_measured(
    template: ReportTemplate, facts: Mapping[str, Fact], wording: ReportWording
) -> Iterator[NotMeasured]:
    """What the template asks for and has no value, each topic's reason once."""
    asked = facts_of_template(template)
    topics = {a.rpartition(".")[0] for a in asked}
    silent = [f for f in facts.values() if f.state != "value" and f.topic in topics]
    for fact in silent:
        if fact.why is not None and (fact.id in asked or fact.role == "value"):
            yield NotMeasured(topic=fact.topic, name=fact.name, why=fact.why)
    for fact_id in template.required:
        topic = fact_id.rpartition(".")[0]
        if f"{topic}.value" not in facts and not any(f.topic == topic for f in silent):
            yield NotMeasured(
                topic=topic, name=wording.topics[topic], why=saying(wording, "no_result")
            )
            return
