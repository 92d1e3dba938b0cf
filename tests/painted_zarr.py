"""OME-Zarr slides whose truth is known because we painted them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import zarr

from tests.painted import halved

if TYPE_CHECKING:
    from numpy.typing import NDArray

KIND_OF_AXIS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def write_zarr(
    path: Path,
    pixels: NDArray[np.uint8],
    *,
    mpp: float = 0.5,
    unit: str | None = "micrometer",
    axes: str = "tczyx",
    chunk: int = 256,
    levels: int = 1,
    version: Literal[2, 3] = 2,
    omero: dict[str, Any] | None = None,
) -> Path:
    """A multiscales folder of NGFF 0.4 (zarr 2) or 0.5 (zarr 3); every level halves the one before.

    ``pixels`` is (rows, columns, channels). ``mpp`` is written in ``unit`` as it stands.
    """
    group = zarr.open_group(path, mode="w", zarr_format=version)
    image, datasets = pixels, []
    for level in range(levels):
        size = {"y": image.shape[0], "x": image.shape[1], "c": image.shape[2]}
        chunks = {"y": chunk, "x": chunk, "c": 1 if axes.index("c") < axes.index("y") else 3}
        array = group.create_array(
            str(level),
            shape=tuple(size.get(a, 1) for a in axes),
            chunks=tuple(min(chunks.get(a, 1), size.get(a, 1)) for a in axes),
            dtype=image.dtype,
        )
        order = [a for a in axes if a in "yxc"]
        stored = image.transpose(["yxc".index(a) for a in order])
        array[...] = stored.reshape(array.shape)
        scale = [mpp * 2**level if a in "yx" else 1.0 for a in axes]
        steps = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(level), "coordinateTransformations": steps})
        if level + 1 < levels:
            image = halved(image)
    axis_entries = [
        {"name": a, "type": KIND_OF_AXIS[a], **({"unit": unit} if unit and a in "zyx" else {})}
        for a in axes
    ]
    name = {2: "0.4", 3: "0.5"}[version]
    metadata: dict[str, Any] = {"multiscales": [{"axes": axis_entries, "datasets": datasets}]}
    if omero:
        metadata["omero"] = omero
    if version == 3:
        group.attrs["ome"] = {"version": name, **metadata}
    else:
        metadata["multiscales"][0]["version"] = name
        group.attrs.update(metadata)
    return path


def chunk_file(path: Path, level: int, row: int, column: int) -> Path:
    """The file of one chunk of the first channel; the axes are tczyx or czyx."""
    tails = (f"{row}/{column}", f"{row}.{column}")
    found = [
        p
        for p in sorted((path / str(level)).rglob("*"))
        if p.is_file() and p.as_posix().endswith(tails)
    ]
    return found[0]
