"""HL7: a strict parser reads back the same values, and no sign in a text breaks a message."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.errors import OutputError
from pathology.exchange.hl7_message import _check, escaped, number_text, oru_r01, write_hl7
from pathology.exchange.wire_numbers import clean
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.records.finding import Measurement, NotMeasurable
from tests.exchange.examples import measurement, refusal, share
from tests.exchange.test_wire_status import CODES, EVERY, HOTSPOT, numbers, record

SENT = datetime(2030, 2, 1, 9, 30, tzinfo=UTC)
SIGNS = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", "X0A": "\n"}


def message(told, **change):
    return oru_r01(told, CODES, **({"control_id": "7", "sent_utc": SENT} | change))


def segments(text, name):
    """Fields by their numbers, read without the code under test."""
    rows = [line.split("|") for line in text.split("\r")]
    return [row for row in rows if row[0] == name]


def plain(text):
    return re.sub(r"\\(F|S|T|R|E|X0A)\\", lambda m: SIGNS[m[1]], text)


def test_a_strict_parser_finds_nothing_wrong(tmp_path):
    report = tmp_path / "report.txt"
    parsed = parse_message(message(record()), validation_level=VALIDATION_LEVEL.STRICT)
    assert parsed.validate(report_file=str(report))
    said = set(report.read_text("utf-8").splitlines()) if report.exists() else set()
    # Its table has neither the scheme of our own codes, which a hospital adds to its copy, nor
    # "HL7nnnn", by which HL7 calls its own tables.
    assert said <= {
        "Warning: Value 99PATH not in table HL70396 in element OBX_3.CE_3",
        "Warning: Value HL70487 not in table HL70396 in element SPM_4.CWE_3",
    }


def test_the_head_says_kind_version_character_set_and_time():
    parsed = parse_message(message(record()), find_groups=False)
    assert parsed.msh.msh_9.value == "ORU^R01^ORU_R01"
    assert parsed.msh.msh_12.value == "2.5.1"
    assert parsed.msh.msh_18.value == "UNICODE UTF-8"
    assert parsed.msh.msh_10.value == "7"
    assert parsed.msh.msh_7.value == "20300201093000+0000"
    assert parsed.obr.obr_7.value == "20300131140000+0000"
    assert parsed.obr.obr_22.value == "20300201093000+0000"
    assert parsed.obr.obr_3.value == "slide-0a1b2c3d/ki67-00000000^PATHOLOGY"
    assert parsed.spm.spm_2.value == "slide-0a1b2c3d"


def test_a_time_of_another_zone_is_told_in_utc():
    local = SENT.astimezone(timezone(timedelta(hours=8)))
    assert message(record(), sent_utc=local) == message(record())


def test_every_number_of_every_finding_is_read_back():
    parsed = parse_message(message(record()), find_groups=False)
    read = {}
    for obx in parsed.obx:
        if obx.obx_2.value == "NM":
            finding, part = obx.obx_4.value.split(".")
            assert (finding, part) not in read
            read[finding, part] = float(obx.obx_5.value), obx.obx_6.value
    for finding in EVERY:
        told = {part: value for (f, part), (value, _) in read.items() if f == finding.id}
        assert told == pytest.approx(numbers(finding), abs=1e-9)
        if told:
            assert read[finding.id, "value"][1] == CODES.findings[finding.name].unit
    assert read["f1", "nuclei-counted"] == (500, "{nuclei}")


def test_counts_and_bounds_can_never_be_filed_as_the_index():
    rows = segments(message(record(share())), "OBX")
    loinc = [row for row in rows if row[3].startswith("29593-1^")]
    assert [row[5] for row in loinc] == ["20"]
    assert len({row[3] for row in rows}) == len(rows)


def test_places_are_numbered_and_notes_follow_the_value():
    rows = [line.split("|") for line in message(record()).split("\r")]
    places = [int(row[1]) for row in rows if row[0] == "OBX"]
    assert places == list(range(1, len(places) + 1))
    for before, row in pairwise(rows):
        if row[0] == "NTE" and row[1] == "1" and before[0] == "OBX":
            assert before[2] == "ST" or before[4].endswith(".value")


def test_what_cannot_be_obtained_has_a_reason_and_no_number():
    text = message(record(refusal()))
    (row,) = segments(text, "OBX")
    assert (row[2], row[6], row[11]) == ("ST", "", "X")
    assert row[5] == "not measurable: 312 tumour nuclei, fewer than 500"
    assert "too few" not in text
    assert any("312 tumour nuclei" in row[3] for row in segments(text, "NTE"))


def test_category_banner_and_chinese_are_there():
    text = message(record(HOTSPOT))
    notes = [plain(row[3]) for row in segments(text, "NTE")]
    assert notes[:2] == [BANNER_EN, BANNER_ZH]
    assert any(note.startswith("category by IKWG 2021: low (borderline)") for note in notes)
    assert "Ki-67 指数（热点区，神经内分泌肿瘤）" in segments(text, "OBX")[0][3]


def test_an_he_slide_is_no_immune_stain_study():
    told = record(measurement(), analysis="infiltration")
    assert segments(message(told), "OBR")[0][4] == "11526-1^Pathology study^LN"
    assert segments(message(record()), "OBR")[0][4] == "55229-9^Immune stain study^LN"


@given(st.text(st.characters()) | st.text("|^&~\\\r\n\x0b\x1cFSTREX0A", max_size=30))
def test_escaped_text_holds_no_sign_of_hl7_and_comes_back(text):
    told = escaped(text)
    assert not set("|^~&\r\n\x0b\x1c") & set(told)
    assert plain(told) == clean(text)


HOSTILE = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["final", "|F|", "OBX|1|NM|||||||||F", "\r\nOBX|9|NM|||9||||||F", "^~\\&", "\x1c\r", "\ud800"]
)


@settings(max_examples=60, deadline=None)
@given(case=HOSTILE, slide=HOSTILE, caveat=HOSTILE, reason=HOSTILE)
def test_nothing_written_in_a_result_lets_it_leave_as_final(case, slide, caveat, reason):
    refused = replace(refusal(), answer=NotMeasurable(code="x", reason=reason))
    told = record(share(caveats=(caveat,)), refused, case_id=case, author="final", software=slide)
    told = replace(told, slide=replace(told.slide, id=slide))
    text = message(told)
    text.encode("utf-8")
    rows = [line.split("|") for line in text.split("\r") if line]
    assert {row[0] for row in rows} == {"MSH", "PID", "OBR", "NTE", "OBX", "SPM"}
    assert [row[11] for row in rows if row[0] == "OBX"] == ["P"] * 7 + ["X"]
    (order,) = segments(text, "OBR")
    assert order[25] == "P"
    assert plain(order[18]) == clean(case)
    parse_message(text, find_groups=False)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (20, "20"),
        (20.0, "20"),
        (0.0, "0"),
        (-1e-12, "0"),
        (-2.5, "-2.5"),
        (1e-7, "0.0000001"),
        (100, "100"),
        (10_000_000, "10000000"),
        (1.5985790408525755, "1.5985790409"),
        (123456789.123456789, "123456789.123457"),
        (1e15, "1000000000000000"),
    ],
)
def test_numbers_are_plain_and_short_enough_for_their_type(value, told):
    assert number_text(value) == told


@given(st.floats(-1e14, 1e14))
def test_a_number_is_read_back_as_it_was(value):
    told = number_text(value)
    assert re.fullmatch(r"-?\d{1,16}(\.\d+)?", told)
    assert len(told) <= 16
    assert float(told) == pytest.approx(value, rel=1e-13, abs=1e-9) or abs(value) >= 1e4
    assert float(told) == pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("broken", "change", "why"),
    [
        (record(replace(share(), name="strange.name")), {}, r"strange\.name.*Add one"),
        (record(replace(measurement(), answer=Measurement(value=1, unit="um2"))), {}, "um2"),
        (record(replace(measurement(), answer=Measurement(value=1e22, unit="mm2"))), {}, "long"),
        (record(), {"sent_utc": SENT.replace(tzinfo=None)}, "time zone"),
        (record(started_utc="2030-01-31T14:00:00"), {}, "time zone"),
        (record(started_utc="yesterday"), {}, "no time"),
        (record(), {"control_id": ""}, "control id"),
        (record(), {"control_id": "x" * 21}, "control id"),
    ],
)
def test_what_cannot_be_told_rightly_is_not_written(tmp_path, broken, change, why):
    how = {"control_id": "7", "sent_utc": SENT} | change
    with pytest.raises(OutputError, match=why):
        write_hl7(tmp_path / "x.hl7", broken, CODES, **how)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "word"), [(11, "QQ"), (11, ""), (2, "ED"), (5, "abc"), (5, "1e5"), (5, "")]
)
def test_the_last_look_refuses_what_the_library_lets_through(field, word):
    row = segments(message(record(share())), "OBX")[0]
    _check(["|".join(row)])
    row[field] = word
    with pytest.raises(OutputError):
        _check(["|".join(row)])


def test_the_last_look_refuses_an_order_of_no_table():
    row = segments(message(record(share())), "OBR")[0]
    row[25] = "Q"
    with pytest.raises(OutputError, match="OBR-25"):
        _check(["|".join(row)])


def test_a_file_holds_the_message_in_utf8_with_carriage_returns(tmp_path):
    path = tmp_path / "result.hl7"
    write_hl7(path, record(), CODES, control_id="7", sent_utc=SENT)
    assert path.read_bytes() == message(record()).encode("utf-8")
    assert b"\n" not in path.read_bytes()
