"""Cut-offs with each guideline's own operator, on integers."""

import pytest

from pathology.config import load_record, shipped_configs
from pathology.errors import ConfigError
from pathology.findings.category import category_of
from pathology.findings.ki67 import proportion
from pathology.records.finding import Clustered
from pathology.records.settings.ki67 import Ki67Settings
from tests.findings.painted_nuclei import RULES


def name_of(rule, part, whole):
    return category_of(proportion(part, whole), None, RULES.rules[rule]).name


@pytest.mark.parametrize(
    ("rule", "part", "whole", "name"),
    [
        ("IKWG2021", 50, 1000, "low"),  # 5 % itself is low
        ("IKWG2021", 51, 1000, "intermediate, not to be categorised"),
        ("IKWG2021", 300, 1000, "high"),  # and 30 % is high
        ("IKWG2021", 29999, 100000, "intermediate, not to be categorised"),
        ("ASCO2022", 50, 1000, "intermediate"),  # below 5 % only
        ("ASCO2022", 49, 1000, "low"),
        ("ASCO2022", 300, 1000, "intermediate"),  # above 30 % only
        ("ASCO2022", 301, 1000, "high"),
        ("WHO-NET", 26, 1000, "G1"),  # the gap of a printed table
        ("WHO-NET", 2999, 100000, "G1"),  # 3.0 % when rounded
        ("WHO-NET", 30, 1000, "G2"),
        ("WHO-NET", 200, 1000, "G2"),
        ("WHO-NET", 201, 1000, "G3"),
        ("WHO-NET", 20001, 100000, "G3"),
        ("STGALLEN2011", 140, 1000, "high"),
        ("STGALLEN2013", 199, 1000, "low"),
    ],
)
def test_the_edge_belongs_to_whom_the_guideline_gives_it(rule, part, whole, name):
    assert name_of(rule, part, whole) == name


@pytest.mark.parametrize(
    ("percent", "borderline"),
    [(3.0, False), (3.4, True), (6.6, True), (7.0, False), (26.2, True), (33.8, True), (35, False)],
)
def test_an_interval_over_a_cut_off_is_borderline(percent, borderline):
    """With 500 nuclei: 3.2-6.8 around 5 %, 26.0-34.0 around 30 %."""
    share = proportion(round(5 * percent), 500)
    assert category_of(share, None, RULES.rules["IKWG2021"]).borderline == borderline


def test_the_wider_interval_decides():
    share = proportion(100, 500)
    assert not category_of(share, None, RULES.rules["IKWG2021"]).borderline
    wide = Clustered(low=0.1, high=0.32, interval="block-bootstrap-95", blocks=20)
    assert category_of(share, wide, RULES.rules["IKWG2021"]).borderline
    narrow = Clustered(low=0.199, high=0.201, interval="block-bootstrap-95", blocks=20)
    at_edge = proportion(130, 500)
    assert category_of(at_edge, narrow, RULES.rules["IKWG2021"]).borderline


def test_two_rules_for_one_protocol_are_refused(tmp_path):
    text = (shipped_configs() / "ki67.toml").read_text(encoding="utf-8")
    own = tmp_path / "ki67.toml"
    own.write_text(text.replace('["IKWG2021", "WHO-NET"]', '["IKWG2021", "ASCO2022"]'), "utf-8")
    with pytest.raises(ConfigError, match="two rules decide"):
        load_record(own, Ki67Settings)
    own.write_text(text.replace('["IKWG2021", "WHO-NET"]', '["IKWG2012"]'), "utf-8")
    with pytest.raises(ConfigError, match="IKWG2012"):
        load_record(own, Ki67Settings)
