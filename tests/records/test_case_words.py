from __future__ import annotations

from typing import get_args

import pytest

from pathology.errors import CaseRefused
from pathology.records.case_words import LANGUAGES, SPOKEN, case_worded
from pathology.records.report_state import ReportEvent, ReportState
from pathology.records.result import Analysis


@pytest.mark.parametrize(
    "name", [*get_args(ReportState), *get_args(ReportEvent), *get_args(Analysis)]
)
def test_every_name_that_a_refusal_may_tell_has_words(name: str) -> None:
    for language in LANGUAGES:
        assert SPOKEN[name][language] != name


def test_a_refusal_is_said_in_the_readers_words() -> None:
    refused = CaseRefused("C1", "wrong-state", {"state": "AI_DRAFT", "event": "sign"})
    assert refused.text("en").startswith("the report is an AI draft: signing it is not possible.")
    assert refused.text("zh").startswith("报告状态为「AI 草稿」,不能签发.")


def test_lists_of_findings_and_overlays_are_said_part_by_part() -> None:
    names = {"ki67.global": {"en": "Ki-67 index", "zh": "Ki-67 指数"}}
    facts = {"count": "3", "findings": "ki67.global, site.own, ..."}
    said = case_worded("undecided", facts, "zh", names).problem
    assert "(Ki-67 指数, site.own, ...)" in said
    facts = {"count": "2", "overlays": "ki67: regions, ki67: map:ki67_density"}
    said = case_worded("unseen", facts, "zh").problem
    assert "(Ki-67: 区域, Ki-67: 阳性细胞核密度图)" in said


def test_what_a_person_wrote_is_never_put_into_other_words() -> None:
    told = case_worded("changed", {"who": "dr.sign", "when": "12:00"}, "zh").problem
    assert "dr.sign" in told
