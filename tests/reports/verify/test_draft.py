"""The check of a whole draft: what is missing, what was tampered with beside the prose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pathology.records.report import Draft, NotMeasured, Quotation, Worded, WrittenSection
from tests.reports.drafting import blocks_of, draft_of, drawn_case, facts_for
from tests.reports.erring_held_out import HELD_OUT
from tests.reports.erring_last import LAST
from tests.reports.erring_wide import WIDE
from tests.reports.erring_writer import DEVELOPMENT, correct, erring, is_wrong, patterns
from tests.reports.injections import attacked_case
from tests.reports.made_cases import dice, ki67_result

BOOKS = ("paraphrases", "paraphrases_second", "paraphrases_held_out")


@pytest.fixture(scope="module")
def draft() -> Draft:
    case, results = attacked_case()
    return draft_of(facts_for(case, results))


def kinds(draft: Draft, **passages: tuple[Quotation, ...]) -> set[str]:
    return {b.kind for b in blocks_of(draft, **passages)}


def test_a_required_fact_left_out_of_one_language_is_missed(draft: Draft) -> None:
    cut = tuple(replace(s, zh=()) if s.id == "ki67" else s for s in draft.sections)
    assert {"omission", "languages"} <= kinds(replace(draft, sections=cut))


def test_what_has_no_value_must_be_said_to_have_none() -> None:
    template, case, _ = drawn_case(dice(1), 3)
    automatic = facts_for(case, [ki67_result(dice(2), confirmed=False)])
    draft = draft_of(automatic, template=template)
    assert not blocks_of(draft)
    assert "omission" in kinds(replace(draft, not_measured=()))


def test_a_table_that_says_something_else_is_found(draft: Draft) -> None:
    wrong = tuple(
        replace(f, text=Worded(en="99.9 %", zh="99.9 %")) if f.id == "ki67" else f
        for f in draft.fields
    )
    assert "field" in kinds(replace(draft, fields=wrong))


def test_what_was_measured_is_not_said_to_be_missing(draft: Draft) -> None:
    name = Worded(en="Ki-67", zh="Ki-67")
    silence = NotMeasured(topic="ki67.global", name=name, why=name)
    assert "field" in kinds(replace(draft, not_measured=(silence,)))


def test_a_fact_worded_unlike_its_number_is_found(draft: Draft) -> None:
    facts = tuple(
        replace(f, text=Worded(en="52.2 %", zh="52.2 %")) if f.id == "ki67.global.value" else f
        for f in draft.facts.facts
    )
    assert "wording" in kinds(replace(draft, facts=replace(draft.facts, facts=facts)))


def test_quoted_words_must_stand_in_that_version(draft: Draft) -> None:
    said = "Ki-67 is told with the number of nuclei that were counted."
    passage = Quotation(text=f"Before. {said} After.", document="guide", version="2")
    cited = replace(draft, citations=(replace(passage, text=said),))
    assert not kinds(cited, passages=(passage,))
    assert "citation" in kinds(cited, passages=(replace(passage, version="1"),))
    invented = replace(passage, text="Ki-67 is never told.")
    assert "citation" in kinds(replace(draft, citations=(invented,)), passages=(passage,))


def test_a_citation_must_speak_of_what_its_sentence_names(draft: Draft) -> None:
    passage = Quotation(text="PR is read at low power.", document="guide", version="2")
    section = WrittenSection(
        id="ki67",
        en=("The Ki-67 index over the whole slide is 25.2 % [1].",),
        zh=("全切片 Ki-67 指数为 25.2 % [1]。",),
    )
    cited = replace(draft, sections=(section,), citations=(passage,))
    assert "citation" in kinds(cited, passages=(passage,))


@pytest.mark.parametrize("name", BOOKS)
def test_correct_drafts_in_many_words_pass(name: str) -> None:
    book = patterns(name)
    for seed in range(25):
        template, case, results = drawn_case(dice(seed), 0)
        facts = facts_for(case, results)
        writing = correct(dice(f"{name} {seed}"), facts, book)
        assert not is_wrong(writing)
        assert not blocks_of(replace(draft_of(facts), sections=writing.sections())), template


@pytest.mark.parametrize("kind", [*DEVELOPMENT, *HELD_OUT, *LAST, *WIDE])
def test_each_kind_of_error_is_caught(kind: str) -> None:
    table = {**DEVELOPMENT, **HELD_OUT, **LAST, **WIDE}
    made = 0
    for seed in range(12):
        _, case, results = drawn_case(dice(seed), 0)
        facts = facts_for(case, results)
        chosen = [(kind, table[kind])]
        writing = erring(dice(f"{kind} {seed}"), facts, patterns("paraphrases"), chosen, 1)
        if writing.errors:
            made += 1
            assert blocks_of(replace(draft_of(facts), sections=writing.sections()))
        if made == 3:
            break
    assert made
