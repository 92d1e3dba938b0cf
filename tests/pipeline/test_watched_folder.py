"""What a look into a folder sees; really growing, vanishing and leading astray."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from pathology.pipeline import watched_folder
from pathology.pipeline.watched_folder import is_temporary, look_into
from tests.painted_dicom import DicomForm, write_dicom


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    (folder / "batch").mkdir(parents=True)
    (folder / "a.svs").write_bytes(b"x" * 10)
    (folder / "batch" / "b.mrxs").write_bytes(b"y")
    (folder / "batch" / "b").mkdir()
    (folder / "batch" / "b" / "Data0000.dat").write_bytes(b"z" * 5)
    return folder


def names(look) -> set[str]:
    return {path.name for path in look.stamps}


def test_slides_are_seen_with_all_their_files(scans: Path) -> None:
    look = look_into(scans)
    assert look.state == "there"
    assert names(look) == {"a.svs", "b.mrxs"}
    (stamp,) = [s for p, s in look.stamps.items() if p.name == "b.mrxs"]
    assert [size for _, size, _ in stamp] == [1, 5]
    assert str(scans) not in repr(look)


def test_a_file_of_a_set_that_grows_changes_its_stamp(scans: Path) -> None:
    before = look_into(scans).stamps
    with (scans / "batch" / "b" / "Data0000.dat").open("ab") as data:
        data.write(b"more")
    after = look_into(scans).stamps
    assert [p.name for p in before if before[p] != after[p]] == ["b.mrxs"]
    (scans / "batch" / "b" / "Data0001.dat").write_bytes(b"")
    assert look_into(scans).stamps != after


def test_a_dicom_series_is_one_slide_that_grows_by_files(tmp_path: Path) -> None:
    pixels = np.full((300, 300, 3), 200, np.uint8)
    write_dicom(tmp_path / "scans" / "series", pixels, levels=2, form=DicomForm())
    (stamp,) = look_into(tmp_path / "scans").stamps.values()
    assert len(stamp) == 2
    (tmp_path / "scans" / "series" / "level-1.dcm").rename(tmp_path / "kept")
    assert look_into(tmp_path / "scans").stamps.values() != [stamp]


@pytest.mark.parametrize(
    "name",
    ["c.svs.part", ".c.svs", "~$c.svs", "c.svs~", "c.tmp", "copy.tmp/c.svs", ".hidden/c.svs",
     "up.partial/x/c.svs", "c.svs.filepart"],
)  # fmt: skip
def test_what_is_hidden_or_not_finished_is_left_alone(scans: Path, name: str) -> None:
    path = scans / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    assert names(look_into(scans)) == {"a.svs", "b.mrxs"}
    assert is_temporary(path, scans)


def test_links_out_of_the_folder_are_refused_and_not_followed(scans: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.svs").write_bytes(b"x")
    (scans / "file.svs").symlink_to(outside / "secret.svs")
    (scans / "folder").symlink_to(outside)
    (scans / "everything").symlink_to("/")
    (scans / "loop").symlink_to(scans)
    (scans / "batch" / "c.mrxs").write_bytes(b"y")
    (scans / "batch" / "c").symlink_to(outside)
    (scans / "within.svs").symlink_to(scans / "a.svs")
    look = look_into(scans)
    assert "secret.svs" not in names(look)
    assert {p.name for p in look.leads_out} >= {"file.svs", "folder", "everything"}
    assert {"a.svs", "b.mrxs"} <= names(look)
    assert "within.svs" not in names(look), "one slide, by its own name"


def test_slides_known_are_not_looked_at(scans: Path) -> None:
    assert names(look_into(scans, known={scans / "a.svs"})) == {"b.mrxs"}


def test_a_share_that_is_gone_is_a_state_with_the_systems_word(scans: Path) -> None:
    look = look_into(scans.parent / "absent")
    assert (look.state, look.detail) == ("share-gone", os.strerror(errno.ENOENT))
    assert look_into(scans / "a.svs").state == "share-gone"
    (scans.parent / "loop").symlink_to(scans.parent / "loop")
    assert look_into(scans.parent / "loop").state == "share-gone"


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EHOSTDOWN, errno.EACCES])
def test_errors_of_a_dying_share_are_no_crash(scans: Path, monkeypatch, code: int) -> None:
    """No test can pull the cable; what the system says then is put in its mouth."""

    def fails(path: object) -> object:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(watched_folder.os, "scandir", fails)
    look = look_into(scans)
    assert (look.state, look.detail) == ("share-gone", os.strerror(code))


def test_a_slide_that_cannot_be_looked_at_costs_itself_only(scans: Path, monkeypatch) -> None:
    whole = watched_folder.stamp_of

    def stamp_of(path: Path) -> object:
        if path.name == "a.svs":
            raise OSError(errno.EIO, "Input/output error")
        return whole(path)

    monkeypatch.setattr(watched_folder, "stamp_of", stamp_of)
    look = look_into(scans)
    assert names(look) == {"b.mrxs"}
    assert [p.name for p in look.unreadable] == ["a.svs"]


def test_an_empty_mount_point_is_not_an_empty_folder(tmp_path: Path) -> None:
    assert look_into(tmp_path).state == "there"
    assert look_into(tmp_path, held_before=True).state == "share-empty"
    assert look_into(tmp_path, marker_file="mounted").state == "share-empty"
    (tmp_path / "mounted").touch()
    assert look_into(tmp_path, marker_file="mounted", held_before=True).state == "there"
