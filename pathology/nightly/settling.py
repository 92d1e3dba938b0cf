"""When a file has stopped growing. Time is monotonic: a clock set back changes nothing.

No pause proves that a writer is done. What is taken too early is refused when read, or changes
while it is read, and both are found there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pathology.records.settings.nightly import WatchSettings
from pathology.records.watched import Stamp

PATIENCE: Final = 10
"""Times as long for a file of no bytes: scanners make it first and write later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A slide that has looked alike since ``since_s``, over so many looks."""

    stamp: Stamp
    since_s: float  # monotonic
    looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """What is remembered between two looks."""

    seen: Mapping[Path, Still] = field(default_factory=dict, repr=False)

    def for_s(self, path: Path, now_s: float) -> float:
        """How long it has been still, seconds."""
        return now_s - self.seen[path].since_s


def looked(before: Settling, stamps: Mapping[Path, Stamp], now_s: float) -> Settling:
    """The memory after one more look at ``now_s`` (monotonic); what is gone is forgotten."""
    return Settling(
        seen={path: _again(before.seen.get(path), stamp, now_s) for path, stamp in stamps.items()}
    )


def settled(memory: Settling, now_s: float, rules: WatchSettings) -> tuple[Path, ...]:
    """What has been still for long enough over enough looks, by path."""
    return tuple(
        sorted(
            path
            for path, still in memory.seen.items()
            if still.looks >= rules.least_looks and now_s - still.since_s >= _needed_s(still, rules)
        )
    )


def _again(before: Still | None, stamp: Stamp, now_s: float) -> Still:
    if before is None or before.stamp != stamp or now_s < before.since_s:
        return Still(stamp=stamp, since_s=now_s, looks=1)
    return Still(stamp=stamp, since_s=before.since_s, looks=before.looks + 1)


def _needed_s(still: Still, rules: WatchSettings) -> float:
    is_hollow = any(size == 0 for _, size, _ in still.stamp)
    return rules.still_s * (PATIENCE if is_hollow else 1)
