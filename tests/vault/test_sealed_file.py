"""Files under lock: whole or refused; chunks cannot be moved, dropped, repeated or cut off."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pathology.errors import VaultError
from pathology.vault import sealed_file
from pathology.vault.envelope import TAG_BYTES, Vault
from pathology.vault.ring import fresh_ring, with_fresh_key, without_key
from pathology.vault.sealed_file import (
    lock_file_again,
    seal_file,
    unseal_file,
    wrapping_key_of,
)

RING = fresh_ring()
VAULT = Vault(RING)
CHUNK = 64
HEADER = 8 + 17 + 33 + 60 + 7


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_file, "CHUNK_BYTES", CHUNK)


def sealed(folder: Path, text: bytes) -> Path:
    plain, target = folder / "plain", folder / "bundle"
    plain.write_bytes(text)
    seal_file(plain, target, VAULT, "bundle:1")
    return target


def refused(file: Path, *, place: str = "bundle:1", vault: Vault = VAULT) -> None:
    target = file.parent / "opened"
    with pytest.raises(VaultError):
        unseal_file(file, target, vault, place)
    assert not target.exists()
    assert {path.name for path in file.parent.iterdir()} <= {"plain", "bundle", "harmed"}


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 1000])
def test_files_of_any_size_come_back(tmp_path: Path, size: int) -> None:
    text = bytes(i % 251 for i in range(size))
    file = sealed(tmp_path, text)
    opened = tmp_path / "opened"
    unseal_file(file, opened, VAULT, "bundle:1")
    assert opened.read_bytes() == text
    chunks = max(1, -(-size // CHUNK))
    assert file.stat().st_size == HEADER + size + chunks * TAG_BYTES
    assert opened.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("size", [0, CHUNK, 200])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, size: int) -> None:
    whole = sealed(tmp_path, b"x" * size).read_bytes()
    harmed = tmp_path / "harmed"
    for length in range(len(whole)):
        harmed.write_bytes(whole[:length])
        refused(harmed)


def test_any_changed_byte_is_noticed(tmp_path: Path) -> None:
    whole = sealed(tmp_path, b"x" * 150).read_bytes()
    harmed = tmp_path / "harmed"
    for at in range(len(whole)):
        harmed.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        refused(harmed)


def test_chunks_keep_their_order_and_number(tmp_path: Path) -> None:
    whole = sealed(tmp_path, bytes(range(4 * CHUNK % 256)) + b"x" * (4 * CHUNK)).read_bytes()
    step = CHUNK + TAG_BYTES
    head, body = whole[:HEADER], whole[HEADER:]
    chunks = [body[i : i + step] for i in range(0, len(body), step)]
    harmed = tmp_path / "harmed"
    for other in (
        [chunks[1], chunks[0], *chunks[2:]],
        [chunks[0], *chunks],
        chunks[1:],
        chunks[:-1],
        [*chunks, chunks[-1]],
        [*chunks[:-2], chunks[-1]],
    ):
        harmed.write_bytes(head + b"".join(other))
        refused(harmed)


def test_a_file_is_bound_to_its_place_and_ring(tmp_path: Path) -> None:
    file = sealed(tmp_path, b"text")
    refused(file, place="bundle:2")
    refused(file, vault=Vault(fresh_ring()))


def test_a_file_is_locked_again_without_being_opened(tmp_path: Path) -> None:
    file = sealed(tmp_path, b"y" * 500)
    body = file.read_bytes()[HEADER:]
    newer = with_fresh_key(RING)
    assert wrapping_key_of(file) == RING.current
    assert lock_file_again(file, Vault(newer))
    assert not lock_file_again(file, Vault(newer)), "it is already"
    assert wrapping_key_of(file) == newer.current
    assert file.read_bytes()[HEADER:] == body
    opened = tmp_path / "opened"
    unseal_file(file, opened, Vault(without_key(newer, RING.current)), "bundle:1")
    assert opened.read_bytes() == b"y" * 500


def test_a_large_file_passes_in_its_real_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    text = hashlib.shake_256(b"bundle").digest(3_000_000)
    file = sealed(tmp_path, text)
    unseal_file(file, tmp_path / "opened", VAULT, "bundle:1")
    assert (tmp_path / "opened").read_bytes() == text


def test_what_cannot_be_read_is_said_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(VaultError) as caught:
        unseal_file(tmp_path / "MUSTERFRAU", tmp_path / "opened", VAULT, "x")
    assert "MUSTERFRAU" not in str(caught.value)
