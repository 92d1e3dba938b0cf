"""What an OME-Zarr folder says about itself: NGFF 0.4 (zarr v2) and 0.5 (zarr v3) multiscales.

Only layouts that can hold a brightfield scan are let through: 8-bit, three channels, one plane,
one moment. https://ngff.openmicroscopy.org/0.5/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zarr

from pathology.errors import SlideUnreadable
from pathology.slides.path_kind import is_file

UM_PER_UNIT: Mapping[str, float] = {
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "meter": 1e6,
}
METADATA_FILES = (".zattrs", ".zgroup", "zarr.json")
RGB_COLOURS = ("FF0000", "00FF00", "0000FF")
RGB_LABELS = re.compile(r"(r|g|b|red|green|blue|(channel)?[ _:]*\d*)", re.IGNORECASE)
DAMAGE = (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError)
"""What zarr and its stores let out when metadata make no sense."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multiscale:
    """The levels of one image, finest first, and where each axis lies.

    ``axes`` holds the names of the array's dimensions in their order, such as "tczyx".
    """

    arrays: tuple[zarr.Array[Any], ...]
    axes: str
    stated_mpp: tuple[float, float] | None  # x, y

    def size(self, level: int, axis: str) -> int:
        """Length of an axis ("x", "y", ...) at a level."""
        return int(self.arrays[level].shape[self.axes.index(axis)])

    def chunk(self, level: int, axis: str) -> int:
        """Edge of a chunk along an axis at a level."""
        return int(self.arrays[level].chunks[self.axes.index(axis)])


def is_zarr(path: Path) -> bool:
    """Whether ``path`` is a folder with zarr metadata in it."""
    return any(is_file(path / name) for name in METADATA_FILES)


def read_multiscale(path: Path, slide_id: str) -> Multiscale:
    """The image of an OME-Zarr folder.

    Raises
    ------
    SlideUnreadable
        "damaged-file": metadata or an array are missing or make no sense; "not-a-slide": a zarr
        folder without an image; "fluorescence": not three channels of 8 bit;
        "unsupported-layout": stacks and time series.
    """
    try:
        group = zarr.open_group(path, mode="r")
        image = _image_of(group)
        if image is None:
            raise SlideUnreadable(slide_id, "not-a-slide", {"detail": "no OME-Zarr image"})
        group, metadata = image
        axes = [a if isinstance(a, dict) else {"name": a} for a in metadata["axes"]]
        names = "".join(str(axis["name"]) for axis in axes)
        arrays = tuple(_array(group, entry["path"], names) for entry in metadata["datasets"])
        _check(slide_id, names, arrays, _omero(group))
        stated = _stated_mpp(metadata, axes)
    except DAMAGE as cause:
        detail = f"its OME-Zarr metadata cannot be read: {type(cause).__name__}"
        raise SlideUnreadable(slide_id, "damaged-file", {"detail": detail}) from cause
    return Multiscale(arrays=arrays, axes=names, stated_mpp=stated)


def _image_of(group: zarr.Group) -> tuple[zarr.Group, Mapping[str, Any]] | None:
    """The group that holds an image, and its multiscales metadata.

    bioformats2raw writes a collection: the scan is its image "0", label and macro follow.
    """
    attributes = _ome(group)
    if "bioformats2raw.layout" in attributes and "multiscales" not in attributes:
        inner = group["0"]
        if not isinstance(inner, zarr.Group):
            raise TypeError("image 0 is no group")
        group, attributes = inner, _ome(inner)
    if not attributes.get("multiscales"):
        return None
    return group, attributes["multiscales"][0]


def _ome(group: zarr.Group) -> dict[str, Any]:
    """NGFF metadata: under "ome" from 0.5 on, before that among the attributes."""
    attributes = dict(group.attrs)
    inner = attributes.get("ome", attributes)
    return inner if isinstance(inner, dict) else {}


def _omero(group: zarr.Group) -> Sequence[Mapping[str, Any]]:
    omero = _ome(group).get("omero") or {}
    return tuple(omero.get("channels") or ())


def _array(group: zarr.Group, path: str, names: str) -> zarr.Array[Any]:
    array = group[path]
    if not isinstance(array, zarr.Array) or len(array.shape) != len(names):
        raise ValueError(f"{path!r} is no array of axes {names!r}")
    return array


def _check(
    slide_id: str,
    names: str,
    arrays: tuple[zarr.Array[Any], ...],
    channels: Sequence[Mapping[str, Any]],
) -> None:
    """Raise SlideUnreadable unless the arrays can be one brightfield scan."""
    if not arrays or not {"y", "x"} <= set(names) <= set("tczyx") or len(set(names)) < len(names):
        raise ValueError(f"axes {names!r}")
    for array in arrays:
        size = dict(zip(names, array.shape, strict=True))
        if size.get("c", 1) != 3 or array.dtype != "uint8":
            detail = f"{size.get('c', 1)} channels of {array.dtype}"
            raise SlideUnreadable(slide_id, "fluorescence", {"detail": detail})
        if size.get("t", 1) != 1 or size.get("z", 1) != 1:
            detail = f"{size.get('t', 1)} moments, {size.get('z', 1)} planes"
            raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})
    colours = [str(c["color"]).upper() for c in channels if c.get("color")]
    labels = [str(c.get("label") or "") for c in channels]
    if tuple(colours) not in ((), RGB_COLOURS) or not all(map(RGB_LABELS.fullmatch, labels)):
        detail = f"channels {', '.join(labels)} are not red, green, blue"
        raise SlideUnreadable(slide_id, "fluorescence", {"detail": detail})


def _stated_mpp(
    metadata: Mapping[str, Any], axes: Sequence[Mapping[str, Any]]
) -> tuple[float, float] | None:
    """(x, y) µm/px of the finest level; None where an axis states no length unit."""
    names = [axis["name"] for axis in axes]
    per_axis = []
    for name in ("x", "y"):
        at = names.index(name)
        um = UM_PER_UNIT.get(str(axes[at].get("unit", "")).lower())
        scale = _scale(metadata["datasets"][0], at)
        if um is None or scale is None:
            return None
        outer = _scale(metadata, at)
        per_axis.append(um * scale * (1.0 if outer is None else outer))
    return per_axis[0], per_axis[1]


def _scale(holder: Mapping[str, Any], at: int) -> float | None:
    """Factor of axis ``at`` in the scale transformation of a dataset or of all of them."""
    for step in holder.get("coordinateTransformations") or ():
        if step.get("type") == "scale":
            return float(step["scale"][at])
    return None
