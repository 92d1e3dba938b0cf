from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.errors import UsageError
from pathology.exchange.manifest_csv import MANIFEST_COLUMNS, read_manifest, read_manifest_rows

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


def places(read):
    return [(p.place, p.code) for p in read.problems]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_a_night_takes_the_right_rows_and_names_the_others_one_by_one(tmp_path, encoding):
    text = (
        "slide,analysis,case_id,priority,mpp\n"
        "一.svs,ki67,病例,stat,0.25\n"
        "b.svs,ki-76,C2,stat,\n"
        ",ki67,C3,,\n"
        "\n"
        "c.svs,infiltration,C4,soon,\n"
        "d.svs,infiltration,C5,,zero\n"
        "e.svs,infiltration,C6,,,more\n"
        "f.svs,infiltration,C7,,\n"
    )
    read = read_manifest_rows(listed(tmp_path, text, encoding))
    assert [(r.row, r.slide.name, r.case_id) for r in read.rows] == [
        (2, "一.svs", "病例"),
        (9, "f.svs", "C7"),
    ]
    assert places(read) == [
        (3, "row-value"),
        (4, "row-lacks"),
        (6, "row-value"),
        (7, "row-value"),
        (8, "row-cells"),
    ]
    assert "none" not in read.problems[0].text("en")
    assert read.problems[0].text("zh").startswith("3: analysis:值无效")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("slide,analysis,Müller\na,ki67,red\n", "columns-unknown"),
        ("slide\na\n", "columns-missing"),
        ("slide,analysis,slide\na,ki67,b\n", "columns-twice"),
        ('slide,analysis\n"a,ki67\n', "not-csv"),
        ("slide,analysis\0\n", "not-text"),
    ],
)
def test_a_list_that_is_wrong_as_a_whole_is_one_problem(tmp_path, text, code):
    read = read_manifest_rows(listed(tmp_path, text))
    assert (read.rows, places(read)) == ((), [(0, code)])
    for language in ("en", "zh"):
        told = read.problems[0].text(language)
        assert told
        assert "Müller" not in told  # it may be kept, and a column's name may be anything


def test_a_list_that_cannot_be_read_is_a_problem_and_no_error(tmp_path):
    assert places(read_manifest_rows(tmp_path / "absent.csv")) == [(0, "cannot-read")]
    assert places(read_manifest_rows(tmp_path)) == [(0, "cannot-read")]
    os.mkfifo(tmp_path / "pipe.csv")  # opening it would wait for ever
    assert places(read_manifest_rows(tmp_path / "pipe.csv")) == [(0, "cannot-read")]
    with (tmp_path / "huge.csv").open("wb") as huge:
        huge.truncate(65 * 2**20)
    assert places(read_manifest_rows(tmp_path / "huge.csv")) == [(0, "cannot-read")]


def test_a_thousand_rows_of_one_slide_are_one_row(tmp_path):
    (tmp_path / "link.svs").symlink_to(tmp_path / "a.svs")
    text = "slide,analysis,case_id\n" + "a.svs,ki67,C1\n./a.svs,ki67,C1\nlink.svs,ki67,C1\n" * 333
    read = read_manifest_rows(listed(tmp_path, text))
    assert [r.row for r in read.rows] == [2]
    assert len(read.problems) == 998
    assert {(p.code, p.facts["first"]) for p in read.problems} == {("row-repeated", 2)}


@pytest.mark.parametrize("column", ["case_id", "block", "order_id", "mpp", "priority", "marker"])
def test_of_rows_that_contradict_each_other_none_is_taken(tmp_path, column):
    one, other = ("stat", "routine") if column == "priority" else ("0.25", "0.5")
    text = f"slide,analysis,{column}\na,ki67,{one}\nb,ki67,{one}\na,ki67,{one}\na,ki67,{other}\n"
    read = read_manifest_rows(listed(tmp_path, text))
    assert [r.slide.name for r in read.rows] == ["b"]
    assert places(read) == [(n, "row-contradicts") for n in (2, 4, 5)]


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_a_night_survives_any_bytes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("manifest") / "list.csv"
    path.write_bytes(b"slide,analysis\n" + data)
    read = read_manifest_rows(path)
    assert all(p.text("en") and p.text("zh") for p in read.problems)
