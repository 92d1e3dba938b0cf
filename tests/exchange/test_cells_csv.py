"""Nuclei as CSV: safe in spreadsheets, exact in statistics; and as a Parquet table of its own."""

from __future__ import annotations

import csv
import re
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pathology.errors import OutputError
from pathology.exchange.cells_csv import write_csv
from pathology.exchange.cells_parquet import CellsWriter, cell_batches, read_cells
from pathology.exchange.cells_table import write_table
from pathology.exchange.summary_csv import FORMULA_SIGNS
from tests.exchange.examples import nuclei


def table_of(folder, some, *, regions=None, excluded_by=None):
    path = folder / "cells.parquet"
    with CellsWriter(path) as writer:
        none = np.full(len(some), "")
        writer.add(
            some,
            excluded_by=none if excluded_by is None else excluded_by,
            regions=regions or [[] for _ in range(len(some))],
        )
    return path


def rows_of(path):
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_numbers_come_back_exactly(tmp_path):
    cells = table_of(tmp_path, nuclei(50))
    write_csv(tmp_path / "cells.csv", cell_batches(cells, rows=7))
    rows, before = rows_of(tmp_path / "cells.csv"), read_cells(cells)
    for name in ("x_px0", "y_px0"):
        assert [float(r[name]) for r in rows] == before[name].to_pylist()
    for name in ("area_um2", "class_probability"):
        assert np.array_equal(np.float32([r[name] for r in rows]), before[name].to_numpy())
    assert [r["dab_od"] == "" for r in rows] == before["dab_od"].is_null().to_pylist()
    assert "outline_wkt_px0" not in rows[0]


def test_outlines_are_wkt_on_demand(tmp_path):
    whole = nuclei(10)
    bare = whole.outline_start.copy()
    bare[-1] -= 5  # the last one has a single point left, so no outline
    some = replace(whole, outline_px0=whole.outline_px0[:-5], outline_start=bare)
    cells = table_of(tmp_path, some)
    write_csv(tmp_path / "cells.csv", cell_batches(cells, rows=3), outlines=True)
    rows = rows_of(tmp_path / "cells.csv")
    assert rows[-1]["outline_wkt_px0"] == ""
    for i, row in enumerate(rows[:-1]):
        ring = shapely.get_coordinates(shapely.from_wkt(row["outline_wkt_px0"]))
        assert np.abs(ring[:-1] - some.outline_px0[6 * i : 6 * i + 6]).max() <= 0.0051


HOSTILE = st.text(
    st.sampled_from([*FORMULA_SIGNS, "'", ";", ",", '"', "\n", "a", "1"])
    | st.characters(exclude_categories=["Cs"]),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(ids=st.lists(HOSTILE, max_size=3), why=HOSTILE)
@example(ids=["a;=1+1", ";;=x", "'=", "\t=1"], why="=HYPERLINK()")
@example(ids=["＝1", "+", "@a;-b"], why="\r\n=1")
def test_no_cell_begins_a_formula_whichever_sign_parts_cells(tmp_path_factory, ids, why):
    folder = tmp_path_factory.mktemp("hostile")
    cells = table_of(folder, nuclei(1), regions=[ids], excluded_by=np.array([why], dtype=object))
    write_csv(folder / "cells.csv", cell_batches(cells))
    text = (folder / "cells.csv").read_text("utf-8-sig")
    (row,) = rows_of(folder / "cells.csv")
    for cell in (row["regions"], row["excluded_by"]):
        assert not re.search(r"[\x00-\x1f]", cell)
        for part in cell.split(";"):  # a spreadsheet of half of Europe cuts here, quotes or not
            assert not part.startswith(FORMULA_SIGNS)
    assert text.count("\n") == 2
    # Control signs apart, what was written can be had back.
    back = re.sub("(^|;)'", r"\1", row["regions"])
    assert back == re.sub(r"[\x00-\x1f\x7f]", "_", ";".join(ids))


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    cells = table_of(tmp_path, nuclei(3))
    (tmp_path / "cells.csv").mkdir()
    for write in (write_csv, lambda p, b: write_table(p, b, told={})):
        with pytest.raises(OutputError, match=r"cells\.csv: cannot be written"):
            write(tmp_path / "cells.csv", cell_batches(cells))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cells.csv", "cells.parquet"]


def test_a_table_says_what_it_is_and_is_read_like_the_original(tmp_path):
    cells = table_of(tmp_path, nuclei(40), regions=[["a", "b"]] * 40)
    path = tmp_path / "copy.parquet"
    write_table(path, cell_batches(cells, rows=7), told={"state": "AI_DRAFT"})
    assert read_cells(path).equals(read_cells(cells))
    told = pq.read_schema(path).metadata
    assert told[b"state"] == b"AI_DRAFT"
    assert told[b"schema"] == b"pathology.cells/1"
