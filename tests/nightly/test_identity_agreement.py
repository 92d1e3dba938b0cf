"""Whose slide it is. The worst error is a slide under the wrong patient."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.nightly.identity_agreement import FIELDS, conflicts, judge, normal
from pathology.nightly.settings import load_nightly
from pathology.records.agreement import Agreed, Conflict, Disagreement, NotEnough
from pathology.records.work import Claim, SlideIdentity

RULES = load_nightly().identity
LAX = RULES.spelling
STRICT = replace(LAX, ignore_case=False, same_separators=False, same_width=False)
WHOLE = {"accession": "S30-1", "specimen": "A", "block": "2"}


def claim(source: str, **identity: str) -> Claim:
    return Claim(source=source, identity=SlideIdentity(**identity))


def test_a_barcode_named_by_two_is_enough() -> None:
    verdict = judge([claim("label", barcode="X 1"), claim("hl7", barcode="x-1", **WHOLE)], RULES)
    assert isinstance(verdict, Agreed)
    assert verdict.by == "barcode"
    assert verdict.identity == SlideIdentity(barcode="X 1", **WHOLE)


def test_accession_specimen_and_block_named_by_two_are_enough() -> None:
    verdict = judge([claim("file-name", **WHOLE), claim("manifest", order_id="7", **WHOLE)], RULES)
    assert isinstance(verdict, Agreed)
    assert verdict.identity.order_id == "7"


@pytest.mark.parametrize("name", FIELDS)
def test_one_field_that_differs_stops_the_slide_and_is_named_with_its_sources(name) -> None:
    full = {"barcode": "X1", "order_id": "7", **WHOLE}
    sources = [claim("label", **full), claim("manifest", **full), claim("hl7", **full)]
    assert isinstance(judge(sources, RULES), Agreed)
    wrong = [*sources[:2], claim("hl7", **{**full, name: "SECRET"})]
    verdict = judge(wrong, RULES)
    assert isinstance(verdict, Disagreement)
    assert verdict.conflicts == (
        Conflict(field=name, first="label", second="hl7"),
        Conflict(field=name, first="manifest", second="hl7"),
    )
    assert "SECRET" not in f"{verdict} {verdict!r} {wrong!r}"
    assert f"{name}: label ≠ hl7" in str(verdict)


def test_no_majority_outvotes_one_source() -> None:
    many = [claim(s, barcode="X1", **WHOLE) for s in ("label", "manifest", "fhir")]
    assert isinstance(judge([*many, claim("file-name", accession="S30-11")], RULES), Disagreement)


@pytest.mark.parametrize(
    ("claims", "lacks"),
    [
        ([], "accession"),
        ([claim("label", barcode="X1"), claim("fhir", barcode="X1")], "accession"),
        ([claim("manifest", barcode="X1", **WHOLE)], "sources"),
        ([claim("manifest", **WHOLE), claim("manifest", **WHOLE)], "sources"),
        ([claim("manifest", **WHOLE), claim("label", barcode="X1")], "sources"),
        ([claim("manifest", **WHOLE), claim("hl7", accession="S30-1", specimen="A")], "sources"),
        ([claim("manifest", **WHOLE), claim("hl7", **{**WHOLE, "block": " - "})], "sources"),
    ],
)
def test_what_does_not_disagree_may_still_prove_nothing(claims, lacks) -> None:
    assert judge(claims, RULES) == NotEnough(lacks=lacks)


def test_a_site_may_trust_its_manifest_alone() -> None:
    assert isinstance(judge([claim("manifest", **WHOLE)], replace(RULES, least_sources=1)), Agreed)


def test_two_rows_of_one_source_may_disagree_too() -> None:
    (found,) = conflicts(
        [claim("manifest", accession="A1"), claim("manifest", accession="A2")], LAX
    )
    assert (found.first, found.second) == ("manifest", "manifest")


@pytest.mark.parametrize(
    ("one", "other"),
    [("s30-1", "S30-1"), (" S30 1 ", "S30–1"), ("Ｓ３０－１", "S30-1"), ("S30_1", "S30--1")],
)
def test_spellings_of_the_same(one, other) -> None:
    assert normal(one, LAX) == normal(other, LAX)
    assert normal(one, STRICT) != normal(other, STRICT)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1-23", "12-3"), ("S24-1-11", "S24-11-1"), ("S30-1", "S301"), ("O1", "01"), ("007", "7"),
     ("A1", "Ａ2"), ("a²", "a2"), ("①", "1"), ("ß", "SS"), ("ı", "I"), ("А1", "A1"), ("1.2", "12")],
)  # fmt: skip
def test_what_only_looks_alike_stays_two_identities(one, other) -> None:
    assert normal(one, LAX) != normal(other, LAX)


WORDS = st.lists(st.text("ABab019.0/ß²٣", min_size=1, max_size=3), min_size=1, max_size=4)
GAPS = st.text(" -_–", min_size=1, max_size=2)


def respelt(data: st.DataObject, words: list[str]) -> str:
    """The same words as another printer or keyboard writes them."""
    wide = [
        "".join(
            chr(ord(c) + 0xFEE0) if c.isascii() and data.draw(st.booleans()) else c
            for c in (w.lower() if data.draw(st.booleans()) else w)
        )
        for w in words
    ]
    return "".join(w + data.draw(GAPS) for w in wide)


def plain(words: list[str]) -> list[str]:
    """What makes two identities two: their words, capitals of ASCII apart."""
    return ["".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in w) for w in words]


@given(first=WORDS, second=WORDS, data=st.data())
def test_two_spellings_are_one_identity_exactly_if_their_words_are(first, second, data) -> None:
    one, other = respelt(data, first), respelt(data, second)
    assert (normal(one, LAX) == normal(other, LAX)) == (plain(first) == plain(second))


@given(first=st.text(max_size=12), second=st.text(max_size=12))
def test_the_strict_rule_joins_nothing_but_what_is_equal(first, second) -> None:
    same = normal(first, STRICT) == normal(second, STRICT)
    assert same == (first.strip() == second.strip())


@given(values=st.lists(st.sampled_from([None, "A", "B", "a"]), min_size=2, max_size=5))
def test_the_verdict_does_not_depend_on_the_order_of_sources(values) -> None:
    sources = ["manifest", "hl7", "fhir", "label", "file-name"]
    claims = [
        claim(s, accession="S1", **({} if v is None else {"barcode": v}))
        for s, v in zip(sources, values, strict=False)
    ]
    there, back = judge(claims, RULES), judge(claims[::-1], RULES)
    assert type(there) is type(back)
    if isinstance(there, Disagreement):
        assert len(there.conflicts) == len(back.conflicts)
