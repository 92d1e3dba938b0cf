"""The results at hand. A request names one by its ids, which are looked up and never joined."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Final, NamedTuple

from pathology.errors import UsageError
from pathology.exchange.cells_window import NucleiWindow, nuclei_window
from pathology.exchange.maps_zarr import read_map
from pathology.exchange.regions_read import read_stored_regions
from pathology.exchange.regions_window import RegionsWindow, regions_window
from pathology.exchange.stored_result import read_result
from pathology.pipeline.recount import Remembered, remembered
from pathology.records.result import StoredResult
from pathology.records.settings.run import RunSettings
from pathology.review.kept_few import KeptFew
from pathology.review.map_picture import SHOWN, MapPicture, map_picture

SLIDE_ID: Final = re.compile(r"\w[\w.-]{0,199}")
RESULT_NAME: Final = re.compile(r"(ki67|infiltration)-[0-9a-f]{8}")
RESULTS_READ: Final = 4096
"""Results whose words stay in memory, some ten kilobytes each: the list shows all of them."""
LOOK_AGAIN_S: Final = 2.0
"""The folder is listed at most that often, whoever asks for what is not there."""


class ResultKey(NamedTuple):
    """Names of a result's folder and of the folder it lies in."""

    slide_id: str
    name: str


class _Stamp(NamedTuple):
    key: ResultKey
    inode: int
    written_ns: int


class OpenResult:
    """A result with what the page needs of it, each part read when it is first asked for.

    Safe to share between threads.
    """

    def __init__(self, folder: Path, result: StoredResult, site: RunSettings) -> None:
        self.folder, self.result, self._site = folder, result, site
        self._lock = Lock()
        self._memory_lock = Lock()  # counting reads for seconds; what is looked at does not wait
        self._pictures: dict[str, MapPicture] = {}

    @property
    def results(self) -> Path:
        """The folder for results that it lies in."""
        return self.folder.parent.parent

    @property
    def regions(self) -> RegionsWindow:
        """Its regions by place; UsageError where they cannot be read."""
        with self._lock:
            return self._regions

    @property
    def nuclei(self) -> NucleiWindow:
        """Its nuclei by place; UsageError where they cannot be read."""
        with self._lock:
            return self._nuclei

    @property
    def memory(self) -> Remembered:
        """What it takes to count again; UsageError where it keeps too little."""
        with self._memory_lock:
            return self._memory

    @property
    def points(self) -> bytes:
        """All nuclei as points, see ``NucleiWindow.points``."""
        with self._lock:
            return self._points

    def picture(self, name: str) -> MapPicture | None:
        """One of its maps as a picture; None where it has none of this name."""
        if name not in SHOWN or not (self.folder / "maps.zarr" / name).is_dir():
            return None
        with self._lock:
            if name not in self._pictures:
                read = read_map(self.folder / "maps.zarr", name)
                most_px = self._site.review.overlays.most_map_px
                self._pictures[name] = map_picture(name, read, most_px)
            return self._pictures[name]

    @cached_property
    def _points(self) -> bytes:
        return self._nuclei.points()

    @cached_property
    def _regions(self) -> RegionsWindow:
        path = self.folder / "regions.geojson"
        return regions_window(read_stored_regions(path, mpp=self.result.mpp))

    @cached_property
    def _nuclei(self) -> NucleiWindow:
        return nuclei_window(self.folder / "cells.parquet")

    @cached_property
    def _memory(self) -> Remembered:
        return remembered(self.folder, self._site)


class Shelf:
    """Results of an output folder by id. Safe to share between threads."""

    def __init__(self, results: Path, site: RunSettings) -> None:
        self._root, self._site = results, site
        self._folders: Mapping[ResultKey, Path] = MappingProxyType({})
        self._listed_at = float("-inf")
        self._lock = Lock()
        self._read: KeptFew[_Stamp, StoredResult] = KeptFew(RESULTS_READ)
        self._open: KeptFew[_Stamp, OpenResult] = KeptFew(site.review.overlays.results_kept)

    def listed(self) -> tuple[ResultKey, ...]:
        """All results, by id."""
        self._list()
        return tuple(sorted(self._folders))

    def find(self, slide_id: str, name: str) -> OpenResult | None:
        """The result of these ids; None where there is none, or no whole one."""
        found = self._stamped(slide_id, name)
        if found is None:
            return None
        folder, stamp = found
        try:
            return self._open.get(
                stamp, lambda: OpenResult(folder, self._told(folder, stamp), self._site)
            )
        except UsageError:
            return None

    def told(self, key: ResultKey) -> StoredResult | None:
        """What a result says, without opening what it holds; None where there is no whole one."""
        found = self._stamped(*key)
        try:
            return None if found is None else self._told(*found)
        except UsageError:
            return None

    def look_again(self) -> None:
        """Something was written: the next question lists the folder anew."""
        with self._lock:
            self._listed_at = float("-inf")

    def _told(self, folder: Path, stamp: _Stamp) -> StoredResult:
        return self._read.get(stamp, lambda: read_result(folder))

    def _stamped(self, slide_id: str, name: str) -> tuple[Path, _Stamp] | None:
        """The folder of these ids, and which writing of it lies there: --force puts in another."""
        if not (SLIDE_ID.fullmatch(slide_id) and RESULT_NAME.fullmatch(name)):
            return None
        key = ResultKey(slide_id, name)
        if key not in self._folders:
            self._list()
        folder = self._folders.get(key)
        if folder is None:
            return None
        try:
            written = (folder / "findings.json").stat()
        except OSError:
            return None
        return folder, _Stamp(key, written.st_ino, written.st_mtime_ns)

    def _list(self) -> None:
        with self._lock:
            if time.monotonic() - self._listed_at < LOOK_AGAIN_S:
                return
            self._folders = MappingProxyType(dict(self._found()))
            self._listed_at = time.monotonic()

    def _found(self) -> list[tuple[ResultKey, Path]]:
        root = self._root.resolve()
        found = []
        for path in root.glob("*/*/findings.json"):
            folder = path.parent
            key = ResultKey(folder.parent.name, folder.name)
            whole = SLIDE_ID.fullmatch(key.slide_id) and RESULT_NAME.fullmatch(key.name)
            if whole and folder.resolve() == folder:  # a link may lead anywhere
                found.append((key, folder))
        return found
