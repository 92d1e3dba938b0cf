"""Drafts for tests and gates: cases, their facts, and drafts whose prose somebody else wrote."""

from __future__ import annotations

import random
from dataclasses import replace

from pathology.pipeline.report_settings import load_report_rules
from pathology.records.case_data import CaseData
from pathology.records.report import Block, CaseFacts, Draft, Quotation, WrittenSection
from pathology.records.result import StoredResult
from pathology.reports.draft import DraftOrder, DraftRules, make_draft
from pathology.reports.facts import FactRules, case_facts
from pathology.reports.verify.draft import check_draft
from tests.reports.made_cases import breast_case, ki67_result, net_case, til_result

MADE = "2030-01-31T14:00:00+00:00"


def rules_for(template: str) -> DraftRules:
    rules = load_report_rules()
    return DraftRules(
        settings=rules.settings,
        template=rules.templates[template],
        wording=rules.wording,
        vocabulary=rules.vocabulary,
    )


def facts_for(case: CaseData, results: list[StoredResult]) -> CaseFacts:
    rules = load_report_rules()
    return case_facts(
        case,
        results,
        FactRules(
            wording=rules.wording,
            rounding=rules.settings.rounding,
            combined=rules.settings.combined,
        ),
    )


def breast_facts(rng: random.Random, *, complete: bool = False) -> CaseFacts:
    """Ki-67 and infiltration of a breast cancer."""
    case = breast_case(rng, complete=complete)
    return facts_for(case, [ki67_result(rng), til_result(rng)])


def drawn_case(rng: random.Random, kind: int) -> tuple[str, CaseData, list[StoredResult]]:
    """One of the kinds of case that a laboratory sends: template, case, results."""
    confirmed = rng.random() < 0.7
    if kind % 4 == 0:
        case = breast_case(rng)
        return "breast-ki67", case, [ki67_result(rng, confirmed=confirmed), til_result(rng)]
    if kind % 4 == 1:
        return "breast-til", breast_case(rng), [til_result(rng, confirmed=confirmed)]
    if kind % 4 == 2:
        case = net_case(rng)
        result = ki67_result(rng, confirmed=confirmed, organ="pancreas")
        return "neuroendocrine", case, [result]
    return "breast-ki67", breast_case(rng), [ki67_result(rng, confirmed=confirmed)]


def draft_of(
    facts: CaseFacts,
    sections: tuple[WrittenSection, ...] | None = None,
    template: str = "breast-ki67",
    citations: tuple[Quotation, ...] = (),
) -> Draft:
    """The template's draft, with other prose where some is given."""
    draft = make_draft(DraftOrder(facts=facts, made_utc=MADE), rules_for(template))
    if sections is None:
        return draft
    return replace(draft, sections=sections, citations=citations)


def blocks_of(draft: Draft, passages: tuple[Quotation, ...] = ()) -> tuple[Block, ...]:
    rules = rules_for(draft.template)
    return check_draft(
        draft,
        rules.template.required,
        rules.vocabulary,
        main_topic=rules.template.main_topic,
        passages=passages,
    )
