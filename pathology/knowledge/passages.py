"""A guideline cut into passages, each with its place; and sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pathology.knowledge.read_file import PAGE

HEADING: Final = re.compile(r"^(?:#{1,6} +\S.*|\d{1,2}(?:\.\d{1,2}){0,3}\.? +\S.{0,80})$")
SENTENCE_END: Final = re.compile(r"[。!?！？；\n]|[.!?;](?=\s|$)")
PARAGRAPH: Final = re.compile(r"\n[ \t]*\n+|\f")
LIST_ITEM: Final = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)]|\(\d{1,2}\))\s")


class Piece(NamedTuple):
    """A passage: ``text`` stands in the whole from ``start``."""

    text: str
    place: str
    start: int


def settled(text: str) -> str:
    """The text as it is kept and quoted: lines of a paragraph joined, paragraphs apart.

    Chinese lines join without a space, others with one; a hyphen at the end of a line stays: it may
    belong to the word. Headings, items of lists and rows of tables keep their lines.
    """
    pages = (page.strip("\n") for page in text.split(PAGE))
    return PAGE.join(
        "\n\n".join(filter(None, (_joined(part) for part in re.split(r"\n[ \t]*\n+", page))))
        for page in pages
    )


def passages(text: str, letters: int) -> Iterator[Piece]:
    """Passages of about ``letters`` each: whole paragraphs, never across a heading or a page."""
    page, heading = 1, ""
    paged = PAGE in text
    held: list[tuple[int, int]] = []
    for start, end in _paragraphs(text):
        page_here = text.count(PAGE, 0, start) + 1
        paragraph = text[start:end]
        is_heading = HEADING.match(paragraph.split("\n", 1)[0]) is not None
        size = end - held[0][0] if held else 0
        if held and (is_heading or page_here != page or size > letters):
            yield _piece(text, held, _place(heading, page if paged else 0))
            held = []
        page = page_here
        if is_heading:
            heading = paragraph.split("\n", 1)[0].lstrip("# ").strip()[:100]
        held.append((start, end))
    if held:
        yield _piece(text, held, _place(heading, page if paged else 0))


def sentence_around(text: str, start: int, end: int) -> str:
    """The sentence or sentences that ``text[start:end]`` is part of."""
    begin = 0
    for match in SENTENCE_END.finditer(text, 0, start):
        begin = match.end()
    after = SENTENCE_END.search(text, max(end - 1, start))
    stop = after.end() if after else len(text)
    return text[begin:stop].strip()


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in (*PARAGRAPH.finditer(text), None):
        end = match.start() if match else len(text)
        if text[start:end].strip():
            yield start, end
        if match:
            start = match.end()


def _piece(text: str, held: list[tuple[int, int]], place: str) -> Piece:
    start, end = held[0][0], held[-1][1]
    return Piece(text[start:end], place, start)


def _place(heading: str, page: int) -> str:
    return ", ".join(filter(None, (heading, f"p. {page}" if page else "")))


def _joined(paragraph: str) -> str:
    """One line a paragraph, but for lines that stand alone by their form."""
    lines = [re.sub(r"[ \t\u3000]+", " ", line).strip() for line in paragraph.split("\n")]
    text = ""
    for line in filter(None, lines):
        alone = HEADING.match(line) or LIST_ITEM.match(line) or line.startswith("|")
        last = text.rsplit("\n", 1)[-1]
        if text and not alone and not HEADING.match(last) and not last.startswith("|"):
            han = re.search(r"[一-鿿，。；、：（）]$", text) and re.match(r"[一-鿿（]", line)
            text += line if han else f" {line}"
        else:
            text += f"\n{line}" if text else line
    return text
