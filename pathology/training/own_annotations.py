"""A site's own annotations as labelled fields: images, GeoJSON of QuPath beside them, a manifest.

Outlined nuclei are painted as they were drawn; where only points are given, small discs stand for
the nuclei, and their surroundings are not judged. An image that mixes both counts as points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.draw import polygon

from pathology.errors import UsageError
from pathology.training.field import UNKNOWN, LabelledField, centroids, painted_discs, renumbered
from pathology.training.images import rgb
from pathology.training.own_manifest import OwnImage, OwnSet, load_manifest
from pathology.training.public_sets import POINT_RADIUS_UM
from pathology.training.qupath_shapes import DrawnShape, read_shapes
from pathology.training.recipe import NUCLEUS_CLASSES
from pathology.training.tissue_field import TISSUE_CLASSES, TissueField

LARGEST_PX = 64_000_000
"""Beyond this an export is no field; the whole set lies in memory."""
WIDEST_NUCLEUS_UM: Final = 60.0
"""Giant cells have nuclei of some 40 µm."""


def own_nuclei(folder: Path) -> Iterator[LabelledField]:
    """Labelled nuclei of each image of a folder.

    Raises
    ------
    UsageError
        A file is missing or wrong, a scale is not stated, a class is unknown, or annotations lie
        beside their image; the message names the file and the remedy.
    """
    told = load_manifest(folder)
    for image in told.images:
        yield _nuclei(told, image, *_read(folder, image))


def own_tissue(folder: Path) -> Iterator[TissueField]:
    """Annotated areas of each image of a folder; what nobody annotated is not judged."""
    told = load_manifest(folder)
    classes = told.classes_among(TISSUE_CLASSES)
    for image in told.images:
        mpp = told.mpp_of(image)
        pixels, shapes = _read(folder, image)
        allowed = np.zeros(pixels.shape[:2], np.uint8)
        for shape in shapes:
            kind = _class(shape, classes)
            if kind == UNKNOWN or not shape.rings_px0:
                raise UsageError(f"{shape.where}: tissue is annotated as an area with a class")
            _fill(allowed, shape, 1 << kind)
        yield TissueField(
            name=Path(image.file).stem,
            dataset=told.name,
            group=image.group,
            stain=told.stain,
            mpp=mpp,
            pixels=pixels,
            allowed=allowed,
        )


def _read(folder: Path, image: OwnImage) -> tuple[NDArray[np.uint8], tuple[DrawnShape, ...]]:
    """An image, and its shapes in its own pixels."""
    path = folder / image.file
    try:
        with Image.open(path) as opened:
            size = opened.size
        if size[0] * size[1] > LARGEST_PX:
            raise UsageError(
                f"{image.file}: is {size[0]} x {size[1]} px. Export smaller regions from the slide"
            )
        pixels = rgb(path)
    except (OSError, ValueError, Image.DecompressionBombError) as cause:
        raise UsageError(f"{image.file}: cannot be read as an image ({cause})") from cause
    shapes = [_moved(s, image) for s in read_shapes(path.with_suffix(".geojson"))]
    if any(image.origin_px0):  # labelled on the slide: other regions of it are other images
        shapes = [_here(shape, size) for shape in shapes if _inside(shape, size).any()]
    if not shapes:
        raise UsageError(f"{path.stem}.geojson: holds no annotation. Annotate, export it again")
    for shape in shapes:
        _check_inside(shape, size, image.file)
    return pixels, tuple(shapes)


def _moved(shape: DrawnShape, image: OwnImage) -> DrawnShape:
    """From pixels of the slide to pixels of the image."""
    origin = np.array(image.origin_px0)
    return DrawnShape(
        where=shape.where,
        names=shape.names,
        positive=shape.positive,
        rings_px0=tuple((ring - origin) / image.downsample for ring in shape.rings_px0),
        points_px0=(shape.points_px0 - origin) / image.downsample,
    )


def _here(shape: DrawnShape, size: tuple[int, int]) -> DrawnShape:
    """The shape without those of its points that lie in other regions of the slide."""
    if shape.rings_px0:
        return shape
    return replace(shape, points_px0=shape.points_px0[_inside(shape, size)])


def _inside(shape: DrawnShape, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which corners and points (n,) of a shape lie in the image."""
    places = np.concatenate([*shape.rings_px0, shape.points_px0])
    inside: NDArray[np.bool_] = np.all((places >= 0) & (places <= size), axis=1)
    return inside


def _check_inside(shape: DrawnShape, size: tuple[int, int], file: str) -> None:
    inside = _inside(shape, size)
    if not (inside.any() if shape.rings_px0 else inside.all()):
        raise UsageError(
            f"{shape.where}: lies beside {file}. If the image is a region of a slide, write "
            "origin_px0 and downsample of the export into dataset.toml"
        )


def _check_nucleus(shape: DrawnShape, mpp: float) -> None:
    """Refuse what is too wide for a nucleus, as the rectangle that an export is cut out by."""
    wide_um = max(float(np.ptp(ring, axis=0).max()) for ring in shape.rings_px0) * mpp
    if wide_um > WIDEST_NUCLEUS_UM:
        raise UsageError(
            f"{shape.where}: is {wide_um:.0f} µm wide, no nucleus. Export the nuclei without the "
            "rectangle around them"
        )


def _nuclei(
    told: OwnSet,
    image: OwnImage,
    pixels: NDArray[np.uint8],
    shapes: tuple[DrawnShape, ...],
) -> LabelledField:
    """Outlines painted in their order, then a disc around each point outside of them."""
    mpp, classes = told.mpp_of(image), told.classes_among(NUCLEUS_CLASSES)
    outlined = [shape for shape in shapes if shape.rings_px0]
    for shape in outlined:
        _check_nucleus(shape, mpp)
    size = pixels.shape[0], pixels.shape[1]
    outlines = np.zeros(size, np.int32)
    for number, shape in enumerate(outlined, start=1):
        _fill(outlines, shape, number)
    pointed = [(shape, point) for shape in shapes for point in shape.points_px0]
    # A point in an outline is the same nucleus, marked twice.
    pointed = [(shape, point) for shape, point in pointed if not _at(outlines, point)]
    points = np.array([point for _, point in pointed]).reshape(-1, 2)
    discs = painted_discs(size, points, max(POINT_RADIUS_UM / mpp, 1))
    labels = np.where((discs > 0) & (outlines == 0), discs + len(outlined), outlines)
    instances, old = renumbered(labels)
    drawn_by = [*outlined, *(shape for shape, _ in pointed)]
    seen = [drawn_by[number - 1] for number in old]
    centre_px = centroids(instances, len(old))
    bare = old > len(outlined)
    centre_px[bare] = points[old[bare] - len(outlined) - 1]
    return LabelledField(
        name=Path(image.file).stem,
        dataset=told.name,
        group=image.group,
        stain=told.stain,
        mpp=mpp,
        pixels=pixels,
        instances=instances,
        centre_px=centre_px,
        cell_class=np.array([_class(shape, classes) for shape in seen], np.int8),
        positive=np.array(
            [UNKNOWN if shape.positive is None else shape.positive for shape in seen], np.int8
        ),
        outlined=not len(points),
        complete=told.complete_in(image),
    )


def _class(shape: DrawnShape, classes: Mapping[str, int]) -> int:
    """Number of a shape's class; UNKNOWN where it has none. Of ``a: b`` the whole goes first."""
    if not shape.names:
        return UNKNOWN
    for name in (": ".join(shape.names), shape.names[0]):
        if name in classes:
            return classes[name]
    raise UsageError(
        f"{shape.where}: class {': '.join(shape.names)!r:.80} is not under [classes] of "
        "dataset.toml. Write there what it counts as"
    )


def _fill(canvas: NDArray[Any], shape: DrawnShape, value: int) -> None:
    """Paint the pixels whose middle lies in an outline, whose places count from corners."""
    for ring in shape.rings_px0:
        rows, columns = polygon(ring[:, 1] - 0.5, ring[:, 0] - 0.5, canvas.shape)
        canvas[rows, columns] = value


def _at(labels: NDArray[np.int32], place_px: NDArray[np.float64]) -> int:
    """The label under a place (x, y) of the image."""
    column, row = np.minimum(place_px.astype(int), (labels.shape[1] - 1, labels.shape[0] - 1))
    return int(labels[row, column])
