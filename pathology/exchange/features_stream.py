"""Features of a GeoJSON file one by one: a million need the memory of the largest of them.

The standard library decodes each value; here it is only found where one ends. A library for
streamed JSON (ijson 3.6) was tried: a file of open brackets made it fill the machine's memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

from pathology.errors import UsageError

PIECE: Final = 2**20
"""Characters read at a time."""
LONGEST: Final = 2**28
"""Characters of one feature; beyond them the text is broken or no feature of a slide."""


def features(path: Path) -> Iterator[dict[str, Any]]:
    """Features of a FeatureCollection, of a bare list of them, or the one that the file is.

    Members that stand beside ``features`` are passed over.

    Raises
    ------
    UsageError
        No such file, or no GeoJSON. It may come after some features were given.
    """
    for number, feature in enumerate(objects(path), start=1):
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise UsageError(f"{path.name}, object {number}: is no GeoJSON feature")
        yield feature


def objects(path: Path, *, called: str | None = None) -> Iterator[Any]:
    """As ``features``, whatever the objects are; ``called`` stands for the file's name."""
    name = called or path.name
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _each(_Text(file))
    except OSError as cause:
        raise UsageError(f"{name}: cannot be read ({cause.strerror})") from cause
    except UnicodeDecodeError as cause:
        raise UsageError(f"{name}: is no JSON text (UTF-8)") from cause
    except (ValueError, RecursionError) as cause:
        raise UsageError(f"{name}: is no valid GeoJSON. Export it again") from cause


AFTER: Final = tuple(" \t\r\n,:]}")
"""Signs that may follow a value."""
LONGEST_TAIL: Final = 8
"""Signs behind what was read as a number, that could still be its end: "e-308" and to spare."""


class _Text:
    """JSON text of which a window is in memory."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._window, self._at, self._ended = file, "", 0, False

    def _more(self) -> None:
        """Let go of what was read; the piece doubles while one value goes on."""
        rest = self._window[self._at :]
        if len(rest) > LONGEST:
            raise ValueError("a value is too long")
        piece = self._file.read(max(PIECE, len(rest)))
        self._window, self._at, self._ended = rest + piece, 0, not piece

    def ahead(self) -> str:
        """The next sign that is no space, "" at the end; it stays."""
        while True:
            while self._at < len(self._window) and self._window[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._window) or self._ended:
                return self._window[self._at : self._at + 1]
            self._more()

    def take(self, *signs: str) -> str:
        """The next sign, which must be one of ``signs``."""
        sign = self.ahead()
        if sign not in signs:
            raise ValueError(f"{sign!r} stands where {signs} should")
        self._at += 1
        return sign

    def value(self) -> Any:
        """The next value, whole."""
        self.ahead()
        while True:
            try:
                value, end = DECODER.raw_decode(self._window, self._at)
            except json.JSONDecodeError:
                if self._ended:
                    raise
            else:
                rest = self._window[end : end + LONGEST_TAIL]
                if rest[:1] in AFTER or len(rest) == LONGEST_TAIL or self._ended:
                    self._at = end
                    return value
                # A number may go on: "1.5e" is 1.5 until the exponent is read.
            self._more()


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _each(text: _Text) -> Iterator[Any]:
    if text.ahead() == "[":
        yield from _members(text)
    else:
        yield from _of_object(text)
    if text.ahead():
        raise ValueError("text goes on after the end")


def _members(text: _Text) -> Iterator[Any]:
    text.take("[")
    if text.ahead() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.take(",", "]") == "]":
            return


def _of_object(text: _Text) -> Iterator[Any]:
    """Members of ``features``; an object without them is a feature itself."""
    beside: dict[str, Any] = {}
    found = False
    text.take("{")
    sign = text.take("}") if text.ahead() == "}" else ","
    while sign == ",":
        if text.ahead() != '"':
            raise ValueError("a key is no text")
        key = text.value()
        text.take(":")
        if key == "features" and not found:
            found = True
            yield from _members(text)
        else:
            beside[key] = text.value()
        sign = text.take(",", "}")
    if not found:
        yield beside
