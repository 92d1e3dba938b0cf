"""A slide that comes piece by piece: whole, under a safe name, in the watched folder, or not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from pathology.errors import SlideUnreadable, UploadRefused
from pathology.pipeline.incoming_file import (
    ASIDE,
    FORGOTTEN_S,
    IncomingFile,
    check_head,
    safe_name,
    sweep,
)
from pathology.pipeline.watched_folder import look_into
from pathology.records.upload_reasons import UPLOAD_REASONS
from tests.painted import paint_nuclei, write_tiff
from tests.painted_tiff import write_svs

HOSTILE = {
    "../../etc/passwd.svs": "passwd.svs",
    "C:\\scans\\S26-1_A2.svs": "S26-1_A2.svs",
    "..\\..\\x.svs": "x.svs",
    ".hidden.svs": "hidden.svs",
    "S26-1 (A2).svs": "S26-1_(A2).svs",
    "a\x00b\n.svs": "ab.svs",
    "gpj.\u202esvs": "gpj.svs",
    "切片 26-1.svs": "切片_26-1.svs",
    "$(rm -rf).svs": "(rm_-rf).svs",
    "<script>.svs": "script_.svs",
    "x.svs.": "x.svs",
    "-rf.svs": "rf.svs",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_made_safe_and_its_words_stay(name: str) -> None:
    assert safe_name(name) == HOSTILE[name]


@pytest.mark.parametrize(
    "name", ["", "/", "...", "x" * 200 + ".svs", "scan.svs.part", "S26-1_label.tif", "片" * 70]
)
def test_a_name_that_no_look_would_find_is_refused(name: str) -> None:
    with pytest.raises(UploadRefused) as told:
        safe_name(name)
    assert told.value.code == "name"


@given(st.text(max_size=60))
def test_no_name_leads_elsewhere(name: str) -> None:
    try:
        safe = safe_name(name)
    except UploadRefused:
        return
    assert Path(safe).name == safe
    assert not safe.startswith(".")
    assert Path("/watched", safe).resolve().parent == Path("/watched")
    assert safe_name(safe) == safe


def sent(root: Path, data: bytes, name: str = "S26-1_A2.svs", size: int | None = None) -> Path:
    incoming = IncomingFile(root, "uploads", name, len(data) if size is None else size)
    before = look_into(root)
    for at in range(0, len(data), 10_000):
        incoming.write(data[at : at + 10_000])
        assert look_into(root) == before, "nothing is seen before it is whole"
    return incoming.keep()[0]


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    pixels = paint_nuclei(width=700, height=600, mpp=0.5, seed=3).pixels
    return write_svs(tmp_path_factory.mktemp("scan") / "s.svs", pixels).read_bytes()


def test_a_whole_slide_is_there_and_the_look_into_the_folder_sees_it(
    tmp_path: Path, scan: bytes
) -> None:
    path = sent(tmp_path, scan)
    assert path.read_bytes() == scan
    assert list(look_into(tmp_path).stamps) == [path]
    assert [p.name for p in tmp_path.iterdir()] == ["uploads"]


def test_the_content_names_the_kind(tmp_path: Path, scan: bytes) -> None:
    assert sent(tmp_path, scan, "no-suffix").name == "no-suffix.svs"
    assert sent(tmp_path, scan, "picture.png").name == "picture.png.svs"


def test_half_a_slide_leaves_nothing(tmp_path: Path, scan: bytes) -> None:
    with pytest.raises(UploadRefused):
        sent(tmp_path, scan[: len(scan) // 2], size=len(scan))
    incoming = IncomingFile(tmp_path, "uploads", "x.svs", 10)
    incoming.write(b"12345")
    [aside] = tmp_path.iterdir()
    assert aside.stat().st_mode & 0o077 == 0, "who is on its way is nobody's to read"
    with pytest.raises(UploadRefused):
        incoming.write(b"123456")
    incoming.drop()
    incoming.drop()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_whole_slide_is_refused_and_gone(tmp_path: Path, scan: bytes) -> None:
    for data in (scan[: len(scan) // 2], b"II*\0" + bytes(5000), bytes(5000)):
        with pytest.raises(SlideUnreadable):
            sent(tmp_path, data)
    flat = write_flat(tmp_path.parent / "flat.tif")
    with pytest.raises(UploadRefused) as told:
        sent(tmp_path, flat)
    assert told.value.code == "picture"
    assert list(tmp_path.iterdir()) == []


def write_flat(path: Path) -> bytes:
    tifffile.imwrite(path, paint_nuclei(width=64, height=64).pixels, photometric="rgb")
    return path.read_bytes()


def test_no_slide_is_written_over(tmp_path: Path, scan: bytes) -> None:
    first = sent(tmp_path, scan)
    one, two = (IncomingFile(tmp_path, "uploads", "twice.svs", len(scan)) for _ in range(2))
    for incoming in (one, two):
        incoming.write(scan)
    one.keep()
    for again in (two.keep, lambda: IncomingFile(tmp_path, "uploads", first.name, 9)):
        with pytest.raises(UploadRefused) as told:
            again()
        assert told.value.code == "there"


def test_first_bytes_refuse_what_is_many_files_or_none(tmp_path: Path, scan: bytes) -> None:
    check_head(scan[:4096], "x.svs")
    check_head(scan[:4096], "x.png")
    for head, name, code in (
        (bytes(128) + b"DICM" + bytes(100), "x.svs", "many-files"),
        (b"[Virtual Microscope Specimen]\n", "x.txt", "many-files"),
        (scan[:4096], "x.mrxs", "many-files"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "x.svs", "picture"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "x.mrxs", "many-files"),
        (b"PK\x03\x04" + bytes(50), "x.svs", "kind"),
        (b"", "x.svs", "kind"),
        (b"MZ" + bytes(50), "x.svs", "kind"),
    ):
        with pytest.raises(UploadRefused) as told:
            check_head(head, name)
        assert told.value.code == code, name


def test_what_a_killed_server_left_is_swept_and_what_is_under_way_is_not(tmp_path: Path) -> None:
    old, new = tmp_path / f"{ASIDE}old", tmp_path / f"{ASIDE}new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "half.svs").write_bytes(b"half")
    then = time.time() - FORGOTTEN_S - 60
    for path in (old / "half.svs", old):
        os.utime(path, (then, then))
    sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [new.name]


def test_every_reason_is_told_in_both_languages() -> None:
    facts = {"most": "20", "number": "2"}
    for code in UPLOAD_REASONS:
        problem = UploadRefused("upload", code, facts)
        assert problem.text("en") != problem.text("zh")
        assert "{" not in problem.text("en") + problem.text("zh")


def test_a_pyramid_of_tiff_is_taken(tmp_path: Path) -> None:
    pixels = paint_nuclei(width=600, height=600, mpp=0.5, seed=1).pixels
    data = write_tiff(tmp_path / "own.tif", pixels, mpp=0.5, levels=2).read_bytes()
    root = tmp_path / "watched"
    root.mkdir()
    assert sent(root, data, "S26-1.tif").name == "S26-1.tif"
