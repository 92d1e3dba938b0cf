"""``pathology run INPUT... --analysis {ki67,infiltration} --out OUT``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pathology.cli.messages import say, speak
from pathology.cli.progress import watching
from pathology.cli.scale_option import scale_mpp
from pathology.errors import PathologyError, UsageError
from pathology.pipeline.eyes import check_gpu, check_models
from pathology.pipeline.roster import Roster
from pathology.pipeline.run import run
from pathology.pipeline.settings import load_settings
from pathology.pipeline.summary import SUMMARY
from pathology.pipeline.workers import workers_for
from pathology.pipeline.worklist import Asked, orders_from
from pathology.records.order import DeviceChoice, RunOptions, SlideOrder
from pathology.records.settings.run import RunSettings
from pathology.records.summary import SummaryRow

EXAMPLES = """
examples:
  pathology run slide.svs --analysis infiltration --out results
  pathology run scans/ --analysis ki67 --out results --workers 4
  pathology run field.png --analysis ki67 --mpp 0.25 --out results
  pathology run tonight.csv --out results        (a manifest: slide,analysis,marker,case_id,...)
  pathology run slide.svs --analysis ki67 --within tumour.geojson --out results
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``run``."""
    parser.description = "Analyse slides. Each has its own result folder; a failed one is a row."
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="INPUT", help="slide, folder, DICOM folder or .csv")
    add("--analysis", choices=("ki67", "infiltration"), help="a manifest may name its own")
    add("--out", type=Path, required=True, help="folder for results; summary.csv lies there")
    add("--marker", help="IHC marker of these slides (default with --analysis ki67: ki67)")
    add(
        "--mpp", type=scale_mpp, help="scale in µm/px, for files that state none; you answer for it"
    )
    add("--within", type=Path, metavar="REGION.geojson", help="tumour region drawn by a person")
    add(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where networks run (auto: on a CUDA GPU where there is one, else on the processor)",
    )
    add(
        "--workers",
        type=int,
        help="processes on this machine (default: by slides, cores and memory, two beside a GPU); "
        "they share the cores, so one slide alone gets all",
    )
    add("--cluster", metavar="ADDRESS", help="dask scheduler; beyond this machine tls:// only")
    add("--settings", type=Path, metavar="FOLDER", help="a site's own settings (*.toml)")
    add("--force", action="store_true", help="analyse again what was analysed before")
    add("--json", action="store_true", help="one JSON summary on standard output, nothing else")


def call(given: argparse.Namespace) -> int:
    """0 everything done, 1 some slides failed, 2 wrong usage."""
    settings = load_settings(given.settings)
    orders = orders_from(given.inputs, asked_for(given))
    check_models(settings, {order.analysis for order in orders}, given.device)
    if given.device == "cuda" and given.cluster is None:  # a cluster's GPUs are its own
        check_gpu()
    options = RunOptions(
        out=given.out.absolute(), force=given.force, device=given.device, language=speak()
    )
    problems: list[PathologyError] = []
    with watching(len(orders), quiet=given.json, language=options.language) as watcher:
        heard = replace(watcher, on_problem=problems.append)
        rows = run(orders, options, settings, roster_of(given, settings, orders), heard)
    failures = sum(row.state == "failed" for row in rows)
    if given.json:
        print(json.dumps(summary_json(rows, options.out), ensure_ascii=False, allow_nan=False))
    else:
        done = len(rows) - failures
        print(say("summary", done=done, all=len(rows), failed=failures, path=options.out / SUMMARY))
    for problem in problems:
        print(say("not-registered", problem=problem), file=sys.stderr)
    return 1 if failures or problems else 0


def asked_for(given: argparse.Namespace) -> Asked:
    """What the command line says for every slide."""
    if given.within is not None and not os.path.isfile(given.within):  # noqa: PTH113 - never raises
        raise UsageError(f"--within {given.within.name[:80]}: there is no such file")
    within = None if given.within is None else given.within.absolute()
    return Asked(analysis=given.analysis, marker=given.marker, mpp=given.mpp, within=within)


def roster_of(
    given: argparse.Namespace, settings: RunSettings, orders: Sequence[SlideOrder]
) -> Roster:
    """The workers asked for; by default no more than there are slides, and few beside a GPU."""
    if given.workers is not None and given.workers < 1:
        raise UsageError("--workers must be 1 or more")
    analyses = {order.analysis for order in orders}
    device: DeviceChoice = "cpu" if given.cluster else given.device  # a cluster's GPUs are its own
    workers = given.workers or min(len(orders), workers_for(settings, analyses, device))
    return Roster(workers=max(1, workers), address=given.cluster)


def summary_json(rows: tuple[SummaryRow, ...], out: Path) -> dict[str, object]:
    """The machine-readable summary of ``--json``."""
    return {
        "schema": "pathology.summary/1",
        "done": sum(row.state != "failed" for row in rows),
        "failed": sum(row.state == "failed" for row in rows),
        "out": str(out),
        "slides": [row.as_json() for row in rows],
    }
