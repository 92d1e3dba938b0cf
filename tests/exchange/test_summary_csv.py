from __future__ import annotations

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.errors import OutputError, UsageError
from pathology.exchange.summary_csv import SUMMARY_COLUMNS, read_summary, write_summary
from pathology.records.summary import SummaryRow

DONE = SummaryRow(
    slide="a.svs",
    slide_id="a-01234567",
    analysis="ki67",
    state="done",
    finding="ki67.global",
    value=0.2,
    low=0.17,
    high=0.24,
    part=100,
    whole=500,
    unit="fraction",
    flags=("not-ki67", "excluded-pen"),
    result="a-01234567/ki67-00000000",
    seconds=12.5,
)
FAILED = SummaryRow(
    slide="b.svs",
    slide_id="b.svs",
    analysis="infiltration",
    state="failed",
    reason_code="empty-file",
    reason="the file is empty",
    reason_zh="文件为空",
)


def test_rows_come_back_as_they_were(tmp_path):
    write_summary(tmp_path / "summary.csv", [DONE, FAILED])
    assert read_summary(tmp_path / "summary.csv") == (DONE, FAILED)


def test_there_is_no_row_where_there_is_no_file(tmp_path):
    assert read_summary(tmp_path / "summary.csv") == ()


def test_a_spreadsheet_sees_utf_8_and_named_columns(tmp_path):
    path = tmp_path / "summary.csv"
    write_summary(path, [FAILED])
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    header, row = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
    assert tuple(header) == SUMMARY_COLUMNS
    assert row[header.index("value")] == ""
    assert row[header.index("reason_zh")] == "文件为空"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "＝"])
def test_a_file_name_cannot_be_a_formula(tmp_path, sign):
    path, name = tmp_path / "summary.csv", f"{sign}cmd|' /C calc'!A0.svs"
    row = SummaryRow(slide=name, slide_id="s", analysis="ki67", state="failed", reason=name)
    write_summary(path, [row])
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = list(csv.reader(file))[1]
    assert not any(cell.startswith(sign) for cell in cells)
    assert read_summary(path) == (row,)


def test_negative_numbers_stay_numbers(tmp_path):
    row = SummaryRow(slide="a", slide_id="a", analysis="ki67", state="done", value=-1.5)
    write_summary(tmp_path / "summary.csv", [row])
    assert ",-1.5," in (tmp_path / "summary.csv").read_text(encoding="utf-8-sig")


printable = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)


@given(slide=printable, reason=printable, value=st.none() | st.floats(allow_nan=False))
@settings(max_examples=100, deadline=None)
def test_any_text_survives(tmp_path_factory, slide, reason, value):
    path = tmp_path_factory.mktemp("summary") / "summary.csv"
    row = SummaryRow(
        slide=slide, slide_id="s", analysis="ki67", state="failed", reason=reason, value=value
    )
    write_summary(path, [row])
    assert read_summary(path) == (row,)


def test_a_summary_changed_by_hand_is_not_guessed_at(tmp_path):
    path = tmp_path / "summary.csv"
    write_summary(path, [DONE])
    whole = path.read_text(encoding="utf-8-sig")
    for spoilt in (
        "slide,value\na,1\n",
        whole.replace("0.17", "0,17x"),
        whole.replace(",done,", ",fine,"),
        whole.replace("12.5", ""),
    ):
        path.write_text(spoilt, encoding="utf-8-sig")
        with pytest.raises(UsageError, match=r"summary\.csv"):
            read_summary(path)


def test_a_failed_write_leaves_the_old_summary(tmp_path, monkeypatch):
    path = tmp_path / "summary.csv"
    write_summary(path, [DONE])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathology.exchange.whole_file.os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_summary(path, [FAILED])
    assert read_summary(path) == (DONE,)
    assert [p.name for p in tmp_path.iterdir()] == ["summary.csv"]


def test_a_row_as_json_leaves_out_what_there_is_nothing_to_say_about():
    assert FAILED.as_json() == {
        "slide": "b.svs",
        "slide_id": "b.svs",
        "analysis": "infiltration",
        "state": "failed",
        "reason_code": "empty-file",
        "reason": "the file is empty",
        "reason_zh": "文件为空",
        "seconds": 0.0,
    }
    assert DONE.as_json()["part"] == 100
