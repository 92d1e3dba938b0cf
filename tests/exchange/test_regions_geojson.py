from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from pathology.errors import OutputError, UsageError
from pathology.exchange.documents import faults
from pathology.exchange.outlines import polygons_of, rasterise
from pathology.exchange.regions_geojson import write_regions
from pathology.exchange.regions_read import read_regions
from pathology.records.geometry import Mpp
from pathology.records.region import Line, SlideRegion
from tests.exchange.examples import square_region

BOX = [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]
GEOMETRY = {"type": "Polygon", "coordinates": BOX}
FEATURE = {"type": "Feature", "geometry": GEOMETRY, "properties": {"objectType": "annotation"}}


def regions_document(regions):
    """The file's content as another program reads it."""
    with tempfile.TemporaryDirectory() as folder:
        write_regions(Path(folder) / "r.geojson", regions)
        return json.loads((Path(folder) / "r.geojson").read_text(encoding="utf-8"))


def drawn(folder, document):
    path = folder / "region.geojson"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_regions_come_back_as_they_were(tmp_path):
    path = tmp_path / "regions.geojson"
    write_regions(path, [square_region("a"), square_region("b", kind="pen", source="person")])
    first, second = read_regions(path, mpp=0.5)
    assert (first.region_id, first.kind, first.source) == ("a", "tumour", "automatic")
    assert (second.region_id, second.kind, second.source) == ("b", "pen", "person")
    assert first.area_mm2 == pytest.approx(square_region().area_mm2)
    assert len(first.polygons[0].holes) == 1


@given(mask=arrays(bool, (6, 7)))
@settings(max_examples=60, deadline=None)
def test_any_mask_survives_the_file(tmp_path_factory, mask):
    if not mask.any():
        return
    path = tmp_path_factory.mktemp("regions") / "regions.geojson"
    polygons = polygons_of(mask, 3.7)
    write_regions(
        path, [SlideRegion(region_id="m", kind="tissue", polygons=polygons, area_mm2=1.0)]
    )
    (back,) = read_regions(path, mpp=0.5)
    assert np.array_equal(rasterise(back.polygons, mask.shape, 3.7), mask)
    assert back.area_mm2 == pytest.approx(mask.sum() * (3.7 * 0.5) ** 2 / 1e6)


def test_features_follow_the_conventions_of_qupath():
    feature = regions_document([square_region()])["features"][0]
    assert feature["properties"]["objectType"] == "annotation"
    assert feature["properties"]["classification"] == {"name": "Tumor", "color": [200, 0, 0]}
    assert feature["properties"]["measurements"]["area mm2"] == square_region().area_mm2
    outer = feature["geometry"]["coordinates"][0]
    assert outer[0] == outer[-1] == [100, 200]
    again = regions_document([square_region()])["features"][0]["id"]
    assert feature["id"] == again != regions_document([square_region("b")])["features"][0]["id"]


def test_the_document_keeps_to_its_schema_and_the_schema_refuses_less():
    document = regions_document([square_region()])
    assert faults(document, "regions-1") == ()
    del document["features"][0]["properties"]["classification"]
    assert "classification" in faults(document, "regions-1")[0]


def test_two_regions_of_one_id_and_areas_that_are_no_number_are_not_written(tmp_path):
    path = tmp_path / "regions.geojson"
    with pytest.raises(OutputError, match="same id"):
        write_regions(path, [square_region(), square_region()])
    with pytest.raises(OutputError, match="finite"):
        write_regions(path, [square_region(area_mm2=float("nan"))])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "document",
    [
        {"type": "FeatureCollection", "features": [FEATURE]},
        FEATURE,
        [FEATURE],
        GEOMETRY,
        {"type": "MultiPolygon", "coordinates": [BOX]},
    ],
    ids=["collection", "feature", "list", "geometry", "multipolygon"],
)
def test_a_persons_region_is_read_in_every_form_qupath_exports(tmp_path, document):
    (region,) = read_regions(drawn(tmp_path, document), mpp=0.5, extent_px0=(100, 100))
    assert (region.kind, region.source) == ("tumour", "person")
    assert region.area_mm2 == pytest.approx(100 * 0.25e-6)
    assert len(region.polygons[0].outer.points_px0) == 4


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "no valid JSON"),
        ("", "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ("3", "no GeoJSON"),
        ([], "holds no region"),
        ([3], "no GeoJSON feature"),
        ({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, "no area"),
        ({"type": "Feature", "geometry": None}, "no area"),
        ({"type": "Polygon", "coordinates": []}, "cannot be read"),
        ({"type": "Polygon", "coordinates": None}, "cannot be read"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, "cannot be read"),
        ({"type": "Polygon", "coordinates": [[["0", "1"]] * 5]}, "cannot be read"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1e12, 0], [1, 1], [0, 0]]]}, "cannot be"),
        ({"type": "MultiPolygon", "coordinates": []}, "empty"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [5, 5], [9, 9], [0, 0]]]}, "empty"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [9, 9], [9, 0], [0, 8], [0, 0]]]},
            "crossing",
        ),
        ('{"type": "Polygon", "coordinates": [[[NaN, 0], [1, 0], [1, 1]]]}', "no valid JSON"),
        ('{"type": "Polygon", "coordinates": [[[1e999, 0], [1, 0], [1, 1]]]}', "cannot be read"),
        ({**FEATURE, "properties": {"objectType": "detection"}}, "no annotation"),
        ({**FEATURE, "properties": {"classification": {"name": "Cat"}}}, "unknown class 'Cat'"),
        ({**FEATURE, "properties": 3}, "properties"),
        ([{**FEATURE, "properties": {"region_id": "a"}}] * 2, "same region_id"),
    ],
)
def test_a_region_that_means_nothing_is_refused_in_plain_words(tmp_path, document, says):
    path = drawn(tmp_path, document)
    with pytest.raises(UsageError, match=says) as refused:
        read_regions(path, mpp=0.5)
    assert path.name in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def test_a_region_of_another_slide_is_refused(tmp_path):
    far = {"type": "Polygon", "coordinates": [[[900, 0], [950, 0], [950, 50], [900, 0]]]}
    with pytest.raises(UsageError, match="beside this slide"):
        read_regions(drawn(tmp_path, far), mpp=0.5, extent_px0=(800, 600))
    with pytest.raises(UsageError, match="cannot be read"):
        read_regions(tmp_path / "absent.geojson", mpp=0.5)


@pytest.mark.parametrize(
    ("name", "kind"), [("Tumor", "tumour"), ("STROMA", "stroma"), ("Region*", "tumour")]
)
def test_classes_of_qupath_are_understood(tmp_path, name, kind):
    feature = {**FEATURE, "properties": {"classification": {"name": name}}}
    assert read_regions(drawn(tmp_path, feature), mpp=0.5)[0].kind == kind


def test_what_comes_back_from_qupath_unchanged_is_still_automatic(tmp_path):
    """QuPath keeps name and class, and drops every property that it does not know."""
    path = tmp_path / "regions.geojson"
    kinds = (("tumour", "tumour"), ("field-2", "field"), ("hotspot", "hotspot"))
    line = Line(points_px0=np.array([[0.0, 0], [9, 9]]))
    front = SlideRegion(region_id="front", kind="front", lines=(line,), length_mm=1)
    write_regions(path, [*(square_region(i, kind=k) for i, k in kinds), front])
    told = json.loads(path.read_text("utf-8"))
    for feature in told["features"]:
        for key in ("source", "kind", "region_id"):
            del feature["properties"][key]
    drawn = dict(told["features"][0])
    drawn["properties"] = {"objectType": "annotation", "classification": {"name": "Tumor"}}
    told["features"].append(drawn)
    path.write_text(json.dumps(told), "utf-8")
    *ours, persons = read_regions(path, mpp=Mpp(0.5))
    assert [(r.region_id, r.kind, r.source) for r in ours] == [
        (i, k, "automatic") for i, k in kinds
    ]
    assert (persons.kind, persons.source) == ("tumour", "person")
