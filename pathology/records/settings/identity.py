"""Whose slide it is: what counts as the same spelling, who must agree, where identities stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pathology.records.settings.ranges import check_names

IdentityName = Literal["barcode", "accession", "specimen", "block", "order_id"]
NAMES: Final = frozenset({"barcode", "accession", "specimen", "block", "order_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellingSettings:
    """Which differences between two spellings of an identity count as none."""

    source: str
    ignore_case: bool  # A and a, of ASCII only
    same_separators: bool  # spaces, dashes and underscores part words, whichever they are
    same_width: bool  # full-width letters and digits, as Chinese keyboards type them


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySettings:
    """When a slide joins a case."""

    source: str
    least_sources: int  # that must name the same barcode, or accession, specimen and block
    when_unproven: Literal["without-case", "stop"]
    spelling: SpellingSettings
    file_names: tuple[str, ...]  # patterns over a file's name, with groups named as the fields are
    labels: Mapping[str, IdentityName]  # field of a file's own label -> what it names

    def __post_init__(self) -> None:
        check_names(self)
        if self.least_sources < 1:
            raise ValueError("least_sources must be 1 or more")
        for pattern in self.file_names:
            check_pattern(pattern, "file_names", groups=True)


def check_pattern(pattern: str, where: str, *, groups: bool) -> None:
    """Refuse what is no regular expression, or names groups that are no identity.

    Raises
    ------
    ValueError
        With the pattern and what is wrong.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as cause:
        raise ValueError(f"{where}: {pattern!r} is no pattern ({cause})") from cause
    if strangers := sorted(compiled.groupindex.keys() - NAMES):
        raise ValueError(f"{where}: {pattern!r} names {strangers}; known are {sorted(NAMES)}")
    if groups and not compiled.groupindex:
        raise ValueError(f"{where}: {pattern!r} has no named group, such as (?P<accession>...)")
