from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from pathology.errors import OutputError, UsageError
from pathology.exchange.cells_parquet import CELLS_SCHEMA, ROW_GROUP, CellsWriter, read_cells
from pathology.records.prediction import CellClass, Nuclei
from tests.exchange.examples import nuclei


def write(path, *batches, excluded="", regions=()):
    with CellsWriter(path) as cells:
        for batch in batches:
            names = np.full(len(batch), excluded, dtype="U16")
            cells.add(batch, excluded_by=names, regions=[list(regions)] * len(batch))
    return read_cells(path)


def test_every_column_comes_back_as_it_was(tmp_path):
    seen = nuclei(50)
    table = write(tmp_path / "cells.parquet", seen, excluded="pen", regions=("tumour", "field-1"))
    assert table["cell_id"].to_pylist() == list(range(50))
    assert np.array_equal(table["x_px0"].to_numpy(), seen.centre_px0[:, 0])
    assert np.array_equal(table["y_px0"].to_numpy(), seen.centre_px0[:, 1])
    names = [CellClass(c).name.lower() for c in seen.cell_class]
    assert table["class"].to_pylist() == names
    truth = {-1: None, 0: False, 1: True}
    assert table["positive"].to_pylist() == [truth[p] for p in seen.positive.tolist()]
    assert table["dab_od"].null_count == np.isnan(seen.dab_od).sum() > 0
    assert table["regions"][7].as_py() == ["tumour", "field-1"]
    assert set(table["excluded_by"].to_pylist()) == {"pen"}


def test_outlines_are_little_endian_polygons_around_their_nucleus(tmp_path):
    seen = nuclei(20)
    table = write(tmp_path / "cells.parquet", seen)
    stored = table["outline"].to_pylist()
    assert {o[0] for o in stored} == {1}
    outlines = shapely.from_wkb(stored)
    assert shapely.contains_xy(outlines, seen.centre_px0[:, 0], seen.centre_px0[:, 1]).all()
    assert np.allclose(shapely.get_coordinates(outlines[3])[:-1], seen.outline_px0[18:24])


def test_a_nucleus_without_an_outline_has_null_and_its_neighbours_keep_theirs(tmp_path):
    seen = nuclei(3)
    start = np.array([0, 6, 6, 12])
    gap = Nuclei(
        **{
            n: getattr(seen, n)
            for n in Nuclei.__dataclass_fields__
            if n not in ("outline_px0", "outline_start")
        },
        outline_px0=np.concatenate([seen.outline_px0[:6], seen.outline_px0[12:]]),
        outline_start=start,
    )
    outlines = write(tmp_path / "cells.parquet", gap)["outline"].to_pylist()
    assert [o is None for o in outlines] == [False, True, False]
    assert np.allclose(
        shapely.get_coordinates(shapely.from_wkb(outlines[2]))[:-1], seen.outline_px0[12:]
    )


def test_counted_nuclei_are_excluded_by_null_and_no_class_is_lost_between_batches(tmp_path):
    batches = [nuclei(30, seed=s) for s in range(4)]
    table = write(tmp_path / "cells.parquet", *batches)
    assert table["excluded_by"].null_count == 120
    classes = np.concatenate([b.cell_class for b in batches])
    assert table["class"].to_pylist() == [CellClass(c).name.lower() for c in classes]


def test_many_nuclei_leave_in_row_groups_that_bound_the_memory(tmp_path):
    batch = nuclei(ROW_GROUP // 2 + 1, corners=4)
    write(tmp_path / "cells.parquet", batch, batch, batch)
    file = pq.ParquetFile(tmp_path / "cells.parquet")
    assert file.metadata.num_row_groups == 2
    assert file.metadata.num_rows == 3 * len(batch)
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_slide_without_nuclei_has_an_empty_table_with_all_columns(tmp_path):
    table = write(tmp_path / "cells.parquet", Nuclei.none())
    assert len(table) == 0
    assert table.schema.equals(CELLS_SCHEMA)
    assert table.schema.metadata[b"schema"] == b"pathology.cells/1"
    assert b"level-0 pixels" in table.schema.metadata[b"frame"]


def test_an_error_on_the_way_leaves_no_file(tmp_path):
    path = tmp_path / "cells.parquet"
    with pytest.raises(RuntimeError), CellsWriter(path) as cells:
        cells.add(nuclei(5), excluded_by=np.full(5, ""), regions=[[]] * 5)
        raise RuntimeError
    assert not path.exists()


def test_columns_of_different_length_are_refused(tmp_path):
    with CellsWriter(tmp_path / "cells.parquet") as cells, pytest.raises(ValueError, match="len"):
        cells.add(nuclei(5), excluded_by=np.full(4, ""), regions=[[]] * 5)


def test_a_folder_that_does_not_exist_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"cells\.parquet"):
        CellsWriter(tmp_path / "absent" / "cells.parquet")


def test_other_tables_and_other_files_are_not_taken_for_nuclei(tmp_path):
    other, text = tmp_path / "other.parquet", tmp_path / "text.parquet"
    pq.write_table(pa.table({"x": [1]}), other)
    text.write_text("no table")
    for path in (other, text, tmp_path / "absent.parquet"):
        with pytest.raises(UsageError, match=path.name):
            read_cells(path)
