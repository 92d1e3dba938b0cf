"""Whose slide it is: what the sources say must agree, or the slide is stopped.

A slide filed under the wrong patient is the worst error there is, so nothing is corrected, nothing
outvoted, and a value that was spelt differently counts as another value unless the rules of
``normal`` say that both are the same sequence of letters and digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from itertools import combinations
from typing import Final

from pathology.records.agreement import (
    Agreed,
    Conflict,
    Disagreement,
    IdentityField,
    NotEnough,
    Verdict,
)
from pathology.records.settings.identity import IdentitySettings, SpellingSettings
from pathology.records.work import Claim, SlideIdentity

FIELDS: Final[tuple[IdentityField, ...]] = ("barcode", "accession", "specimen", "block", "order_id")
BY_PLACE: Final[tuple[IdentityField, ...]] = ("accession", "specimen", "block")
"""What proves a slide's case where no barcode does; the order must agree wherever it is named."""
SEPARATORS: Final = re.compile(r"[\s\-_‐‑‒–—−]+")  # a label printer's choice, never a difference
WIDE: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
"""Full-width forms and the ideographic space. No other equivalence of Unicode is applied."""


def judge(claims: Sequence[Claim], settings: IdentitySettings) -> Verdict:
    """Whether the sources that speak agree, and on what.

    Disagreement: any two of them name different values of one field. Agreed: none do, an accession
    is known, and ``least_sources`` of them name the same barcode, or the same accession, specimen
    and block. NotEnough otherwise: nothing proves whose slide it is.
    """
    found = conflicts(claims, settings.spelling)
    if found:
        return Disagreement(conflicts=found)
    together = united(claims, settings.spelling)
    if together.accession is None:
        return NotEnough(lacks="accession")
    if _speakers(claims, ("barcode",), settings.spelling) >= settings.least_sources:
        return Agreed(identity=together, by="barcode")
    if _speakers(claims, BY_PLACE, settings.spelling) >= settings.least_sources:
        return Agreed(identity=together, by="accession, specimen and block")
    return NotEnough(lacks="sources")


def conflicts(claims: Sequence[Claim], spelling: SpellingSettings) -> tuple[Conflict, ...]:
    """Every two claims that name different values of one field, field by field."""
    found: list[Conflict] = []
    for name in FIELDS:
        told = [(claim.source, normal(getattr(claim.identity, name), spelling)) for claim in claims]
        spoken = [(source, value) for source, value in told if value is not None]
        for (one, first), (other, second) in combinations(spoken, 2):
            conflict = Conflict(field=name, first=one, second=other)
            if first != second and conflict not in found:
                found.append(conflict)
    return tuple(found)


def united(claims: Sequence[Claim], spelling: SpellingSettings) -> SlideIdentity:
    """What claims without a conflict say together, each field as the first that names it wrote."""
    return SlideIdentity(**{name: _first(claims, name, spelling) for name in FIELDS})


def normal(value: str | None, spelling: SpellingSettings) -> tuple[str, ...] | None:
    """An identity as its words: what two spellings must share to be the same; None where silent.

    Separators part words but never vanish: "1-23" and "12-3" stay two identities. Letters and
    digits are kept as they are, leading zeros too, but for full-width forms and, where the site
    says so, capitals of ASCII. Look-alikes (O and 0) are not the same.
    """
    if value is None:
        return None
    text = value.translate(WIDE) if spelling.same_width else value
    if spelling.ignore_case:
        text = "".join(c.upper() if c.isascii() else c for c in text)
    if not spelling.same_separators:
        return (text.strip(),) if text.strip() else None
    return tuple(word for word in SEPARATORS.split(text) if word) or None


def same(first: SlideIdentity, second: SlideIdentity, spelling: SpellingSettings) -> bool:
    """Whether two identities name the same values wherever both speak."""
    return not any(
        a is not None and b is not None and normal(a, spelling) != normal(b, spelling)
        for a, b in ((getattr(first, n), getattr(second, n)) for n in FIELDS)
    )


def _first(claims: Sequence[Claim], name: str, spelling: SpellingSettings) -> str | None:
    told = (getattr(claim.identity, name) for claim in claims)
    return next((value for value in told if normal(value, spelling) is not None), None)


def _speakers(
    claims: Sequence[Claim], names: Sequence[IdentityField], spelling: SpellingSettings
) -> int:
    """How many sources name all of these; two claims of one source are one witness."""
    return len(
        {c.source for c in claims if all(_first([c], n, spelling) is not None for n in names)}
    )


if {f.name for f in fields(SlideIdentity)} != set(FIELDS):
    raise TypeError("an identity has a field that nobody compares")
