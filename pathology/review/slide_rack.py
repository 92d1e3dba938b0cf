"""Scans that are open for looking, and their tiles."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from pathology.errors import SlideError, UsageError
from pathology.pipeline.export import check_slide
from pathology.records.result import StoredResult
from pathology.records.settings.run import RunSettings
from pathology.records.slide import Slide, StatedScale
from pathology.review.kept_few import KeptFew
from pathology.slides.open import open_slide
from pathology.slides.view_tiles import ViewLevel, view_levels, view_tile

MIB: Final = 2**20


class ScanAway(UsageError):
    """The scan of a result is not at hand, is another one, or cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Opened:
    slide: Slide
    levels: tuple[ViewLevel, ...]


class SlideRack:
    """Opens scans, as many as the settings allow, each for one thread at a time.

    A scan is opened only where it is the one that the result was made from: overlays over another
    scan would point at the wrong cells.
    """

    def __init__(self, slide_of: Callable[[str], Path | None], settings: RunSettings) -> None:
        self._slide_of, self._settings, self._view = slide_of, settings, settings.review.view
        self._idle: OrderedDict[int, tuple[str, _Opened]] = OrderedDict()
        self._counter = 0
        self._lock = Lock()
        self._proved: KeptFew[tuple[str, str, int, int], bool] = KeptFew(1024)
        self._tiles: KeptFew[tuple[str, int, int, int], bytes] = KeptFew(
            self._view.tile_cache_mib * MIB, len
        )

    @property
    def open_now(self) -> int:
        """Scans that wait to be used again."""
        return len(self._idle)

    @property
    def tile_bytes(self) -> int:
        """Of the tiles that are kept."""
        return self._tiles.weight

    def levels(self, result: StoredResult) -> tuple[ViewLevel, ...]:
        """The view levels of a result's scan, finest first; raises ScanAway."""
        with self._borrowed(result) as opened:
            return opened.levels

    def tile(self, result: StoredResult, level: int, column: int, row: int) -> bytes:
        """A tile as JPEG.

        Raises
        ------
        ValueError
            There is no such tile.
        ScanAway
            The scan cannot be shown.
        """
        key = (result.slide.digest, level, column, row)
        return self._tiles.get(key, lambda: self._made(result, level, column, row))

    def _made(self, result: StoredResult, level: int, column: int, row: int) -> bytes:
        with self._borrowed(result) as opened:
            if not 0 <= level < len(opened.levels):
                raise ValueError(f"no level {level}")
            quality = self._view.jpeg_quality
            return view_tile(opened.slide, opened.levels[level], column, row, quality=quality)

    @contextmanager
    def _borrowed(self, result: StoredResult) -> Iterator[_Opened]:
        opened = self._taken(result.slide.digest) or self._fresh(result)
        try:
            yield opened
        finally:
            self._put_back(result.slide.digest, opened)

    def _taken(self, digest: str) -> _Opened | None:
        with self._lock:
            for number, (of, opened) in self._idle.items():
                if of == digest:
                    del self._idle[number]
                    return opened
        return None

    def _put_back(self, digest: str, opened: _Opened) -> None:
        with self._lock:
            self._idle[self._counter] = (digest, opened)
            self._counter += 1
            while len(self._idle) > self._view.open_slides:
                self._idle.popitem(last=False)[1][1].slide.close()

    def _fresh(self, result: StoredResult) -> _Opened:
        path = self._slide_of(result.slide.id)
        if path is None:
            raise ScanAway("the scan of this result is not at hand")
        try:
            self._prove(path, result)
            # The result's own scale: it may be one that a person answered for.
            said = StatedScale(mpp=result.mpp, source="user")
            scale = self._settings.site.scale
            slide = open_slide(path, slide_id=result.slide.id, scale=scale, said=said)
        except (SlideError, UsageError) as cause:
            told = cause.text() if isinstance(cause, SlideError) else "it is another scan"
            raise ScanAway(f"the scan of this result cannot be shown: {told}") from cause
        return _Opened(slide=slide, levels=view_levels(slide, self._view.tile_px))

    def _prove(self, path: Path, result: StoredResult) -> None:
        try:
            stat = path.stat()
        except OSError as cause:
            raise ScanAway("the scan of this result is not at hand") from cause
        key = (result.slide.digest, str(path), stat.st_size, stat.st_mtime_ns)

        def prove() -> bool:
            check_slide(path, result)
            return True

        self._proved.get(key, prove)

    def close(self) -> None:
        """Let go of all scans."""
        with self._lock:
            while self._idle:
                self._idle.popitem()[1][1].slide.close()
