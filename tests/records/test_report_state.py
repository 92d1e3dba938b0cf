"""The table of a report's states, and the wording of every refusal of the desk."""

from __future__ import annotations

import string
from typing import get_args

import pytest

from pathology.records.case_reasons import CASE_REASONS
from pathology.records.report_state import (
    IN_FORCE,
    NEXT,
    OPEN,
    ReportEvent,
    ReportState,
    next_state,
)

STATES = get_args(ReportState)
EVENTS = get_args(ReportEvent)


def test_every_state_can_be_reached_and_every_event_is_used() -> None:
    reached = {"AI_DRAFT"}
    while new := {after for (state, _), after in NEXT.items() if state in reached} - reached:
        reached |= new
    assert reached == set(STATES)
    assert {event for _, event in NEXT} == set(EVENTS)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_a_signature_comes_from_a_case_that_persons_work_on(
    state: ReportState, event: ReportEvent
) -> None:
    after = next_state(state, event)
    if after in IN_FORCE:
        assert event in ("sign", "amend", "drop-to-signed", "drop-to-amended")
        assert state in OPEN
    if state in IN_FORCE:
        assert (after is not None) == (event == "reopen")


def test_every_refusal_reads_in_both_languages_with_the_same_facts() -> None:
    for code, reason in CASE_REASONS.items():
        for part in ("problem", "remedy"):
            en, zh = getattr(reason.en, part), getattr(reason.zh, part)
            assert holes(en) == holes(zh), code
            assert any("\u4e00" <= c <= "\u9fff" for c in zh), code
            assert zh.endswith("。") == (part == "remedy"), code


def holes(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
