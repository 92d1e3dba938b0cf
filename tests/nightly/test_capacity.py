"""What slides cost; every number from a measured stage, a site's past, or the caller."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.nightly.capacity import (
    core_seconds,
    expected_of,
    needed,
    shipped_cost,
    site_areas,
    site_costs,
    throughput,
)
from pathology.nightly.settings import load_costs, load_nightly
from pathology.records.capacity import Capacity, Question
from pathology.records.work import Attempt, Outcome
from tests.nightly.worklists import NOON, item

COSTS, STORAGE = load_costs(), load_nightly().storage
ONE = Capacity(workers=1, cores=1)
GUIDES = Path(__file__).parents[2] / "docs"
NIGHT = Question(hours=8, mm2_a_slide=100, mix={"ki67": 0.5, "infiltration": 0.5})


def attempt(number: int, area: float, seconds: float, **changes) -> Attempt:
    given = {"kind": "done", "tissue_mm2": area, "stage_s": {"tiles": seconds}, "scanner": "S"}
    outcome = Outcome(**{**given, **changes})
    return Attempt(item_id=number, number=1, owner="n", started_utc=NOON, outcome=outcome)


def test_the_shipped_stages_add_up_to_the_processor_time_that_was_measured() -> None:
    """docs/benchmarks/gpu.md: 66.5 s for 3.7 mm², 81.6 s for 6.8 mm²; Python's start is not in."""
    for analysis, area, measured in (("ki67", 3.7, 66.5), ("infiltration", 6.8, 81.6)):
        slide, mm2 = core_seconds(COSTS, analysis, with_gpu=False)
        assert 0.8 * measured < slide + mm2 * area <= measured
        assert all(len(stage.source) > 10 for stage in COSTS.stages)


def test_two_cores_halve_a_slides_time_and_more_are_not_believed() -> None:
    one, two, eight = (
        shipped_cost(COSTS, "ki67", Capacity(workers=1, cores=n)).seconds(50) for n in (1, 2, 8)
    )
    assert two == pytest.approx(one / 2)
    assert eight == two


def test_a_card_counts_by_the_callers_number_only_and_says_so() -> None:
    with pytest.raises(ValueError, match="no GPU was ever measured"):
        Capacity(workers=1, cores=1, cards=1)
    card = Capacity(workers=1, cores=1, cards=1, gpu_s_per_mm2=0.5)
    slide, mm2 = core_seconds(COSTS, "ki67", with_gpu=True)
    cost = shipped_cost(COSTS, "ki67", card)
    assert cost.seconds(100) == pytest.approx(slide + 100 * (mm2 + 0.5))
    assert "caller" in cost.source
    crowd = shipped_cost(COSTS, "ki67", replace(card, workers=20, cores=40))
    assert crowd.s_per_mm2 == pytest.approx(0.5 * 20)  # twenty wait for one card


def test_a_sites_own_past_takes_the_place_of_shipped_costs_once_there_is_enough() -> None:
    past = [attempt(n, 10 + n, 20 + 3 * (10 + n)) for n in range(40)]
    analyses = dict.fromkeys(range(40), "ki67")
    cost = site_costs(COSTS, ONE, past, analyses)["ki67"]
    assert (cost.s_per_slide, cost.s_per_mm2) == pytest.approx((20, 3))
    assert (cost.low, cost.high) == pytest.approx((1, 1))
    assert "40 slides" in cost.source
    few = site_costs(COSTS, ONE, past[:29], analyses)
    assert few["ki67"] == shipped_cost(COSTS, "ki67", ONE)
    others = [attempt(n, 5, 9, kind="refused") for n in range(40)]
    assert site_costs(COSTS, ONE, others, analyses) == site_costs(COSTS, ONE)


@given(
    past=st.lists(st.tuples(st.floats(0.1, 500), st.floats(0.1, 10_000)), min_size=30, max_size=60)
)
def test_no_past_makes_costs_negative_or_the_spread_inside_out(past) -> None:
    attempts = [attempt(n, area, seconds) for n, (area, seconds) in enumerate(past)]
    cost = site_costs(COSTS, ONE, attempts, dict.fromkeys(range(60), "ki67"))["ki67"]
    assert cost.s_per_slide >= 0
    assert cost.s_per_mm2 >= 0
    assert 0 <= cost.low <= cost.high


def test_an_area_never_read_is_the_scanners_usual_one_with_its_spread() -> None:
    past = [attempt(n, float(n), 9, scanner="A" if n < 50 else "B") for n in range(1, 101)]
    areas = site_areas(COSTS, past, dict.fromkeys(range(101), "ki67"))
    assert areas["A", "ki67"].typical_mm2 == pytest.approx(25)
    assert areas[None, "ki67"].typical_mm2 == pytest.approx(50.5)
    assert "assumption" in areas[None, "infiltration"].source
    costs = site_costs(COSTS, ONE)
    unread, read, known = (
        item(1),
        item(2, last=Outcome(kind="transient", scanner="A")),
        item(3, last=Outcome(kind="transient", tissue_mm2=7.0)),
    )
    told = expected_of([unread, read, known], costs, areas, STORAGE)
    assert told[1].low_s < told[1].seconds < told[1].high_s
    assert told[2].seconds < told[1].seconds
    assert told[3].low_s == told[3].seconds == told[3].high_s == costs["ki67"].seconds(7)
    assert told[3].gib == pytest.approx((2 + 7) / 1024)


def test_a_county_hospitals_single_pc() -> None:
    """Four cores, no GPU, 100 mm² a slide: some 25 to 30 minutes of a core for each."""
    told = throughput(NIGHT, Capacity(workers=4, cores=4), COSTS)
    slide, mm2 = zip(*(core_seconds(COSTS, a, with_gpu=False) for a in NIGHT.mix), strict=True)
    core_s = sum(slide) / 2 + sum(mm2) / 2 * 100
    assert told.slides == 4 * int(8 * 3600 // core_s)
    assert told.limit == "processor"
    assert "gpu" not in told.by_limit
    slow = throughput(NIGHT, Capacity(workers=4, cores=4, storage_mb_s=0.1), COSTS)
    assert (slow.limit, slow.slides) == ("storage", int(8 * 3600 * 0.1 / 530))


@given(slides=st.integers(1, 30_000), hours=st.sampled_from([8.0, 24.0]), area=st.floats(1, 250))
def test_what_is_needed_is_enough_and_one_core_less_is_not(slides, hours, area) -> None:
    asked = replace(NIGHT, hours=hours, mm2_a_slide=area)
    told = needed(slides, asked, COSTS, STORAGE, worker_gib=2.5)
    assert throughput(asked, Capacity(workers=told.cores, cores=told.cores), COSTS).slides >= slides
    if told.cores > 1:
        less = Capacity(workers=told.cores - 1, cores=told.cores - 1)
        assert throughput(asked, less, COSTS).slides < slides
    assert told.cards is None
    assert "not measured" in told.sources["gpu"]


def test_cards_are_reckoned_from_the_callers_number() -> None:
    told = needed(3000, NIGHT, COSTS, STORAGE, worker_gib=2.5, gpu_s_per_mm2=0.2)
    assert told.cards == 3  # 3,000 x 20 s in 28,800 s
    with pytest.raises(ValueError, match="longer than these hours"):
        needed(1, replace(NIGHT, hours=0.1), COSTS, STORAGE, worker_gib=2.5)


@pytest.mark.parametrize(
    "wrong", [{"hours": 0}, {"mm2_a_slide": float("inf")}, {"mix": {}}, {"mix": {"ki67": 0.5}}]
)
def test_questions_that_mean_nothing_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="must"):
        replace(NIGHT, **wrong)


def test_one_month_is_what_the_costs_learn_from() -> None:
    assert timedelta(days=COSTS.learn_days) == timedelta(days=30)


def test_the_guides_tables_are_what_the_costs_give() -> None:
    rows = []
    for slides in (3_000, 30_000):
        for hours in (24, 8):
            cells = [f"{slides:,}", f"{hours}"]
            for area in (15, 100):
                asked = replace(NIGHT, hours=hours, mm2_a_slide=area)
                told = needed(slides, asked, COSTS, STORAGE, worker_gib=2.5)
                cells.append(f"{told.cores:,} cores, {told.storage_mb_s:.0f} MB/s")
            rows.append(f"| {' | '.join(cells)} |")
    four = [
        throughput(replace(NIGHT, mm2_a_slide=a), Capacity(workers=4, cores=4), COSTS).slides
        for a in (15, 100, 150)
    ]
    pc = "{} slides of 15 mm², {} of 100 mm², {} of 150 mm²".format(*four)
    english = (GUIDES / "guide-operator.md").read_text(encoding="utf-8")
    chinese = (GUIDES / "guide-operator.zh.md").read_text(encoding="utf-8")
    for row in rows:
        assert row in english
        assert row.replace(" cores, ", " 核,") in chinese
    assert pc in english
    assert "15 mm² {} 张,100 mm² {} 张,150 mm² {} 张".format(*four) in chinese
