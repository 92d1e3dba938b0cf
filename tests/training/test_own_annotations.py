"""A site's own annotations: what was drawn is what is learned; what is unclear is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pathology.errors import UsageError
from pathology.records.prediction import CellClass
from pathology.training.field import UNKNOWN
from pathology.training.own_annotations import own_nuclei, own_tissue
from pathology.training.tissue_field import NORMAL, TUMOUR
from tests.training.own_data import small_field, write_geojson, write_own_set


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_own_set(tmp_path / "cells", [small_field(0), small_field(2)])


def feature(kind: str, coordinates: Any, name: str | None = "Tumor") -> dict[str, object]:
    told = {} if name is None else {"classification": {"name": name}}
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", **told},
    }


def square(x: float, y: float, side: float = 12) -> list[list[list[float]]]:
    return [[[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]]


def rewritten(folder: Path, old: str, new: str) -> Path:
    path = folder / "dataset.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def test_outlines_come_back_as_they_were_painted(folder: Path) -> None:
    truth, read = small_field(0), next(own_nuclei(folder))
    assert (read.stain, read.mpp, read.group, read.dataset) == (
        "ihc-dab",
        0.5,
        "patient-1",
        "our-cells",
    )
    assert not read.complete
    assert read.outlined
    # Each nucleus covers the same pixels, up to a pixel along its edge.
    for number in range(1, len(truth.centre_px) + 1):
        there = truth.instances == number
        if there.sum() < 30:
            continue
        ours = np.bincount(read.instances[there]).argmax()
        shared = there & (read.instances == ours)
        assert shared.sum() > 0.8 * (there | (read.instances == ours)).sum()
        assert read.cell_class[ours - 1] == truth.cell_class[number - 1]
        assert read.positive[ours - 1] == truth.positive[number - 1]


def test_groups_are_those_of_the_manifest(folder: Path) -> None:
    assert [f.group for f in own_nuclei(folder)] == ["patient-1", "patient-2"]


def test_points_stand_for_nuclei_whose_outline_is_unknown(folder: Path) -> None:
    for name in ("field-1", "field-2"):
        points = feature("MultiPoint", [[40, 50], [100, 60]], "Stroma")
        write_geojson(folder / f"{name}.geojson", [points, feature("Point", [20, 20], None)])
    field = next(own_nuclei(folder))
    assert not field.outlined
    np.testing.assert_allclose(field.centre_px, [[40, 50], [100, 60], [20, 20]])
    assert field.cell_class.tolist() == [CellClass.STROMA, CellClass.STROMA, UNKNOWN]
    assert field.positive.tolist() == [UNKNOWN] * 3
    assert 30 < (field.instances == 1).sum() < 70  # a disc of 2 µm


def test_a_point_in_an_outline_is_no_second_nucleus(folder: Path) -> None:
    shapes = [feature("Polygon", square(40, 40)), feature("Point", [41, 41])]
    write_geojson(folder / "field-1.geojson", shapes)
    assert len(next(own_nuclei(folder)).centre_px) == 1


def test_cells_of_qupath_give_their_nucleus(folder: Path) -> None:
    cell = feature("Polygon", square(30, 30, 40), "Tumor: Positive")
    cell["nucleusGeometry"] = {"type": "Polygon", "coordinates": square(42, 42, 16)}
    write_geojson(folder / "field-1.geojson", [cell])
    field = next(own_nuclei(folder))
    assert (field.instances > 0).sum() == pytest.approx(256, abs=40)
    np.testing.assert_allclose(field.centre_px, [[50, 50]], atol=0.6)
    assert field.positive.tolist() == [1]


def test_a_region_of_a_slide_lies_where_the_manifest_says(folder: Path) -> None:
    write_geojson(folder / "field-1.geojson", [feature("Polygon", square(5080, 7100, 24))])
    with pytest.raises(UsageError, match=r"field-1.geojson, shape 1: lies beside.*origin_px0"):
        list(own_nuclei(folder))
    place = 'group = "patient-1"\norigin_px0 = [5000, 7000]\ndownsample = 2'
    field = next(own_nuclei(rewritten(folder, 'group = "patient-1"', place)))
    np.testing.assert_allclose(field.centre_px, [[46, 56]], atol=0.6)


def test_classes_are_compared_without_case_and_may_be_of_two_words(folder: Path) -> None:
    rewritten(folder, '"Tumor" = "tumour"', '"TUMOR" = "tumour"\n"Immune cells: plasma" = "other"')
    shapes = [
        feature("Polygon", square(10, 10), "tumor"),
        feature("Polygon", square(60, 10), "Immune cells: Plasma"),
        feature("Polygon", square(110, 10), "Immune cells: B"),
    ]
    shapes[0]["properties"] = {"classification": {"names": ["Tumor", "Negative"]}}
    write_geojson(folder / "field-1.geojson", shapes)
    field = next(own_nuclei(folder))
    wanted = [CellClass.TUMOUR, CellClass.OTHER, CellClass.LYMPHOCYTE]
    assert field.cell_class.tolist() == wanted
    assert field.positive.tolist() == [0, UNKNOWN, UNKNOWN]


Spoilt = Callable[[Path], object]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: (f / "dataset.toml").unlink(), "lacks dataset.toml"),
        (lambda f: rewritten(f, "mpp = 0.5", ""), "field-1.png has no scale"),
        (lambda f: rewritten(f, "mpp = 0.5", "mpp = 50"), "50 µm/px is no scale"),
        (lambda f: rewritten(f, '= "stroma"', '= "plasma"'), "'plasma'.*count as one of them"),
        (lambda f: rewritten(f, '"Tumor" =', '"Tumour" ='), "class 'tumor' is not under"),
        (lambda f: rewritten(f, "complete = false", ""), "lacks \\['complete'\\]"),
        (lambda f: rewritten(f, "field-2.png", "field-3.png"), "field-3.png: cannot be read"),
        (lambda f: rewritten(f, "field-2.png", "../field-2.png"), "bare name"),
        (lambda f: rewritten(f, "field-2.png", "field-1.png"), "named twice"),
        (lambda f: rewritten(f, '"patient-2"', '" "'), "group must name"),
        (lambda f: rewritten(f, '"ihc-dab"', '"trichrome"'), "stain"),
        (lambda f: (f / "field-2.geojson").unlink(), "field-2.geojson: cannot be read.*Export"),
        (lambda f: (f / "field-2.geojson").write_text("{"), "field-2.geojson: is no GeoJSON"),
        (lambda f: (f / "field-2.geojson").write_text("3"), "is no list of features"),
        (lambda f: write_geojson(f / "field-2.geojson", []), "holds no annotation"),
        (lambda f: (f / "field-2.png").write_bytes(b"GIF"), "cannot be read as an image"),
        (
            lambda f: write_geojson(f / "field-2.geojson", [feature("LineString", [[1, 2]])]),
            "shape 1: is a LineString",
        ),
        (
            lambda f: write_geojson(f / "field-2.geojson", [feature("Polygon", [[["a", 2]]])]),
            "shape 1: cannot be read",
        ),
        (
            lambda f: (f / "field-2.geojson").write_text(json.dumps([{"type": "Feature"}])),
            "shape 1: cannot be read",
        ),
        (
            lambda f: (f / "field-2.geojson").write_text(
                '[{"geometry": {"type": "Point", "coordinates": [NaN, 4]}}]'
            ),
            "shape 1: cannot be read",
        ),
    ],
)
def test_what_is_unclear_is_refused_by_file_and_remedy(
    folder: Path, spoil: Spoilt, told: str
) -> None:
    spoil(folder)
    with pytest.raises(UsageError, match=told):
        list(own_nuclei(folder))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        list(own_nuclei(tmp_path / "none"))


def test_an_image_of_another_scale_says_so(folder: Path) -> None:
    rewritten(folder, 'group = "patient-2"', 'group = "patient-2"\nmpp = 0.25')
    assert [f.mpp for f in own_nuclei(folder)] == [0.5, 0.25]


def test_one_image_may_be_labelled_completely(folder: Path) -> None:
    rewritten(folder, 'group = "patient-2"', 'group = "patient-2"\ncomplete = true')
    assert [f.complete for f in own_nuclei(folder)] == [False, True]


def test_tissue_is_annotated_as_areas(tmp_path: Path) -> None:
    folder = write_own_set(tmp_path / "areas", [small_field(1)])
    rewritten(folder, '"Stroma" = "stroma"', '"Normal" = "normal"')
    rewritten(folder, '"Immune cells" = "lymphocyte"\n', "")
    shapes = [
        feature("Polygon", square(10, 10, 50)),
        feature("Polygon", square(100, 100, 40), "Normal"),
    ]
    write_geojson(folder / "field-1.geojson", shapes)
    allowed = next(own_tissue(folder)).allowed
    assert allowed[30, 30] == TUMOUR
    assert allowed[120, 120] == NORMAL
    assert allowed[5, 5] == allowed[80, 80] == 0
    write_geojson(folder / "field-1.geojson", [feature("Point", [10, 10])])
    with pytest.raises(UsageError, match="annotated as an area with a class"):
        next(own_tissue(folder))


def test_an_export_that_fills_the_memory_is_refused(folder: Path) -> None:
    Image.new("1", (9000, 8000)).save(folder / "field-1.png")
    with pytest.raises(UsageError, match=re.escape("9000 x 8000 px. Export smaller")):
        next(own_nuclei(folder))


def test_the_rectangle_of_an_export_is_no_nucleus(folder: Path) -> None:
    shapes = [feature("Polygon", square(0, 0, 190), None), feature("Polygon", square(40, 40))]
    write_geojson(folder / "field-1.geojson", shapes)
    with pytest.raises(UsageError, match=r"shape 1: is 95 µm wide, no nucleus.*rectangle"):
        list(own_nuclei(folder))


def test_regions_of_one_slide_share_their_file_of_shapes(folder: Path) -> None:
    """QuPath exports all objects of the slide: those of the other region are not this image's."""
    here, elsewhere = square(5080, 7100, 24), square(20_000, 9_000, 24)
    points = feature("MultiPoint", [[5200, 7100], [20_100, 9_000]])
    write_geojson(
        folder / "field-1.geojson",
        [feature("Polygon", here), feature("Polygon", elsewhere), points],
    )
    place = 'group = "patient-1"\norigin_px0 = [5000, 7000]\ndownsample = 2'
    field = next(own_nuclei(rewritten(folder, 'group = "patient-1"', place)))
    np.testing.assert_allclose(field.centre_px, [[46, 56], [100, 50]], atol=0.6)
