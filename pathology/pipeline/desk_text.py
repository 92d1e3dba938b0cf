"""The text of a report on the desk: from a draft, an edit, or decisions; checked each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pathology.errors import DraftRejected
from pathology.pipeline.report_settings import ReportRules
from pathology.records.case_review import ReportText, ReviewCase
from pathology.records.decision import OwnReading, OwnValue
from pathology.records.report import (
    Block,
    CaseFacts,
    Draft,
    Fact,
    Worded,
    WrittenSection,
    languages,
)
from pathology.records.settings.reports import ReportTemplate, SentencePattern
from pathology.reports.decided_facts import decided_facts, finding_key
from pathology.reports.draft import DraftOrder, DraftRules, make_draft
from pathology.reports.plain_text import authorship
from pathology.reports.verify.draft import check_draft
from pathology.reports.verify.prose import Ground, check_prose

PLAIN_TITLE = Worded(en="Pathology report with image analysis", zh="病理图像分析报告")
"""Of a site's own template that says no title for what is signed: its title may say "draft"."""
UNCHECKED = "the template of the draft is not at hand"


def text_of_draft(draft: Draft, rules: ReportRules) -> ReportText:
    """A draft as the desk's first text."""
    template = rules.templates.get(draft.template)
    title = None if template is None else template.signed_title
    text = ReportText(
        title=title or PLAIN_TITLE,
        headings=draft.headings,
        sections=draft.sections,
        fields=draft.fields,
        not_measured=draft.not_measured,
        limits=draft.limits,
        citations=draft.citations,
        authorship=authorship(draft).en,
        software=draft.facts.software,
        results=draft.facts.results,
        draft=draft,
    )
    return _checked(text, draft, rules)


def edited_text(
    text: ReportText, sections: Sequence[WrittenSection], rules: ReportRules
) -> ReportText:
    """The text with other sentences. Whatever the check finds is flagged and kept, not refused.

    What a physician writes is hers; she is shown what the facts do not say, and so is the reader
    of the signed report.
    """
    after = replace(text, sections=tuple(sections))
    if text.draft is None:
        return replace(after, flagged=(_unchecked(after),), tells=(), own=())
    return _checked(after, replace(text.draft, sections=after.sections), rules)


def decided_text(case: ReviewCase, rules: ReportRules, now_utc: datetime) -> ReportText | None:
    """The template's text for the facts as they were decided; None where there is no draft.

    Raises
    ------
    DraftRejected
        The template cannot tell these facts: the text has to be written by hand.
    """
    draft = _software_draft(case)
    if draft is None:
        return None
    return drafted_again(draft, decided_facts(draft.facts, case.decided), rules, now_utc)


def drafted_again(
    draft: Draft, facts: CaseFacts, rules: ReportRules, now_utc: datetime
) -> ReportText:
    """The text of a draft's template for other facts; DraftRejected where it cannot tell them."""
    template = rules.templates.get(draft.template)
    if template is None:
        raise DraftRejected(f"{UNCHECKED} ({draft.template}): write the text by hand")
    order = DraftOrder(facts=facts, made_utc=now_utc.isoformat(timespec="seconds"))
    told = _telling(template, [f for f in facts.facts if f.source.kind == "physician"])
    return text_of_draft(make_draft(order, _draft_rules(rules, told)), rules)


def _software_draft(case: ReviewCase) -> Draft | None:
    """The newest draft of results in force whose facts are all the software's own.

    Not the newest text: a decision taken back must find the AI's numbers again.
    """
    in_force = {r.result_id for r in case.results}
    for version in reversed(case.texts):
        draft = version.text.draft
        if draft is None or not set(draft.facts.results) <= in_force:
            continue
        if all(f.source.kind != "physician" for f in draft.facts.facts):
            return draft
    return None


def _telling(template: ReportTemplate, own: Sequence[Fact]) -> ReportTemplate:
    """The template with a plain sentence for each value of a physician.

    The template's own sentences tell it with the interval and counts of the AI's number, which it
    has not.
    """
    plain = {f.id: _plain_sentence(f) for f in own if f.state == "value"}
    sections = []
    for section in template.sections:
        groups = tuple(
            (*group, *(plain[i] for i in dict.fromkeys(group[0].facts) if i in plain))
            for group in section.sentences
        )
        sections.append(replace(section, sentences=groups))
    return replace(template, sections=tuple(sections))


def _plain_sentence(fact: Fact) -> SentencePattern:
    hole = f"{{{{{fact.id}}}}}"
    return SentencePattern(en=f"{fact.name.en}: {hole}.", zh=f"{fact.name.zh}：{hole}。")


def _draft_rules(rules: ReportRules, template: ReportTemplate) -> DraftRules:
    return DraftRules(
        settings=rules.settings,
        template=template,
        wording=rules.wording,
        vocabulary=rules.vocabulary,
    )


def _checked(text: ReportText, draft: Draft, rules: ReportRules) -> ReportText:
    """The text with what the check finds in it, and whose numbers its sentences tell."""
    template = rules.templates.get(draft.template)
    main_topic = "" if template is None else template.main_topic
    told = [f for f in _told(draft, main_topic, rules) if f.state == "value"]
    tells = [key for f in told if (key := finding_key(f)) is not None]
    return replace(
        text,
        flagged=_flagged(draft, template, rules),
        tells=tuple(dict.fromkeys(tells)),
        own=tuple(
            OwnReading(of=key, own=OwnValue(value=f.numbers[0], unit=f.unit))
            for f in told
            if (key := finding_key(f, "physician")) is not None
        ),
    )


def _told(draft: Draft, main_topic: str, rules: ReportRules) -> list[Fact]:
    """Facts that the sentences of either language tell."""
    ground = Ground(
        facts=draft.facts,
        words=rules.vocabulary,
        main_topic=main_topic,
        citations=draft.citations,
    )
    ids = {i for told in languages() for i in check_prose(draft.sections, ground, told).told}
    return [draft.facts.by_id[i] for i in sorted(ids)]


def _flagged(
    draft: Draft, template: ReportTemplate | None, rules: ReportRules
) -> tuple[Block, ...]:
    if template is None:
        return (Block(kind="template", where="both", span=draft.template, reason=UNCHECKED),)
    return check_draft(
        draft,
        template.required,
        rules.vocabulary,
        main_topic=template.main_topic,
        passages=draft.citations,
    )


def _unchecked(text: ReportText) -> Block:
    return Block(kind="draft", where="both", span=text.title.en, reason="no facts to check it by")
