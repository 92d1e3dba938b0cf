"""Nuclei as a label image beside a map: NGFF 0.5 ``labels``, int32, streamed block by block.

Pixel values are ``cell_id`` + 1, so every column of the table of nuclei can be looked up. NGFF
wants as many levels of a label image as its image has.
https://ngff.openmicroscopy.org/0.5/
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import zarr
from numpy.typing import NDArray

from pathology.errors import OutputError, UsageError
from pathology.exchange.label_blocks import LabelGrid, painted_blocks
from pathology.exchange.maps_zarr import NGFF_VERSION, multiscale
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.records.result import StoredSlide

WORK_MPP: Final = 0.5
"""Scale of the finest level in µm/px, or the slide's own where that is coarser."""
BLOCK_PX: Final = 1024
NAME: Final = "nuclei"
IMAGES: Final = ("tissue_class", "nucleus_density")
"""The map that the labels lie beside: the first of these that there is."""


def grid_of(slide: StoredSlide) -> LabelGrid:
    """The finest level that a slide's labels are painted at."""
    downsample = max(WORK_MPP / slide.mpp, 1.0)
    return LabelGrid(
        rows=math.ceil(slide.height_px0 / downsample),
        columns=math.ceil(slide.width_px0 / downsample),
        downsample=downsample,
        block=BLOCK_PX,
    )


def write_labels(maps: Path, cells: Path, slide: StoredSlide) -> str:
    """Add a label image of all nuclei to ``maps``, a copy of ``maps.zarr``; its path in there.

    The copy is marked as a draft. Blocks without nuclei are not written.

    Raises
    ------
    UsageError
        There is no map that the labels could lie beside, or the nuclei cannot be read.
    OutputError
        The folder cannot be written.
    """
    grid = grid_of(slide)
    try:
        root = zarr.open_group(maps, mode="r+")
        image = next((root[name] for name in IMAGES if name in root), None)
        if not isinstance(image, zarr.Group):
            raise UsageError(f"{maps.name}: holds no map of the slide. Analyse it again")
        levels = _levels(image)
        root.attrs["state"] = "AI_DRAFT"
        root.attrs["banner"] = {"en": BANNER_EN, "zh": BANNER_ZH}
        labels = image.create_group("labels")
        labels.attrs["ome"] = {"version": NGFF_VERSION, "labels": [NAME]}
        group = labels.create_group(NAME)
        shape = multiscale(NAME, levels, grid.downsample * slide.mpp)
        group.attrs["ome"] = {**shape, "image-label": {"source": {"image": "../../"}}}
        group.attrs["pathology"] = {"label": "cell_id + 1", "downsample_px0": grid.downsample}
        _write_levels(group, grid, levels, cells)
    except FileNotFoundError as cause:
        raise UsageError(f"{maps.name}: is not there. Copy the result again") from cause
    except OSError as cause:
        raise OutputError(f"{maps.name}: cannot be written ({cause.strerror or cause})") from cause
    return f"{image.path}/labels/{NAME}"


def _levels(image: zarr.Group) -> int:
    attributes: Mapping[str, Any] = image.attrs.asdict()
    return len(attributes["ome"]["multiscales"][0]["datasets"])


def _write_levels(group: zarr.Group, grid: LabelGrid, levels: int, cells: Path) -> None:
    finest = _array(group, "0", (grid.rows, grid.columns))
    written = set()
    for row, column, labels in painted_blocks(cells, grid):
        _put(finest, (row, column), labels)
        written.add((row, column))
    for level in range(1, levels):
        rows, columns = (-(-side // 2) for side in finest.shape)
        coarser = _array(group, str(level), (rows, columns))
        written = {(row // 2, column // 2) for row, column in written}
        for place in sorted(written):
            _put(coarser, place, commonest(_four(finest, place)))
        finest = coarser


def _array(group: zarr.Group, name: str, shape: tuple[int, int]) -> Any:
    return group.create_array(
        name,
        shape=shape,
        dtype="int32",
        chunks=tuple(min(BLOCK_PX, side) for side in shape),
        fill_value=0,
        dimension_names=("y", "x"),
        config={"write_empty_chunks": False},
    )


def _put(array: Any, place: tuple[int, int], labels: NDArray[np.int32]) -> None:
    y, x = place[0] * BLOCK_PX, place[1] * BLOCK_PX
    array[y : y + labels.shape[0], x : x + labels.shape[1]] = labels


def _four(array: Any, place: tuple[int, int]) -> NDArray[np.int32]:
    """The pixels of the finer level that a block is made of."""
    y, x = (2 * BLOCK_PX * i for i in place)
    labels: NDArray[np.int32] = array[y : y + 2 * BLOCK_PX, x : x + 2 * BLOCK_PX]
    return labels


def commonest(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """At half the size: the label that most of four pixels have, of equally common ones the first.

    The last row and column of an odd side repeat.
    """
    even = np.pad(labels, [(0, side % 2) for side in labels.shape], mode="edge")
    a, b, c, d = (even[r::2, k::2] for r in (0, 1) for k in (0, 1))
    second = np.where((b == c) | (b == d), b, np.where(c == d, c, a))
    found: NDArray[np.int32] = np.where((a == b) | (a == c) | (a == d), a, second)
    return found
