"""What was seen of a slide, put aside by one worker for another: arrays in files, never pickled.

Two kinds lie there. A *part* holds what some of a slide's tiles show; parts are joined, in their
order, to exactly what one worker would have seen. A *look* holds a whole slide that was looked at,
for a worker without a GPU to draw conclusions from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from pathology.config import build_record
from pathology.exchange.cells_judged import PlacedNuclei
from pathology.exchange.overlay_layers import CloseUp
from pathology.pipeline.clock import Clock
from pathology.pipeline.tally import MapGrid, Tally
from pathology.records.eyes import PastEyes, SeenBy, Witness
from pathology.records.geometry import Box, Mpp
from pathology.records.prediction import Calibration, Nuclei
from pathology.records.result import NetworkWork
from pathology.records.slide import LostTile, Region
from pathology.records.stain import Stains
from pathology.records.tile import ExcludedArea, Survey

ARRAYS: Final = "seen.npz"
WORDS: Final = "seen.json"
MAPS: Final = ("classes", "blurred", "unread", "looked_at")
ROWS: Final = tuple(f.name for f in fields(Nuclei) if f.name != "outline_start")

Arrays = dict[str, NDArray[Any]]


class TakesNuclei(Protocol):
    """Who is given the nuclei of each tile."""

    def add(self, nuclei: Nuclei) -> None:
        """The nuclei of the next tile."""
        ...


class NucleiHeld:
    """The nuclei of a part's tiles, tile by tile, in memory until the part is put aside."""

    def __init__(self) -> None:
        self.of_tiles: list[Nuclei] = []

    def add(self, nuclei: Nuclei) -> None:
        """The nuclei of the next tile."""
        self.of_tiles.append(nuclei)


def put_part(folder: Path, tally: Tally, held: NucleiHeld, work: NetworkWork | None) -> None:
    """Put aside what the tiles of a part show."""
    arrays = {name: getattr(tally, name) for name in MAPS} | {"lost": _lost_rows(tally.lost)}
    _save(folder, arrays | _nuclei_rows(held.of_tiles))
    words = {"work": None if work is None else asdict(work)}
    (folder / WORDS).write_text(json.dumps(words), encoding="utf-8")


def join(folders: Iterable[Path], tally: Tally, cells: TakesNuclei) -> list[NetworkWork]:
    """Bring parts together in ``tally`` and ``cells``; how networks worked on each.

    Cores of tiles do not overlap, so each pixel of a map was looked at by one part only; nuclei
    come tile by tile as they were seen, so even the files are those of a slide seen at once.
    """
    works: list[NetworkWork] = []
    for folder in folders:
        with np.load(folder / ARRAYS) as arrays:
            there = arrays["looked_at"]
            tally.looked_at |= there
            tally.classes[there] = arrays["classes"][there]
            tally.blurred |= arrays["blurred"]
            tally.unread |= arrays["unread"]
            tally.lost.update(_lost_tiles(arrays["lost"]))
            for nuclei in _nuclei_of_tiles(arrays):
                placed = PlacedNuclei(nuclei.centre_px0, nuclei.cell_class, nuclei.positive)
                tally.nuclei.append(placed)
                cells.add(nuclei)
        words = json.loads((folder / WORDS).read_text(encoding="utf-8"))
        if words["work"] is not None:
            works.append(_work(words["work"]))
    return works


def work_together(works: Sequence[NetworkWork]) -> NetworkWork:
    """How networks worked on a slide in parts: seconds and halvings of all, the smallest batch."""
    seconds = {name: sum(w.seconds[name] for w in works) for name in works[0].seconds}
    return replace(
        works[0],
        batch_tiles=min(w.batch_tiles for w in works),
        memory_halvings=sum(w.memory_halvings for w in works),
        seconds=seconds,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LookAside:
    """A slide that was looked at whole, as far as conclusions and their picture need it."""

    survey: Survey
    stains: Stains
    calibration: Calibration | None
    nuclei_visible: bool
    coarsest_mpp: float
    eyes: Witness
    tally: Tally
    overview: Region
    close_ups: tuple[CloseUp, ...]
    clock: Clock


def put_look(folder: Path, look: LookAside) -> None:
    """Put aside a look; its nuclei with outlines lie beside it as ``cells.parquet``."""
    tally, survey, placed = look.tally, look.survey, look.tally.placed()
    arrays: Arrays = {name: getattr(tally, name) for name in MAPS}
    arrays |= {"lost": _lost_rows(tally.lost), "fit": tally.fit, "tissue": survey.tissue}
    arrays |= {f"placed_{name}": column for name, column in placed._asdict().items()}
    arrays |= {f"excluded_{area.name}": area.mask for area in survey.excluded}
    arrays |= {"stain_vectors": look.stains.vectors, "white": look.stains.white}
    arrays |= {"overview": look.overview.pixels}
    for number, close in enumerate(look.close_ups):
        kept = {"pixels": close.region.pixels, "counted": close.counted}
        kept |= _nuclei_rows([close.nuclei])
        arrays |= {f"close{number}_{name}": array for name, array in kept.items()}
    _save(folder, arrays)
    (folder / WORDS).write_text(json.dumps(_words(look)), encoding="utf-8")


def _save(folder: Path, arrays: Arrays) -> None:
    np.savez(folder / ARRAYS, allow_pickle=False, **arrays)


def _words(look: LookAside) -> dict[str, Any]:
    survey, stains, eyes, grid = look.survey, look.stains, look.eyes, look.tally.grid
    return {
        "survey": [survey.slide_id, survey.downsample, survey.mpp],
        "excluded": [area.name for area in survey.excluded],
        "grid": [grid.downsample, grid.mpp],
        "stains": [stains.kind, stains.evidence, stains.estimated],
        "calibration": None if look.calibration is None else asdict(look.calibration),
        "nuclei_visible": look.nuclei_visible,
        "coarsest_mpp": look.coarsest_mpp,
        "nuclei_by": asdict(eyes.nuclei_by),
        "tissue_by": asdict(eyes.tissue_by),
        "work": None if eyes.work is None else asdict(eyes.work),
        "overview": _where(look.overview),
        "close_ups": [_where(close.region) for close in look.close_ups],
        "clock": asdict(look.clock),
    }


def look_aside(folder: Path) -> LookAside:
    """A look that was put aside."""
    words = json.loads((folder / WORDS).read_text(encoding="utf-8"))
    calibration = words["calibration"]
    with np.load(folder / ARRAYS) as arrays:
        return LookAside(
            survey=_survey(words, arrays),
            stains=_stains(words["stains"], arrays),
            calibration=None if calibration is None else Calibration(**calibration),
            nuclei_visible=words["nuclei_visible"],
            coarsest_mpp=words["coarsest_mpp"],
            eyes=PastEyes(
                nuclei_by=_seen_by(words["nuclei_by"]),
                tissue_by=_seen_by(words["tissue_by"]),
                work=None if words["work"] is None else _work(words["work"]),
            ),
            tally=_tally(words["grid"], arrays),
            overview=_region(words["overview"], arrays["overview"]),
            close_ups=tuple(
                _close_up(where, f"close{number}_", arrays)
                for number, where in enumerate(words["close_ups"])
            ),
            clock=Clock(**words["clock"]),
        )


def _survey(words: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Survey:
    slide_id, downsample, mpp = words["survey"]
    return Survey(
        slide_id=slide_id,
        downsample=downsample,
        mpp=Mpp(mpp),
        tissue=arrays["tissue"],
        excluded=tuple(
            ExcludedArea(name=name, mask=arrays[f"excluded_{name}"]) for name in words["excluded"]
        ),
    )


def _stains(words: Sequence[Any], arrays: Mapping[str, NDArray[Any]]) -> Stains:
    kind, evidence, estimated = words
    vectors, white = arrays["stain_vectors"], arrays["white"]
    return Stains(kind=kind, vectors=vectors, white=white, evidence=evidence, estimated=estimated)


def _tally(words: Sequence[float], arrays: Mapping[str, NDArray[Any]]) -> Tally:
    rows, columns = arrays["classes"].shape
    return Tally(
        grid=MapGrid(downsample=words[0], mpp=Mpp(words[1]), rows=rows, columns=columns),
        fit=arrays["fit"],
        **{name: arrays[name] for name in MAPS},
        nuclei=[PlacedNuclei(*(arrays[f"placed_{name}"] for name in PlacedNuclei._fields))],
        lost=set(_lost_tiles(arrays["lost"])),
    )


def _close_up(where: Sequence[Any], prefix: str, arrays: Mapping[str, NDArray[Any]]) -> CloseUp:
    own = {name: arrays[f"{prefix}{name}"] for name in (*ROWS, "tiles", "outlines")}
    (nuclei,) = _nuclei_of_tiles(own)
    region = _region(where, arrays[f"{prefix}pixels"])
    return CloseUp(region=region, nuclei=nuclei, counted=arrays[f"{prefix}counted"])


def _where(region: Region) -> list[Any]:
    box = region.box
    return [[box.x, box.y, box.width, box.height], region.downsample]


def _region(where: Sequence[Any], pixels: NDArray[np.uint8]) -> Region:
    return Region(box=Box(*where[0]), downsample=where[1], pixels=pixels)


def _seen_by(words: Mapping[str, Any]) -> SeenBy:
    return build_record(words, SeenBy, where=WORDS)


def _work(words: Mapping[str, Any]) -> NetworkWork:
    work = build_record(words, NetworkWork, where=WORDS)
    return replace(work, precision=dict(work.precision), seconds=dict(work.seconds))


def _lost_rows(lost: Iterable[LostTile]) -> NDArray[np.int64]:
    rows = [(t.level, t.column, t.row, *_where_px0(t.box_px0)) for t in sorted(lost)]
    return np.array(rows, np.int64).reshape(-1, 7)


def _where_px0(box: Box) -> tuple[int, int, int, int]:
    return box.x, box.y, box.width, box.height


def _lost_tiles(rows: NDArray[np.int64]) -> Iterator[LostTile]:
    for level, column, row, *box in rows.tolist():
        yield LostTile(level=level, column=column, row=row, box_px0=Box(*box))


def _nuclei_rows(of_tiles: Sequence[Nuclei]) -> Arrays:
    """Nuclei of several tiles, end to end; how many each tile has, points each outline has."""
    every = [Nuclei.none(), *of_tiles]
    rows = {name: np.concatenate([getattr(nuclei, name) for nuclei in every]) for name in ROWS}
    lengths = [np.diff(nuclei.outline_start) for nuclei in every]
    tiles = np.array([len(nuclei) for nuclei in of_tiles], np.int64)
    return {**rows, "tiles": tiles, "outlines": np.concatenate(lengths)}


def _nuclei_of_tiles(arrays: Mapping[str, NDArray[Any]]) -> Iterator[Nuclei]:
    """Back to the nuclei of each tile."""
    rows = {name: arrays[name] for name in ROWS}
    points_to = np.concatenate([[0], np.cumsum(arrays["outlines"])])
    first = 0
    for number in arrays["tiles"].tolist():
        last = first + number
        start = points_to[first : last + 1]
        own = {name: column[first:last] for name, column in rows.items()}
        own["outline_px0"] = rows["outline_px0"][start[0] : start[-1]]
        yield Nuclei(**own, outline_start=start - start[0])
        first = last
