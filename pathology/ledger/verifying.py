"""Whether a chain is as it was written: one pass over its lines, in bounded memory.

Pure: lines, key and anchor in, faults out. A fault is told by the number where it lies:

- edited: the line's code is not over what it says;
- reordered: its code is over what it says under another number, whose own line is wrong too;
- removed: the number has no line;
- rewritten: the line proves itself, but it is not the one that its follower or the anchor saw;
- truncated: the anchor saw lines from this number on, and there are none;
- anchor-missing: the anchor is absent or not proved by the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pathology.ledger.anchor import Head
from pathology.ledger.chain import GENESIS, mac_of
from pathology.records.audit import ChainFault, ChainReport
from pathology.vault.codes import same_code

MOST_NAMED: Final = 1000
"""Missing lines of one gap that are named one by one; of a wider gap its last one too."""
MOST_COMPARED: Final = 200
"""Broken lines that are tried under each other's numbers; beyond these all are called edited."""


def verify_chain(rows: Iterable[Mapping[str, Any]], key: bytes, anchor: Head | None) -> ChainReport:
    """All faults of the lines, which come by number, against the key and the anchor."""
    reading = _Reading(key, anchor)
    for row in rows:
        reading.take(row)
    return reading.report()


class _Reading:
    """The pass under way."""

    def __init__(self, key: bytes, anchor: Head | None) -> None:
        self._key, self._anchor = key, anchor
        self._lines, self._last, self._head = 0, 0, GENESIS
        self._trusted = True  # the line before proved itself and nothing is missing since
        self._faults: list[tuple[int, ChainFault]] = []
        self._broken: list[Mapping[str, Any]] = []
        self._broken_numbers: list[int] = []

    def take(self, row: Mapping[str, Any]) -> None:
        """The next line."""
        number: int = row["sequence"]
        self._lines += 1
        if number > self._last + 1:
            self._miss(self._last + 1, number - 1)
            self._trusted = False
        proved = same_code(mac_of(row, self._key), row["mac"])
        if not proved:
            self._break(row)
        elif number < 1 or self._is_another(row):
            self._faults.append((number, "rewritten"))
        self._trusted = proved
        self._last, self._head = max(number, self._last), row["mac"]

    def _is_another(self, row: Mapping[str, Any]) -> bool:
        """Whether a line that proves itself is not the one that was seen after its neighbour."""
        if self._trusted and row["previous_mac"] != self._head:
            return True
        if self._anchor is None or row["sequence"] != self._anchor.sequence:
            return False
        return not same_code(row["mac"], self._anchor.mac)

    def _miss(self, first: int, last: int) -> None:
        named = range(first, min(last, first + MOST_NAMED - 1) + 1)
        self._faults += [(number, "removed") for number in named]
        if named[-1] < last:
            self._faults.append((last, "removed"))

    def _break(self, row: Mapping[str, Any]) -> None:
        self._broken_numbers.append(row["sequence"])
        if len(self._broken) < MOST_COMPARED:
            self._broken.append(dict(row))

    def report(self) -> ChainReport:
        """What was found, by line."""
        for number in self._broken_numbers[len(self._broken) :]:
            self._faults.append((number, "edited"))
        numbers = [row["sequence"] for row in self._broken]
        for row in self._broken:
            fault: ChainFault = "reordered" if self._proves_elsewhere(row, numbers) else "edited"
            self._faults.append((row["sequence"], fault))
        if self._anchor is None:
            self._faults.append((self._last, "anchor-missing"))
        elif self._anchor.sequence > self._last:
            self._faults.append((self._last + 1, "truncated"))
        faults = tuple(sorted(self._faults))
        return ChainReport(lines=self._lines, head=self._head, faults=faults)

    def _proves_elsewhere(self, row: Mapping[str, Any], numbers: list[int]) -> bool:
        others = (number for number in numbers if number != row["sequence"])
        return any(
            same_code(mac_of({**row, "sequence": number}, self._key), row["mac"])
            for number in others
        )
