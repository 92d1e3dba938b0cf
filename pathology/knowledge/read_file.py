"""Files that a curator gives: Markdown, plain text, PDF, and tables of cases."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from pathology.errors import KnowledgeError
from pathology.records.settings.knowledge import StoreSettings

GUIDELINES: Final = frozenset({".md", ".markdown", ".txt", ".pdf"})
CASES: Final = frozenset({".csv", ".jsonl"})
PAGE: Final = "\f"
"""Stands between the pages of a text."""

FIELD_LETTERS: Final = 131_072
PDF_PAGES: Final = 2000

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it quotes what it cannot read


def read_guideline(file: Path, subject: str, store: StoreSettings) -> str:
    """The text of a guideline, pages apart by a form feed.

    Raises
    ------
    KnowledgeError
        It cannot be read, is too large, or holds no text (a scan without its text layer).
    """
    data = _bytes_of(file, subject, store)
    suffix = file.suffix.lower()
    if suffix == ".pdf":
        text = PAGE.join(_pdf_pages(data, subject))
    elif suffix in GUIDELINES:
        text = _decoded(data, subject)
    else:
        facts = {"detail": f"guidelines are {', '.join(sorted(GUIDELINES))}"}
        raise KnowledgeError(subject, "cannot-read", facts)
    if not re.search(r"\w", text):
        raise KnowledgeError(subject, "no-text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_cases(file: Path, subject: str, store: StoreSettings) -> list[Mapping[str, str]]:
    """The rows of a table of cases, texts by field; empty fields are left out.

    Raises
    ------
    KnowledgeError
        It cannot be read, is too large, has too many rows, or a row that is none.
    """
    text = _decoded(_bytes_of(file, subject, store), subject)
    suffix = file.suffix.lower()
    if suffix not in CASES:
        facts = {"detail": f"cases are {', '.join(sorted(CASES))}"}
        raise KnowledgeError(subject, "cannot-read", facts)
    rows: list[Mapping[str, str]] = []
    for row in _csv_rows(text, subject) if suffix == ".csv" else _json_rows(text, subject):
        if len(rows) == store.most_cases:
            raise KnowledgeError(subject, "too-large", {"most": f"{store.most_cases} cases"})
        rows.append({k: v.strip() for k, v in row.items() if v.strip()})
    if not rows:
        raise KnowledgeError(subject, "no-text")
    return rows


def _bytes_of(file: Path, subject: str, store: StoreSettings) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(store.largest_file_bytes + 1)
    except OSError as cause:
        facts = {"detail": cause.strerror or "no access"}
        raise KnowledgeError(subject, "cannot-read", facts) from cause
    if len(data) > store.largest_file_bytes:
        facts = {"most": f"{store.largest_file_bytes} bytes"}
        raise KnowledgeError(subject, "too-large", facts)
    return data


def _decoded(data: bytes, subject: str) -> str:
    for encoding in ("utf-8-sig", "gb18030"):  # GB 18030: what hospital systems in China export
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise KnowledgeError(subject, "cannot-read", {"detail": "it is neither UTF-8 nor GB 18030"})


def _pdf_pages(data: bytes, subject: str) -> Iterator[str]:
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise KnowledgeError(subject, "cannot-read", {"detail": "it has a password"})
        if len(reader.pages) > PDF_PAGES:
            raise KnowledgeError(subject, "too-large", {"most": f"{PDF_PAGES} pages"})
        for page in reader.pages:
            yield page.extract_text()
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        # pypdf raises Python's own errors on damaged files
        raise KnowledgeError(subject, "cannot-read", {"detail": "it is a damaged PDF"}) from cause


def _csv_rows(text: str, subject: str) -> Iterator[dict[str, str]]:
    csv.field_size_limit(FIELD_LETTERS)
    rows = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for number, row in enumerate(rows, 1):
            if None in row or any(value is None for value in row.values()):
                raise _wrong_row(subject, number, "it has more or fewer fields than the heading")
            yield {name.strip().lower(): value for name, value in row.items()}
    except csv.Error as cause:
        facts = {"detail": f"line {rows.line_num} is no CSV"}
        raise KnowledgeError(subject, "cannot-read", facts) from cause


def _json_rows(text: str, subject: str) -> Iterator[dict[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as cause:
            raise _wrong_row(subject, number, "it is no JSON") from cause
        if not isinstance(row, dict):
            raise _wrong_row(subject, number, "it is no object")
        yield {str(k).strip().lower(): _as_text(v, subject, number) for k, v in row.items()}


def _as_text(value: Any, subject: str, number: int) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    raise _wrong_row(subject, number, "a field is neither text nor number")


def _wrong_row(subject: str, number: int, detail: str) -> KnowledgeError:
    facts = {"field": "row", "place": f"line {number}", "detail": detail}
    return KnowledgeError(subject, "wrong-value", facts)
