"""Who a slide is, and when it is another."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.errors import ConfigError, SlideUnreadable
from pathology.pipeline.identity import (
    change_stamp,
    content_digest,
    file_digest,
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
    assert problem.value.code == "not-found"


@pytest.mark.parametrize("ask", [content_digest, change_stamp, lambda paths: file_digest(paths[0])])
def test_a_file_that_cannot_be_looked_at_is_an_error_without_its_path(
    tmp_path: Path, ask: Callable[[list[Path]], object]
) -> None:
    with pytest.raises(SlideUnreadable) as problem:
        ask([tmp_path / ("patient" * 60)])
    assert problem.value.code == "cannot-read"
    assert "File name too long" in str(problem.value)
    assert "patient" not in str(problem.value)


@pytest.mark.parametrize("ask", [content_digest, change_stamp])
def test_a_file_that_vanished_is_not_found(
    tmp_path: Path, ask: Callable[[list[Path]], object]
) -> None:
    with pytest.raises(SlideUnreadable) as problem:
        ask([tmp_path / "none.svs"])
    assert problem.value.code == "not-found"


def test_a_region_that_vanished_is_not_taken_for_the_slide(tmp_path: Path) -> None:
    with pytest.raises(SlideUnreadable, match="the region") as problem:
        file_digest(tmp_path / "none.geojson")
    assert problem.value.code == "cannot-read"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as plug:
            plug.bind(str(path))
    with pytest.raises(SlideUnreadable) as problem:
        content_digest([path])
    assert problem.value.code == "not-a-slide"


def test_a_small_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "s.svs"
    small.write_bytes(b"x" * 1_000_000)
    read = 0
    digest = hashlib.sha256

    class Counting:
        def __init__(self) -> None:
            self.inner = digest()

        def update(self, data: bytes) -> None:
            nonlocal read
            read += len(data)
            self.inner.update(data)

        def hexdigest(self) -> str:
            return self.inner.hexdigest()

    monkeypatch.setattr("pathology.pipeline.identity.hashlib.sha256", Counting)
    content_digest([small])
    assert 1_000_000 <= read <= 1_000_100


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
    assert len(f"{made}-infiltration-01234567-4194304".encode()) < 200


@pytest.mark.parametrize("sign", ["切", "𠮷", "ж", "é"])
def test_a_name_is_cut_between_characters(sign: str) -> None:
    made = slide_id(Path(sign * 250 + ".svs"), DIGEST).removesuffix("-01234567")
    assert set(made) == {sign}
    assert len(made) == min(60, 140 // len(sign.encode()))


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
