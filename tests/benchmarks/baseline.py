"""Accuracy of the classical baseline on the labelled images, as Markdown.

python -m tests.benchmarks.baseline
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pathology.config import load_record, shipped_configs
from pathology.predictions.calibration import calibrate
from pathology.predictions.nuclei import find_nuclei
from pathology.predictions.stain import estimate_stains
from pathology.predictions.tissue import classify_tissue, epithelium_threshold, map_block_px
from pathology.records.geometry import Box, Mpp
from pathology.records.prediction import Calibration, CellClass, Nuclei, Positivity, TissueClass
from pathology.records.settings.predictions import PredictionSettings
from pathology.records.slide import Region
from pathology.records.tile import Tile
from tests.benchmarks import labelled
from tests.benchmarks.labelled import Field

SETTINGS = load_record(shipped_configs() / "predictions.toml", PredictionSettings)
MATCH_UM = 4.0
HALO_UM = 48.0
Interval = tuple[float, float]
CLASS_OF = {kind.name.lower(): kind for kind in CellClass}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A field, what the baseline found, and which finding is which truth."""

    field: Field
    nuclei: Nuclei
    calibration: Calibration
    pairs: NDArray[np.int64]  # (m, 2) ours, truth
    seconds: float  # of CPU, find_nuclei alone


def whole(field: Field) -> Tile:
    """The field as one tile, white beyond its edge."""
    halo = round(HALO_UM / field.mpp)
    pixels = np.pad(field.pixels, ((halo, halo), (halo, halo), (0, 0)), constant_values=255)
    core = Box(0, 0, field.pixels.shape[1], field.pixels.shape[0])
    return Tile(
        core=core,
        region=Region(box=core.grown(halo), downsample=1.0, pixels=pixels),
        mpp=Mpp(field.mpp),
    )


def look(field: Field) -> Seen:
    """The baseline on one field, calibrated on that field alone."""
    stains = estimate_stains([field.pixels], SETTINGS.stain)
    calibration = calibrate([field.pixels], Mpp(field.mpp), stains, SETTINGS)
    tile, start = whole(field), time.process_time()
    nuclei = find_nuclei(tile, stains, calibration, SETTINGS)
    seconds = time.process_time() - start
    pairs = matched(nuclei.centre_px0, field.centres_px, MATCH_UM / field.mpp)
    return Seen(field=field, nuclei=nuclei, calibration=calibration, pairs=pairs, seconds=seconds)


def matched(
    ours: NDArray[np.float64], truth: NDArray[np.float64], radius: float
) -> NDArray[np.int64]:
    """One-to-one pairs (m, 2) within ``radius``, the closest first."""
    if not len(ours) or not len(truth):
        return np.empty((0, 2), np.int64)
    near = cKDTree(ours).sparse_distance_matrix(cKDTree(truth), radius, output_type="coo_matrix")
    taken: tuple[set[int], set[int]] = set(), set()
    pairs = []
    for k in np.argsort(near.data, kind="stable"):
        i, j = int(near.row[k]), int(near.col[k])
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            pairs.append((i, j))
    return np.array(pairs, np.int64).reshape(-1, 2)


def over_fields(
    counts: NDArray[np.float64], score: Callable[[NDArray[np.float64]], float]
) -> tuple[float, Interval]:
    """Score of summed counts (fields, k), and its 95 % interval by resampling fields."""
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(counts), (1000, len(counts)))
    low, high = np.percentile([score(counts[d].sum(axis=0)) for d in draws], [2.5, 97.5])
    return score(counts.sum(axis=0)), (float(low), float(high))


def f1(counts: NDArray[np.float64]) -> float:
    """From (hits, ours, truth)."""
    return float(2 * counts[0] / max(counts[1] + counts[2], 1))


def detection(name: str, split: str, fields: Iterable[Field]) -> list[Seen]:
    """One row of the table of detection."""
    seen = [look(f) for f in fields]
    counts = np.array([[len(s.pairs), len(s.nuclei), len(s.field.centres_px)] for s in seen])
    score, (low, high) = over_fields(counts.astype(float), f1)
    hits, ours, truth = counts.sum(axis=0)
    megapixels = sum(s.field.pixels.size for s in seen) / 3e6
    speed = sum(s.seconds for s in seen) / megapixels
    print(
        f"| {name} | {split} | {len(seen)} | {truth} | {score:.3f} ({low:.3f}–{high:.3f}) "
        f"| {hits / max(ours, 1):.3f} | {hits / truth:.3f} | {speed:.2f} |"
    )
    return seen


def detections() -> dict[str, list[Seen]]:
    """Table of detection; the fields seen, by name."""
    print("\n## Nuclei found\n")
    print("| data | split | fields | nuclei | F1 (95 %) | precision | recall | CPU s/Mpx |")
    print("|---|---|---|---|---|---|---|---|")
    monuseg, glioma = list(labelled.monuseg()), list(labelled.glioma())
    deepliif = list(labelled.deepliif())
    incomplete = [f for f in deepliif if f.name in ("6_2", "799_2")]
    tuned = [f for f in deepliif if f.name in ("22_2", "34_3")]
    fresh = [f for f in deepliif if f.name in ("Bladder1", "Lung1")]
    return {
        "consep": detection("CoNSeP test at 0.25 as stated", "held out", labelled.consep("test")),
        "consep_04": detection("CoNSeP test at 0.4 est.", "held out", labelled.consep("test", 0.4)),
        "monuseg_tuned": detection("MoNuSeg, even", "seen", monuseg[::2]),
        "monuseg": detection("MoNuSeg, odd", "partly seen", monuseg[1::2]),
        "crchisto": detection("CRCHisto test", "held out", labelled.crchisto("test")),
        "glioma_tuned": detection("Ki-67 glioma A, B", "seen", glioma[:4]),
        "glioma": detection("Ki-67 glioma C", "partly seen", glioma[4:]),
        "deepliif_tuned": detection("Ki-67 DeepLIIF 22_2, 34_3", "seen", tuned),
        "deepliif": detection("Ki-67 DeepLIIF Bladder1, Lung1", "partly seen", fresh),
        "deepliif_incomplete": detection(
            "Ki-67 DeepLIIF 6_2, 799_2 (pale nuclei unlabelled)", "partly seen", incomplete
        ),
    }


def islands() -> None:
    """GEP-NET: touching nuclei are merged in the truth, so islands are counted as found or not."""
    print("\nGEP-NET (0.48, islands of tumour nuclei, stroma left out on purpose):\n")
    print(
        "| field | islands of 15 µm² or more | with a nucleus of ours within 4 µm | "
        "ours | positive | in doubt |\n|---|---|---|---|---|---|"
    )
    for field in labelled.gepnet():
        seen = look(field)
        large = field.label.astype(int) * 0.48**2 >= 15
        gap, _ = cKDTree(seen.nuclei.centre_px0).query(field.centres_px[large])
        found, n = (gap <= MATCH_UM / field.mpp).mean(), len(seen.nuclei)
        positive = (seen.nuclei.positive == Positivity.POSITIVE).mean()
        doubt = (seen.nuclei.positive == Positivity.UNKNOWN).mean()
        print(
            f"| {field.name} | {large.sum()} | {found:.3f} | {n} | {positive:.3f} | {doubt:.3f} |"
        )


def indices(fields: list[Seen]) -> None:
    """Ki-67: positivity of matched nuclei, and the index of each field."""
    print("\n## Positivity and the index of a field\n")
    print(
        "| field | index, people | index, ours | error | with doubt as negative – positive "
        "| nuclei matched | of them judged right | in doubt | threshold |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    errors = []
    for s in fields:
        truth = s.field.label == "Positive"
        answer = s.nuclei.positive
        positive, doubt = (answer == Positivity.POSITIVE), (answer == Positivity.UNKNOWN)
        index = positive.sum() / max((~doubt).sum(), 1)
        low, high = positive.mean(), (positive | doubt).mean()
        ours, theirs = s.pairs.T
        sure = ~doubt[ours]
        right = (positive[ours] == truth[theirs])[sure].mean()
        errors.append(index - truth.mean())
        print(
            f"| {s.field.name} | {truth.mean():.3f} | {index:.3f} | {errors[-1]:+.3f} "
            f"| {low:.3f} – {high:.3f} | {len(ours)} | {right:.3f} | {(~sure).mean():.3f} "
            f"| {s.calibration.dab_threshold:.2f} |"
        )
    print(f"\nMean absolute error {np.abs(errors).mean():.3f}, bias {np.mean(errors):+.3f}.")


def cell_classes(name: str, seen: list[Seen]) -> None:
    """F1 of each class: a nucleus missed or invented counts as wrong; untyped truth is left out."""
    print(f"\n{name}\n\n| class | nuclei | F1 (95 %) | F1 among those found |\n|---|---|---|---|")
    for kind in (CellClass.TUMOUR, CellClass.LYMPHOCYTE, CellClass.STROMA):
        counts, among = [], []
        for s in seen:
            ours, theirs = s.pairs.T
            typed = np.array([lab in CLASS_OF for lab in s.field.label])
            truth = np.array([CLASS_OF.get(lab, -1) for lab in s.field.label]) == kind
            called = s.nuclei.cell_class == kind
            untyped = np.isin(np.arange(len(called)), ours[~typed[theirs]])
            hits = (called[ours] & truth[theirs]).sum()
            counts.append([hits, (called & ~untyped).sum(), truth.sum()])
            among.append([hits, (called[ours] & typed[theirs]).sum(), truth[theirs].sum()])
        score, (low, high) = over_fields(np.array(counts, float), f1)
        inner = f1(np.array(among, float).sum(axis=0))
        total = int(np.array(counts)[:, 2].sum())
        print(
            f"| {kind.name.lower()} | {total} | {score:.3f} ({low:.3f}–{high:.3f}) | {inner:.3f} |"
        )


def tissue_maps() -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.float64]]]:
    """Set, our classes (rows, columns), and shares of the people's classes per map pixel."""
    sets = (("he/wsss4luad_val", 1.0, "_class", 4), ("he/glas", 0.62, "_gland", 2))
    for folder, mpp, suffix, kinds in sets:
        for path in labelled.pictures(folder):
            pixels = labelled.rgb(path)
            block = map_block_px(mpp, SETTINGS)
            height, width = (n // block * block for n in pixels.shape[:2])
            label = labelled.grey(path.with_name(f"{path.stem}{suffix}.png"))[:height, :width]
            label = np.minimum(label, kinds - 1)
            shape = height // block, block, width // block, block
            shares = np.stack(
                [(label == k).reshape(shape).mean(axis=(1, 3)) for k in range(kinds)], axis=-1
            )
            field = Field(
                name=path.stem,
                pixels=pixels[:height, :width],
                mpp=mpp,
                downsample=1.0,
                centres_px=np.empty((0, 2)),
                label=np.empty(0, str),
            )
            stains = estimate_stains([field.pixels], SETTINGS.stain)
            threshold = epithelium_threshold([field.pixels], Mpp(mpp), stains, SETTINGS)
            yield folder, classify_tissue(whole(field), stains, threshold, SETTINGS), shares


def tissues() -> None:
    """Dice of each tissue class, summed over all map pixels."""
    print("\n## Tissue\n\n| data | class | images | Dice (95 %) |\n|---|---|---|---|")
    rows: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for folder, ours, shares in tissue_maps():
        truth = shares.argmax(axis=-1)
        tumour, stroma = ours == TissueClass.TUMOUR, ours == TissueClass.STROMA
        glass = ours == TissueClass.BACKGROUND
        if folder == "he/glas":
            pairs = {"gland": (tumour, truth == 1), "rest": (~tumour, truth == 0)}
        else:
            pairs = {
                "tumour epithelium": (tumour, truth == 0),
                "tumour stroma": (stroma, truth == 1),
                "stroma or normal": (stroma, (truth == 1) | (truth == 2)),
                "background": (glass, truth == 3),
            }
        for name, (a, b) in pairs.items():
            rows.setdefault((folder, name), []).append((int((a & b).sum()), a.sum(), b.sum()))
    for (folder, name), counts in rows.items():
        score, (low, high) = over_fields(np.array(counts, float), f1)
        print(f"| {folder} | {name} | {len(counts)} | {score:.3f} ({low:.3f}–{high:.3f}) |")


def stain_kinds() -> None:
    """How often each kind of stain is told, image by image."""
    print("\n## Stain told from one image alone\n")
    print("| data | truth | images | he | ihc-dab | unknown |\n|---|---|---|---|---|---|")
    sets = {
        "he/consep/train": 0.25, "he/consep/test": 0.25, "he/monuseg_train": 0.25,
        "he/crchisto": 0.55, "he/wsss4luad_val": 1.0, "he/glas": 0.62,
        "ihc/glioma": 0.11, "ihc/gepnet": 0.48, "ihc/deepliif": 0.25,
    }  # fmt: skip
    for folder, mpp in sets.items():
        told = Counter(
            estimate_stains([f.pixels], SETTINGS.stain).kind for f in labelled.plain(folder, mpp)
        )
        truth = "he" if folder.startswith("he") else "ihc-dab"
        print(
            f"| {folder} | {truth} | {told.total()} | {told['he']} | {told['ihc-dab']} "
            f"| {told['unknown']} |"
        )


def main() -> None:
    """All tables."""
    seen = detections()
    islands()
    indices([s for name, many in seen.items() if name[:3] in ("gli", "dee") for s in many])
    print("\n## Classes of nuclei")
    cell_classes("CoNSeP test at 0.4 est.", seen["consep_04"])
    cell_classes("CRCHisto test", seen["crchisto"])
    tissues()
    stain_kinds()


if __name__ == "__main__":
    main()
