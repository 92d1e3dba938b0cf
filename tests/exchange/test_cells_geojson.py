"""Nuclei and regions to QuPath's GeoJSON and back."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pathology.errors import OutputError, UsageError
from pathology.exchange import features_stream
from pathology.exchange.cells_back import read_cells_geojson
from pathology.exchange.cells_geojson import AREA, DAB, PROBABILITY, object_type, write_geojson
from pathology.exchange.cells_parquet import CELLS_SCHEMA, CellsWriter, cell_batches, read_cells
from pathology.exchange.documents import write_json
from pathology.exchange.features_stream import features
from pathology.exchange.findings_json import findings_document, run_document
from pathology.exchange.regions_geojson import write_regions
from pathology.exchange.regions_read import read_regions
from pathology.exchange.stored_result import read_result
from pathology.records.prediction import Nuclei
from pathology.records.region import Line, SlideRegion
from tests.exchange.examples import nuclei, result, square_region

POINT, AREA_OFF, SHARE_OFF = 0.00501, 0.00051, 0.000051  # the tolerances that the module states
EXACT = ("cell_id", "class", "positive", "regions", "excluded_by")
FRONT = SlideRegion(
    region_id="front",
    kind="front",
    lines=(Line(points_px0=np.array([[0.0, 0], [10, 10]])),),
    length_mm=0.01,
)


def exported(folder, some, *, excluded_by=None, regions=None, drawn=None):
    """GeoJSON of nuclei, and the table that it was made from."""
    told = result()
    write_json(folder / "findings.json", findings_document(told), "findings-1")
    write_json(folder / "run.json", run_document(told), "run-1")
    write_regions(folder / "regions.geojson", drawn or [square_region()])
    with CellsWriter(folder / "cells.parquet") as writer:
        none = np.full(len(some), "")
        writer.add(
            some,
            excluded_by=none if excluded_by is None else excluded_by,
            regions=regions or [[] for _ in range(len(some))],
        )
    path = folder / "all.geojson"
    batches = cell_batches(folder / "cells.parquet", rows=7)
    write_geojson(path, read_result(folder), folder / "regions.geojson", batches)
    return path, read_cells(folder / "cells.parquet")


def assert_same(back: pa.Table, before: pa.Table) -> None:
    assert back.schema.equals(CELLS_SCHEMA)
    for name in EXACT:
        assert back[name].to_pylist() == before[name].to_pylist(), name
    for name, off in (("x_px0", POINT), ("y_px0", POINT), ("area_um2", AREA_OFF)):
        assert np.abs(back[name].to_numpy() - before[name].to_numpy()).max(initial=0) <= off
    for name in ("class_probability", "dab_od"):
        for one, other in zip(back[name].to_pylist(), before[name].to_pylist(), strict=True):
            assert one == other or abs(one - other) <= SHARE_OFF
    for one, other in zip(back["outline"].to_pylist(), before["outline"].to_pylist(), strict=True):
        if other is None:
            assert one is None
        else:
            a, b = (shapely.get_coordinates(shapely.from_wkb(w)) for w in (one, other))
            assert np.abs(a - b).max() <= POINT


@st.composite
def any_nuclei(draw):
    """Nuclei of every class, call and exclusion; some without an outline."""
    count = draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    corners = draw(st.lists(st.sampled_from([0, 3, 12]), min_size=count, max_size=count))
    far = draw(st.sampled_from([10.0, 5000.0, 150_000.0]))
    some = Nuclei(
        centre_px0=rng.uniform(0, far, (count, 2)),
        area_um2=rng.uniform(1, 500, count).astype(np.float32),
        cell_class=rng.integers(0, 4, count).astype(np.uint8),
        class_probability=rng.random(count).astype(np.float32),
        dab_od=np.where(rng.random(count) < 0.3, np.nan, rng.random(count)).astype(np.float32),
        positive=rng.integers(-1, 2, count).astype(np.int8),
        outline_px0=rng.uniform(0, far, (sum(corners), 2)).astype(np.float32),
        outline_start=np.concatenate([[0], np.cumsum(corners)]).astype(np.int64),
    )
    words = st.sampled_from(["", "pen", "lymphocyte", "stroma", "other"])
    names = np.array(["tumour", "lymphocyte", "stroma", "other"])[some.cell_class]
    excluded = [w if w in ("", "pen") or w == n else "" for n, w in zip(names, draw(
        st.lists(words, min_size=count, max_size=count)), strict=True)]  # fmt: skip
    ids = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=3)
    regions = draw(st.lists(ids, min_size=count, max_size=count))
    return some, np.array(excluded, dtype=str), regions


@settings(max_examples=80, deadline=None)
@given(told=any_nuclei())
def test_what_leaves_comes_back_the_same(tmp_path_factory, told):
    some, excluded_by, regions = told
    folder = tmp_path_factory.mktemp("there-and-back")
    path, before = exported(folder, some, excluded_by=excluded_by, regions=regions)
    assert_same(read_cells_geojson(path), before)


def test_ids_are_the_same_each_time_and_differ_from_one_another(tmp_path):
    first, _ = exported(tmp_path, nuclei(30))
    ids = [f["id"] for f in features(first)]
    again = tmp_path / "again"
    again.mkdir()
    assert [f["id"] for f in features(exported(again, nuclei(30))[0])] == ids
    assert len(set(ids)) == 31


def test_regions_come_back_too(tmp_path):
    drawn = [square_region(), square_region("field-1", kind="field"), FRONT]
    path, _ = exported(tmp_path, nuclei(5), drawn=drawn)
    kept = [f for f in features(path) if object_type(f) == "annotation"]
    only = tmp_path / "regions-only.geojson"  # as QuPath exports annotations alone
    only.write_text(json.dumps({"type": "FeatureCollection", "features": kept}), "utf-8")
    back = read_regions(only, mpp=0.5)
    assert [(r.region_id, r.kind, r.source) for r in back] == [
        ("tumour", "tumour", "automatic"),
        ("field-1", "field", "automatic"),
    ]
    for one in back:
        assert one.area_mm2 == pytest.approx(square_region().area_mm2)
        assert len(one.polygons[0].holes) == 1
    assert kept == list(features(tmp_path / "regions.geojson"))


def test_nuclei_where_nothing_is_counted_are_ignored_by_qupath(tmp_path):
    some = nuclei(60)
    lymphocyte = some.cell_class == 1
    excluded = np.where(lymphocyte, "lymphocyte", "")
    excluded[::3] = "pen"
    path, _ = exported(tmp_path, some, excluded_by=excluded)
    told = [f["properties"] for f in features(path)][1:]
    names = [p["classification"]["name"] for p in told]
    assert [n == "Ignore*" for n in names] == (excluded == "pen").tolist()
    immune = lymphocyte & (excluded != "pen")
    assert [n == "Immune cells" for n in names] == immune.tolist()


def as_qupath_writes(path, target, **change):
    """What is left of our detections after QuPath: no members of ours, one line, a bare list."""
    kept = []
    for feature in features(path):
        told = feature["properties"]
        if told["objectType"] != "detection":
            continue
        slim = {k: told[k] for k in ("objectType", "classification", "measurements")}
        kept.append({**feature, "properties": {**slim, **change}})
    target.write_text(json.dumps(kept), encoding="utf-8")
    return target


def test_what_qupath_keeps_is_enough_for_the_numbers(tmp_path):
    path, before = exported(tmp_path, nuclei(40))
    back = read_cells_geojson(as_qupath_writes(path, tmp_path / "qupath.geojson"))
    assert back["cell_id"].to_pylist() == list(range(40))
    tumour = np.array(before["class"].to_pylist()) == "tumour"
    for name in ("class", "area_um2", "dab_od"):
        assert back[name].to_pylist() == pytest.approx(before[name].to_pylist(), abs=1e-3)
    calls = [c if t else None for c, t in zip(before["positive"].to_pylist(), tumour, strict=True)]
    assert back["positive"].to_pylist() == calls
    assert np.abs(back["x_px0"].to_numpy() - before["x_px0"].to_numpy()).max() < 0.01


def test_the_class_that_a_person_gave_counts(tmp_path):
    path, _ = exported(tmp_path, nuclei(8), excluded_by=np.full(8, "pen"))
    document = json.loads(path.read_text("utf-8"))
    for feature in document["features"][1:]:
        feature["properties"]["classification"] = {"name": "Tumor: Positive"}
    path.write_text(json.dumps(document), encoding="utf-8")
    back = read_cells_geojson(path)
    assert set(back["class"].to_pylist()) == {"tumour"}
    assert set(back["positive"].to_pylist()) == {True}
    assert set(back["excluded_by"].to_pylist()) == {None}


@pytest.mark.parametrize(
    ("given_name", "read"),
    [
        ("Stroma", ("stroma", None, "stroma")),  # was left out by its class, and still is
        ("Tumor", ("tumour", None, None)),
        ("Tumor: Negative", ("tumour", False, None)),
        ("Ignore*", ("lymphocyte", True, "lymphocyte")),
        ("Immune cells", ("lymphocyte", True, "lymphocyte")),
    ],
)
def test_a_lymphocyte_given_another_class_is_left_out_by_that_class(tmp_path, given_name, read):
    some = nuclei(1)
    some.cell_class[:], some.positive[:] = 1, 1
    path, _ = exported(tmp_path, some, excluded_by=np.array(["lymphocyte"]))
    document = json.loads(path.read_text("utf-8"))
    document["features"][1]["properties"]["classification"]["name"] = given_name
    path.write_text(json.dumps(document), encoding="utf-8")
    (row,) = read_cells_geojson(path).to_pylist()
    assert (row["class"], row["positive"], row["excluded_by"]) == read


def test_a_cell_is_read_by_its_nucleus_and_old_measurements_too(tmp_path):
    ring = [[10, 10], [20, 10], [20, 20], [10, 10]]
    wide = [[0, 0], [50, 0], [50, 50], [0, 0]]
    cell = {
        "type": "Feature",
        "id": "x",
        "geometry": {"type": "Polygon", "coordinates": [wide]},
        "nucleusGeometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "object_type": "cell",
            "classification": {"name": "stroma"},
            "measurements": [{"name": AREA, "value": 12.5}, {"name": DAB, "value": 0.25}],
        },
    }
    path = tmp_path / "cells.geojson"
    path.write_text(json.dumps(cell), encoding="utf-8-sig")
    (row,) = read_cells_geojson(path).to_pylist()
    assert (row["class"], row["area_um2"], row["dab_od"]) == ("stroma", 12.5, 0.25)
    assert math.isnan(row["class_probability"])
    assert shapely.from_wkb(row["outline"]).area == 50
    assert PROBABILITY not in str(cell)


def broken(**change):
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]},
        "properties": {
            "objectType": "detection",
            "classification": {"name": "Other"},
            "measurements": {AREA: 5},
        },
    }
    properties = {**feature["properties"], **change.pop("properties", {})}
    return json.dumps([{**feature, "properties": properties, **change}])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no valid GeoJSON"),
        ("[", "no valid GeoJSON"),
        ("{}", "no GeoJSON feature"),
        ("[1]", "no GeoJSON feature"),
        ('{"features": [}', "no valid GeoJSON"),
        ('{"features": []} x', "no valid GeoJSON"),
        ("[" * 100_000, "no valid GeoJSON"),
        (broken().replace("9", "NaN"), "no valid GeoJSON"),
        (broken().replace("9", "1e999"), "points cannot be read"),
        (broken().replace("9", '"9"'), "points cannot be read"),
        (broken().replace("9", "true"), "points cannot be read"),
        (broken().replace("[9, 0], [9, 9], ", ""), "points cannot be read"),
        (broken(geometry={"type": "MultiPolygon", "coordinates": []}), "in one piece"),
        (broken(geometry=None), "in one piece"),
        (broken(properties={"classification": None}), "has no class"),
        (broken(properties={"classification": {"name": "Fibroblast"}}), "unknown class"),
        (broken(properties={"measurements": {}}), "has no measurement"),
        (broken(properties={"measurements": None}), "has no measurements"),
        (broken(properties={"cell_id": 1})[:-1] + "," + broken(properties={"cell_id": 1})[1:],
         "same cell_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path, text, said):
    path = tmp_path / "hostile.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        read_cells_geojson(path)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_cells_geojson(tmp_path / "none.geojson")
    (tmp_path / "x.geojson").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(UsageError, match="UTF-8"):
        read_cells_geojson(tmp_path / "x.geojson")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    beside=st.dictionaries(st.text().filter(lambda k: k != "features"), JSON, max_size=4),
    inside=st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=6),
    behind=st.booleans(),
    indent=st.sampled_from([None, 1]),
    piece=st.integers(1, 40),
)
@example(beside={"a": 1.3510798882109954e16}, inside=[], behind=False, indent=None, piece=1)
@example(beside={"a": 1234567, "b": -1.5e-3}, inside=[{"a": 1}], behind=False, indent=None, piece=1)
def test_features_are_what_json_says_however_the_text_is_cut(
    tmp_path_factory, beside, inside, behind, indent, piece
):
    told = [{**one, "type": "Feature"} for one in inside]
    document = {"features": told, **beside} if behind else {**beside, "features": told}
    path = tmp_path_factory.mktemp("cut") / "some.geojson"
    path.write_text(json.dumps(document, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features_stream, "PIECE", piece)
        assert list(features(path)) == told


def test_a_number_that_is_not_finite_does_not_leave(tmp_path):
    some = nuclei(3)
    some.area_um2[1] = np.inf
    with pytest.raises(OutputError, match="not finite"):
        exported(tmp_path, some)
    assert not (tmp_path / "all.geojson").exists()
