"""DICOM: read back by highdicom and pydicom, held against a validator, tied to the slide."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace

import highdicom as hd
import numpy as np
import pydicom
import pytest
import shapely
from highdicom.spatial import ReferenceToImageTransformer
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from pathology.errors import OutputError, UsageError
from pathology.exchange.cells_parquet import CLASS_NAMES, CellsWriter, cell_batches, read_cells
from pathology.exchange.dicom_nuclei import nuclei_annotations
from pathology.exchange.dicom_object import DicomPlace, save_dicom
from pathology.exchange.dicom_regions import regions_segmentation
from pathology.exchange.dicom_report import Reported, findings_report
from pathology.exchange.dicom_slide import (
    MADE_UP,
    WITHHELD,
    made_up_slide,
    read_headers,
    slide_of_header,
)
from pathology.exchange.outlines import rasterise
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.records.region import Line, Polygon, Ring, SlideRegion
from pathology.records.result import StoredResult
from tests.exchange.examples import FIELDS, nuclei, refusal, share, square, square_region
from tests.exchange.test_wire_status import CODES, EVERY, numbers, record
from tests.painted_dicom import DicomForm, write_dicom

WIDTH, HEIGHT, MPP = 2100, 1700, 0.5
FRONT = SlideRegion(
    region_id="front",
    kind="front",
    lines=(
        Line(points_px0=np.array([[10.25, 20.5], [30.75, 40], [90, 41.5]])),
        Line(points_px0=np.array([[500.0, 600], [700.5, 800]])),
    ),
    length_mm=0.2,
)


def disc(region_id: str, x: float, y: float, radius: float) -> SlideRegion:
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    ring = np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1)
    return SlideRegion(
        region_id=region_id,
        kind="field",
        polygons=(Polygon(outer=Ring(points_px0=ring)),),
        area_mm2=0.1,
    )


HOLED = square_region()
PERSON = square_region(
    "confirmed-tumour", source="person", polygons=(Polygon(outer=square(96, 192, 800)),)
)
REGIONS = (HOLED, PERSON, disc("field-1", 400, 500, 80), disc("field-2", 900.5, 800.25, 60))


def stored(*findings, file="slide.svs", mpp=MPP, **change) -> StoredResult:
    told = record(*findings)
    slide = replace(told.slide, width_px0=WIDTH, height_px0=HEIGHT, mpp_x=mpp, mpp_y=mpp, file=file)
    return replace(told, slide=slide, **change)


def complete(data: Dataset) -> None:
    """What a real slide's header says beside the pixels: turned and shifted on the glass."""
    data.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.77"
    data.PositionReferenceIndicator = "SLIDE_CORNER"
    data.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    at = Dataset()
    at.XOffsetInSlideCoordinateSystem, at.YOffsetInSlideCoordinateSystem = 20.0, 40.0
    data.TotalPixelMatrixOriginSequence = [at]
    data.PatientID, data.PatientName = "MRN-7", "Wang^Painted"
    data.PatientBirthDate, data.PatientSex = "19500101", "F"
    data.AccessionNumber, data.StudyID = "A-12", "S-1"
    data.StudyDate, data.StudyTime = "20300131", "140000"
    data.ReferringPhysicianName = ""
    data.ContainerIdentifier = "GLASS-3"
    data.IssuerOfTheContainerIdentifierSequence, data.ContainerTypeCodeSequence = [], []
    specimen = Dataset()
    specimen.SpecimenIdentifier, specimen.SpecimenUID = "GLASS-3-A", "1.2.826.0.1.3680043.8.498.78"
    specimen.IssuerOfTheSpecimenIdentifierSequence, specimen.SpecimenPreparationSequence = [], []
    data.SpecimenDescriptionSequence = [specimen]


def series(folder, change=complete):
    pixels = np.full((HEIGHT, WIDTH, 3), 230, np.uint8)
    return write_dicom(folder / "series", pixels, levels=2, form=DicomForm(mpp=MPP, change=change))


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    return read_headers(sorted(series(tmp_path_factory.mktemp("scan")).iterdir()))


@dataclass(frozen=True)
class Cells:
    path: object
    table: object


@pytest.fixture(scope="module")
def cells(tmp_path_factory) -> Cells:
    """Nuclei of every kind, some without an outline."""
    some = nuclei(300, seed=3)
    keep = np.ones(len(some.outline_px0), bool)
    lengths = np.diff(some.outline_start).copy()
    for row in (5, 6, 299):
        keep[some.outline_start[row] : some.outline_start[row + 1]] = False
        lengths[row] = 0
    start = np.concatenate([[0], np.cumsum(lengths)])
    some = replace(some, outline_px0=some.outline_px0[keep], outline_start=start)
    excluded = np.where(np.arange(300) % 7 == 0, "out_of_focus", "")
    path = tmp_path_factory.mktemp("cells") / "cells.parquet"
    with CellsWriter(path) as writer:
        writer.add(some, excluded_by=excluded, regions=[[]] * 300)
    return Cells(path=path, table=read_cells(path))


def annotations(folder, slide, cells, fronts=(FRONT,)):
    made = nuclei_annotations(
        slide, stored(), cell_batches(cells.path, rows=64), fronts, DicomPlace.new(1)
    )
    save_dicom(folder / "nuclei.dcm", made)
    return hd.ann.annread(folder / "nuclei.dcm")


def segmented(slide, regions=REGIONS, downsample=16.0, told=None):
    return regions_segmentation(
        slide, told or stored(), regions, CODES, downsample=downsample, place=DicomPlace.new(2)
    )


def reported(folder, slide, *findings, regions=REGIONS, told=None):
    told = told or stored(*findings)
    written = segmented(slide, regions, told=told)
    asked = Reported(slide=slide, result=told, regions=regions, codes=CODES, written=written)
    save_dicom(folder / "findings.dcm", findings_report(asked, DicomPlace.new(3)))
    return hd.sr.srread(folder / "findings.dcm"), written


def content(report, kind):
    """Content items of a value type, wherever they stand."""

    def walk(items):
        for item in items:
            if item.ValueType == kind:
                yield item
            yield from walk(item.get("ContentSequence", ()))

    return list(walk(report.ContentSequence))


# --- nuclei


def test_nuclei_come_back_from_dicom_with_outline_class_call_and_numbers(tmp_path, cells):
    read = annotations(tmp_path, made_up_slide(stored()), cells)
    assert (read.AnnotationCoordinateType, read.PixelOriginInterpretation) == ("2D", "VOLUME")
    rows = {row["cell_id"]: row for row in cells.table.drop_columns(["outline"]).to_pylist()}
    seen = {}
    for group in read.get_annotation_groups(annotated_property_type=codes.SCT.Nucleus):
        names, values, _ = group.get_measurements()
        by_name = dict(zip((n.value for n in names), values.T, strict=True))
        drawn = group.get_graphic_data(coordinate_type="2D")
        for place, number in enumerate(by_name["cell-id"].astype(int)):
            row = rows[number]
            words = [row["class"], {True: "positive", False: "negative"}.get(row["positive"])]
            words[1] = words[1] or "ambiguous"
            left_out = ["not counted: out of focus"] if row["excluded_by"] else []
            assert group.label == ", ".join(words + left_out)
            assert by_name["nucleus-area"][place] == pytest.approx(row["area_um2"])
            assert by_name["class-probability"][place] == pytest.approx(row["class_probability"])
            if row["dab_od"] is None:
                assert "dab-od" not in by_name or np.isnan(by_name["dab-od"][place])
            else:
                assert by_name["dab-od"][place] == pytest.approx(row["dab_od"])
            seen[number] = np.asarray(drawn[place])
    assert sorted(seen) == list(range(300))
    for number, outline in enumerate(cells.table["outline"].to_pylist()):
        if outline is None:
            assert seen[number] == pytest.approx(
                np.array([[rows[number]["x_px0"], rows[number]["y_px0"]]]), abs=0.01
            )
        else:
            before = shapely.get_coordinates(shapely.from_wkb(outline))[:-1]
            assert seen[number] == pytest.approx(before, abs=0.01)
    assert {g.split(",")[0] for g in (x.label for x in read.get_annotation_groups())} >= set(
        CLASS_NAMES
    )


def test_the_front_is_lines_among_the_annotations(tmp_path, cells):
    read = annotations(tmp_path, made_up_slide(stored()), cells)
    (group,) = [g for g in read.get_annotation_groups() if g.label == "front"]
    assert group.graphic_type == hd.ann.GraphicTypeValues.POLYLINE
    for drawn, line in zip(group.get_graphic_data("2D"), FRONT.lines, strict=True):
        assert drawn == pytest.approx(line.points_px0, abs=0.01)


def test_no_nuclei_and_no_front_make_no_file():
    assert nuclei_annotations(made_up_slide(stored()), stored(), [], (), DicomPlace.new(1)) is None


def test_a_nucleus_without_a_finite_place_is_refused():
    bent = replace(FRONT, lines=(Line(points_px0=np.array([[0, 0], [np.nan, 1]])),))
    with pytest.raises(OutputError, match="not finite"):
        nuclei_annotations(made_up_slide(stored()), stored(), [], (bent,), DicomPlace.new(1))


# --- regions


@pytest.mark.parametrize("downsample", [16.0, 12.5])
def test_segments_are_the_regions_pixel_for_pixel_and_lie_where_the_slide_lies(
    tmp_path, scanned, downsample
):
    slide = slide_of_header(scanned, stored())
    written = segmented(slide, downsample=downsample)
    save_dicom(tmp_path / "regions.dcm", written.dataset)
    read = hd.seg.segread(tmp_path / "regions.dcm")
    shape = -(-HEIGHT // downsample), -(-WIDTH // downsample)
    shape = int(shape[0]), int(shape[1])
    assert read.number_of_segments == len(REGIONS)
    for region in REGIONS:
        number = written.segments[region.region_id]
        mask = read.get_total_pixel_matrix(segment_numbers=[number])[..., 0]
        assert (mask.astype(bool) == rasterise(region.polygons, shape, downsample)).all()
        described = read.get_segment_description(number)
        assert described.tracking_id == region.region_id
        assert ("automatic" in described.segment_label) == (region.source == "automatic")
    spacing = read.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    assert [float(s) for s in spacing] == pytest.approx([MPP * downsample / 1000] * 2)
    origin = read.TotalPixelMatrixOriginSequence[0]
    # The slide's header is turned: x goes down the glass, y to its left. Half a pixel of the grid
    # less half a pixel of the scan lies between the middles of their first pixels.
    shift = (downsample - 1) / 2 * MPP / 1000
    assert origin.XOffsetInSlideCoordinateSystem == pytest.approx(20.0 - shift, abs=1e-6)
    assert origin.YOffsetInSlideCoordinateSystem == pytest.approx(40.0 - shift, abs=1e-6)


def test_a_persons_region_is_manual_and_called_neoplasm_an_automatic_one_is_not():
    dataset = segmented(made_up_slide(stored())).dataset
    automatic, person = dataset.SegmentSequence[:2]
    assert (automatic.SegmentAlgorithmType, person.SegmentAlgorithmType) == ("AUTOMATIC", "MANUAL")
    kinds = [s.SegmentedPropertyTypeCodeSequence[0].CodeMeaning for s in (automatic, person)]
    assert kinds == ["Epithelium", "Neoplasm"]


def test_a_region_without_a_code_is_refused_by_name():
    poorer = replace(CODES, regions={"field": CODES.regions["field"]})
    with pytest.raises(OutputError, match=r"tumour: exchange\.toml has no code"):
        regions_segmentation(
            made_up_slide(stored()),
            stored(),
            REGIONS,
            poorer,
            downsample=16,
            place=DicomPlace.new(2),
        )


def test_a_grid_too_fine_for_the_slide_is_refused_before_memory_is_taken():
    wide = replace(stored(), slide=replace(stored().slide, width_px0=10**5, height_px0=10**5))
    with pytest.raises(OutputError, match="too much memory"):
        segmented(made_up_slide(wide), downsample=1.0, told=wide)


# --- findings


def test_every_number_of_every_finding_is_in_the_report(tmp_path):
    report, _ = reported(tmp_path, made_up_slide(stored()))
    told = {}
    for item in content(report, "NUM"):
        name = item.ConceptNameCodeSequence[0]
        told.setdefault(name.get("CodeValue") or name.LongCodeValue, set()).add(
            float(item.MeasuredValueSequence[0].FloatingPointValue)
            if "FloatingPointValue" in item.MeasuredValueSequence[0]
            else float(item.MeasuredValueSequence[0].NumericValue)
        )
    for finding in EVERY:
        known = CODES.findings[finding.name]
        for part, value in numbers(finding).items():
            assert value in told[known.code.value if part == "value" else part]
    texts = [item.TextValue for item in content(report, "TEXT")]
    for finding in EVERY:
        assert any(finding.protocol in t and finding.formula in t for t in texts)


def test_what_cannot_be_measured_is_said_and_has_no_number(tmp_path):
    report, _ = reported(tmp_path, made_up_slide(stored()), refusal())
    measured = content(report, "NUM")
    assert all(i.ConceptNameCodeSequence[0].CodeMeaning.startswith("Pixel Data") for i in measured)
    failed = [i for i in content(report, "CODE") if i.value.meaning == "Measurement failure"]
    assert [i.name.value for i in failed] == ["ki67-hotspot"]
    texts = [item.TextValue for item in content(report, "TEXT")]
    assert "ki67.hotspot: not measurable: 312 tumour nuclei, fewer than 500" in texts


def test_a_category_stands_under_its_rule_and_says_borderline(tmp_path):
    report, _ = reported(tmp_path, made_up_slide(stored()))
    told = [i.value for i in content(report, "CODE") if i.name.value == "category"]
    assert [(v.value, v.meaning) for v in told] == [("IKWG 2021", "low, borderline")]


def test_a_report_is_unverified_and_preliminary_and_says_so_in_words(tmp_path):
    report, _ = reported(tmp_path, made_up_slide(stored()))
    flags = report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag
    assert flags == ("PARTIAL", "UNVERIFIED", "PRELIMINARY")
    assert "not verified by a physician" in report.SeriesDescription
    texts = [item.TextValue for item in content(report, "TEXT")]
    assert BANNER_EN in texts
    assert BANNER_ZH in texts
    assert not content(report, "PNAME"), "no person stands for numbers that nobody signed"


def test_a_record_of_another_type_does_not_leave(tmp_path):
    class Signed(StoredResult):
        pass

    fields = {f: getattr(stored(), f) for f in StoredResult.__dataclass_fields__}
    with pytest.raises(TypeError, match="cannot leave"):
        reported(tmp_path, made_up_slide(stored()), told=Signed(**fields))


def test_a_finding_of_one_region_stands_with_that_region_and_the_outline_is_where_it_was(
    tmp_path, scanned
):
    slide = slide_of_header(scanned, stored())
    inside = share(regions=("field-1",))
    bed = share(id="f9", name="ki67.hotspot", regions=("tumour",))
    weighted = share(id="f8", name="ki67.global_weighted", fields=FIELDS)
    report, written = reported(tmp_path, slide, inside, bed, weighted)
    groups = {g.tracking_identifier: g for g in report.content.get_planar_roi_measurement_groups()}
    assert set(groups) == {"field-1", "field-2", "tumour"}
    back = ReferenceToImageTransformer(
        image_position=slide.origin_mm,
        image_orientation=slide.orientation,
        pixel_spacing=slide.spacing_mm,
    )
    for region in REGIONS[2:]:
        ring = groups[region.region_id].roi.value
        corners = back(np.asarray(ring))[:, :2]
        assert corners[:-1] == pytest.approx(region.polygons[0].outer.points_px0, abs=0.01)
    names = [m.name.meaning for m in groups["field-1"].get_measurements()]
    assert CODES.findings["ki67.global"].code.meaning in names
    (index,) = [
        m.value for m in groups["field-2"].get_measurements() if m.name.value == "field-index"
    ]
    assert index == pytest.approx(40)
    segment = groups["tumour"].referenced_segmentation_frame[0]
    assert segment.referenced_sop_instance_uid == written.dataset.SOPInstanceUID
    assert segment.referenced_segment_numbers == [written.segments["tumour"]]


# --- the slide


def test_objects_of_a_dicom_slide_are_filed_beside_it(tmp_path, scanned, cells):
    slide = slide_of_header(scanned, stored())
    source = next(h for h in scanned if h.TotalPixelMatrixColumns == WIDTH)
    report, written = reported(tmp_path, slide)
    for made in (annotations(tmp_path, slide, cells), written.dataset, report):
        for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber"):
            assert made[keyword].value == source[keyword].value
        assert made.SeriesInstanceUID != source.SeriesInstanceUID
        assert "made up" not in made.SeriesDescription
        assert source.SOPInstanceUID in str(made)
    assert written.dataset.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert written.dataset.ContainerIdentifier == "GLASS-3"


def test_made_up_uids_are_said_and_always_the_same_but_instances_are_new(tmp_path):
    first, again = made_up_slide(stored()), made_up_slide(stored())
    assert first.header.StudyInstanceUID == again.header.StudyInstanceUID
    assert first.said == (MADE_UP,)
    report, written = reported(tmp_path, first)
    assert written.dataset.SOPInstanceUID != segmented(again).dataset.SOPInstanceUID
    assert "UIDs made up" in written.dataset.SeriesDescription
    assert "UIDs made up" in written.dataset.ContentDescription
    assert MADE_UP in [item.TextValue for item in content(report, "TEXT")]
    assert not written.dataset.PatientID
    other = made_up_slide(replace(stored(), slide=replace(stored().slide, digest="cd" * 32)))
    assert other.header.StudyInstanceUID != first.header.StudyInstanceUID


def test_with_pseudonyms_nobody_is_named(tmp_path, scanned, cells):
    slide = slide_of_header(scanned, stored(file=None))
    assert WITHHELD in slide.said
    report, written = reported(tmp_path, slide, told=stored(file=None))
    for made in (annotations(tmp_path, slide, cells), written.dataset, report):
        assert "Painted" not in str(made)
        assert "MRN-7" not in str(made)
        assert "A-12" not in str(made)


def test_places_follow_the_header_and_another_scale_is_said(scanned):
    slide = slide_of_header(scanned, stored(mpp=0.25))
    assert any("measured at 0.25 µm/px" in said for said in slide.said)
    # Row cosines (0, -1, 0): along a row y falls; along a column x falls. Half a pixel is the
    # middle of the first one, which is the origin.
    found = slide.to_mm(np.array([[0.5, 0.5], [1000.5, 0.5], [0.5, 2000.5]]))
    assert found == pytest.approx(
        np.array([[20.0, 40.0, 0], [20.0, 39.5, 0], [19.0, 40.0, 0]]), abs=1e-9
    )


@pytest.mark.parametrize(
    "keyword", ["FrameOfReferenceUID", "ImageOrientationSlide", "TotalPixelMatrixOriginSequence"]
)
def test_a_header_that_does_not_say_where_it_lies_is_refused(tmp_path, keyword):
    def spoilt(data):
        complete(data)
        del data[keyword]

    headers = read_headers(sorted(series(tmp_path, spoilt).iterdir()))
    with pytest.raises(UsageError, match=keyword):
        slide_of_header(headers, stored())


def test_a_series_of_another_size_is_refused(scanned):
    other = replace(stored(), slide=replace(stored().slide, width_px0=WIDTH + 1))
    with pytest.raises(UsageError, match="has the size"):
        slide_of_header(scanned, other)


def test_what_is_no_image_of_the_slide_is_passed_over(tmp_path):
    folder = series(tmp_path)
    (folder / "notes.dcm").write_bytes(b"no DICOM")
    label = pydicom.dcmread(folder / "level-1.dcm")
    label.ImageType = ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]
    label.save_as(folder / "label.dcm")
    assert len(read_headers(sorted(folder.iterdir()))) == 2


# --- a validator

KNOWN = "CommonZCoordinateValue"
"""dciodvfy (build of 2022) asks for it to be absent in 2D annotations, where it is absent."""


def test_a_validator_finds_no_error(tmp_path, scanned, cells):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    for name, slide in (
        ("own", made_up_slide(stored())),
        ("dicom", slide_of_header(scanned, stored())),
    ):
        folder = tmp_path / name
        folder.mkdir()
        _, written = reported(folder, slide)
        save_dicom(folder / "regions.dcm", written.dataset)
        annotations(folder, slide, cells)
        for path in folder.iterdir():
            assert KNOWN not in str(pydicom.dcmread(path))
            ran = subprocess.run(
                ["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False
            )
            errors = [e for e in ran.stderr.splitlines() if e.startswith("Error")]
            assert [e for e in errors if KNOWN not in e] == []
