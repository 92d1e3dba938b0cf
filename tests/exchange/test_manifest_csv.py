from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.errors import UsageError
from pathology.exchange.manifest_csv import MANIFEST_COLUMNS, read_manifest

HEADER = ",".join(MANIFEST_COLUMNS)


def listed(folder, text, encoding="utf-8"):
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_every_column_is_read(tmp_path):
    line = "a.svs,ki67,Ki-67,C1,S1,B1,O1,stat,2030-01-31T14:00+08:00,0.25"
    (row,) = read_manifest(listed(tmp_path, f"{HEADER}\n{line}\n"))
    assert row.slide == tmp_path / "a.svs"
    assert (row.analysis, row.marker, row.case_id) == ("ki67", "Ki-67", "C1")
    assert (row.specimen, row.block, row.order_id) == ("S1", "B1", "O1")
    assert (row.priority, row.mpp, row.row) == ("stat", 0.25, 2)
    assert row.deadline == datetime(2030, 1, 31, 14, tzinfo=timezone(timedelta(hours=8)))


def test_only_slide_and_analysis_are_needed(tmp_path):
    first, second = read_manifest(listed(tmp_path, "Analysis, slide\nKI67,a\n\ninfiltration,b\n"))
    assert (first.analysis, first.marker, first.mpp, first.deadline) == ("ki67", None, None, None)
    assert (first.priority, second.row) == ("routine", 4)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_understood(tmp_path, encoding, separator):
    text = "slide,analysis,case_id\n切片一.svs,ki67,病例甲\n".replace(",", separator)
    (row,) = read_manifest(listed(tmp_path, text, encoding))
    assert (row.slide.name, row.case_id) == ("切片一.svs", "病例甲")


def test_absolute_and_windows_paths_are_understood(tmp_path):
    absolute = tmp_path / "elsewhere" / "a.svs"
    rows = read_manifest(listed(tmp_path, f"slide,analysis\n{absolute},ki67\nscans\\b.svs,ki67\n"))
    assert [r.slide for r in rows] == [absolute, tmp_path / "scans" / "b.svs"]


def test_a_deadline_as_a_spreadsheet_shows_it_is_the_sites_own_time(tmp_path):
    (row,) = read_manifest(listed(tmp_path, "slide,analysis,deadline\na,ki67,2030/1/31 9:05\n"))
    assert row.deadline == datetime(2030, 1, 31, 9, 5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("slide,analysis\n", "no slide"),
        ("slide,analysis,colour\na,ki67,red\n", r"row 1: unknown columns \['colour'\]"),
        ("slide\na\n", r"row 1: lacks the columns \['analysis'\]"),
        ("slide,analysis,slide\na,ki67,b\n", "named twice"),
        ("slide,analysis\na,ki67\nb,\n", "row 3: lacks analysis"),
        ("slide,analysis\na,ki-76\n", "row 2, analysis: 'ki-76' is none of ki67, infiltration"),
        ("slide,analysis,mpp\na,ki67,0\n", "row 2, mpp"),
        ("slide,analysis,mpp\na,ki67,nan\n", "row 2, mpp"),
        ('slide,analysis,mpp\na,ki67,"0,25"\n', "row 2, mpp"),
        ("slide,analysis,priority\na,ki67,soon\n", "routine, urgent, asap, stat"),
        ("slide,analysis,deadline\na,ki67,2030-01-31\n", "no date with a time"),
        ("slide,analysis,deadline\na,ki67,31:12\n", "no date with a time"),
        ("slide,analysis\na,ki67,b,infiltration\n", "more cells"),
        ("slide,analysis\na,ki67\nb,ki67\na,ki67\n", "row 4: the same slide and analysis as row 2"),
        ('slide,analysis\n"a,ki67\n', "no CSV"),
        ("slide,analysis\0\n", "no text"),
    ],
)
def test_mistakes_are_named_with_their_row(tmp_path, text, says):
    with pytest.raises(UsageError, match=says) as refused:
        read_manifest(listed(tmp_path, text))
    assert str(refused.value).startswith("list.csv")
    assert str(tmp_path) not in str(refused.value)


def test_a_missing_manifest_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.csv: cannot be read"):
        read_manifest(tmp_path / "absent.csv")


@given(data=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_reader(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("manifest") / "list.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError):
        read_manifest(path)
