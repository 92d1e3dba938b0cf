"""Agreement of ``ki67.global`` with people's counts: ``scripts/bench findings DATA``.

Every labelled IHC field whose labels tell positive from negative is run as users run it, with the
shipped networks and with classical analysis. People counted every nucleus, tumour or not; so the
index of all nuclei stands beside that of the nuclei called tumour.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pathology.training.public_sets import READERS
from tests.sites import write_classical

MPP = {"glioma": 0.11, "deepliif": 0.25}
RESAMPLES = 2000


def icc_2_1(first, second):
    """Two-way random, absolute agreement, single rater (Shrout & Fleiss, Psychol Bull 1979)."""
    table = np.stack([first, second], axis=1)
    n, k = table.shape
    mean = table.mean()
    rows = k * ((table.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    raters = n * ((table.mean(axis=0) - mean) ** 2).sum() / (k - 1)
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + mean
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    return (rows - error) / (rows + (k - 1) * error + k * (raters - error) / n)


def agreement(people, ours):
    """Mean absolute error, bias, limits of agreement (points) and ICC(2,1)."""
    off = 100 * (ours - people)
    spread = 1.96 * off.std(ddof=1)
    return {
        "mean absolute error": np.abs(off).mean(),
        "bias": off.mean(),
        "lower limit": off.mean() - spread,
        "upper limit": off.mean() + spread,
        "ICC(2,1)": icc_2_1(people, ours),
    }


def with_intervals(people, ours, seed=1):
    """Each figure with its 95 % bootstrap interval by field."""
    rng = np.random.default_rng(seed)
    told = agreement(people, ours)
    drawn = []
    while len(drawn) < RESAMPLES:
        chosen = rng.integers(0, len(people), len(people))
        if len(set(chosen.tolist())) > 2:
            drawn.append(list(agreement(people[chosen], ours[chosen]).values()))
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    return {name: (value, low[i], high[i]) for i, (name, value) in enumerate(told.items())}


def indices(image, mpp, settings):
    """Index of nuclei called tumour (None: not measurable) and of all nuclei, as a run gives it."""
    with tempfile.TemporaryDirectory() as out:
        words = ["run", image, "--analysis", "ki67", "--mpp", str(mpp), "--out", out, "--json"]
        command = [sys.executable, "-m", "pathology", *words, "--workers", "1"]
        if settings is not None:
            command += ["--settings", str(settings)]
        subprocess.run(command, check=True, capture_output=True)
        (folder,) = Path(out).glob("*/ki67-*")
        told = json.loads((folder / "findings.json").read_text("utf-8"))["findings"][0]
        called = pq.read_table(folder / "cells.parquet", columns=["positive"])["positive"]
        called = called.drop_null().to_numpy()
    return told.get("value"), float(called.mean()) if len(called) else None


def picture_of(data, name, field):
    """The image file of a field."""
    found = (data / "ihc" / name).glob(f"{field.name}.*")
    return next(p for p in found if p.suffix in (".png", ".jpg", ".tif"))


def per_cent(value):
    return "–" if value is None else f"{100 * value:.1f}"


def measured(data, ways):
    """(set, field, index by people, index by way) of every labelled field."""
    for name, mpp in MPP.items():
        for field in READERS[name](data):
            people = float((field.positive == 1).mean())
            image = picture_of(data, name, field)
            seen = {way: indices(image, mpp, folder) for way, folder in ways.items()}
            print(name, field.name, per_cent(people), seen, file=sys.stderr)
            yield name, field, people, seen


def print_fields(rows, ways):
    print("| set | field | nuclei, by people | index, by people | ", end="")
    print(" | ".join(f"{way}: tumour, all" for way in ways), "|")
    print("|---|---|---|---|---|---|")
    for name, field, people, seen in rows:
        told = (", ".join(map(per_cent, seen[way])) for way in ways)
        note = "" if field.complete else " (labels incomplete)"
        start = f"| {name} | {field.name}{note} | {len(field.positive)} | {per_cent(people)} | "
        print(start + " | ".join(told), "|")


def print_agreement(rows, ways):
    print("| set | eyes | index of | fields | mean absolute error | bias | limits | ICC(2,1) |")
    print("|---|---|---|---|---|---|---|---|")
    for sets in (("glioma",), ("deepliif",), tuple(MPP)):
        for way in ways:
            for which, what in enumerate(("tumour", "all nuclei")):
                pairs = [
                    (people, seen[way][which])
                    for name, field, people, seen in rows
                    if name in sets and field.complete and seen[way][which] is not None
                ]
                print(f"| {' + '.join(sets)} | {way} | {what} | {len(pairs)} |", row_of(pairs))


def row_of(pairs):
    if len(pairs) < 3:
        return "too few | | | |"
    told = with_intervals(*np.array(pairs).T)
    *points, icc = (f"{v:.{d}f} ({a:.{d}f} to {b:.{d}f})" for (v, a, b), d in digits(told))
    return f"{points[0]} | {points[1]} | {points[2]} … {points[3]} | {icc} |"


def digits(told):
    return zip(told.values(), (1, 1, 1, 1, 2), strict=True)


def main():
    """Print the tables."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    with tempfile.TemporaryDirectory() as site:
        ways = {"networks": None, "classical": write_classical(Path(site))}
        rows = list(measured(data, ways))
    print_fields(rows, ways)
    print()
    print_agreement(rows, ways)


if __name__ == "__main__":
    main()
