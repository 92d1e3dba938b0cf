"""Infiltration by place: areas and counts on painted tissue, and every reason for no number."""

from dataclasses import replace

import numpy as np
import pytest

from pathology.findings.infiltration import COUNT_NOT_SHARE, NONE_SEEN, infiltration_findings
from pathology.records.finding import AreaShare, Measurement, NotMeasurable
from pathology.records.prediction import TissueClass
from tests.findings.painted_tissue import RULES, disc, middles, scattered, seen

SIDE = 6000
X, Y = middles(SIDE)
DISC = disc(X, Y, (3000, 3000), 1500)
STRANDS = DISC & ((X // 120).astype(int) % 2 == 0)  # tumour and stroma in turn, 15 pixels wide
CORE_UM = 1380
RIMMED = STRANDS | (DISC & ~disc(X, Y, (3000, 3000), CORE_UM))  # its bed is the disc
STROMA_MM2 = np.pi * (CORE_UM / 1000) ** 2 / 2  # half of the core, by symmetry
NAMES = {
    "tumour.area",
    "tumour.nests",
    "til.density_tumour",
    "til.density_stroma",
    "til.stromal_area_fraction",
    "til.density_margin",
    "til.density_margin_inner",
    "til.density_margin_outer",
    "til.profile",
    "margin.length",
}


def by_name(told):
    return {f.name: f for f in infiltration_findings(told, RULES).findings}


def uneven(inside, outside, seed=0):
    """Cells per mm² inside the painted disc and outside."""
    cells = scattered(SIDE, max(inside, outside), seed)
    within = np.hypot(*(cells - 3000).T) < 1500
    keep = np.where(within, inside, outside) / max(inside, outside)
    return cells[np.random.default_rng(seed + 1).random(len(cells)) < keep]


@pytest.fixture(scope="module")
def found():
    return by_name(seen(RIMMED, cells_um=uneven(200, 800)))


@pytest.fixture(scope="module")
def solid():
    return by_name(seen(DISC, cells_um=uneven(200, 800)))


def test_all_findings_of_the_contract_are_there(found):
    assert set(found) == NAMES
    assert len({f.id for f in found.values()}) == len(found)
    assert not any(isinstance(f.answer, NotMeasurable) for f in found.values())


def test_areas_and_lengths_are_the_painted_ones(found):
    tumour_mm2 = np.pi * 1.5**2 - STROMA_MM2
    assert found["tumour.area"].answer.value == pytest.approx(tumour_mm2, rel=0.01)
    assert found["margin.length"].answer.value == pytest.approx(2 * np.pi * 1.5, rel=0.01)
    assert found["margin.length"].answer.unit == "mm"
    assert found["tumour.nests"].answer.value == 1  # the rim joins them


def test_nests_are_counted():
    told = by_name(seen(STRANDS))
    assert told["tumour.nests"].answer.value == 13
    assert told["tumour.area"].answer.value == pytest.approx(np.pi * 1.5**2 / 2, rel=0.01)


@pytest.mark.parametrize(
    ("name", "per_mm2"),
    [
        ("til.density_tumour", 200),
        ("til.density_stroma", 200),
        ("til.density_margin_inner", 200),
        ("til.density_margin_outer", 800),
    ],
)
def test_densities_are_the_painted_ones(found, solid, name, per_mm2):
    finding = (solid if "margin" in name else found)[name]
    assert finding.answer.value == pytest.approx(per_mm2, rel=0.08)
    assert finding.answer.low < per_mm2 < finding.answer.high
    assert finding.answer.unit == "1/mm2"
    assert COUNT_NOT_SHARE in finding.caveats


def test_the_profile_steps_at_the_front_and_its_areas_are_rings(solid):
    bands = solid["til.profile"].bands
    assert [b.from_um for b in bands] == list(range(-500, 500, 50))
    for band in bands:
        low, high = (1500 + band.from_um) / 1000, (1500 + band.to_um) / 1000
        assert band.area_mm2 == pytest.approx(np.pi * (high**2 - low**2), rel=0.06)
    held = [b.low < (200 if b.to_um <= 0 else 800) < b.high for b in bands]
    assert sum(held) >= 17  # of 20, at 95 in 100
    counted = sum(b.count for b in bands)
    area = sum(b.area_mm2 for b in bands)
    assert solid["til.profile"].answer.value == pytest.approx(counted / area)


def test_the_stromal_share_is_that_of_the_discs(found):
    share = found["til.stromal_area_fraction"].answer
    assert isinstance(share, AreaShare)
    assert share.whole_um2 / 1e6 == pytest.approx(STROMA_MM2, rel=0.01)
    covered = 1 - np.exp(-200e-6 * np.pi * 25)  # union of discs thrown at random
    assert share.value == pytest.approx(covered, rel=0.1)
    assert share.low < share.value < share.high
    assert share.interval == "block-bootstrap-95"


def test_regions_are_named_where_a_number_rests_on_them(found):
    assert found["tumour.area"].regions == ("tumour",)
    assert found["til.density_margin_inner"].regions == ("margin-inner",)
    assert found["margin.length"].regions == ("front",)
    assert found["til.stromal_area_fraction"].regions == ("tumour-bed",)


def test_a_persons_region_is_the_bed():
    square = (np.abs(X - 3000) < 1000) & (np.abs(Y - 3000) < 1000)
    answer = infiltration_findings(seen(STRANDS, person_bed=square), RULES)
    assert np.array_equal(answer.bed, square)
    length = next(f for f in answer.findings if f.name == "margin.length").answer
    assert length.value == pytest.approx(8, rel=0.02)


def test_half_a_margin_does_not_pass_for_all_of_it():
    """Where only a person's region was analysed nothing is known beyond it."""
    told = replace(seen(RIMMED, person_bed=DISC, cells_um=uneven(200, 800)), analysed=DISC)
    told = by_name(told)
    for name in ("til.density_margin", "til.profile"):
        assert told[name].answer.code == "too-little-area"
        assert "outside" in told[name].answer.reason
        assert told[name].regions == ()
        assert told[name].bands == ()
    assert told["til.density_margin_inner"].answer.value == pytest.approx(200, rel=0.08)
    assert told["til.density_margin_outer"].answer.code == "too-little-area"
    assert isinstance(told["margin.length"].answer, Measurement)


def test_tumour_along_the_edge_withholds_the_margin_and_says_why():
    tissue = (X > 1000) & (X < 2500)
    told = by_name(seen((X > 1000) & (X < 2000) & tissue, tissue=tissue))
    assert told["margin.length"].answer.code == "front-not-assessable"
    assert "assessable" in told["til.profile"].answer.reason
    assert isinstance(told["tumour.area"].answer, Measurement)


def test_no_tumour_has_an_area_of_nothing_and_no_margin():
    told = by_name(seen(np.zeros(X.shape, bool)))
    assert told["tumour.area"].answer.value == 0
    assert told["margin.length"].answer.code == "no-front"
    assert told["til.density_tumour"].answer.code == "too-little-area"
    assert told["til.stromal_area_fraction"].answer.code == "too-little-area"


def test_stroma_in_few_places_gives_no_share():
    x, y = middles(2000)
    tumour = disc(x, y, (1000, 1000), 900) & ~disc(x, y, (1000, 1000), 480)
    told = by_name(seen(tumour))
    assert told["til.stromal_area_fraction"].answer.code == "too-few-blocks"


def test_every_finding_can_be_refused():
    damage = NotMeasurable(code="damaged", reason="too much is unreadable")
    told = by_name(seen(STRANDS, refused=damage))
    assert set(told) == NAMES
    assert all(f.answer is damage for f in told.values())
    coarse = NotMeasurable(code="scale-too-coarse", reason="too coarse")
    told = by_name(seen(STRANDS, no_cells=coarse))
    refused = {name for name, f in told.items() if f.answer is coarse}
    assert refused == {n for n in NAMES if n.startswith("til.")}


def test_necrosis_and_excluded_tissue_are_no_stroma():
    told = seen(RIMMED, cells_um=scattered(SIDE, 300))
    told.classes[(Y > 3000) & ~RIMMED] = TissueClass.OTHER
    share = by_name(told)["til.stromal_area_fraction"].answer
    assert share.whole_um2 / 1e6 == pytest.approx(STROMA_MM2 / 2, rel=0.02)


def test_excluded_tissue_is_left_out_and_its_cells_are_told():
    """A fold across the upper half, ink across a part of the fold."""
    cells = scattered(SIDE, 300)
    masks = {"fold": Y < 3000, "pen": Y < 1000}
    told = by_name(seen(RIMMED, cells_um=cells, excluded=masks))
    share = told["til.stromal_area_fraction"]
    assert share.answer.whole_um2 / 1e6 == pytest.approx(STROMA_MM2 / 2, rel=0.02)
    assert share.exclusions == {"fold": (cells[:, 1] < 3000).sum()}
    inner = told["til.density_stroma"]
    assert inner.answer.low < 300 < inner.answer.high


@pytest.mark.parametrize(("kind", "halo_um"), [("in_situ", 100), ("normal", 100), ("fold", 0)])
def test_cells_around_in_situ_tumour_are_not_those_of_the_invasive_one(kind, halo_um):
    """A square of half a millimetre is left out in the middle of the bed, half of it stroma."""
    square = (abs(X - 3000) < 250) & (abs(Y - 3000) < 250)
    cells = scattered(SIDE, 300)
    before, after = (
        by_name(seen(RIMMED, cells_um=cells, excluded=masks)) for masks in ({}, {kind: square})
    )
    near = np.hypot(*(np.maximum(abs(cells - 3000) - 250, 0)).T) <= halo_um
    assert after["til.density_stroma"].exclusions[kind] == pytest.approx(near.sum(), abs=12)
    grown = 0.5**2 + 4 * 0.5 * halo_um / 1000 + np.pi * (halo_um / 1000) ** 2
    stroma = [f["til.stromal_area_fraction"].answer.whole_um2 / 1e6 for f in (before, after)]
    assert stroma[0] - stroma[1] == pytest.approx(grown / 2, rel=0.1)
    # Tumour beside it is tumour all the same: only its cells are in doubt.
    area = [f["tumour.area"].answer.value for f in (before, after)]
    assert area[0] - area[1] == pytest.approx(0.5**2 / 2, rel=0.1)


def test_densities_have_an_interval_by_blocks_beside_the_counted_one(found):
    """Cells thrown at random do not clump: both intervals are about as wide."""
    for name in ("til.density_stroma", "til.density_margin", "til.density_margin_outer"):
        finding = found[name]
        assert finding.clustered.blocks >= RULES.infiltrate.least_blocks
        assert finding.clustered.low < finding.answer.value < finding.clustered.high
    outer = found["til.density_margin_outer"]
    ratio = (outer.clustered.high - outer.clustered.low) / (outer.answer.high - outer.answer.low)
    assert 0.5 < ratio < 2


def test_clumped_cells_have_a_wider_interval_by_blocks():
    rng = np.random.default_rng(3)
    clumps = rng.uniform(0, SIDE, (40, 2))
    cells = np.repeat(clumps, 100, axis=0) + rng.normal(0, 60, (4000, 2))
    stroma = by_name(seen(RIMMED, cells_um=cells))["til.density_stroma"]
    counted = stroma.answer.high - stroma.answer.low
    assert stroma.clustered.high - stroma.clustered.low > 3 * counted


def test_no_cell_at_all_is_nought_with_a_word_on_what_it_is_worth():
    told = by_name(seen(RIMMED))
    share = told["til.stromal_area_fraction"]
    assert share.answer.value == 0
    assert NONE_SEEN in share.caveats
    assert told["til.density_stroma"].clustered is None
    assert told["til.density_stroma"].answer.high > 0


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_slide_has_the_same_findings(turn, found):
    cells = uneven(200, 800) - SIDE / 2
    for _ in range(turn):
        cells = cells @ np.array([[0, -1.0], [1, 0]])  # as rot90 turns rows and columns
    again = by_name(seen(np.rot90(RIMMED, turn), cells_um=cells + SIDE / 2))
    for name, finding in found.items():
        assert again[name].answer.value == pytest.approx(finding.answer.value, rel=0.01), name


def test_no_word_claims_what_is_not_measured(found):
    text = " ".join(c for f in found.values() for c in f.caveats).lower()
    assert "immunoscore" not in text
    assert "no validated cut-off" in text
