from __future__ import annotations

import numpy as np
import pytest
import zarr

from pathology.errors import OutputError
from pathology.exchange.maps_zarr import SMALL_ENOUGH_PX, GridMap, write_maps
from pathology.exchange.overlay_map import TINTS
from pathology.exchange.picture_labels import LABELS
from pathology.records.prediction import TissueClass

MPP, DOWNSAMPLE = 8.0, 16.0


def written(folder, **maps):
    on_grid = {n: GridMap(pixels=p, downsample=DOWNSAMPLE, mpp=MPP) for n, p in maps.items()}
    write_maps(folder / "maps.zarr", on_grid)
    return zarr.open_group(folder / "maps.zarr", mode="r")


def place_um(group, level, row, column):
    """Where NGFF says that the middle of a pixel lies: (x, y) in µm."""
    dataset = group.attrs["ome"]["multiscales"][0]["datasets"][level]
    scale, shift = (t[t["type"]] for t in dataset["coordinateTransformations"])
    return column * scale[1] + shift[1], row * scale[0] + shift[0]


def test_maps_come_back_as_they_were_with_their_type(tmp_path):
    classes = np.random.default_rng(0).integers(0, 5, (70, 90)).astype(np.uint8)
    density = np.random.default_rng(1).random((70, 90)).astype(np.float32)
    root = written(tmp_path, tissue_class=classes, nucleus_density=density)
    assert np.array_equal(root["tissue_class/0"][:], classes)
    assert np.array_equal(root["nucleus_density/0"][:], density)
    assert root["tissue_class/0"].dtype == np.uint8
    assert root["nucleus_density/0"].metadata.zarr_format == 3
    assert root["tissue_class"].attrs["pathology"]["classes"]["1"] == "tumour"


def test_the_middle_of_a_pixel_lies_where_the_tissue_lies(tmp_path):
    root = written(tmp_path, nucleus_density=np.zeros((600, 700), np.float32))
    mpp_px0 = MPP / DOWNSAMPLE
    centre_px0 = (10.5 * DOWNSAMPLE, 20.5 * DOWNSAMPLE)  # of map pixel column 10, row 20
    expected = tuple(v * mpp_px0 for v in centre_px0)
    assert place_um(root["nucleus_density"], 0, 20, 10) == pytest.approx(expected)


def test_every_level_puts_a_mark_in_the_same_place(tmp_path):
    density = np.zeros((1024, 2048), np.float32)
    density[512:528, 1600:1616] = 1
    group = written(tmp_path, nucleus_density=density)["nucleus_density"]
    levels = len(group.attrs["ome"]["multiscales"][0]["datasets"])
    assert levels == 4
    for level in range(levels):
        row, column = np.argwhere(group[str(level)][:] == 1).mean(axis=0)
        assert place_um(group, level, row, column) == pytest.approx((1608 * MPP, 520 * MPP))


def test_metadata_is_ngff_0_5(tmp_path):
    group = written(tmp_path, tissue_class=np.zeros((5, 5), np.uint8))["tissue_class"]
    told = group.attrs["ome"]
    assert told["version"] == "0.5"
    assert told["multiscales"][0]["axes"] == [
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    assert group["0"].metadata.dimension_names == ("y", "x")


def test_labels_take_the_commonest_and_are_never_mixed(tmp_path):
    classes = np.zeros((SMALL_ENOUGH_PX + 2, 4), np.uint8)
    classes[:2, :2] = [[3, 3], [3, 1]]
    classes[:2, 2:] = [[1, 3], [3, 1]]
    half = written(tmp_path, tissue_class=classes)["tissue_class/1"][:]
    assert half[0].tolist() == [3, 1]
    assert set(np.unique(half)) <= {0, 1, 3}


def test_unknown_density_does_not_dilute_what_is_known(tmp_path):
    density = np.full((SMALL_ENOUGH_PX + 1, 3), np.nan, np.float32)
    density[0, 0], density[0, 1] = 4, 8
    half = written(tmp_path, nucleus_density=density)["nucleus_density/1"][:]
    assert half[0, 0] == 6
    assert np.isnan(half[1:]).all()


def test_a_folder_that_cannot_be_written_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"maps\.zarr"):
        write_maps(tmp_path / "file" / "maps.zarr", {})


def test_every_class_of_tissue_has_its_name(tmp_path):
    root = written(tmp_path, tissue_class=np.zeros((5, 5), np.uint8))
    names = root["tissue_class"].attrs["pathology"]["classes"]
    assert names == {str(c.value): c.name.lower() for c in TissueClass}
    assert names["5"] == "normal"
    for table in LABELS.values():
        told = {k.partition(".")[2] for k in table if k.startswith("tissue.") and k[7:].isupper()}
        assert {t.name for t in TINTS} == told
