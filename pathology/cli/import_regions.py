"""``pathology import-regions RESULT CORRECTED.geojson [--slide SLIDE] [--out OUT]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from pathology.cli.messages import say, speak
from pathology.cli.progress import answer
from pathology.pipeline.correct import Corrected
from pathology.pipeline.import_regions import CorrectionOrder, import_regions
from pathology.pipeline.settings import load_settings

EXAMPLES = """
examples:
  pathology import-regions results/slide-1a2b3c4d/ki67-5e6f7a8b tumour.geojson
  pathology import-regions results/slide-1a2b3c4d/ki67-5e6f7a8b tumour.geojson --slide slide.svs

The numbers are counted again from the nuclei and maps of the result: nobody looks at the slide
anew, and no network runs. The new result lies beside the old one, which nothing changes, and
names it as superseded. It is the one that `pathology run --within tumour.geojson` would give.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``import-regions``."""
    parser.description = (
        "Bring back regions that a person drew or corrected, in QuPath or elsewhere: tumour, what "
        "is left out (necrosis, in situ, normal, artefact), fields and hot spots that were moved."
    )
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("result", type=Path, metavar="RESULT", help="the folder of the result to correct")
    add(
        "regions", type=Path, metavar="CORRECTED.geojson", help="the regions, in pixels of the scan"
    )
    add("--slide", type=Path, help="the scan, for the picture; another one is refused")
    add("--out", type=Path, help="folder for results (default: the one that RESULT lies in)")
    add("--settings", type=Path, metavar="FOLDER", help="a site's own settings (site.toml: models)")
    add("--json", action="store_true", help="one JSON summary on standard output, nothing else")


def call(given: argparse.Namespace) -> int:
    """0 written or there already; what is refused is an error: 2."""
    settings = load_settings(given.settings)
    order = CorrectionOrder(
        folder=given.result,
        regions=given.regions,
        slide=given.slide,
        out=given.out,
        language=speak(),
    )
    with _working(given.result.name, quiet=given.json):
        corrected = import_regions(order, settings)
    if given.json:
        print(json.dumps(as_json(corrected), ensure_ascii=False, allow_nan=False))
        return 0
    row = corrected.row
    words = "done" if row.state == "done" else "corrected-before"
    print(say(words, slide=row.slide_id, answer=answer(row)))
    print(say("supersedes", old=corrected.supersedes))
    if corrected.nuclei_passed_over:
        print(say("nuclei-passed-over", number=corrected.nuclei_passed_over))
    print(say("look-at", path=corrected.folder / "overlay.png"))
    return 0


def as_json(corrected: Corrected) -> dict[str, object]:
    """The machine-readable summary of ``--json``."""
    return {
        "schema": "pathology.import-regions/1",
        "result_id": corrected.result_id,
        "supersedes": corrected.supersedes,
        "folder": str(corrected.folder),
        "nuclei_passed_over": corrected.nuclei_passed_over,
        "slide": corrected.row.as_json(),
    }


@contextmanager
def _working(name: str, *, quiet: bool) -> Iterator[None]:
    """Shows on a terminal that work goes on; silent elsewhere."""
    if quiet or not sys.stdout.isatty():
        yield
        return
    with Console().status(name):
        yield
