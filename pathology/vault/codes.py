"""Keyed codes (HMAC-SHA-256): pseudonyms, lines of the audit chain, proofs of a key."""

from __future__ import annotations

import hashlib
import hmac

PSEUDONYM_HEX = 32


def pseudonym(key: bytes, kind: str, text: bytes) -> str:
    """128 bits in hexadecimal: the same text of a kind has the same one, only the key links them.

    ``kind`` keeps texts apart that look alike and are not: an order's number and a case's.
    """
    message = kind.encode() + b"\0" + text
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:PSEUDONYM_HEX]


def chain_mac(key: bytes, message: bytes) -> str:
    """256 bits in hexadecimal over a line of the chain or its anchor."""
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def same_code(one: str, other: str) -> bool:
    """Compared in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def proof_of(key: bytes, purpose: str) -> str:
    """Stored beside what a key made, so that a wrong key is refused and not used in silence."""
    message = b"pathology proof of key: " + purpose.encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:PSEUDONYM_HEX]
