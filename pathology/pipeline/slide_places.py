"""Where the scan of a result lies: among the places that the ledger knows, and in given folders."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from pathology.errors import SlideError
from pathology.pipeline import identity
from pathology.slides.find import files_of, find_slides

LOOK_AGAIN_S: Final = 30.0
"""Folders are searched at most that often for a scan that is not there."""


class SlidePlaces:
    """Scans by the id that results call them by. Safe to share between threads.

    Parameters
    ----------
    known
        Places by id, as the ledger tells them.
    folders
        Folders, or slides, in which to look as well.
    key
        The site's key for pseudonyms; None where results carry names.
    """

    def __init__(
        self, known: Callable[[str], Sequence[Path]], folders: Sequence[Path], key: bytes | None
    ) -> None:
        self._known, self._folders, self._key = known, tuple(folders), key
        self._lock = Lock()
        self._places: dict[str, Path] = {}
        self._stamps: dict[Path, tuple[str, str]] = {}
        self._searched_at = float("-inf")

    def __call__(self, slide_id: str) -> Path | None:
        """The scan's place; None where it is not at hand."""
        with self._lock:
            if (found := self._places.get(slide_id)) is None or not found.exists():
                self._search()
                found = self._places.get(slide_id)
        if found is not None and found.exists():
            return found
        return next((p for p in self._known(slide_id) if p.exists()), None)

    def _search(self) -> None:
        if not self._folders or time.monotonic() - self._searched_at < LOOK_AGAIN_S:
            return
        self._searched_at = time.monotonic()
        for path in find_slides(self._folders):
            if (name := self._name(path)) is not None:
                self._places[name] = path

    def _name(self, path: Path) -> str | None:
        """The id of a scan; None for one that cannot be read just now."""
        try:
            files = files_of(path)
            stamp = identity.change_stamp(files)
            kept = self._stamps.get(path)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            digest = identity.content_digest(files)
        except SlideError:
            return None
        name = (
            identity.slide_id(path, digest)
            if self._key is None
            else identity.pseudonym(digest, self._key)
        )
        self._stamps[path] = (stamp, name)
        return name
