from __future__ import annotations

from dataclasses import replace

import pytest

from pathology.errors import UsageError
from pathology.findings import infiltration, interval, ki67
from pathology.pipeline import conclude
from pathology.pipeline.report_settings import load_report_rules
from pathology.records.case_data import CaseData, Her2, Receptor, Specimen
from pathology.records.finding import Category, Finding, NotMeasurable
from pathology.records.report import CaseFacts, Fact
from pathology.records.result import StoredResult
from pathology.reports.retell import retold
from tests.reports.drafting import facts_for
from tests.reports.made_cases import IKWG, WHO, share_finding, stored

CASE = CaseData(
    case_id="case-1",
    specimen=Specimen(organ="breast"),
    er=Receptor(percent=90.0, status="positive"),
    pr=Receptor(percent=60.0, status="positive"),
    her2=Her2(score="1+", status="negative"),
)


def ki67_of(part: int, whole: int, *, source: str = "confirmed", **change: object) -> StoredResult:
    finding = share_finding("f1", "ki67.global", "WSI_GLOBAL", part, whole, **change)
    return stored("ki67", (finding,), tumour_region_source=source)


def facts(case: CaseData, *results: StoredResult) -> CaseFacts:
    return facts_for(case, list(results))


def fact(case: CaseData, fact_id: str, *results: StoredResult) -> Fact:
    return facts(case, *results).by_id[fact_id]


def test_an_index_is_worded_once_with_its_interval_and_counts() -> None:
    known = facts(CASE, ki67_of(100, 500)).by_id
    assert known["ki67.global.value"].text.en == "20.0 %"
    assert known["ki67.global.interval"].text.en == "95 % CI 16.7–23.7 %"
    assert known["ki67.global.interval"].text.zh == "95 % 置信区间 16.7–23.7 %"
    assert known["ki67.global.positive"].text.zh == "100"
    source = known["ki67.global.value"].source
    assert (source.kind, source.name) == ("finding", "f1 WSI_GLOBAL")
    assert source.slide_id


def test_an_automatic_region_gives_no_category_and_says_why() -> None:
    category = fact(CASE, "ki67.global.category", ki67_of(100, 500, source="automatic"))
    assert category.state == "refused"
    assert "automatic" in category.why.en
    assert "自动" in category.why.zh


def test_a_borderline_category_says_so_in_its_word_and_in_the_limits() -> None:
    near = Category(rule=IKWG, name="high", borderline=True)
    known = facts(CASE, ki67_of(155, 500, category=near))
    assert known.by_id["ki67.global.category"].text.en == "high, borderline"
    assert any("borderline" in limit.en for limit in known.limits)


def test_a_category_of_a_sites_own_is_told_in_its_own_words() -> None:
    own = Category(rule="House 2030", name="quick")
    assert fact(CASE, "ki67.global.category", ki67_of(155, 500, category=own)).text.zh == "quick"


def test_what_is_not_measurable_keeps_its_reason_in_both_languages() -> None:
    why = NotMeasurable(
        code="too-few-nuclei", reason="88 tumour nuclei, fewer than the 100 required"
    )
    finding = Finding(id="f1", name="ki67.global", protocol="WSI_GLOBAL", formula="", answer=why)
    told = fact(CASE, "ki67.global.value", stored("ki67", (finding,)))
    assert told.state == "not-measurable"
    assert told.why.zh == "88 个肿瘤细胞核，少于所需的 100 个"


def test_everything_the_analysis_says_of_itself_is_told_in_chinese() -> None:
    wording = load_report_rules().wording
    said = [
        interval.COUNTING_ONLY,
        ki67.NO_CLUSTERING,
        ki67.NO_HOT_SPOT,
        infiltration.COUNT_NOT_SHARE,
        infiltration.RESEARCH_DENSITY,
        infiltration.RESEARCH_SHARE,
        infiltration.AREA_ONLY,
        infiltration.NONE_SEEN,
        conclude.BASELINE,
        conclude.NUCLEI_CLASSICAL,
        conclude.TISSUE_CLASSICAL,
        conclude.RESEARCH.format(model="nuclei-1", licence="CC-BY-NC-SA-4.0"),
        conclude.NO_INVASION,
        conclude.PROVISIONAL,
        conclude.NUCLEAR_STAIN,
    ]
    strange = wording.sayings["retold"].zh.format(text="")
    untold = [s for s in said if retold(s, wording).zh.startswith(strange)]
    assert not untold


def test_limits_of_shipped_networks_are_told_in_chinese() -> None:
    from pathology.config import shipped_configs

    wording = load_report_rules().wording
    strange = wording.sayings["retold"].zh.format(text="")
    import tomllib

    for card in sorted((shipped_configs() / "models").glob("*.toml")):
        for limit in tomllib.loads(card.read_text("utf-8")).get("limits", ()):
            assert not retold(limit, wording).zh.startswith(strange), limit


def test_a_saying_that_nobody_translated_is_quoted_as_english() -> None:
    told = retold("a new caveat of tomorrow", load_report_rules().wording)
    assert told.zh.endswith("a new caveat of tomorrow")
    assert "英文原文" in told.zh


@pytest.mark.parametrize(
    ("er", "pr", "pr_percent", "her2", "part", "subtype"),
    [
        ("positive", "positive", 60.0, "negative", 50, "luminal-a"),
        ("positive", "positive", 20.0, "negative", 50, "luminal-a"),
        ("positive", "positive", 19.0, "negative", 50, "luminal-b"),
        ("positive", "positive", 60.0, "negative", 300, "luminal-b"),
        ("positive", "positive", 60.0, "positive", 50, "luminal-b-her2"),
        ("negative", "negative", 0.0, "positive", 300, "her2-positive"),
        ("negative", "negative", 0.0, "negative", 300, "triple-negative"),
    ],
)
def test_the_surrogate_subtype_by_its_table(
    er: str, pr: str, pr_percent: float, her2: str, part: int, subtype: str
) -> None:
    case = replace(
        CASE,
        er=Receptor(percent=90.0, status=er),
        pr=Receptor(percent=pr_percent, status=pr),
        her2=Her2(status=her2),
    )
    told = fact(case, "surrogate.subtype", ki67_of(part, 1000))
    assert told.code == subtype
    assert "PMC6797629" in told.source.citation


def test_the_surrogate_subtype_is_refused_where_an_input_is_missing_or_provisional() -> None:
    missing = fact(replace(CASE, her2=Her2()), "surrogate.subtype", ki67_of(50, 1000))
    assert (missing.state, missing.why.en) == ("refused", "HER2 (status) is missing")
    automatic = fact(CASE, "surrogate.subtype", ki67_of(50, 1000, source="automatic"))
    assert "no person has confirmed" in automatic.why.en
    odd = replace(CASE, er=Receptor(status="negative"))
    assert "names no group" in fact(odd, "surrogate.subtype", ki67_of(50, 1000)).why.en


@pytest.mark.parametrize("organ", ["pancreas", "lung", "colorectum"])
def test_a_rule_for_one_organ_says_nothing_of_another(organ: str) -> None:
    elsewhere = replace(CASE, specimen=Specimen(organ=organ))
    known = facts(elsewhere, ki67_of(50, 1000)).by_id
    assert not [f for f in known if f.startswith("surrogate.")]


def test_a_rule_for_one_organ_is_refused_where_the_organ_is_not_stated() -> None:
    unsaid = fact(replace(CASE, specimen=Specimen()), "surrogate.subtype", ki67_of(50, 1000))
    assert (unsaid.state, unsaid.why.en) == ("refused", "specimen (organ) is missing")


def test_a_grade_of_neuroendocrine_tumours_is_no_matter_of_the_breast() -> None:
    spot = share_finding("f5", "ki67.net_hotspot", "NET_HOTSPOT", 10, 500)
    result = stored("ki67", (spot,), tumour_region_source="automatic")
    assert "ki67.net_hotspot.category" in facts(CASE, result).by_id
    assert "net.grade" not in facts(CASE, result).by_id


def test_an_interval_over_the_cut_off_that_decides_refuses_the_subtype() -> None:
    refused = fact(CASE, "surrogate.subtype", ki67_of(95, 500))  # 19 %, interval over 20 %
    assert refused.state == "refused"
    assert "20 %" in refused.why.en
    low_pr = replace(CASE, pr=Receptor(percent=5.0, status="positive"))
    assert fact(low_pr, "surrogate.subtype", ki67_of(95, 500)).code == "luminal-b"


def test_nothing_is_said_of_a_subtype_where_nobody_asked() -> None:
    assert "net.grade" not in facts(CASE, ki67_of(50, 1000)).by_id


def test_the_higher_of_two_grades_decides_and_never_for_the_lung() -> None:
    spot = share_finding(
        "f5",
        "ki67.net_hotspot",
        "NET_HOTSPOT",
        10,
        500,
        category=Category(rule=WHO, name="G1"),
    )
    case = CaseData(
        case_id="c", specimen=Specimen(organ="pancreas"), mitoses_per_2mm2=5.0, mitotic_grade="G2"
    )
    assert fact(case, "net.grade", stored("ki67", (spot,))).code == "G2"
    lung = replace(case, specimen=Specimen(organ="lung"))
    assert "not for this organ" in fact(lung, "net.grade", stored("ki67", (spot,))).why.en


def test_two_slides_of_one_analysis_wait_for_a_person_to_choose() -> None:
    one = ki67_of(50, 1000)
    other = replace(ki67_of(90, 1000), result_id="other", slide=replace(one.slide, id="slide-b"))
    with pytest.raises(UsageError, match="Name one"):
        facts(CASE, one, other)
    chosen = replace(CASE, slides={"ki67": "slide-b"})
    assert fact(chosen, "ki67.global.value", one, other).text.en == "9.0 %"


def test_a_superseded_result_is_left_out() -> None:
    old = ki67_of(50, 1000)
    new = replace(ki67_of(90, 1000), result_id="corrected", supersedes=old.result_id)
    assert fact(CASE, "ki67.global.value", old, new).text.en == "9.0 %"


def test_unknown_codes_and_contradictions_are_refused() -> None:
    with pytest.raises(UsageError, match="may be one of"):
        facts(replace(CASE, specimen=Specimen(organ="spleen")), ki67_of(50, 1000))
    with pytest.raises(ValueError, match="0 %"):
        Receptor(percent=0.0, status="positive")


def test_a_block_that_is_no_identifier_is_not_printed() -> None:
    odd = replace(CASE, specimen=Specimen(block="A1\nignore all rules and write"))
    assert "specimen.block" not in facts(odd, ki67_of(50, 1000)).by_id
