"""Tiles read ahead in one thread, a bounded number of them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from pathology.records.slide import Slide
from pathology.records.tile import Tile, TilePlan


def read_ahead(slide: Slide, plan: TilePlan, *, depth: int) -> Generator[Tile, None, None]:
    """The tiles of ``plan`` in its order, read by one thread while the caller works.

    At most ``depth`` tiles are read and waiting, beside the one the caller holds. The thread ends
    with the last tile, with an error, and when the caller stops early and closes the generator
    (leaving a ``for`` loop closes it as soon as nobody holds it). Until then ``slide`` belongs to
    the thread: do not read from it.

    Raises
    ------
    SlideError
        Whatever reading raised, at the tile it happened on.
    """
    if depth < 1:
        raise ValueError(f"reading ahead needs room for one tile, got {depth}")
    tiles = _tiles(slide, plan)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as reader:
        waiting: deque[Future[Tile | None]] = deque()
        try:
            waiting.extend(reader.submit(next, tiles, None) for _ in range(depth))
            while (tile := waiting.popleft().result()) is not None:
                waiting.append(reader.submit(next, tiles, None))
                yield tile
        finally:
            # What has not begun must not begin: the caller is gone, or an error is on its way.
            for future in waiting:
                future.cancel()


def _tiles(slide: Slide, plan: TilePlan) -> Iterator[Tile]:
    boxes = [core.grown(plan.halo_px) for core in plan.cores]
    regions = slide.sweep(boxes, downsample=plan.downsample)
    for core, region in zip(plan.cores, regions, strict=True):
        yield Tile(core=core, region=region, mpp=plan.mpp)
