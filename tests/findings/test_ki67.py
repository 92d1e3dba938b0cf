"""The labelling index: counted, bounded, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.findings.ki67 import TumourCounts, ambiguous_range, global_index, ki67_global
from pathology.records.finding import NotMeasurable, Proportion
from pathology.records.settings.findings import GlobalCount

RULE = GlobalCount(source="test", minimum=100, limited_below=400)


def counts(positive, negative, ambiguous=0):
    return TumourCounts(positive=positive, negative=negative, ambiguous=ambiguous, exclusions={})


def test_a_fifth_of_six_hundred_is_a_fifth():
    answer = global_index(counts(120, 480), RULE)
    assert isinstance(answer, Proportion)
    assert (answer.value, answer.part, answer.whole) == (0.2, 120, 600)


def test_ninety_nine_nuclei_are_no_number():
    answer = global_index(counts(50, 49), RULE)
    assert answer == NotMeasurable(
        code="too-few-nuclei", reason="99 tumour nuclei, fewer than the 100 required"
    )


@pytest.mark.parametrize(("nuclei", "flagged"), [(100, True), (399, True), (400, False)])
def test_a_number_on_few_nuclei_says_so(nuclei, flagged):
    finding = ki67_global(counts(10, nuclei - 10), RULE)
    assert any("limited count" in c for c in finding.caveats) == flagged


def test_an_earlier_refusal_stands_before_any_count():
    damage = NotMeasurable(code="damaged", reason="too much is unreadable")
    finding = ki67_global(counts(500, 500), RULE, refused=damage)
    assert finding.answer is damage
    assert finding.ambiguous_range is None


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000))
def test_ambiguous_nuclei_widen_the_range_and_never_leave_it(positive, negative, ambiguous):
    tally = counts(positive, negative, ambiguous)
    span = ambiguous_range(tally)
    if positive + negative + ambiguous == 0:
        assert span is None
        return
    low, high = span
    assert 0 <= low <= high <= 1
    if positive + negative:
        assert low <= positive / (positive + negative) <= high
