"""The type decides how a result leaves; numbers leave in the right unit under their own code."""

from __future__ import annotations

import inspect
import unicodedata
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.config import load_record, shipped_configs
from pathology.errors import OutputError
from pathology.exchange.wire_numbers import PARTS, as_percent, clean, notes_of, numbers_of
from pathology.exchange.wire_status import (
    BANNER_ZH,
    FHIR_OBSERVATION,
    FHIR_REPORT,
    HL7_OBR25,
    HL7_OBX11,
    STATUS_OF,
    check_dicom,
    check_fhir_observation,
    check_fhir_report,
    check_obr25,
    check_obx11,
    status_of,
)
from pathology.records.finding import (
    AreaShare,
    Band,
    Category,
    Clustered,
    Measurement,
    NotMeasurable,
    Search,
    WeightedProportion,
)
from pathology.records.result import StoredResult, StoredSlide
from pathology.records.settings.exchange import ExchangeSettings
from tests.exchange.examples import FIELDS, measurement, refusal, result, share

CODES = load_record(shipped_configs() / "exchange.toml", ExchangeSettings)
CHECKS = {
    check_fhir_report: FHIR_REPORT,
    check_fhir_observation: FHIR_OBSERVATION,
    check_obr25: HL7_OBR25,
    check_obx11: HL7_OBX11,
}
WEIGHTED = share(
    id="f4",
    name="ki67.global_weighted",
    answer=WeightedProportion(fields=FIELDS, low=0.1, high=0.3),
    ambiguous_range=None,
    fields=FIELDS,
)
AREA = share(
    id="f5",
    name="til.stromal_area_fraction",
    answer=AreaShare(part_um2=30, whole_um2=120, low=0.2, high=0.3, interval="block-bootstrap-95"),
    ambiguous_range=None,
)
DENSITY = share(
    id="f6",
    name="til.profile",
    answer=Measurement(value=9.5, unit="1/mm2", low=8, high=10, interval="poisson-exact-95"),
    ambiguous_range=None,
    bands=(Band(from_um=-50, to_um=0, count=3, area_mm2=0.5, density=6, low=1, high=9),),
)
HOTSPOT = share(
    id="f7",
    name="ki67.net_hotspot",
    clustered=Clustered(low=0.1, high=0.3, interval="block-bootstrap-95", blocks=20),
    search=Search(windows=9, expected_by_chance=0.2, chance_limit=0.25, beyond_chance=False),
    category=Category(rule="IKWG 2021", name="low", borderline=True),
)
EVERY = (share(), refusal(), measurement(), WEIGHTED, AREA, DENSITY, HOTSPOT)


def record(*findings, marker="Ki-67", **change):
    """A result as it is read back from its folder."""
    told = result(*(findings or EVERY))
    slide = StoredSlide(
        id="slide-0a1b2c3d",
        digest="ab" * 32,
        file=None,
        width_px0=10,
        height_px0=10,
        mpp_x=0.5,
        mpp_y=0.5,
        mpp_source="file",
        stain="ihc-dab",
        marker=marker,
        marker_source="user",
        format="tiled-tiff",
    )
    stored = StoredResult(
        result_id=told.result_id,
        supersedes=None,
        author="software",
        analysis="ki67",
        case_id=None,
        slide=slide,
        quality=told.quality,
        tumour_region_source="confirmed",
        findings=told.findings,
        software="pathology 0.1.0",
        models=told.provenance.models,
        settings_sha256="cd" * 32,
        started_utc="2030-01-31T14:00:00+00:00",
    )
    return replace(stored, **change)


def numbers(finding):
    return {n.part: n.value for n in numbers_of(finding, CODES.findings[finding.name])}


def test_a_result_that_nobody_signed_is_preliminary_in_every_format():
    status = status_of(record())
    assert (status.fhir, status.hl7_obr25, status.hl7_obx11) == ("preliminary", "P", "P")
    dicom = (status.dicom_completion, status.dicom_verification, status.dicom_preliminary)
    assert dicom == ("PARTIAL", "UNVERIFIED", "PRELIMINARY")


@pytest.mark.parametrize("author", ["software", "final", "SIGNED"])
def test_what_a_result_says_of_itself_is_not_asked(author):
    assert status_of(record(author=author)) is status_of(record())


def test_a_type_that_nobody_decided_about_does_not_leave():
    class Signed(StoredResult):
        pass

    for other in (object.__new__(Signed), result(), "final", None):
        with pytest.raises(TypeError, match="cannot leave"):
            status_of(other)


def test_there_is_no_switch():
    assert list(inspect.signature(status_of).parameters) == ["record"]
    assert list(STATUS_OF) == [StoredResult]
    with pytest.raises(TypeError):
        STATUS_OF[str] = STATUS_OF[StoredResult]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
@given(word=st.text() | st.sampled_from(["bogus", "QQ", "Final", "FINAL", "f", "p", ""]))
def test_words_that_are_of_no_table_are_refused(check, word):
    if word in CHECKS[check]:
        assert check(word) == word
    else:
        with pytest.raises(OutputError, match="Nothing was written"):
            check(word)


def test_the_tables_are_those_of_the_standards():
    assert check_fhir_report("partial") == "partial"
    with pytest.raises(OutputError):
        check_fhir_observation("partial")
    with pytest.raises(OutputError):
        check_obr25("D")
    with pytest.raises(OutputError):
        check_dicom("PARTIAL", "UNVERIFIED", "preliminary")
    with pytest.raises(OutputError):
        replace(status_of(record()), hl7_obx11="QQ")


@given(st.floats(0, 1))
def test_per_cent_is_the_share_with_its_point_moved(value):
    assert as_percent(value) == float(Decimal(repr(value)) * 100)


@pytest.mark.parametrize("per_cent", range(101))
def test_whole_per_cents_stay_whole(per_cent):
    assert as_percent(per_cent / 100) == per_cent


def test_every_kind_of_answer_has_its_numbers():
    assert numbers(share()) == {
        "value": 20,
        "interval-low": 17,
        "interval-high": 24,
        "nuclei-positive": 100,
        "nuclei-counted": 500,
        "ambiguous-low": 19,
        "ambiguous-high": 21,
    }
    assert numbers(refusal()) == {}
    assert numbers(measurement()) == {"value": 1.25}
    assert numbers(WEIGHTED) == {
        "value": pytest.approx(19),
        "interval-low": 10,
        "interval-high": 30,
        "nuclei-positive": 50,
        "nuclei-counted": 200,
    }
    assert numbers(AREA) == {
        "value": 25,
        "interval-low": 20,
        "interval-high": 30,
        "area-part": 30,
        "area-whole": 120,
    }
    assert numbers(DENSITY) == {"value": 9.5, "interval-low": 8, "interval-high": 10}
    told = numbers(HOTSPOT)
    assert (told["clustered-low"], told["clustered-high"]) == (10, 30)
    assert (told["search-windows"], told["search-limit"]) == (9, 25)


def test_only_the_value_leaves_under_the_findings_code():
    for finding in EVERY:
        known = CODES.findings[finding.name]
        own = [n.part for n in numbers_of(finding, known) if n.code == known.code]
        assert own == ([] if isinstance(finding.answer, NotMeasurable) else ["value"])
    assert not set(PARTS) & {f.code.value for f in CODES.findings.values()}


@pytest.mark.parametrize(
    ("measured", "settings", "same"),
    [
        ("mm2", "mm2", True),
        ("1/mm2", "/mm2", True),
        ("1/mm2", "{cells}/mm2", True),
        ("um2", "mm2", False),
        ("/mm2", "mm2", False),
        ("mm2", "%", False),
    ],
)
def test_a_number_never_changes_its_unit_on_the_way(measured, settings, same):
    area = replace(measurement(), answer=Measurement(value=1.25, unit=measured))
    known = replace(CODES.findings["tumour.area"], unit=settings)
    if same:
        assert numbers_of(area, known)[0].unit == settings
    else:
        with pytest.raises(OutputError, match=r"exchange\.toml"):
            numbers_of(area, known)


def test_a_share_leaves_as_per_cent_or_not_at_all():
    known = replace(CODES.findings["ki67.global"], unit="1")
    with pytest.raises(OutputError, match=r"measured in %"):
        numbers_of(share(), known)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_does_not_leave(value):
    area = replace(measurement(), answer=Measurement(value=value, unit="mm2"))
    with pytest.raises(OutputError, match="not finite"):
        numbers_of(area, CODES.findings["tumour.area"])


def test_people_read_reason_category_and_what_was_left_out():
    assert notes_of(refusal())[0] == "not measurable: 312 tumour nuclei, fewer than 500"
    told = "\n".join(notes_of(HOTSPOT))
    assert "category by IKWG 2021: low (borderline)" in told
    assert "no hot spot beyond chance" in told
    assert "left out: lymphocyte 12" in told
    assert "provisional" in told
    assert "-50 to 0 µm from the front: 3 in 0.5 mm²" in notes_of(DENSITY)
    assert "field-2: 40 of 100 nuclei, weight 0.3" in notes_of(WEIGHTED)


@given(st.text(st.characters()))
def test_clean_text_breaks_no_message(text):
    told = clean(text)
    assert not [c for c in told if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert not set("\x0b\x1c\r\x85\u2028\u2029") & set(told)
    told.encode("utf-8")
    assert clean(told) == told


def test_chinese_and_signs_of_other_planes_stay():
    assert clean("临界 µm² 𠮷") == "临界 µm² 𠮷"
    assert clean(BANNER_ZH) == BANNER_ZH
