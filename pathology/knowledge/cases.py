"""A past case: the fields that it may have, and nothing else of whoever it was.

The list is what may enter, not what may not: a column that is not here refuses the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pathology.errors import KnowledgeError

NUMBER: Final = r"\d{1,4}(?:\.\d{1,2})?"
FIELDS: Final[Mapping[str, str]] = {
    "pseudonym": r"[0-9a-f]{8,64}",  # keyed, as the vault makes it; never a number of the hospital
    "language": r"zh|en",
    "organ": r".{1,60}",
    "diagnosis": r".{1,120}",
    "specimen": r".{1,80}",
    "side": r"left|right|both|左|右|双侧",
    "grade": r".{1,40}",
    "stage": r"[yp]{0,2}[TNMtnm0-9a-cisX() ]{1,20}",
    "er": rf"{NUMBER} ?%?|positive|negative|阳性|阴性",
    "pr": rf"{NUMBER} ?%?|positive|negative|阳性|阴性",
    "her2": r"0|1\+|2\+|3\+|positive|negative|阳性|阴性",
    "ki67": rf"{NUMBER} ?%?",
    "tils": rf"{NUMBER} ?%?",
    "year": r"(?:19|20)\d\d",
    "age": r"\d{1,2}0s|\d{1,2}-\d{1,2}|[1-8]?\d",  # 90 and more is "90-99": few are that old
    "sex": r"female|male|女|男",
    "text": r"(?s:.{1,20000})",
}
"""Field -> the form of its whole value."""

PATTERNS: Final = {name: re.compile(pattern) for name, pattern in FIELDS.items()}
FREE: Final = ("organ", "diagnosis", "specimen", "grade", "text")
"""Fields that people type: they are de-identified like text."""

STRUCTURED: Final = tuple(name for name in FIELDS if name not in ("text", "pseudonym", "language"))


def check_fields(rows: list[Mapping[str, str]], subject: str) -> None:
    """Refuse fields that are not known, and values without their field's form.

    Raises
    ------
    KnowledgeError
        It names fields and rows and no value: that may be about somebody.
    """
    if strangers := sorted({name for row in rows for name in row} - FIELDS.keys()):
        facts = {"fields": ", ".join(map(repr, strangers))[:200], "known": ", ".join(FIELDS)}
        raise KnowledgeError(subject, "unknown-field", facts)
    for number, row in enumerate(rows, 1):
        for name, value in row.items():
            if not PATTERNS[name].fullmatch(value):
                facts = {"field": name, "place": f"case {number}", "detail": "another form"}
                raise KnowledgeError(subject, "wrong-value", facts)
        if not row.keys() & {"text", "diagnosis"}:
            facts = {"field": "text", "place": f"case {number}", "detail": "it says nothing"}
            raise KnowledgeError(subject, "wrong-value", facts)


def searched_text(fields: Mapping[str, str], text: str) -> str:
    """Structured fields and text of a case as one text to search, fields first."""
    told = ", ".join(f"{name} {fields[name]}" for name in STRUCTURED if name in fields)
    return f"{told}\n{text}"
