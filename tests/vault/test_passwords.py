"""What a password must be, and what is stored of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.vault.passwords import Passwords, one_time_password, weakness
from tests.access import PASSWORD, RULES

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("short", "too-short"),
        ("x" * 300, "too-long"),
        ("aaaaaaaaaaaaaaaaaaaa", "too-plain"),
        ("password123456qwerty", "too-plain"),
        ("PATHOLOGYpathology1", "too-plain"),
        ("I am Reader, let me in", "has-name"),
        (PASSWORD, None),
        ("今天下午阅片十五张切片一二三四", None),
    ],
)
def test_weak_ones_are_refused_with_their_reason(new: str, why: str | None) -> None:
    assert weakness(new, "reader", RULES.passwords) == why


def test_one_time_passwords_are_strong_and_never_the_same() -> None:
    many = {one_time_password() for _ in range(200)}
    assert len(many) == 200
    for one in many:
        assert re.fullmatch(r"([a-z2-9]{4}-){4}[a-z2-9]{4}", one)
        assert weakness(one, "reader", RULES.passwords) is None


def test_what_is_stored_fits_its_password_and_key_alone() -> None:
    ours, others = Passwords(RULES.passwords, KEY), Passwords(RULES.passwords, b"o" * 32)
    stored = ours.hashed(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert ours.fits(PASSWORD, stored)
    assert not others.fits(PASSWORD, stored)
    assert not ours.fits(PASSWORD + " ", stored)
    assert not ours.fits(PASSWORD, None)
    assert not ours.fits(PASSWORD, "no hash at all")
    assert not ours.outdated(stored)


@given(st.text(max_size=40))
def test_any_text_is_looked_at_without_an_error(text: str) -> None:
    weakness(text, "reader", RULES.passwords)
