"""Readers of public labelled sets of nuclei, one function a set.

Each yields its images as ``LabelledField``. Scales marked "estimated" come from the size of nuclei;
the sets state none.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage.segmentation import watershed

from pathology.records.prediction import CellClass
from pathology.training.field import (
    UNKNOWN,
    LabelledField,
    centroids,
    painted_discs,
    renumbered,
    unknown,
)
from pathology.training.images import grey, pictures, rgb, shrunk

CONSEP_MPP: Final = 0.25
MONUSEG_MPP: Final = 0.25
CRCHISTO_MPP: Final = 0.55
GLIOMA_MPP: Final = 0.11  # estimated
DEEPLIIF_MPP: Final = 0.25  # estimated
GEPNET_MPP: Final = 0.48  # estimated
POINT_RADIUS_UM: Final = 2.0
"""Around a bare centre: small enough to stay inside a lymphocyte."""
CONSEP_SIDE_PX: Final = 1000
CONSEP_ORIGINS: Final = (
    [(256 * c, 256 * r) for r in range(3) for c in range(3)]
    + [(256 * c, 744) for c in range(3)]
    + [(744, 256 * r) for r in range(3)]
    + [(744, 744)]
)
"""Where the 16 patches of a CoNSeP tile of 1000 px lie (found by matching their borders)."""
CONSEP_CLASSES: Final = {
    "1": CellClass.OTHER,
    "2": CellClass.LYMPHOCYTE,
    "3": CellClass.TUMOUR,  # normal and malignant epithelium
    "4": CellClass.STROMA,
}
CRCHISTO_CLASSES: Final = {
    "epithelial": CellClass.TUMOUR,
    "inflammatory": CellClass.LYMPHOCYTE,
    "fibroblast": CellClass.STROMA,
    "others": CellClass.OTHER,
}
MONUSEG_ORGANS: Final = {
    "breast": ("A7", "AR", "E2"),
    "kidney": ("B0", "HE"),
    "lung": ("18", "21", "38", "49", "50"),  # Kumar et al. file these under liver
    "prostate": ("CH", "G9"),
    "bladder": ("DK", "G2"),
    "colon": ("AY", "NH"),
    "stomach": ("KB", "RD"),
}
"""Organ by the tissue source site in TCGA's names, after the table of Kumar et al. 2017."""
DEEPLIIF_INCOMPLETE: Final = ("6_2", "799_2")
"""Fields in which pale nuclei have no label."""


def consep(folder: Path, split: str) -> Iterator[LabelledField]:
    """CoNSeP tiles (1000 px) put together again from their patches; cut nuclei are joined."""
    kinds = _consep_types(folder)
    for tile in sorted({p.stem.rsplit("_", 1)[0] for p in (folder / split).glob("*.jpg")}):
        image = np.zeros((CONSEP_SIDE_PX, CONSEP_SIDE_PX, 3), np.uint8)
        labels = np.zeros((CONSEP_SIDE_PX, CONSEP_SIDE_PX), np.int64)
        kind: dict[int, str] = {}
        # Drawn backwards: the 3 x 3 regular patches win over the overlapping last row and column.
        for place, (x, y) in reversed(list(enumerate(CONSEP_ORIGINS))):
            name, first = f"{tile}_{place:03d}", 1000 * (place + 1)
            here = slice(y, y + 256), slice(x, x + 256)
            image[here] = rgb(folder / split / f"{name}.jpg")
            patch = grey(folder / split / f"{name}_inst.png")
            labels[here] = np.where(patch > 0, patch + first, 0)
            kind |= {k + first: v for k, v in kinds[name].items()}
        instances, old = renumbered(joined_at_borders(labels, (256, 512, 768)))
        classes = np.array([CONSEP_CLASSES[kind[int(i)]] for i in old], np.int8)
        yield LabelledField(
            name=tile,
            dataset=f"consep-{split}",
            group=tile,
            stain="he",
            mpp=CONSEP_MPP,
            pixels=image,
            instances=instances,
            centre_px=centroids(instances, len(old)),
            cell_class=classes,
            positive=unknown(len(old)),
        )


def _consep_types(folder: Path) -> Mapping[str, Mapping[int, str]]:
    types: dict[str, dict[int, str]] = defaultdict(dict)
    with (folder / "types.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            types[row["image"]][int(row["instance"])] = row["type"]
    return types


def joined_at_borders(labels: NDArray[np.int64], cuts: tuple[int, ...]) -> NDArray[np.int64]:
    """Labels that touch across a cut along three pixels or more become one."""
    labels = labels.copy()
    for cut in cuts:
        borders = (labels[:, cut - 1], labels[:, cut]), (labels[cut - 1], labels[cut])
        for before, after in borders:
            pairs = np.stack([before, after])[:, (before > 0) & (after > 0)]
            unique, count = np.unique(pairs, axis=1, return_counts=True)
            for first, second in unique[:, count >= 3].T:
                labels[labels == second] = first
    return labels


def monuseg(folder: Path) -> Iterator[LabelledField]:
    """MoNuSeg: H&E of many organs, outlines without classes; the group is the organ."""
    for path in pictures(folder):
        instances, old = renumbered(grey(path.with_name(f"{path.stem}_inst.png")))
        site = path.stem.split("-")[1]
        organ = next(o for o, sites in MONUSEG_ORGANS.items() if site in sites)
        yield LabelledField(
            name=path.stem,
            dataset="monuseg",
            group=organ,
            stain="he",
            mpp=MONUSEG_MPP,
            pixels=rgb(path),
            instances=instances,
            centre_px=centroids(instances, len(old)),
            cell_class=unknown(len(old)),
            positive=unknown(len(old)),
        )


def crchisto(folder: Path, split: str) -> Iterator[LabelledField]:
    """CRCHisto: centres of all nuclei, most of them typed; the group is the image."""
    rows: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    with (folder / "points.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            if row["split"] == split:
                rows[row["image"]].append((float(row["x"]), float(row["y"]), row["class"]))
    for name, points in sorted(rows.items()):
        typed = {(x, y): kind for x, y, kind in points if kind != "detection"}
        # Typed points are a subset of the detections, some marked a pixel apart: they come first.
        every = [*typed, *((x, y) for x, y, kind in points if kind == "detection")]
        centres = np.array(every)[_apart(np.array(every), 3.0)]
        kinds = [typed.get((x, y)) for x, y in centres]
        pixels = rgb(folder / f"{name}.jpg")
        yield LabelledField(
            name=name,
            dataset=f"crchisto-{split}",
            group=name,
            stain="he",
            mpp=CRCHISTO_MPP,
            pixels=pixels,
            instances=painted_discs(
                (pixels.shape[0], pixels.shape[1]), centres, POINT_RADIUS_UM / CRCHISTO_MPP
            ),
            centre_px=centres,
            cell_class=np.array([CRCHISTO_CLASSES[k] if k else UNKNOWN for k in kinds], np.int8),
            positive=unknown(len(centres)),
            outlined=False,
        )


def _apart(points: NDArray[np.float64], least: float) -> NDArray[np.bool_]:
    kept = np.ones(len(points), bool)
    for i in range(1, len(points)):
        gap = np.hypot(*(points[:i][kept[:i]] - points[i]).T)
        kept[i] = gap.size == 0 or gap.min() > least
    return kept


def glioma(folder: Path) -> Iterator[LabelledField]:
    """Ki-67 in glioblastoma, every nucleus a polygon; the group is the patient. Read at 0.22."""
    for path in pictures(folder):
        objects = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["objects"]
        pixels = rgb(path)
        canvas = Image.new("I", (pixels.shape[1], pixels.shape[0]), 0)
        pen = ImageDraw.Draw(canvas)
        for number, thing in enumerate(objects, start=1):
            pen.polygon([tuple(p) for p in thing["polygon"]], fill=number)
        small, labels = shrunk(pixels, np.asarray(canvas).astype(np.int32), 2)
        instances, old = renumbered(labels)
        positive = [objects[i - 1]["label"] == "Positive" for i in old]
        yield LabelledField(
            name=path.stem,
            dataset="glioma",
            group=path.stem.split("_")[0],
            stain="ihc-dab",
            mpp=2 * GLIOMA_MPP,
            pixels=small,
            instances=instances,
            centre_px=centroids(instances, len(old)),
            cell_class=unknown(len(old)),  # tumour or not was not asked
            positive=np.array(positive, np.int8),
        )


def deepliif(folder: Path) -> Iterator[LabelledField]:
    """Ki-67 in bladder and lung: red and blue islands between green borders; a group an image."""
    for path in pictures(folder):
        truth = rgb(path.with_name(f"{path.stem}_truth.png")).astype(int)
        red, green, blue = truth[..., 0] > 127, truth[..., 1] > 127, truth[..., 2] > 127
        islands, n = ndimage.label((red | blue) & ~green)
        sizes = ndimage.sum_labels(np.ones_like(islands), islands, np.arange(1, n + 1))
        # Specks of the drawing are below 4 µm².
        cleaned = np.where(np.isin(islands, np.flatnonzero(sizes >= 60) + 1), islands, 0)
        instances, old = renumbered(cleaned)
        share = np.asarray(ndimage.mean(red, instances, np.arange(1, len(old) + 1)))
        yield LabelledField(
            name=path.stem,
            dataset="deepliif",
            group=path.stem,
            stain="ihc-dab",
            mpp=DEEPLIIF_MPP,
            pixels=rgb(path),
            instances=_grown(instances, 1),
            centre_px=centroids(instances, len(old)),
            cell_class=unknown(len(old)),
            positive=(share > 0.5).astype(np.int8),
            complete=path.stem not in DEEPLIIF_INCOMPLETE,
        )


def _grown(instances: NDArray[np.int32], by_px: int) -> NDArray[np.int32]:
    """Labels grown over the drawn border; what touches stays apart where it was apart."""
    distance, (row, column) = ndimage.distance_transform_edt(instances == 0, return_indices=True)
    return np.where(distance <= by_px, instances[row, column], 0).astype(np.int32)


def gepnet(folder: Path) -> Iterator[LabelledField]:
    """Ki-67 in neuroendocrine tumours: islands of tumour nuclei, cut apart where they are waisted.

    Some nuclei are missed and stroma is left out on purpose, so the fields are not complete.
    """
    for path in pictures(folder):
        island = grey(path.with_name(f"{path.stem}_mask.png")) == 0
        instances, old = renumbered(_cut_apart(island, least_distance_px=5))
        yield LabelledField(
            name=f"gepnet-{path.stem}",
            dataset="gepnet",
            group=path.stem,
            stain="ihc-dab",
            mpp=GEPNET_MPP,
            pixels=rgb(path),
            instances=instances,
            centre_px=centroids(instances, len(old)),
            cell_class=np.full(len(old), CellClass.TUMOUR, np.int8),  # all that people outlined
            positive=unknown(len(old)),
            complete=False,
        )


def _cut_apart(mask: NDArray[np.bool_], least_distance_px: int) -> NDArray[np.int32]:
    """Islands cut at their waists: a watershed on the smoothed distance to the border."""
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.0)
    top = (ndimage.maximum_filter(depth, 2 * least_distance_px + 1) == depth) & mask
    seeds, _ = ndimage.label(top)
    return np.asarray(watershed(-depth, seeds, mask=mask), np.int32)


READERS: Final[Mapping[str, Callable[[Path], Iterator[LabelledField]]]] = {
    "consep-train": lambda data: consep(data / "he/consep", "train"),
    "consep-test": lambda data: consep(data / "he/consep", "test"),
    "monuseg": lambda data: monuseg(data / "he/monuseg_train"),
    "crchisto-train": lambda data: crchisto(data / "he/crchisto", "train"),
    "crchisto-validation": lambda data: crchisto(data / "he/crchisto", "validation"),
    "crchisto-test": lambda data: crchisto(data / "he/crchisto", "test"),
    "glioma": lambda data: glioma(data / "ihc/glioma"),
    "deepliif": lambda data: deepliif(data / "ihc/deepliif"),
    "gepnet": lambda data: gepnet(data / "ihc/gepnet"),
}
"""Sets by name; each reader is given the folder that holds all of them."""
