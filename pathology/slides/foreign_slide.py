"""KFB and TMAP slides, read in a worker process that may hang or crash without harm.

The readers are young community packages for closed formats (the extra ``chinese-scanners``), and
no real file has been read with them here: see ``slides.foreign_readers``.
SDPC is refused: the one reader there is loads the vendor's closed decoder, with GPL codecs beside.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from pathology.errors import SlideUnreadable
from pathology.records.slide import Level, LostTile, Slide, SlideFacts, SlideInfo
from pathology.slides.backend import Backend
from pathology.slides.find import files_of
from pathology.slides.foreign_process import ForeignProcess, WorkerLost, WorkerRefused
from pathology.slides.pyramid import StoredSize
from pathology.slides.tile_pass import Fetched, Place
from pathology.slides.tiled_slide import PyramidSlide

NAME: Final = "foreign"
EXTRA: Final = "chinese-scanners"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker may think, and how often it may be lost before the slide is given up.

    The defaults are an engineering choice: healthy readers open in under a second and read a tile
    in milliseconds; a network share may need a hundred times that.
    """

    open_s: float = 60.0
    read_s: float = 30.0
    losses: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFormat:
    """A format, how its files are known, and the package that reads it."""

    name: str
    suffix: str
    magic: bytes
    magic_at: int
    package: str | None  # None: no package that can be used


FORMATS: Final[Mapping[str, ForeignFormat]] = MappingProxyType(
    {
        f.name: f
        for f in (
            ForeignFormat(name="kfb", suffix=".kfb", magic=b"KFB", magic_at=4, package="kfbslide"),
            ForeignFormat(
                name="tmap", suffix=".tmap", magic=b"TMAP", magic_at=0, package="tmapslide"
            ),
            ForeignFormat(name="sdpc", suffix=".sdpc", magic=b"", magic_at=0, package=None),
        )
    }
)


def recognises(path: Path) -> bool:
    """Whether ``path`` is KFB, TMAP or SDPC by its first bytes or, failing those, its name."""
    return path.is_file() and _format_of(path) is not None


def examine(path: Path, slide_id: str) -> SlideFacts:
    """What the file says about itself, asked in a worker.

    Raises
    ------
    SlideUnreadable
        "reader-missing", "reader-timeout", "damaged-file" or "unsupported-layout" (SDPC).
    """
    with ForeignTiles(path, slide_id) as tiles:
        said, form = tiles.said, tiles.format
    levels = tuple(
        Level(
            width=level["width"],
            height=level["height"],
            downsample=float(level["downsample"]),
            tile_width=said["tile_px"],
            tile_height=said["tile_px"],
        )
        for level in said["levels"]
    )
    stated = said["stated_mpp"]
    return SlideFacts(
        format=form.name,
        backend=NAME,
        codec=str(form.package),
        levels=levels,
        stated_mpp=(stated[0], stated[1]) if stated else None,
        magnification=said["magnification"],
        scanner=said["scanner"],
        files=files_of(path),
    )


def open_foreign(path: Path, info: SlideInfo) -> Slide:
    """The slide, ready to be read; raises as ``examine``.

    Reading raises ``SlideUnreadable`` ("reader-timeout", "damaged-file") once too many workers were
    lost over it: each costs its full patience, and a night is short.
    """
    tiles = ForeignTiles(path, info.slide_id)
    return PyramidSlide(info, tiles.sizes, tiles.fetch, tiles.close)


BACKEND: Final = Backend(name=NAME, recognises=recognises, examine=examine, open=open_foreign)


class ForeignTiles:
    """Tiles of one foreign slide out of a worker, which is replaced when it is lost."""

    def __init__(
        self,
        path: Path,
        slide_id: str,
        patience: Patience | None = None,
        process: ForeignProcess | None = None,
    ) -> None:
        self.format = _readable_format(path, slide_id)
        self._path, self._slide_id = path, slide_id
        self._patience = patience or Patience()
        self._process = process or ForeignProcess()
        self._lost = 0
        self.said = self._opened()

    def __enter__(self) -> ForeignTiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker."""
        self._process.stop()

    @property
    def sizes(self) -> tuple[StoredSize, ...]:
        """The stored sizes; ``level`` counts those that are used, as the facts do."""
        return tuple(
            StoredSize(
                level=number,
                reduce=1,
                downsample=float(level["downsample"]),
                width=level["width"],
                height=level["height"],
                tile_width=self.said["tile_px"],
                tile_height=self.said["tile_px"],
            )
            for number, level in enumerate(self.said["levels"])
        )

    def fetch(self, size: StoredSize, places: Sequence[Place]) -> Iterator[tuple[Place, Fetched]]:
        """The tiles at ``places``; white and named lost where the worker fails or hangs."""
        for place in places:
            yield place, self._tile(size, place)

    def _tile(self, size: StoredSize, place: Place) -> Fetched:
        box, box_px0 = size.tile_box(*place), size.to_px0(size.tile_box(*place))
        request = {
            "do": "read",
            "level": self.said["levels"][size.level]["number"],
            "x_px0": box_px0.x,
            "y_px0": box_px0.y,
            "width": box.width,
            "height": box.height,
        }
        try:
            if not self._process.is_running:
                self._opened()
            _, data = self._process.ask(request, self._patience.read_s)
            pixels = np.frombuffer(data, np.uint8).reshape(box.height, box.width, 3)
        except WorkerLost as loss:
            self._lost += 1
            if self._lost > self._patience.losses:
                raise self._given_up(loss, self._patience.read_s) from loss
        except (WorkerRefused, ValueError):
            pass  # this tile cannot be had; the worker is well
        else:
            return Fetched(pixels)
        lost = LostTile(level=size.level, column=place.column, row=place.row, box_px0=box_px0)
        return Fetched(None, (lost,))

    def _opened(self) -> dict[str, Any]:
        request = {"do": "open", "format": self.format.name, "path": str(self._path.absolute())}
        try:
            return self._process.ask(request, self._patience.open_s)[0]
        except WorkerLost as loss:
            raise self._given_up(loss, self._patience.open_s) from loss
        except WorkerRefused as refusal:
            self.close()
            detail = str(refusal).replace(self._path.name, "the file")
            raise SlideUnreadable(self._slide_id, "damaged-file", {"detail": detail}) from refusal

    def _given_up(self, loss: WorkerLost, seconds: float) -> SlideUnreadable:
        self.close()
        if loss.timed_out:
            return SlideUnreadable(self._slide_id, "reader-timeout", {"seconds": seconds})
        detail = f"{self.format.package} crashes over it"
        return SlideUnreadable(self._slide_id, "damaged-file", {"detail": detail})


def _readable_format(path: Path, slide_id: str) -> ForeignFormat:
    """The format of ``path``, whose package is there; raises as ``examine``."""
    form = _format_of(path)
    if form is None:
        raise SlideUnreadable(slide_id, "not-a-slide", {"detail": "neither KFB nor TMAP"})
    if form.package is None:
        detail = f"{form.name.upper()} can only be read with the scanner vendor's software"
        raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})
    if importlib.util.find_spec(form.package) is None:
        facts = {"format": form.name.upper(), "package": form.package, "extra": EXTRA}
        raise SlideUnreadable(slide_id, "reader-missing", facts)
    return form


def _format_of(path: Path) -> ForeignFormat | None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    for form in FORMATS.values():
        if form.magic and head[form.magic_at :].startswith(form.magic):
            return form
    return next((f for f in FORMATS.values() if f.suffix == path.suffix.lower()), None)
