"""Bundles between sites: whole and the sender's, or refused."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.errors import UsageError, VaultError
from pathology.exchange.packed_files import packed, unpacked
from pathology.vault.sealed_bundle import CHUNK_BYTES, SIGNED, TAG_BYTES, open_bundle, seal_bundle
from pathology.vault.site_keys import (
    PublicKeys,
    fresh_site_keys,
    read_public_keys,
    read_site_keys,
    write_site_keys,
)

OURS, THEIRS, OTHERS = fresh_site_keys(), fresh_site_keys(), fresh_site_keys()
TEXT = os.urandom(CHUNK_BYTES * 2 + 999)


def sealed(text: bytes, folder: Path, kind: str = "question") -> bytes:
    target = folder / secrets.token_hex(4)
    seal_bundle([text[:5], text[5:]], target, OURS, THEIRS.public, kind)
    return target.read_bytes()


def opened(data: bytes, keys=THEIRS, sender: PublicKeys = OURS.public, kind="question") -> bytes:
    return b"".join(open_bundle(io.BytesIO(data), keys, sender, kind))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return sealed(b"a case of nobody" * 9, tmp_path_factory.mktemp("small"))


def resigned(data: bytes, keys=OURS) -> bytes:
    """Signed anew, as a dishonest sender could."""
    body = data[:-64]
    return body + keys.sign.sign(SIGNED + hashlib.sha512(body).digest())


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, len(TEXT)])
def test_what_was_sealed_is_what_is_opened(tmp_path: Path, size: int) -> None:
    data = sealed(TEXT[:size], tmp_path)
    assert opened(data) == TEXT[:size]
    assert TEXT[:32] not in data or size < 32


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=60)
def test_no_bit_may_be_another(small: bytes, place: int, bit: int) -> None:
    data = bytearray(small)
    data[place % len(data)] ^= 1 << bit
    with pytest.raises(VaultError):
        opened(bytes(data))


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_nothing_may_be_cut_off_or_put_on(small: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(small) - 1))
    more = data.draw(st.binary(min_size=1, max_size=80))
    for changed in (small[:cut], small + more, small[cut:] + small[:cut] if cut else b""):
        with pytest.raises(VaultError):
            opened(changed)


def chunks(data: bytes) -> tuple[int, int]:
    first = 12 + int.from_bytes(data[8:12], "big")
    return first, CHUNK_BYTES + TAG_BYTES


def test_chunks_stand_in_their_order_even_if_the_sender_signs_another(tmp_path: Path) -> None:
    data = sealed(TEXT, tmp_path)
    first, size = chunks(data)
    one, two = data[first : first + size], data[first + size : first + 2 * size]
    for changed in (
        data[:first] + two + one + data[first + 2 * size :],
        data[:first] + one + data[first + 2 * size :],
        data[: first + size] + data[-64:],
        data[: first + 2 * size] + two + data[first + 2 * size :],
    ):
        with pytest.raises(VaultError):
            opened(resigned(changed))


@pytest.mark.parametrize(
    ("keys", "sender", "kind"),
    [
        (OTHERS, OURS.public, "question"),
        (THEIRS, OTHERS.public, "question"),
        (THEIRS, OURS.public, "answer"),
    ],
)
def test_only_the_recipient_from_the_sender_as_what_it_is(small, keys, sender, kind) -> None:
    with pytest.raises(VaultError):
        opened(small, keys, sender, kind)


def test_who_signs_anothers_bundle_anew_is_not_its_sender(small: bytes) -> None:
    with pytest.raises(VaultError, match="another sender"):
        opened(resigned(small, OTHERS), THEIRS, OTHERS.public)


def test_a_key_of_small_order_is_refused(tmp_path: Path) -> None:
    weak = PublicKeys(lock=bytes(32), sign=OURS.public.sign)
    with pytest.raises(VaultError, match="public key that is none"):
        seal_bundle([b"x"], tmp_path / "x", OURS, weak, "question")


def test_keys_are_their_owners_and_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "bundle-keys.json"
    write_site_keys(OURS, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_site_keys(file).public == OURS.public
    with pytest.raises(VaultError, match="already"):
        write_site_keys(THEIRS, file)
    file.chmod(0o640)
    with pytest.raises(VaultError, match="chmod 600"):
        read_site_keys(file)
    assert json.loads(file.read_text())["lock"] not in repr(OURS)


@pytest.mark.parametrize("text", [b"", b"{}", b"[" * 9999, b"\xff", b'{"schema": 1}'])
def test_a_public_key_that_is_none_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "key").write_bytes(text)
    with pytest.raises(VaultError):
        read_public_keys(tmp_path / "key")


def test_a_public_key_travels_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(OURS.public.document())
    assert read_public_keys(tmp_path / "key") == OURS.public
    with pytest.raises(VaultError):  # a secret file is no public one
        write_site_keys(OURS, tmp_path / "own")
        read_public_keys(tmp_path / "own")


def listed(files: list[dict[str, object]], body: bytes = b"", **more: object) -> list[bytes]:
    told = {"schema": "pathology.bundle/1", "about": {}, "files": files, **more}
    head = json.dumps(told).encode()
    return [len(head).to_bytes(4, "big") + head + body]


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/x", "a/../../x", "a//b", "", ".", "..", "a\\..\\x", "C:/x", "a\0b", "a b",
     "片", "x" * 101, "/".join("a" * 17), None, 7, "a/./b", "a\n"],
)  # fmt: skip
def test_no_file_leads_out_of_the_folder(tmp_path: Path, name: object) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(UsageError):
        unpacked(listed([{"name": name, "size": 0, "sha256": EMPTY}]), folder)
    assert list(tmp_path.rglob("*")) == [folder]


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"\xff\xff\xff\xff"],
        [b"\0\0\0\2{}"],
        [b"\0\0\x40\0" + b"[" * 0x4000],
        listed([{"name": "a", "size": 2**62, "sha256": EMPTY}]),
        listed([{"name": "a", "size": -1, "sha256": EMPTY}]),
        listed([{"name": "a", "size": 1e3, "sha256": EMPTY}]),
        listed([{"name": "a", "size": 5, "sha256": EMPTY}], b"abcd"),
        listed([{"name": "a", "size": 1, "sha256": EMPTY}], b"a"),
        listed([], b"more"),
        listed([{"name": n, "size": 0, "sha256": EMPTY} for n in ("a", "A")]),
        listed([], about=[]),
        listed([], schema="pathology.bundle/2"),
    ],
)
def test_a_hostile_list_is_refused(tmp_path: Path, pieces: list[bytes]) -> None:
    with pytest.raises(UsageError):
        unpacked(pieces, tmp_path)


@given(junk=st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_junk_is_refused_and_writes_nothing(junk: bytes) -> None:
    with TemporaryDirectory() as name, pytest.raises(UsageError):
        unpacked([junk], Path(name))


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TEXT)
    (tmp_path / "b").write_bytes(b"")
    files = {"results/P1/maps.zarr/.zgroup": tmp_path / "a", "b.json": tmp_path / "b"}
    out = tmp_path / "out"
    out.mkdir()
    assert unpacked(packed(files, {"question": "是?"}), out) == {"question": "是?"}
    assert (out / "results/P1/maps.zarr/.zgroup").read_bytes() == TEXT
