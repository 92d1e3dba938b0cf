"""Slides, rows and orders brought together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pathology.nightly.join import Rules, join, rule_for, says_label, says_name
from pathology.nightly.matching import standing
from pathology.nightly.settings import load_nightly
from pathology.records.incoming import FoundSlide, IncomingOrder
from pathology.records.manifest import ManifestRow
from pathology.records.settings.incoming import FolderRule
from pathology.records.work import Claim, SlideIdentity

SETTINGS = load_nightly()
RULES = Rules(
    identity=SETTINGS.identity, incoming=SETTINGS.incoming, zone=ZoneInfo("Europe/Berlin")
)
PLACE = {"accession": "S30-1", "specimen": "A", "block": "2"}
KI67_FOLDER = FolderRule(analysis="ki67", marker="ki67", folder="^ki67(/|$)")


def slide(name: str = "a.svs", *, folder: str = "", stain=None, **label: str) -> FoundSlide:
    said = (Claim(source="label", identity=SlideIdentity(**label)),) if label else ()
    return FoundSlide(path=Path("/s") / name, said=said, folder=folder, stain=stain)


def order(number: str | None = "O1", **changes) -> IncomingOrder:
    names = ("barcode", "accession", "specimen", "block")
    identity = {k: changes.pop(k) for k in names if k in changes}
    given = {"source": "hl7", "place": 1, "control": "new", "analysis": "ki67", "marker": "ki67"}
    told = SlideIdentity(order_id=number, **identity)
    return IncomingOrder(**{**given, **changes, "identity": told})


def row(number: int = 2, name: str = "a.svs", **changes) -> ManifestRow:
    given = {"row": number, "slide": Path("/s") / name, "analysis": "ki67"}
    return ManifestRow(**{**given, **changes})


def test_an_order_finds_its_slide_by_barcode_and_gives_it_its_case() -> None:
    told = join([slide(barcode="x 1"), slide("b.svs", barcode="X2")], [],
                [order(barcode="X-1", priority="stat", **PLACE)], RULES)  # fmt: skip
    (work,) = told.work
    assert (work.path.name, work.source, work.analysis) == ("a.svs", "hl7", "ki67")
    assert (work.marker, work.priority, work.held) == ("ki67", "stat", None)
    assert work.identity == SlideIdentity(barcode="x 1", order_id="O1", **PLACE)
    assert [s.path.name for s in told.unasked] == ["b.svs"]
    assert not told.waiting


def test_an_order_without_a_slide_waits_and_a_row_without_one_is_absent() -> None:
    told = join([], [row()], [order(barcode="X1", **PLACE)], RULES)
    assert (len(told.waiting), len(told.absent), told.work) == (1, 1, ())


def test_another_slide_of_the_same_block_is_another_slide() -> None:
    told = join([slide(barcode="X2", **PLACE)], [], [order(barcode="X1", **PLACE)], RULES)
    assert (told.work, len(told.waiting), len(told.unasked)) == ((), 1, 1)


@pytest.mark.parametrize("name", ["accession", "specimen", "block"])
def test_a_barcode_of_one_case_on_a_label_of_another_stops_the_slide(name) -> None:
    label = {**PLACE, name: "WRONG"}
    (work,) = join([slide(barcode="X1", **label)], [], [order(barcode="X1", **PLACE)], RULES).work
    assert work.held == "identity-disagrees"
    assert work.held_facts == {"detail": f"{name}: label ≠ hl7"}
    assert work.identity == SlideIdentity()
    assert "WRONG" not in repr(work)
    assert {c.source for c in work.said} == {"label", "hl7"}


def test_an_order_that_a_row_names_by_number_must_agree_with_the_glass() -> None:
    rows = [row(order_id="O1", case_id="S30-1")]
    (work,) = join([slide(barcode="X2")], rows, [order(barcode="X1", **PLACE)], RULES).work
    assert work.held_facts == {"detail": "barcode: label ≠ hl7"}


def test_an_order_of_many_slides_is_for_each_by_its_barcode() -> None:
    slides = [slide("a.svs", barcode="X1"), slide("b.svs", barcode="X2")]
    rows = [row(2, "a.svs", order_id="O1"), row(3, "b.svs", order_id="O1")]
    orders = [order(barcode="X1", **PLACE), order(barcode="X2", **PLACE)]
    told = join(slides, rows, orders, RULES)
    assert [(w.held, w.identity.barcode) for w in told.work] == [(None, "X1"), (None, "X2")]


def test_a_row_and_a_message_for_the_same_analysis_are_one_piece_of_work() -> None:
    rows = [row(case_id="S30-1", specimen="A", block="2", deadline=datetime(2030, 1, 2, 8))]
    late = order(barcode="X1", priority="urgent", deadline_utc=datetime(2030, 1, 3, tzinfo=UTC),
                 **PLACE)  # fmt: skip
    (work,) = join([slide(barcode="X1")], rows, [late], RULES).work
    assert (work.source, work.priority, work.held) == ("manifest", "urgent", None)
    assert work.deadline_utc == datetime(2030, 1, 2, 7, tzinfo=UTC)
    assert work.identity.accession == "S30-1"


def test_two_markers_for_one_slide_are_a_persons_question() -> None:
    (work,) = join([slide(barcode="X1")], [row(marker="p53", case_id="S30-1")],
                   [order(barcode="X1", **PLACE)], RULES).work  # fmt: skip
    (again,) = join([slide(barcode="X1")], [row(marker="p53", order_id="O1")],
                    [order(barcode="X1", **PLACE)], RULES).work  # fmt: skip
    assert work.held == again.held == "orders-disagree"


def test_two_rows_of_one_slide_that_name_two_cases_stop_both_analyses() -> None:
    rows = [row(2, case_id="S1", order_id="1"), row(3, case_id="S2", analysis="infiltration")]
    work = join([slide()], rows, [], RULES).work
    assert [w.held for w in work] == ["identity-disagrees"] * 2
    agreeing = [rows[0], replace(rows[1], case_id="S1", order_id="2")]
    assert [w.held for w in join([slide()], agreeing, [], RULES).work] == [None] * 2


def test_a_row_alone_is_run_without_a_case_or_stopped_as_the_site_says() -> None:
    (work,) = join([slide()], [row(case_id="S1", specimen="A", block="1")], [], RULES).work
    assert (work.held, work.identity) == (None, SlideIdentity())
    stopping = replace(RULES, identity=replace(RULES.identity, when_unproven="stop"))
    (work,) = join([slide()], [row(case_id="S1", specimen="A", block="1")], [], stopping).work
    assert work.held == "identity-unproven"
    trusting = replace(RULES, identity=replace(RULES.identity, least_sources=1))
    (work,) = join([slide()], [row(case_id="S1", specimen="A", block="1")], [], trusting).work
    assert work.identity.accession == "S1"


@pytest.mark.parametrize(
    ("slides", "orders"),
    [
        ([slide("a.svs", **PLACE), slide("b.svs", **PLACE)], [order(**PLACE)]),
        ([slide("a.svs", **PLACE)], [order("O1", **PLACE), order("O2", **PLACE)]),
        (
            [slide("a.svs", **PLACE), slide("b.svs", **PLACE)],
            [order(analysis="infiltration", marker=None, **PLACE)],
        ),
    ],
)
def test_what_only_the_block_tells_apart_is_told_apart_by_a_person(slides, orders) -> None:
    told = join(slides, [], orders, RULES)
    assert len(told.work) == len(slides)
    assert all(w.held in ("identity-unproven", "identity-disagrees") for w in told.work)


def test_by_its_block_alone_a_slide_is_analysed_only_where_the_stain_shows_if_that_is_wrong() -> (
    None
):
    on_he = order(analysis="infiltration", marker=None, **PLACE)
    told = join([slide(**PLACE)], [], [on_he], RULES)
    assert (told.work[0].held, told.work[0].identity.accession) == (None, "S30-1")
    assert not told.waiting
    told = join([slide(**PLACE)], [], [order(**PLACE)], RULES)
    assert told.work[0].held == "identity-unproven"
    assert len(told.waiting) == 1, "its own slide may still come"
    named = slide(**PLACE)
    with_number = replace(
        named, said=(replace(named.said[0], identity=SlideIdentity(order_id="O1", **PLACE)),)
    )
    (work,) = join([with_number], [], [order(**PLACE)], RULES).work
    assert (work.held, work.identity.order_id) == (None, "O1")


def test_an_order_with_a_barcode_waits_for_that_glass_alone() -> None:
    told = join([slide(**PLACE)], [], [order(barcode="X1", **PLACE)], RULES)
    assert (told.work, len(told.waiting)) == ((), 1)
    told = join(
        [slide(**PLACE), slide("b.svs", barcode="X1")], [], [order(barcode="X1", **PLACE)], RULES
    )
    assert [w.path.name for w in told.work] == ["b.svs"]


def test_the_answer_does_not_depend_on_the_order_things_came_in() -> None:
    slides = [slide("a.svs", barcode="X1"), slide("b.svs", barcode="X2"), slide("c.svs", **PLACE)]
    orders = [order("O1", barcode="X1", **PLACE), order("O2", barcode="X2", accession="S9")]

    def answer(slides, orders):
        told = join(slides, [], orders, RULES)
        return {(w.path, w.analysis, w.held, w.identity) for w in told.work}

    answers = [answer(s, o) for s in permutations(slides) for o in permutations(orders)]
    assert all(a == answers[0] for a in answers)
    assert len(answers[0]) == 2


def test_rules_say_what_to_do_with_slides_nobody_ordered_the_first_that_fits() -> None:
    by_stain = FolderRule(analysis="infiltration", stain="he", priority="urgent")
    rules = (KI67_FOLDER, by_stain, FolderRule(analysis="ki67", name=r"p53\.svs$", marker="p53"))
    assert rule_for(slide(folder="ki67/batch", stain="he"), rules) is KI67_FOLDER
    assert rule_for(slide(folder="other/ki67", stain="he"), rules) is by_stain
    assert rule_for(slide("x-p53.svs"), rules) is rules[2]
    assert rule_for(slide("x.svs", stain="ihc-dab"), rules) is None
    site = replace(RULES, incoming=replace(RULES.incoming, folders=rules))
    (work,) = join([slide(stain="he")], [], [], site).work
    assert (work.source, work.analysis, work.priority) == ("folder", "infiltration", "urgent")
    assert not join([replace(slide(stain="he"), watched=False)], [], [], site).work


def test_a_rule_does_not_stand_before_an_order() -> None:
    site = replace(RULES, incoming=replace(RULES.incoming, folders=(KI67_FOLDER,)))
    asked = order(barcode="X1", analysis="infiltration", marker=None, **PLACE)
    (work,) = join([slide(barcode="X1", folder="ki67")], [], [asked], site).work
    assert (work.source, work.analysis) == ("hl7", "infiltration")


def test_a_name_says_what_the_sites_pattern_finds_in_it() -> None:
    site = replace(
        RULES.identity,
        file_names=(r"(?P<accession>S\d+-\d+)_(?P<block>\d+)(_(?P<barcode>X\d))?.svs",),
    )
    (claim,) = says_name(Path("/s/S30-1_2.svs"), site)
    assert claim.identity == SlideIdentity(accession="S30-1", block="2")
    assert says_name(Path("/s/S30-1_2.svs.old"), site) == ()


def test_two_barcodes_on_one_label_are_two_claims() -> None:
    told = (("dicom.BarcodeValue", "X1"), ("dicom.ContainerIdentifier", "X2"), ("other", "x"))
    said = says_label(told, RULES.identity)
    assert [c.identity.barcode for c in said] == ["X1", "X2"]
    two = FoundSlide(path=Path("/s/a.svs"), said=said)
    (work,) = join([two], [], [order(barcode="X1", **PLACE)], RULES).work
    assert work.held == "identity-disagrees"


def test_a_later_message_stands() -> None:
    spelling = RULES.identity.spelling
    first, again = order(barcode="X1"), order(barcode="X1", priority="stat")
    assert standing([first, again], spelling) == ((again,), ())
    cancel = order(control="cancel")
    assert standing([first, cancel], spelling) == ((), (cancel,))
    assert standing([cancel, first], spelling) == ((first,), (cancel,))
    other_slide = order(barcode="X2")
    assert standing([first, other_slide], spelling) == ((first, other_slide), ())
    assert standing([first, order("O2", control="cancel")], spelling)[0] == (first,)
    nameless = order(None, barcode="X1"), order(None, barcode="X1")
    assert standing(nameless, spelling)[0] == nameless[1:]
