"""The labelled images as fields at the work scale: pixels, and what people saw in them."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from shapely.geometry import Polygon

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CONSEP_ORIGINS = (
    [(256 * c, 256 * r) for r in range(3) for c in range(3)]
    + [(256 * c, 744) for c in range(3)]
    + [(744, 256 * r) for r in range(3)]
    + [(744, 744)]
)
"""Where the 16 patches of a CoNSeP tile of 1000 px lie (found by matching their borders)."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A labelled field. Centres are (n, 2) x, y in work px; ``label`` is (n,) of the source."""

    name: str
    pixels: NDArray[np.uint8]  # at the work scale
    mpp: float  # of ``pixels``
    downsample: float  # source px per work px
    centres_px: NDArray[np.float64]
    label: NDArray[np.str_]
    mask: NDArray[np.uint8] | None = None  # class or instance map at the source's scale


def reduced(image: NDArray[np.uint8], downsample: float) -> NDArray[np.uint8]:
    """Mean colour of squares of ``downsample`` px; the last incomplete row and column go."""
    if downsample <= 1:
        return image
    height, width = (int(n / downsample) for n in image.shape[:2])
    box = (0, 0, width * downsample, height * downsample)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX, box))


def rgb(path: Path) -> NDArray[np.uint8]:
    """An image file as (h, w, 3) uint8."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def grey(path: Path) -> NDArray[np.uint16]:
    """A label file as (h, w)."""
    with Image.open(path) as image:
        return np.asarray(image).astype(np.uint16)


def pictures(folder: str) -> list[Path]:
    """The images of a folder without their label files."""
    labels = ("_inst", "_class", "_gland", "_mask", "_mask_negative", "_mask_positive", "_truth")
    kinds = (".png", ".jpg")
    found = sorted((DATA / folder).glob("*.*"))
    return [p for p in found if p.suffix in kinds and not p.stem.endswith(labels)]


def plain(folder: str, mpp: float, work_mpp: float = 0.5) -> Iterator[Field]:
    """Images without their labels."""
    for path in pictures(folder):
        yield _field(path.stem, rgb(path), mpp, work_mpp)


def consep(split: str, mpp: float = 0.25, work_mpp: float = 0.5) -> Iterator[Field]:
    """CoNSeP tiles put together again from their patches, nuclei cut at a border joined."""
    types = defaultdict(dict)
    with (DATA / "he/consep/types.csv").open() as table:
        for row in csv.DictReader(table):
            types[row["image"]][int(row["instance"])] = row["type"]
    folder = DATA / "he/consep" / split
    for tile in sorted({p.stem.rsplit("_", 1)[0] for p in folder.glob("*.jpg")}):
        image = np.zeros((1000, 1000, 3), np.uint8)
        inst = np.zeros((1000, 1000), np.int64)
        kind = {}
        # Drawn backwards: the 3 x 3 regular patches win over the overlapping last row and column.
        for i, (x, y) in reversed(list(enumerate(CONSEP_ORIGINS))):
            name = f"{tile}_{i:03d}"
            image[y : y + 256, x : x + 256] = rgb(folder / f"{name}.jpg")
            labels = grey(folder / f"{name}_inst.png").astype(np.int64)
            inst[y : y + 256, x : x + 256] = np.where(labels > 0, labels + 1000 * (i + 1), 0)
            kind |= {k + 1000 * (i + 1): v for k, v in types[name].items()}
        inst = joined_at_borders(inst, (256, 512, 768))
        centres, ids = centroids(inst)
        label = np.array([kind[i] for i in ids])
        yield _field(tile, image, mpp, work_mpp, centres, label, inst)


def joined_at_borders(inst: NDArray[np.int64], cuts: tuple[int, ...]) -> NDArray[np.int64]:
    """Instances that touch across a cut along three pixels or more get one number."""
    inst = inst.copy()
    for cut in cuts:
        for before, after in ((inst[:, cut - 1], inst[:, cut]), (inst[cut - 1], inst[cut])):
            pairs = np.stack([before, after])[:, (before > 0) & (after > 0)]
            unique, count = np.unique(pairs, axis=1, return_counts=True)
            for a, b in unique[:, count >= 3].T:
                inst[inst == b] = a
    return inst


def centroids(inst: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Centroids (n, 2) x, y in px of the label image, and their labels."""
    ids = np.unique(inst)
    ids = ids[ids > 0]
    where = np.array(ndimage.center_of_mass(inst > 0, inst, ids)).reshape(-1, 2)
    return where[:, ::-1] + 0.5, ids


def monuseg(work_mpp: float = 0.5) -> Iterator[Field]:
    """MoNuSeg: many organs, no types."""
    for path in pictures("he/monuseg_train"):
        inst = grey(path.with_name(f"{path.stem}_inst.png"))
        centres, ids = centroids(inst)
        yield _field(path.stem, rgb(path), 0.25, work_mpp, centres, np.full(len(ids), ""), inst)


def crchisto(split: str, work_mpp: float = 0.5) -> Iterator[Field]:
    """CRCHisto: ``label`` is the type, "" where only the detection is known."""
    rows = defaultdict(list)
    with (DATA / "he/crchisto/points.csv").open() as table:
        for row in csv.DictReader(table):
            if row["split"] == split:
                rows[row["image"]].append((float(row["x"]), float(row["y"]), row["class"]))
    for name, points in sorted(rows.items()):
        typed = {(x, y): c for x, y, c in points if c != "detection"}
        # Typed points are a subset of the detections, some marked a pixel apart: they come first.
        every = list(typed) + [(x, y) for x, y, c in points if c == "detection"]
        kept = _apart(np.array(every), 3.0)
        centres = np.array(every)[kept]
        label = np.array([typed.get((x, y), "") for x, y in centres])
        yield _field(name, rgb(DATA / f"he/crchisto/{name}.jpg"), 0.55, work_mpp, centres, label)


def _apart(points: NDArray[np.float64], least: float) -> NDArray[np.bool_]:
    kept = np.ones(len(points), bool)
    for i in range(1, len(points)):
        gap = np.hypot(*(points[:i][kept[:i]] - points[i]).T)
        kept[i] = gap.size == 0 or gap.min() > least
    return kept


def glioma(work_mpp: float = 0.5) -> Iterator[Field]:
    """Ki-67 fields with every nucleus as a polygon; ``label`` is Positive or Negative."""
    for path in pictures("ihc/glioma"):
        objects = json.loads(path.with_suffix(".json").read_text())["objects"]
        centres = np.array([Polygon(o["polygon"]).centroid.coords[0] for o in objects])
        label = np.array([o["label"] for o in objects])
        yield _field(path.stem, rgb(path), 0.11, work_mpp, centres, label)


def deepliif(work_mpp: float = 0.5) -> Iterator[Field]:
    """Ki-67 tiles; nuclei are the red and blue islands between green boundaries."""
    for path in pictures("ihc/deepliif"):
        truth = rgb(path.with_name(f"{path.stem}_truth.png")).astype(int)
        red, green, blue = truth[..., 0] > 127, truth[..., 1] > 127, truth[..., 2] > 127
        islands, n = ndimage.label((red | blue) & ~green)
        sizes = ndimage.sum_labels(np.ones_like(islands), islands, np.arange(1, n + 1))
        ids = np.flatnonzero(sizes >= 60) + 1  # specks of the drawing, below 4 square µm
        share = ndimage.mean(red, islands, ids)
        centres = np.array(ndimage.center_of_mass(islands > 0, islands, ids))[:, ::-1] + 0.5
        label = np.where(np.asarray(share) > 0.5, "Positive", "Negative")
        yield _field(path.stem, rgb(path), 0.25, work_mpp, centres, label)


def gepnet(work_mpp: float = 0.5) -> Iterator[Field]:
    """Ki-67 fields of neuroendocrine tumours; ``mask`` labels islands of touching tumour nuclei."""
    for path in pictures("ihc/gepnet"):
        islands, _ = ndimage.label(grey(path.with_name(f"{path.stem}_mask.png")) == 0)
        centres, ids = centroids(islands)
        sizes = ndimage.sum_labels(np.ones_like(islands), islands, ids)
        label = np.array([str(int(s)) for s in sizes])
        yield _field(path.stem, rgb(path), 0.48, work_mpp, centres, label, islands)


def _field(
    name: str,
    image: NDArray[np.uint8],
    mpp: float,
    work_mpp: float,
    centres: NDArray[np.float64] | None = None,
    label: NDArray[np.str_] | None = None,
    mask: NDArray[np.integer] | None = None,
) -> Field:
    downsample = max(1.0, work_mpp / mpp)
    return Field(
        name=name,
        pixels=reduced(image, downsample),
        mpp=mpp * downsample,
        downsample=downsample,
        centres_px=np.empty((0, 2)) if centres is None else centres / downsample,
        label=np.empty(0, str) if label is None else label,
        mask=mask,
    )
