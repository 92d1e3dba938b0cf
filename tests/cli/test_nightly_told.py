"""Plans and answers in words and as JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from pathology.cli.nightly_told import (
    TOLD,
    WORDS,
    told_plan,
    told_problems,
    told_what_if,
    what_if_json,
)
from pathology.nightly.capacity import needed, throughput
from pathology.nightly.plan import plan
from pathology.nightly.plan_document import plan_document
from pathology.nightly.settings import load_costs, load_nightly
from pathology.records.capacity import Capacity, Question
from pathology.records.incoming import IntakeProblem
from tests.nightly.worklists import NOON, item, policy, takes

HOUR = timedelta(hours=1)
WORK = [
    item(1, deadline_utc=NOON + HOUR / 2),
    item(2),
    item(3, held="identity-disagrees"),
    *(item(n) for n in range(4, 30)),
]
EXPECTED = {1: takes(3600), **{n: takes(99_999) for n in range(2, 30)}}
PLAN = plan(
    WORK, NOON, policy(ends_utc=NOON + 9 * HOUR), Capacity(workers=1, cores=2), EXPECTED,
    {"stages": "docs/benchmarks/gpu.md"},
)  # fmt: skip
ASKED = Question(hours=8, mm2_a_slide=100, mix={"ki67": 0.5, "infiltration": 0.5})
ANSWERS = [
    throughput(ASKED, Capacity(workers=4, cores=4), load_costs()),
    needed(3000, ASKED, load_costs(), load_nightly().storage, worker_gib=2.5),
]


def test_a_plan_says_when_it_ends_what_is_late_and_what_waits() -> None:
    told = told_plan(PLAN, "en", ZoneInfo("Asia/Shanghai"))
    assert "2030-03-01 20:00 to 2030-03-02 05:00" in told
    assert "1 slides run; the last ends about 2030-03-01 21:00" in told
    assert "1 will miss their deadline: P1" in told
    assert "27 would end after the night and wait: P2, " in told
    assert "and 7 more" in told
    assert "1 are held: a person must decide: P3" in told
    assert "docs/benchmarks/gpu.md" in told
    assert "/s/" not in told


def test_a_plan_in_chinese_has_the_same_numbers() -> None:
    told = told_plan(PLAN, "zh", ZoneInfo("Asia/Shanghai"))
    assert "将运行 1 张" in told
    assert "27 将超出夜班时间" in told


def test_a_plan_is_json_with_a_schema_and_no_path() -> None:
    told = json.loads(json.dumps(plan_document(PLAN), allow_nan=False))
    assert told["schema"] == "pathology.night-plan/1"
    assert told["counts"] == {"late": 1, "not-tonight": 27, "held": 1}
    assert told["slides"][0]["ends_utc"]["expected"] == "2030-03-01T13:00:00+00:00"
    assert "/s/" not in json.dumps(told)
    empty = plan([], NOON, policy(), Capacity(workers=1, cores=1), {}, {})
    assert json.dumps(plan_document(empty))
    assert "No slide runs." in told_plan(empty, "en", ZoneInfo("UTC"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_answers_name_what_was_not_measured(language) -> None:
    told = told_what_if(ANSWERS, language)
    assert "--gpu-s-per-mm2" in told
    assert str(ANSWERS[1].cores) in told
    assert "gpu.md" in told
    as_json = json.loads(json.dumps(what_if_json(ANSWERS), allow_nan=False))
    assert as_json["answers"][1]["cards"] is None
    assert as_json["answers"][0]["slides"] == ANSWERS[0].slides


def test_a_thousand_problems_of_one_kind_are_one_line() -> None:
    many = [IntakeProblem(place=n, code="row-repeated", facts={"first": 2}) for n in range(3, 1003)]
    told = told_problems([*many, IntakeProblem(place=0, code="not-text")], "en")
    assert len(told) == 2
    assert told[0].startswith("row-repeated: 1000 times, first at 3.")


def test_every_sentence_has_both_languages_and_every_verdict_a_word() -> None:
    assert all(en and zh and en != zh for en, zh in WORDS.values())
    assert set(TOLD) <= WORDS.keys()
