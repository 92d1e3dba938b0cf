from __future__ import annotations

from pathlib import Path

import pytest

from pathology.errors import ConfigError
from pathology.pipeline.report_settings import load_report_rules
from pathology.records.case_data import CaseData
from tests.reports.drafting import blocks_of, draft_of, drawn_case, facts_for
from tests.reports.made_cases import dice, ki67_result

TEMPLATE = """
name = "own"
version = "1"
source = "a test"
title = {{ en = "Own", zh = "自有" }}
analyses = ["ki67"]
main_topic = "ki67.global"
required = ["ki67.global.value"]

[[sections]]
id = "ki67"
heading = {{ en = "Ki-67", zh = "Ki-67" }}
sentences = [[{{ en = "{en}", zh = "{zh}" }}]]

[[fields]]
id = "ki67"
label = {{ en = "Ki-67", zh = "Ki-67" }}
fact = "{fact}"
"""
EN = "The Ki-67 index of the whole slide is {{ki67.global.value}}."
ZH = "全切片 Ki-67 指数为 {{ki67.global.value}}。"


def site(folder: Path, en: str = EN, zh: str = ZH, fact: str = "ki67.global.value") -> Path:
    place = folder / "reports" / "templates"
    place.mkdir(parents=True)
    (place / "own.toml").write_text(TEMPLATE.format(en=en, zh=zh, fact=fact), encoding="utf-8")
    return folder


def test_a_sites_own_template_stands_beside_the_shipped_ones(tmp_path: Path) -> None:
    templates = load_report_rules(site(tmp_path)).templates
    assert {"own", "breast-ki67", "breast-til", "neuroendocrine", "general"} <= templates.keys()


@pytest.mark.parametrize(
    ("en", "zh", "why"),
    [
        (EN.replace("}}", "}"), ZH, "a hole"),
        (EN, ZH.replace("{{ki67.global.value}}", "{{ki67.hotspot.value}}"), "different facts"),
        (EN.replace("whole slide", "1 slide"), ZH, "types a digit"),
        ("The Ki-67 index.", "Ki-67 指数。", "names no fact"),
        (
            EN.replace("ki67.global.value", "ki67.global.valeu"),
            ZH.replace("ki67.global.value", "ki67.global.valeu"),
            "no sentence tells",
        ),
    ],
)
def test_a_template_with_a_fault_is_refused_on_load(
    tmp_path: Path, en: str, zh: str, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        load_report_rules(site(tmp_path, en, zh))


def test_a_fact_that_no_case_can_have_is_refused_on_load(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no fact is called"):
        load_report_rules(site(tmp_path, fact="ki68.global.value"))


@pytest.mark.parametrize("kind", range(4))
def test_what_shipped_templates_say_passes_the_check(kind: int) -> None:
    for seed in range(8):
        template, case, results = drawn_case(dice(seed), kind)
        draft = draft_of(facts_for(case, results), template=template)
        assert not blocks_of(draft)
        draft = draft_of(facts_for(case, results), template="general")
        assert not blocks_of(draft)


def test_a_case_of_which_nothing_is_stated_has_a_draft_that_says_so() -> None:
    case = CaseData(case_id="c")
    draft = draft_of(facts_for(case, [ki67_result(dice(1), confirmed=False)]))
    assert [s.id for s in draft.sections] == ["ki67"]
    assert any(n.topic == "ki67.global" for n in draft.not_measured)  # its category
    assert next(f for f in draft.fields if f.id == "er").text is None


def test_codes_of_the_case_schema_have_words() -> None:
    import json
    from importlib.resources import files

    text = files("pathology.exchange").joinpath("schemas/case-1.json").read_text("utf-8")
    schema = json.loads(text)
    words = load_report_rules().wording.words
    side = schema["properties"]["specimen"]["properties"]["side"]["enum"]
    her2 = schema["properties"]["her2"]["properties"]
    receptor = schema["$defs"]["receptor"]["properties"]
    assert set(side) == set(words["side"])
    for field in ("score", "ish", "status"):
        assert set(her2[field]["enum"]) == set(words[field])
    assert set(receptor["intensity"]["enum"]) == set(words["intensity"])
    control = schema["properties"]["staining"]["properties"]["control"]["enum"]
    assert set(control) == set(words["control"])
