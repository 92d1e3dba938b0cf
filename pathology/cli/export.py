"""``pathology export RESULT --to FORMAT [--out DIR]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from pathology.cli.messages import say, speak
from pathology.errors import PathologyError
from pathology.pipeline.export import WRITERS, ExportOrder, export_result, results_in
from pathology.pipeline.settings import load_settings
from pathology.records.progress import Progress, Tell

EXAMPLES = """
examples:
  pathology export results/slide-1a2b3c4d/ki67-5e6f7a8b --to geojson   (opens in QuPath)
  pathology export results --to csv --out tables                       (all results there)
  pathology export results --to ome-zarr                               (maps and nuclei for napari)
  pathology export results --to fhir --out to-the-lis                  (preliminary, always)
  pathology export results/slide-1a2b3c4d/ki67-5e6f7a8b --to dicom --slide scans/series
      (nuclei, regions and findings for an archive; they refer to the scan named by --slide)
  pathology export results/slide-1a2b3c4d/ki67-5e6f7a8b --to figure --slide slide.svs \\
      --region hotspot --lang zh                                       (a picture for a paper)

Files lie in the folder of --out, never in a result: nothing changes a result. Their names begin
with the slide and the analysis, and what is there already is never written over.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``export``."""
    parser.description = (
        "Write results in another program's format. Nobody has signed them: they leave as drafts."
    )
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("result", type=Path, metavar="RESULT", help="a result's folder, or the --out of a run")
    add("--to", choices=tuple(WRITERS), required=True, help="the format")
    add("--out", type=Path, default=Path("exports"), help="folder (default: exports, right here)")
    add("--outlines", action="store_true", help="csv: outlines of nuclei too, as WKT polygons")
    add("--slide", type=Path, help="the scan that the result was made from; another is refused")
    add("--region", metavar="ID", help="figure: a region of regions.geojson (default: all)")
    add("--lang", choices=("en", "zh"), help="figure: its language (default: PATHOLOGY_LANG)")
    add("--settings", type=Path, metavar="FOLDER", help="a site's own settings (exchange.toml)")
    add("--json", action="store_true", help="one JSON summary on standard output, nothing else")


def call(given: argparse.Namespace) -> int:
    """0 all written, 1 some failed and are named, 2 wrong usage."""
    settings = load_settings(given.settings)
    folders = results_in(given.result)
    told: list[dict[str, object]] = []
    for folder in folders:
        name = f"{folder.resolve().parent.name}/{folder.resolve().name}"
        try:
            with _telling(name, quiet=given.json) as tell:
                files = export_result(order_for(folder, given), settings, tell)
        except PathologyError as problem:
            if len(folders) == 1:
                raise
            print(say("failed", slide=name, reason=problem), file=sys.stderr)
            told.append({"result": name, "failed": str(problem)})
            continue
        told.append({"result": name, "files": [str(f) for f in files]})
        if not given.json:
            print(say("exported", result=name, path=files[0]), flush=True)
    if given.json:
        print(json.dumps({"schema": "pathology.export/1", "results": told}, ensure_ascii=False))
    return 1 if any("failed" in entry for entry in told) else 0


def order_for(folder: Path, given: argparse.Namespace) -> ExportOrder:
    """What the command line asks of one result."""
    return ExportOrder(
        folder=folder,
        format=given.to,
        out=given.out,
        slide=given.slide,
        outlines=given.outlines,
        region=given.region,
        language=given.lang or speak(),
    )


@contextmanager
def _telling(name: str, *, quiet: bool) -> Iterator[Tell]:
    """Shows on a terminal how many nuclei are written; silent elsewhere."""
    if quiet or not sys.stdout.isatty():
        yield lambda _: None
        return
    with Console().status(name) as status:

        def tell(step: Progress) -> None:
            status.update(f"{name}  {step.done:,}")

        yield tell
