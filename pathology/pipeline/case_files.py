"""Folders into which a laboratory system drops case data, one JSON file a case."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pathology.errors import UsageError
from pathology.exchange.documents import read_json

NOTHING_SAID: Final = ""
"""Digest of case data where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """What a laboratory dropped about one case."""

    path: Path = field(repr=False)
    case_id: str = field(repr=False)  # as the laboratory writes it
    digest: str  # of what the file says, however it is laid out


@dataclass(slots=True, kw_only=True)
class CaseFolders:
    """The site's folders. One thread looks; a file is read again when it changed."""

    folders: Sequence[Path]
    unreadable: int = 0  # files of the newest look that name no case
    _read: dict[Path, tuple[tuple[int, int], CaseFile | None]] = field(default_factory=dict)

    def look(self) -> list[CaseFile]:
        """All files that name a case. A folder that is away is as if it were empty."""
        told = [self._told(path) for path in self._paths()]
        self.unreadable = sum(one is None for one in told)
        return [one for one in told if one is not None]

    def _paths(self) -> list[Path]:
        paths: list[Path] = []
        for folder in self.folders:
            with suppress(OSError):
                paths += sorted(p for p in folder.glob("*.json") if p.is_file())
        return paths

    def _told(self, path: Path) -> CaseFile | None:
        try:
            stat = path.stat()
        except OSError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size)
        if path not in self._read or self._read[path][0] != stamp:
            self._read[path] = (stamp, _read(path))
        return self._read[path][1]


def _read(path: Path) -> CaseFile | None:
    try:
        told = read_json(path, called="the case data")
    except UsageError:
        return None
    case_id = told.get("case_id") if isinstance(told, dict) else None
    if not isinstance(case_id, str) or not case_id:
        return None
    plain = json.dumps(told, sort_keys=True, ensure_ascii=False).encode()
    return CaseFile(path=path, case_id=case_id, digest=hashlib.sha256(plain).hexdigest())
