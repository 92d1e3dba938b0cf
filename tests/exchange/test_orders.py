"""Orders as hospitals send them; hl7apy and fhir.resources hold the painted ones valid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from fhir.resources.R4B.bundle import Bundle
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import ValidationError
from hl7apy.parser import parse_message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pathology.exchange.order_files import read_orders
from pathology.nightly.settings import load_nightly
from pathology.records.intake_reasons import INTAKE_REASONS
from pathology.records.work import SlideIdentity
from tests.exchange import painted_orders as painted

SETTINGS = load_nightly().incoming
ZONE = ZoneInfo("Europe/Berlin")
IDENTITY = SlideIdentity(
    barcode="BC-0001", accession="S30-1", specimen="A", block="A-2", order_id="P77"
)


def read(data: bytes, rules=SETTINGS):
    return read_orders(data, rules, ZONE)


def code_of(data: bytes, rules=SETTINGS) -> str:
    told = read(data, rules)
    assert not told.orders
    (problem,) = told.problems
    return problem.code


@pytest.mark.parametrize("data", [painted.oml_o21(), painted.oml_o33()])
def test_the_painted_messages_are_hl7(data) -> None:
    parse_message(data.decode(), validation_level=VALIDATION_LEVEL.TOLERANT).validate()


def test_the_painted_orm_is_hl7(tmp_path) -> None:
    """hl7apy asks an ORM for every alternative of its order detail; nothing else is wanting."""
    message = parse_message(painted.orm_o01().decode(), validation_level=VALIDATION_LEVEL.TOLERANT)
    with pytest.raises(ValidationError):
        message.validate(report_file=str(tmp_path / "report"))
    errors = [x for x in (tmp_path / "report").read_text().splitlines() if x.startswith("Error")]
    assert errors
    assert all("OBRRQDRQ1RXOODSODT" in error for error in errors)


def test_the_painted_bundle_is_fhir() -> None:
    Bundle.model_validate_json(painted.fhir())


@pytest.mark.parametrize(
    ("data", "source"),
    [(painted.oml_o21(), "hl7"), (painted.oml_o33(), "hl7"), (painted.fhir(), "fhir")],
)
def test_three_ways_to_order_are_one_order(data, source) -> None:
    told = read(data)
    assert not told.problems
    (order,) = told.orders
    assert order.source == source
    assert order.identity == IDENTITY
    assert (order.analysis, order.marker, order.priority) == ("ki67", "ki67", "stat")
    assert order.control == "new"
    assert order.deadline_utc == datetime(2030, 1, 2, 5, 30, tzinfo=UTC)
    assert not told.unfinished
    assert "S30-1" not in repr(order)


def test_an_orm_takes_the_slide_from_where_the_site_says() -> None:
    places = {**SETTINGS.hl7.places, "specimen": ("OBR-15.1",), "block": ("OBR-20",)}
    rules = replace(SETTINGS, hl7=replace(SETTINGS.hl7, places=places))
    obr = painted.segment(
        "OBR", {2: "P77", 3: "F88", 4: "29593-1^^LN", 15: "A", 18: "S30-1", 20: "A-2"}
    )
    (order,) = read(painted.hl7(painted.msh("ORM^O01"), painted.ORC, obr), rules).orders
    assert (order.identity.accession, order.identity.specimen) == ("S30-1", "A")
    assert code_of(painted.orm_o01()) == "order-lacks"


def test_every_slide_of_an_order_is_an_order_and_every_order_of_a_slide() -> None:
    second = painted.OBR.replace("29593-1^Ki-67^LN", "X^^L^29593-1^Ki-67^LN").replace("P77", "P78")
    data = painted.hl7(
        painted.msh("OML^O21"),
        painted.ORC, painted.OBR, painted.SPM, painted.SAC, painted.OTHER_SAC,
        painted.ORC.replace("P77", "P78"), second, painted.SPM, painted.SAC,
    )  # fmt: skip
    told = read(data)
    assert [(o.identity.order_id, o.identity.barcode) for o in told.orders] == [
        ("P77", "BC-0001"), ("P77", "BC-0002"), ("P78", "BC-0001"),
    ]  # fmt: skip
    assert [o.place for o in told.orders] == [1, 2, 3]


def test_one_bad_order_costs_itself_only() -> None:
    bad = painted.oml_o21(orc="ORC|XO|P77^LIS|F88^LIS")
    told = read(painted.oml_o21() + bad + b"MSH|^~\\&|bad\r" + painted.oml_o33())
    assert len(told.orders) == 2
    assert [(p.place, p.code) for p in told.problems] == [(2, "order-control"), (3, "order-type")]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8", "UNICODE UTF-8"), ("utf-8", ""), ("gb18030", "GB 18030-2000"),
     ("iso8859-1", "8859/1"), ("utf-8-sig", "8859/1"), ("utf-16", "")],
)  # fmt: skip
def test_encodings_are_those_the_message_states(encoding, said) -> None:
    sac = painted.SAC.replace("BC-0001", "条码一" if "8859" not in said else "Nähe")
    data = painted.hl7(
        painted.msh("OML^O21", encoding=said), painted.ORC, painted.OBR, painted.SPM, sac,
        encoding=encoding,
    )  # fmt: skip
    (order,) = read(data).orders
    assert order.identity.barcode in ("条码一", "Nähe")


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends_and_framing_of_interfaces_are_understood(end) -> None:
    data = b"\x0b" + painted.oml_o21().replace(b"\r", end.encode()) + b"\x1c\r"
    assert len(read(data).orders) == 1
    batch = b"FHS|^~\\&\rBHS|^~\\&\r" + painted.oml_o21() * 2 + b"BTS|2\rFTS|1\r"
    assert len(read(batch).orders) == 2


def test_escapes_are_what_they_stand_for() -> None:
    sac = painted.SAC.replace("BC-0001", r"B\T\C\E\\XE4B880\\R\1")
    (order,) = read(painted.oml_o21(sac=sac)).orders
    assert order.identity.barcode == "B&C\\一~1"
    for wrong in (r"B\Zx\1", r"B\T1", r"B\XFF\1"):
        assert code_of(painted.oml_o21(sac=painted.SAC.replace("BC-0001", wrong))) == "order-escape"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20300102063000+0100", datetime(2030, 1, 2, 5, 30, tzinfo=UTC)),
        ("20300102063000.5-0500", datetime(2030, 1, 2, 11, 30, tzinfo=UTC)),
        ("203001020630", datetime(2030, 1, 1, 22, 30, tzinfo=UTC)),  # MSH-7 says +0800
        ("20300102", datetime(2030, 1, 1, 16, tzinfo=UTC)),
    ],
)
def test_deadlines_are_in_the_zone_they_name_or_the_messages(text, moment) -> None:
    (order,) = read(painted.oml_o21(tq1=f"TQ1|1|||||||{text}|R")).orders
    assert order.deadline_utc == moment


def test_a_deadline_without_any_zone_is_the_sites_own_time() -> None:
    data = painted.oml_o21(tq1="TQ1|1|||||||20301027023000|R").replace(b"+0800", b"")
    (order,) = read(data).orders
    assert order.deadline_utc == datetime(2030, 10, 27, 0, 30, tzinfo=UTC)  # the first of two


@pytest.mark.parametrize("text", ["2030", "203013", "20301301", "tomorrow", "20300102250000"])
def test_what_is_no_time_is_refused(text) -> None:
    assert code_of(painted.oml_o21(tq1=f"TQ1|1|||||||{text}|R")) == "order-time"


@pytest.mark.parametrize(
    ("code", "priority"),
    [("S", "stat"), ("A", "asap"), ("UR", "urgent"), ("r", "routine"), ("", "routine"),
     ("T", "urgent"), ("NEW-CODE", "urgent")],
)  # fmt: skip
def test_priorities_are_mapped_and_unknown_ones_are_pressing(code, priority) -> None:
    (order,) = read(painted.oml_o21(tq1=f"TQ1|1||||||||{code}")).orders
    assert order.priority == priority


@pytest.mark.parametrize("control", ["CA", "DC"])
def test_a_cancelled_order_says_so(control) -> None:
    (order,) = read(painted.oml_o21(orc=painted.ORC.replace("NW", control))).orders
    assert order.control == "cancel"
    bare = painted.hl7(
        painted.msh("OML^O21"), painted.ORC.replace("NW", control), painted.OBR.replace("S30-1", "")
    )
    (order,) = read(bare).orders
    assert order.identity == SlideIdentity(order_id="P77")
    assert code_of(bare.replace(b"P77^LIS", b"")) == "order-lacks"
    (order,) = read(painted.fhir(status="revoked")).orders
    assert order.control == "cancel"


def test_codes_of_other_analyses_are_counted_and_left_alone() -> None:
    data = painted.oml_o21(obr=painted.OBR.replace("29593-1^Ki-67^LN", "HE^Stain^L")) * 3
    told = read(data)
    assert (told.orders, told.problems, told.not_ours) == ((), (), {"HE": 3})
    assert read(painted.fhir(code=painted.coded("29593-1"))).not_ours == {"29593-1": 1}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (painted.oml_o21(obr=painted.OBR.replace("P77", "P78")), "order-contradicts"),
        (painted.oml_o21(obr=painted.OBR.replace("29593-1^Ki-67^LN", "")), "order-lacks"),
        (painted.oml_o21(sac="SAC|||", spm="SPM|1|"), "order-lacks"),
        (painted.oml_o21(sac=painted.SAC.replace("BC-0001", "B" * 65)), "order-shape"),
        (painted.oml_o21(orc="ORC|RP|P77|F88"), "order-control"),
        (painted.oml_o21().replace(b"OML^O21", b"ORU^R01"), "order-type"),
        (painted.oml_o21().replace(b"|P|2.5.1", b"|T|2.5.1"), "order-test"),
        (painted.oml_o21().replace(b"MSH|^~\\&", b"MSH|^^\\&"), "order-shape"),
        (painted.oml_o21().replace(b"UNICODE UTF-8", b"KLINGON"), "encoding-unknown"),
        (painted.oml_o21().replace(b"BC-0001", b"BC-\xff"), "encoding-wrong"),
        (painted.hl7(painted.msh("OML^O21"), painted.PID), "order-lacks"),
        (b"PID|1\r" + painted.oml_o21(), "not-a-message"),
        (b"hello", "not-a-message"),
        (b"\x00" * 100, "not-a-message"),
    ],
)  # fmt: skip
def test_hl7_that_is_wrong_is_refused_by_its_reason(data, code) -> None:
    assert code_of(data) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"intent": "proposal"}, "order-type"),
        ({"doNotPerform": True}, "order-type"),
        ({"status": "draft"}, "order-control"),
        ({"status": ["active"]}, "order-shape"),
        ({"specimen": []}, "order-lacks"),
        ({"specimen": "Specimen/slide"}, "order-shape"),
        ({"specimen": [{"reference": "Specimen/elsewhere"}]}, "order-lacks"),
        ({"specimen": [{"reference": "https://lis.example/Specimen/1"}]}, "order-lacks"),
        ({"code": {"text": "Ki-67"}}, "order-lacks"),
        ({"code": "Ki-67"}, "order-shape"),
        ({"identifier": [painted.identifier("S99", "ACSN")]}, "order-contradicts"),
        ({"identifier": [painted.identifier("1"), painted.identifier("2")]}, "order-contradicts"),
        ({"occurrencePeriod": {"end": "2030-01"}}, "order-time"),
        ({"occurrencePeriod": {"end": "2030-01-02T06:30:00"}}, "order-time"),
    ],
)
def test_fhir_that_is_wrong_is_refused_by_its_reason(changes, code) -> None:
    assert code_of(painted.fhir(**changes)) == code


def test_a_day_alone_in_fhir_is_its_end() -> None:
    (order,) = read(painted.fhir(occurrencePeriod={"end": "2030-01-02"})).orders
    assert order.deadline_utc == datetime(2030, 1, 2, 23, tzinfo=UTC)
    (order,) = read(
        painted.fhir(occurrencePeriod={}, occurrenceDateTime="2030-01-02T06:00Z")
    ).orders
    assert order.deadline_utc == datetime(2030, 1, 2, 6, tzinfo=timezone(timedelta()))


def test_r5_codes_and_contained_specimens_are_read() -> None:
    inner = {**painted.slide(), "parent": [{"reference": "#block"}]}
    middle = {**painted.block(), "parent": [{"reference": "#part"}]}
    alone = painted.request(
        contained=[inner, middle, painted.part()],
        specimen=[{"reference": "#slide"}],
        code={"concept": painted.coded("29593-1", "http://loinc.org")},
    )
    (order,) = read(painted.as_json(alone)).orders
    assert order.identity == IDENTITY


def test_what_a_specimen_is_is_never_guessed_from_a_chain_of_two() -> None:
    bare = {"resourceType": "Specimen", "id": "slide", "identifier": [{"value": "1"}],
            "parent": [{"reference": "Specimen/part"}]}  # fmt: skip
    data = painted.as_json(painted.bundle(painted.request(), bare, painted.part()))
    assert code_of(data) == "order-lacks"


@pytest.mark.parametrize("loop", ["Specimen/slide", "Specimen/block"])
def test_specimens_that_are_their_own_parents_end(loop) -> None:
    block = {**painted.block(), "parent": [{"reference": loop}]}
    data = painted.as_json(painted.bundle(painted.request(), painted.slide(), block))
    assert code_of(data) == "order-shape"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[" * 200_000, "not-a-message"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "not-a-message"),
        (b'{"resourceType": "Bundle", "n": ' + b"9" * 10_000 + b"}", "not-a-message"),
        (b'{"resourceType": "Bundle", "n": NaN}', "not-a-message"),
        (b'{"resourceType": "ServiceRequest", "status": "active", "status": "draft"}',
         "not-a-message"),
        (b'{"resourceType": "Patient"}', "order-type"),
        (b'{"resourceType": "Bundle", "entry": [1]}', "order-shape"),
        (b'{"resourceType": "Bundle"}', "order-lacks"),
        (b'{"resourceType": "\xff"}', "not-text"),
        (b"[]", "order-shape"),
        (b"x" * (4 * 2**20 + 1), "too-large"),
    ],
)  # fmt: skip
def test_hostile_files_are_refused(data, code) -> None:
    assert code_of(data) == code


def test_more_orders_than_allowed_are_refused_as_a_whole() -> None:
    few = replace(SETTINGS, most_orders=2)
    assert code_of(painted.oml_o21() * 3, few) == "too-many"


@pytest.mark.parametrize("data", [painted.oml_o21(), painted.fhir()])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_message_cut_short_gives_no_order_or_is_told_unfinished(data, share) -> None:
    told = read(data[: int(len(data) * share)])
    assert told.unfinished or not told.orders


@given(data=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
@example(data=b"MSH")
@example(data=b"MSH|^~\\&")
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_the_readers(data) -> None:
    for bytes_read in (data, b"MSH|^~\\&|" + data, b"{" + data):
        told = read(bytes_read)
        assert all(p.text("en") and p.text("zh") for p in told.problems)


@given(cut=st.integers(0, 2000), insert=st.binary(max_size=4), end=st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_no_damaged_message_breaks_the_readers(cut, insert, end) -> None:
    for whole in (painted.oml_o21(), painted.oml_o33(), painted.fhir()):
        at = cut % len(whole)
        told = read(whole[:at] + insert + whole[at + end :])
        assert all(p.text("en") and p.text("zh") for p in told.problems)


def test_every_reason_has_facts_that_fill_it_and_no_identity() -> None:
    secret = painted.oml_o21(orc="ORC|XO|SECRET|F88").replace(b"S30-1", b"SECRET")
    (problem,) = read(secret).problems
    assert "SECRET" not in problem.text("en") + problem.text("zh") + repr(problem)
    assert all(r.en.problem and r.zh.problem for r in INTAKE_REASONS.values())
