"""``maps.zarr``: maps of the slide as OME-Zarr images (NGFF 0.5, Zarr version 3).

One multiscale image a map, axes y and x in micrometres from the slide's upper left corner. NGFF
places a pixel by its centre, so the pixel (0, 0) of a map lies half a map pixel from that corner.
https://ngff.openmicroscopy.org/0.5/
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import zarr
from numpy.typing import NDArray

from pathology.errors import OutputError, UsageError
from pathology.records.geometry import Box, Mpp
from pathology.records.prediction import TissueClass, TissueMap

NGFF_VERSION: Final = "0.5"
SMALL_ENOUGH_PX: Final = 256  # a level whose longer side fits in this has none below it
CHUNK_PX: Final = 512
TISSUE: Final = "tissue_class"
TRANSFORMATIONS: Final = "coordinateTransformations"
CLASS_NAMES: Final = {str(c.value): c.name.lower() for c in TissueClass}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridMap:
    """A map on a grid that starts at the slide's corner; maps of one slide may differ in grain."""

    pixels: NDArray[np.generic]  # (rows, columns)
    downsample: float  # level-0 px per map px
    mpp: float  # µm per map px
    told: Mapping[str, Any] = field(default_factory=dict)  # of it beside its pixels, as JSON


def write_maps(folder: Path, maps: Mapping[str, GridMap]) -> None:
    """Each of ``maps`` as a pyramid.

    Integers are labels: a coarser pixel takes the commonest of its four; other maps take their
    mean, NaN meaning "not known here".

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    try:
        root = zarr.open_group(folder, mode="w", zarr_format=3)
        root.attrs["pathology"] = {"schema": "pathology.maps/1", "maps": sorted(maps)}
        for name, grid_map in maps.items():
            group = root.create_group(name)
            levels = _pyramid(grid_map.pixels)
            for level, array in enumerate(levels):
                _write_level(group, str(level), array)
            group.attrs["ome"] = multiscale(name, len(levels), grid_map.mpp)
            classes = {"classes": CLASS_NAMES} if name == "tissue_class" else {}
            group.attrs["pathology"] = {
                **grid_map.told,
                **classes,
                "downsample_px0": grid_map.downsample,
                "sha256": _digest(levels[0]),
            }
    except OSError as cause:
        raise OutputError(
            f"{folder.name}: cannot be written ({cause.strerror or cause})"
        ) from cause


def read_map(folder: Path, name: str) -> GridMap:
    """The finest level of a map of a result, as it was written.

    Raises
    ------
    UsageError
        There is no such map, or it is damaged: a chunk that is missing would else pass for zeros.
    """
    try:
        group: Any = zarr.open_group(folder, mode="r", zarr_format=3, path=name)
        pixels, told = np.asarray(group["0"][:]), dict(group.attrs["pathology"])
        finest = group.attrs["ome"]["multiscales"][0]["datasets"][0]
        mpp = float(finest["coordinateTransformations"][0]["scale"][0])
        downsample, digest = float(told.pop("downsample_px0")), told.pop("sha256")
    except FileNotFoundError as cause:
        raise UsageError(f"{folder.name}: {name} is not there. Copy the result again") from cause
    except (OSError, ValueError, TypeError, LookupError, RuntimeError) as cause:
        raise UsageError(f"{folder.name}: {name} cannot be read. Copy the result again") from cause
    if digest != _digest(pixels):
        raise UsageError(f"{folder.name}: {name} is damaged. Copy the result again")
    return GridMap(pixels=pixels, downsample=downsample, mpp=mpp, told=told)


def _digest(pixels: NDArray[np.generic]) -> str:
    """SHA-256 of the pixels, row by row."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def read_tissue(folder: Path, slide_id: str, box_px0: Box) -> TissueMap:
    """The tissue classes under ``box_px0``; background elsewhere. Only that part is read.

    Raises
    ------
    UsageError
        The maps are not there or damaged.
    """
    try:
        group: Any = zarr.open_group(folder, mode="r")[TISSUE]
        stored, downsample = group["0"], float(group.attrs["pathology"]["downsample_px0"])
        (scaled, _) = group.attrs["ome"]["multiscales"][0]["datasets"][0][TRANSFORMATIONS]
        left, top = max(0, int(box_px0.x // downsample)), max(0, int(box_px0.y // downsample))
        part = np.s_[
            top : math.ceil(box_px0.bottom / downsample),
            left : math.ceil(box_px0.right / downsample),
        ]
        classes = np.zeros(stored.shape, np.uint8)
        classes[part] = stored[part]
        mpp = Mpp(float(scaled["scale"][0]))
    except (OSError, KeyError, TypeError, ValueError, IndexError) as cause:
        raise UsageError(f"{folder.name}: cannot be read. Copy the result again") from cause
    return TissueMap(slide_id=slide_id, downsample=downsample, mpp=mpp, classes=classes)


def _write_level(group: Any, name: str, pixels: NDArray[np.generic]) -> None:
    chunks = tuple(min(CHUNK_PX, side) for side in pixels.shape)
    group.create_array(name, data=pixels, chunks=chunks, dimension_names=("y", "x"))


def multiscale(name: str, levels: int, mpp: float) -> dict[str, Any]:
    """NGFF's word of a pyramid whose finest level has ``mpp`` µm per pixel, each next one twice."""
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in ("y", "x")]
    datasets = [
        {
            "path": str(level),
            TRANSFORMATIONS: [
                {"type": "scale", "scale": [mpp * 2**level] * 2},
                {"type": "translation", "translation": [mpp * 2**level / 2] * 2},
            ],
        }
        for level in range(levels)
    ]
    image = {"name": name, "axes": axes, "datasets": datasets}
    return {"version": NGFF_VERSION, "multiscales": [image]}


def _pyramid(pixels: NDArray[np.generic]) -> list[NDArray[Any]]:
    levels: list[NDArray[Any]] = [np.ascontiguousarray(pixels)]
    halve = _commonest if np.issubdtype(pixels.dtype, np.integer) else _mean
    while max(levels[-1].shape) > SMALL_ENOUGH_PX:
        levels.append(halve(levels[-1]))
    return levels


def _blocks(pixels: NDArray[Any]) -> NDArray[Any]:
    """The four pixels (rows, columns, 4) of each 2 x 2 block; the last row and column repeat."""
    even = np.pad(pixels, [(0, side % 2) for side in pixels.shape], mode="edge")
    return np.stack([even[r::2, c::2] for r in (0, 1) for c in (0, 1)], axis=-1)


def _mean(pixels: NDArray[np.floating]) -> NDArray[np.floating]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        mean: NDArray[np.floating] = np.nanmean(_blocks(pixels), axis=-1)
    return mean.astype(pixels.dtype)


def _commonest(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """The label most of the four have; of equally common ones the smallest."""
    blocks = _blocks(labels)
    found = np.unique(labels)
    votes = np.stack([(blocks == label).sum(axis=-1, dtype=np.uint8) for label in found])
    commonest: NDArray[np.integer] = found[np.argmax(votes, axis=0)]
    return commonest
