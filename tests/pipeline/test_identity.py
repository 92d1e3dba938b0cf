"""Who a slide is, and when it is another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.errors import ConfigError, SlideUnreadable
from pathology.pipeline.identity import (
    change_stamp,
    content_digest,
    pseudonym,
    pseudonym_key,
    result_key,
    slide_id,
)
from pathology.records.settings.site import PrivacySettings

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.svs"
    path.write_bytes(bytes(range(256)) * 40_000)
    return path


def test_a_copy_has_the_digest_of_its_original(scan: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.svs"
    copy.write_bytes(scan.read_bytes())
    assert content_digest([scan]) == content_digest([copy])


@pytest.mark.parametrize("place", [0, 70_000, -1])
def test_a_changed_byte_in_a_sample_changes_the_digest(scan: Path, place: int) -> None:
    before, data = content_digest([scan]), bytearray(scan.read_bytes())
    data[place if place != 70_000 else len(data) // 15 * 3 + 5] ^= 1
    scan.write_bytes(data)
    assert content_digest([scan]) != before


def test_a_longer_file_has_another_digest(scan: Path) -> None:
    before = content_digest([scan])
    with scan.open("ab") as file:
        file.write(b"\0")
    assert content_digest([scan]) != before


def test_an_empty_file_has_a_digest_too(tmp_path: Path) -> None:
    (tmp_path / "empty.svs").touch()
    assert len(content_digest([tmp_path / "empty.svs"])) == 64


def test_a_missing_file_is_an_error_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(SlideUnreadable) as problem:
        content_digest([tmp_path / "none.svs"])
    assert problem.value.code == "cannot-read"


def test_a_file_written_again_is_run_again(scan: Path) -> None:
    before = change_stamp([scan])
    os.utime(scan, ns=(1, 1))
    assert change_stamp([scan]) != before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S24-001 A1.svs", "S24-001_A1-01234567"),
        ("病理 切片'1\".svs", "病理_切片_1-01234567"),
        ("../../etc/passwd.svs", "passwd-01234567"),
        ("....svs", "slide-01234567"),
        ("a" * 300 + ".svs", "a" * 60 + "-01234567"),
    ],
)
def test_an_id_is_safe_and_known_again(name: str, expected: str) -> None:
    assert slide_id(Path(name), DIGEST) == expected


@given(st.text(min_size=1).filter(lambda t: "\0" not in t))
def test_no_name_makes_an_id_that_leaves_its_folder(name: str) -> None:
    made = slide_id(Path(name + ".svs"), DIGEST)
    assert Path("out", made).parent == Path("out")
    assert not set(made) & set("/\\:*?\"<>| \n\t'")
    assert made.endswith("-01234567")


def test_a_pseudonym_needs_the_key_to_be_traced() -> None:
    assert pseudonym(DIGEST, b"k" * 32) == pseudonym(DIGEST, b"k" * 32)
    assert pseudonym(DIGEST, b"k" * 32) != pseudonym(DIGEST, b"l" * 32)
    assert DIGEST[:8] not in pseudonym(DIGEST, b"k" * 32)


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"k" * 32)
    file.chmod(0o644)
    privacy = PrivacySettings(source="test", pseudonyms=True, key_file=str(file))
    with pytest.raises(ConfigError, match="chmod 600"):
        pseudonym_key(privacy)
    file.chmod(0o600)
    assert pseudonym_key(privacy) == b"k" * 32
    file.write_bytes(b"short")
    with pytest.raises(ConfigError, match="fewer than 32"):
        pseudonym_key(privacy)


def test_every_part_of_what_made_a_result_is_in_its_key() -> None:
    made = {"digest": "d", "mpp": [0.5, "user"], "region": None, "settings": "s"}
    keys = {result_key(made)} | {result_key({**made, name: "other"}) for name in made}
    assert len(keys) == 1 + len(made)
    assert all(len(key) == 8 for key in keys)
