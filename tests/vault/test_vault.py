"""The vault: what is sealed opens where it stood and nowhere else; keys stay secret."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.errors import VaultError
from pathology.records.settings.ledger import VaultSettings
from pathology.vault.codes import pseudonym
from pathology.vault.envelope import Vault, WrappedKey
from pathology.vault.ring import (
    KeyRing,
    fresh_ring,
    key_id,
    read_ring,
    with_fresh_key,
    without_key,
    write_ring,
)

FROM_FILE = VaultSettings(source="test")
RING = fresh_ring()


@settings(deadline=None)
@given(text=st.binary(max_size=200), place=st.text(max_size=40))
def test_what_is_sealed_opens_at_its_place(text: bytes, place: str) -> None:
    key, locked = Vault(RING).new_key()
    sealed = key.seal(text, place)
    assert Vault(RING).open_key(locked).unseal(sealed, place) == text
    assert text == b"" or len(text) < 4 or text not in sealed


@settings(deadline=None)
@given(text=st.binary(max_size=50), at=st.integers(0, 1000), bit=st.integers(0, 7))
def test_any_bit_that_was_changed_is_noticed(text: bytes, at: int, bit: int) -> None:
    key, _ = Vault(RING).new_key()
    sealed = bytearray(key.seal(text, "items.sealed_order:1"))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(VaultError, match="changed"):
        key.unseal(bytes(sealed), "items.sealed_order:1")


@pytest.mark.parametrize("place", ["items.sealed_order:2", "slides.sealed_path:1", ""])
def test_a_text_that_was_moved_does_not_open(place: str) -> None:
    key, _ = Vault(RING).new_key()
    with pytest.raises(VaultError):
        key.unseal(key.seal(b"MUSTERFRAU", "items.sealed_order:1"), place)


def test_a_text_that_was_cut_does_not_open() -> None:
    key, _ = Vault(RING).new_key()
    sealed = key.seal(b"MUSTERFRAU", "x")
    for length in range(len(sealed)):
        with pytest.raises(VaultError):
            key.unseal(sealed[:length], "x")


def test_a_data_key_under_another_name_does_not_open() -> None:
    vault = Vault(RING)
    _, one = vault.new_key()
    _, other = vault.new_key()
    swapped = WrappedKey(name=one.name, wrapped_by=one.wrapped_by, sealed=other.sealed)
    with pytest.raises(VaultError, match="swapped"):
        vault.open_key(swapped)


def test_locking_again_keeps_what_is_locked() -> None:
    key, locked = Vault(RING).new_key()
    sealed = key.seal(b"text", "x")
    newer = with_fresh_key(RING)
    again = Vault(newer).lock_again(locked)
    assert again.wrapped_by == newer.current != locked.wrapped_by
    alone = Vault(without_key(newer, RING.current))
    assert alone.open_key(again).unseal(sealed, "x") == b"text"
    with pytest.raises(VaultError, match="not on the key ring"):
        alone.open_key(locked)
    with pytest.raises(VaultError, match="current"):
        without_key(newer, newer.current)


def test_a_running_vault_learns_a_fresh_key_when_it_meets_it() -> None:
    newer = with_fresh_key(RING)
    _, locked = Vault(newer).new_key()
    running = Vault(RING, lambda: without_key(newer, RING.current))
    _, older = Vault(RING).new_key()
    assert running.open_key(locked).name == locked.name
    assert running.open_key(older).name == older.name, "what was read before still opens"


def test_another_sites_ring_is_refused_while_running() -> None:
    other = fresh_ring()
    _, locked = Vault(other).new_key()
    with pytest.raises(VaultError, match="exchanged"):
        Vault(RING, lambda: other).open_key(locked)


def test_pseudonyms_are_the_same_for_the_same_text_and_key() -> None:
    assert pseudonym(b"k" * 32, "path", b"a") == pseudonym(b"k" * 32, "path", b"a")
    told = {
        pseudonym(key * 32, kind, text)
        for key in (b"k", b"l")
        for kind in ("path", "case")
        for text in (b"a", b"b", b"")
    }
    assert len(told) == 12
    assert all(len(name) == 32 for name in told)


def test_a_ring_is_its_owners_alone_and_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.json"
    os.umask(0o000)
    try:
        write_ring(RING, file, new=True)
    finally:
        os.umask(0o022)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_ring(FROM_FILE, file) == RING
    with pytest.raises(VaultError, match="already"):
        write_ring(fresh_ring(), file, new=True)
    assert read_ring(FROM_FILE, file) == RING
    assert [path.name for path in file.parent.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_ring_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "keys.json"
    write_ring(RING, file)
    file.chmod(mode)
    with pytest.raises(VaultError, match="chmod 600"):
        read_ring(FROM_FILE, file)


def test_a_ring_from_the_environment_or_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    write_ring(RING, file)
    by_variable = VaultSettings(source="", keys="environment", environment="SITE_KEYS")
    with pytest.raises(VaultError, match="SITE_KEYS"):
        read_ring(by_variable, file)
    monkeypatch.setenv("SITE_KEYS", file.read_text())
    assert read_ring(by_variable, tmp_path / "none") == RING
    by_program = VaultSettings(source="", keys="command", command=("cat", str(file)))
    assert read_ring(by_program, tmp_path / "none") == RING


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("false",), "code 1"),
        (("/there/is/no/such/program",), "cannot be started"),
        ((sys.executable, "-c", "import time; time.sleep(30)"), "within"),
        (("echo", "$(cat /etc/passwd)"), "no key ring"),
    ],
)
def test_a_program_that_gives_no_ring(words: tuple[str, ...], told: str) -> None:
    asked = VaultSettings(source="", keys="command", command=words, command_s=0.5)
    with pytest.raises(VaultError, match=told):
        read_ring(asked, Path())


def test_a_damaged_ring_is_refused_and_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    write_ring(RING, file)
    whole = json.loads(file.read_text())
    key = next(iter(whole["wrapping"].values()))
    damaged = [
        b"",
        b"\xff\xfe",
        file.read_bytes()[:100],
        {**whole, "schema": "pathology.keys/2"},
        {**whole, "current": "K0"},
        {**whole, "chain": key[:-4]},
        {**whole, "chain": "!" + key[1:]},
        {**whole, "chain": whole["pseudonym"]},
        {**whole, "pseudonym": key},
        {**whole, "wrapping": {"K0123456789abcdef": key}, "current": "K0123456789abcdef"},
        {name: value for name, value in whole.items() if name != "chain"},
        [whole],
    ]
    for harm in damaged:
        file.write_bytes(harm if isinstance(harm, bytes) else json.dumps(harm).encode())
        with pytest.raises(VaultError) as caught:
            read_ring(FROM_FILE, file)
        chain_of_causes = f"{caught.value!r} {caught.value.__cause__!r}"
        assert key not in chain_of_causes
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_keys_are_not_shown_and_do_not_travel() -> None:
    shown = repr(RING) + repr(Vault(RING).new_key()) + str(Vault(RING))
    for secret in (RING.chain, RING.pseudonym, *RING.wrapping.values()):
        assert repr(secret) not in shown
        assert secret.hex() not in shown
    with pytest.raises(TypeError, match="does not travel"):
        pickle.dumps(RING)


def test_a_keys_name_is_the_keys_own() -> None:
    assert key_id(b"a" * 32) == key_id(b"a" * 32) != key_id(b"b" * 32)
    assert isinstance(RING, KeyRing)
