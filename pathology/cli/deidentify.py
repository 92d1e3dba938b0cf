"""``pathology deidentify SLIDE --out COPY``: a copy without label, macro and metadata."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from pathology.cli.messages import say
from pathology.pipeline.deidentify import deidentify, known_as
from pathology.pipeline.settings import load_settings

EXAMPLES = """
examples:
  pathology deidentify slide.svs --out copies/A17.svs
  pathology deidentify scans/series --out copies/A17        (DICOM: a folder)

The tiles are copied byte for byte and the copy is read back before it is put in place. The scan is
never changed. What is written on the tissue itself (ink, a burned-in text) stays: look at it. The
names of file and folder are yours to choose.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``deidentify``."""
    parser.description = (
        "Copy an SVS, TIFF, OME-TIFF or DICOM slide without label, macro image and metadata."
    )
    parser.epilog = EXAMPLES
    parser.add_argument("slide", type=Path, help="slide file or DICOM series folder")
    parser.add_argument("--out", type=Path, required=True, metavar="COPY", help="a free place")
    parser.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own settings")
    parser.add_argument("--json", action="store_true", help="machine-readable, nothing else")


def call(given: argparse.Namespace) -> int:
    """0 when the copy stands."""
    slide_id = known_as(given.slide, load_settings(given.settings).site.privacy)
    made = deidentify(given.slide, given.out, slide_id)
    if given.json:
        print(json.dumps({"schema": "pathology.deidentified/1", **asdict(made)}))
        return 0
    tiles = sum(level.tiles for level in made.levels)
    left = ", ".join(made.left_out) or say("none")
    print(say("deidentified", slide=slide_id, levels=len(made.levels), tiles=tiles, left=left))
    return 0
