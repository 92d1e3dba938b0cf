"""The labelling index by five protocols: counted, bounded, explained, or refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.findings import ki67
from pathology.findings.ki67 import (
    NO_HOT_SPOT,
    ambiguous_range,
    ki67_findings,
    marker_findings,
)
from pathology.findings.ki67_hotspot import hot_spot
from pathology.findings.ki67_questions import QUESTIONS
from pathology.records.finding import (
    NotMeasurable,
    Proportion,
    WeightedProportion,
)
from tests.findings.painted_nuclei import RULES, called, seen, spread


def by_name(answer):
    return {f.name: f for f in answer.findings}


def counted(positive, negative, **more):
    """Nuclei on a line, as many of each call as asked for."""
    n = positive + negative
    places = np.stack([np.arange(n) * 10.0, np.full(n, 5.0)], axis=1)
    nuclei = called(places, (np.arange(n) < positive).astype(float))
    return seen(nuclei, 10.0 * n + 10, **more)


@pytest.fixture(scope="module")
def striped():
    """4 x 4 mm: a fifth of the tumour at 40 %, the rest at 10 %."""
    places = spread(4000)
    nuclei = called(places, np.where(places[:, 0] < 800, 0.4, 0.1))
    return ki67_findings(seen(nuclei, 4000), RULES), nuclei


def test_the_findings_are_those_of_the_contract(striped):
    answer, _ = striped
    assert [f.name for f in answer.findings] == [q.name for q in QUESTIONS]
    assert {f.protocol for f in answer.findings} == {
        "WSI_GLOBAL",
        "IKWG_GLOBAL_UNWEIGHTED",
        "IKWG_GLOBAL_WEIGHTED",
        "IKWG_HOTSPOT",
        "NET_HOTSPOT",
    }
    assert not any(isinstance(f.answer, NotMeasurable) for f in answer.findings)


def test_the_global_index_counts_every_nucleus(striped):
    answer, nuclei = striped
    share = by_name(answer)["ki67.global"].answer
    assert (share.part, share.whole) == (nuclei.positive.sum(), len(nuclei))
    assert share.value == pytest.approx(0.8 * 0.1 + 0.2 * 0.4, abs=0.01)
    assert share.interval == "wilson-95"


def test_four_fields_of_a_hundred_show_the_whole_range(striped):
    answer, _ = striped
    finding = by_name(answer)["ki67.global_unweighted"]
    assert [f.whole for f in finding.fields] == [100] * 4
    assert finding.answer.whole == 400
    assert finding.regions == ("field-1", "field-2", "field-3", "field-4")
    shares = [f.part / f.whole for f in finding.fields]
    assert min(shares) < 0.15
    assert max(shares) > 0.3


def test_weights_give_each_level_the_part_that_it_covers(striped):
    answer, nuclei = striped
    weighted = by_name(answer)["ki67.global_weighted"]
    assert isinstance(weighted.answer, WeightedProportion)
    assert sum(f.weight for f in weighted.fields) == pytest.approx(1)
    unweighted = by_name(answer)["ki67.global_unweighted"].answer.value
    truth = nuclei.share
    assert abs(weighted.answer.value - truth) < abs(unweighted - truth)
    assert weighted.answer.low < truth < weighted.answer.high


def test_the_hot_spot_lies_where_labelling_is_high(striped):
    answer, _ = striped
    finding = by_name(answer)["ki67.hotspot"]
    window = next(w for w in answer.hot_spots if w.region == "hotspot")
    assert window.centre_um[0] < 800
    assert finding.answer.whole == 500
    assert finding.search.beyond_chance
    assert finding.search.windows > 100
    assert finding.answer.value > finding.search.expected_by_chance
    assert any("chance alone" in c for c in finding.caveats)


@pytest.mark.parametrize(("times", "moves"), [(0.5, False), (2, True)])
def test_a_hot_spot_is_not_searched_in_a_lymphoid_aggregate(times, moves):
    """Six in ten are positive where lymphocytes crowd, three in ten in another corner."""
    places = spread(4000, seed=11)
    crowd, other = (np.hypot(*(places - at).T) < 500 for at in ((1000, 1000), (3000, 3000)))
    nuclei = called(places, np.where(crowd, 0.6, np.where(other, 0.3, 0.05)))
    rng = np.random.default_rng(12)
    number = round(times * crowd.sum())
    crowding = rng.uniform(400, 1600, (2 * number, 2))
    crowding = crowding[np.hypot(*(crowding - 1000).T) < 600]
    answer = ki67_findings(seen(replace(nuclei, lymphocyte_um=crowding), 4000), RULES)
    window = next(w for w in answer.hot_spots if w.region == "hotspot")
    wanted = (3000, 3000) if moves else (1000, 1000)
    assert np.hypot(*np.subtract(window.centre_um, wanted)) < 500


def test_where_nothing_differs_the_hot_spot_is_chance():
    nuclei = called(spread(4000, seed=5), 0.15, seed=6)
    finding = by_name(ki67_findings(seen(nuclei, 4000), RULES))["ki67.hotspot"]
    assert finding.answer.value > nuclei.share  # the search alone lifts it
    assert not finding.search.beyond_chance
    assert NO_HOT_SPOT in finding.caveats


def test_the_same_nuclei_give_the_same_findings_in_any_order(striped):
    answer, nuclei = striped
    order = np.random.default_rng(3).permutation(len(nuclei))
    shuffled = replace(nuclei, centre_um=nuclei.centre_um[order], positive=nuclei.positive[order])
    again = ki67_findings(seen(shuffled, 4000), RULES)
    assert [w.centre_um for w in again.fields] == [w.centre_um for w in answer.fields]
    for one, other in zip(answer.findings, again.findings, strict=True):
        assert one.answer == other.answer


def test_a_field_that_a_person_moves_takes_its_score_along(striped):
    answer, nuclei = striped
    place = (3500.0, 3500.0)
    moved = ki67_findings(seen(nuclei, 4000, moved_um={"field-1": place}), RULES)
    near = np.argsort(np.hypot(*(nuclei.centre_um - place).T))[:100]
    field = by_name(moved)["ki67.global_unweighted"].fields[0]
    assert moved.fields[0].centre_um == place
    assert field.part == nuclei.positive[near].sum()
    assert moved.fields[1:] == answer.fields[1:]


def test_fields_that_a_person_places_count_where_none_was_found():
    """Nuclei in a cross: too few squares hold a hundred, and a person sees four places."""
    arm = spread(2000, seed=4)
    places = arm[(np.abs(arm[:, 0] - 1000) < 60) | (np.abs(arm[:, 1] - 1000) < 60)]
    nuclei = called(places, 0.3)
    few = by_name(ki67_findings(seen(nuclei, 2000), RULES))["ki67.global_unweighted"]
    assert few.answer.code == "too-few-fields"
    ends = ((200.0, 1000.0), (1800.0, 1000.0), (1000.0, 200.0), (1000.0, 1800.0))
    rules = replace(RULES, fields=replace(RULES.fields, most_mm2=0.5))
    moved = {f"field-{i}": place for i, place in enumerate(ends, start=1)}
    answer = ki67_findings(seen(nuclei, 2000, moved_um=moved), rules)
    assert tuple(w.centre_um for w in answer.fields) == ends
    weighted = by_name(answer)["ki67.global_weighted"]
    assert [f.weight for f in weighted.fields] == pytest.approx([0.25] * 4)


def test_one_field_is_too_few_and_is_told_in_the_singular():
    finding = by_name(ki67_findings(seen(called(spread(300), 0.2), 300), RULES))
    reason = finding["ki67.global_unweighted"].answer.reason
    assert reason.startswith("1 field of 100 tumour nuclei")


def test_rules_that_are_alike_are_searched_by_once(monkeypatch, striped):
    _, nuclei = striped
    searched = []

    def counting(region, *given):
        searched.append(region)
        return hot_spot(region, *given)

    monkeypatch.setattr(ki67, "hot_spot", counting)
    answer = ki67_findings(seen(nuclei, 4000), RULES)
    assert searched == ["hotspot"]
    assert [w.region for w in answer.hot_spots] == ["hotspot", "net-hotspot"]
    other = replace(RULES, net_hotspot=replace(RULES.net_hotspot, nuclei=600))
    answer = ki67_findings(seen(nuclei, 4000), other)
    assert searched == ["hotspot", "hotspot", "net-hotspot"]
    assert by_name(answer)["ki67.net_hotspot"].answer.whole == 600


def test_a_hot_spot_that_a_person_places_was_not_searched(striped):
    _, nuclei = striped
    moved = seen(nuclei, 4000, moved_um={"hotspot": (2000.0, 2000.0)})
    finding = by_name(ki67_findings(moved, RULES))["ki67.hotspot"]
    assert finding.search is None
    assert finding.answer.value == pytest.approx(0.1, abs=0.05)
    assert any("placed by a person" in c for c in finding.caveats)


def test_clustering_widens_the_interval(striped):
    answer, _ = striped
    finding = by_name(answer)["ki67.global"]
    assert finding.clustered.interval == "block-bootstrap-95"
    assert finding.clustered.blocks == 64
    wilson = finding.answer.high - finding.answer.low
    assert finding.clustered.high - finding.clustered.low > 3 * wilson
    fields = by_name(answer)["ki67.global_unweighted"]
    assert fields.clustered.high - fields.clustered.low > fields.answer.high - fields.answer.low


def test_few_blocks_say_that_clustering_is_not_known():
    finding = ki67_findings(counted(120, 480), RULES).findings[0]
    nuclei = called(spread(1000), 0.2)
    small = ki67_findings(seen(nuclei, 1000), RULES).findings[0]
    assert finding.clustered is not None  # a line of 6 mm has 12 blocks
    assert small.clustered is None
    assert any("clustering" in c for c in small.caveats)


def test_a_fifth_of_six_hundred_is_a_fifth():
    answer = ki67_findings(counted(120, 480), RULES).findings[0].answer
    assert isinstance(answer, Proportion)
    assert (answer.value, answer.part, answer.whole) == (0.2, 120, 600)


def test_ninety_nine_nuclei_are_no_number_by_any_protocol():
    findings = ki67_findings(counted(50, 49), RULES).findings
    assert {f.answer.code for f in findings} == {"too-few-nuclei", "too-few-fields"}
    assert findings[0].answer.reason == "99 tumour nuclei, fewer than the 100 required"
    assert findings[3].answer.reason.startswith("99 tumour nuclei, fewer than the 500")


@pytest.mark.parametrize(("nuclei", "flagged"), [(100, True), (399, True), (400, False)])
def test_a_number_on_few_nuclei_says_so(nuclei, flagged):
    finding = ki67_findings(counted(10, nuclei - 10), RULES).findings[0]
    assert any("limited count" in c for c in finding.caveats) == flagged


def test_an_earlier_refusal_stands_before_any_count():
    damage = NotMeasurable(code="damaged", reason="too much is unreadable")
    answer = ki67_findings(counted(500, 500, refused=damage), RULES)
    assert all(f.answer is damage for f in answer.findings)
    assert len(answer.findings) == 5
    assert not answer.fields


def test_another_marker_has_no_ki67_index_and_one_of_its_own():
    wrong = NotMeasurable(code="marker-not-ki67", reason="the marker is FHL2, not Ki-67")
    index, own = marker_findings(counted(120, 480), wrong, RULES).findings
    assert (index.name, index.answer) == ("ki67.global", wrong)
    assert (own.name, own.answer.value) == ("labelling_index.global", 0.2)
    assert own.category is None  # the cut-offs are Ki-67's


def test_a_category_needs_a_person():
    assert ki67_findings(counted(200, 300), RULES).findings[0].category.name == "high"
    automatic = ki67_findings(counted(200, 300, confirmed=False), RULES)
    assert all(f.category is None for f in automatic.findings)


def test_a_net_is_graded_by_its_hot_spot():
    nuclei = called(spread(3000), 0.25)
    finding = by_name(ki67_findings(seen(nuclei, 3000), RULES))["ki67.net_hotspot"]
    assert finding.category.rule == "WHO 2019, neuroendocrine tumours"
    assert finding.category.name == "G3"


def test_every_finding_names_models_and_exclusions():
    told = {"models": ("nuclei-1 abc",), "exclusions": {"lymphocyte": 3}, "caveats": ("careful",)}
    for finding in ki67_findings(counted(120, 480, **told), RULES).findings:
        assert finding.models == ("nuclei-1 abc",)
        assert finding.exclusions == {"lymphocyte": 3}
        assert finding.caveats[0] == "careful"


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000))
def test_ambiguous_nuclei_widen_the_range_and_never_leave_it(positive, negative, ambiguous):
    span = ambiguous_range(positive, positive + negative, ambiguous)
    if positive + negative + ambiguous == 0:
        assert span is None
        return
    low, high = span
    assert 0 <= low <= high <= 1
    if positive + negative:
        assert low <= positive / (positive + negative) <= high
