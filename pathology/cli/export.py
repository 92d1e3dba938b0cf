"""``pathology export RESULT --to FORMAT [--out DIR]``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pathology.cli.messages import say
from pathology.errors import OutputError, UsageError
from pathology.pipeline.export import WRITERS, ExportOrder, export_result, results_in
from pathology.pipeline.settings import load_settings

EXAMPLES = """
examples:
  pathology export results/slide-1a2b3c4d/ki67-5e6f7a8b --to geojson   (opens in QuPath)
  pathology export results --to csv --out tables                       (all results there)
  pathology export results --to fhir --out to-the-lis                  (preliminary, always)
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
    add("--out", type=Path, default=Path("exports"), help="folder (default: exports)")
    add("--settings", type=Path, metavar="FOLDER", help="a site's own settings (exchange.toml)")
    add("--json", action="store_true", help="one JSON summary on standard output, nothing else")


def call(given: argparse.Namespace) -> int:
    """0 all written, 1 some failed and are named, 2 wrong usage."""
    codes = load_settings(given.settings).exchange
    folders = results_in(given.result)
    told: list[dict[str, object]] = []
    for folder in folders:
        order = ExportOrder(folder=folder, format=given.to, out=given.out, codes=codes)
        try:
            files = export_result(order)
        except (UsageError, OutputError) as problem:
            if len(folders) == 1:
                raise
            print(say("failed", slide=folder.name, reason=problem), file=sys.stderr)
            told.append({"result": folder.name, "failed": str(problem)})
            continue
        told.append({"result": folder.name, "files": [str(f) for f in files]})
        if not given.json:
            print(say("exported", result=folder.name, path=files[0]))
    failures = sum("failed" in entry for entry in told)
    if given.json:
        print(json.dumps({"schema": "pathology.export/1", "results": told}, ensure_ascii=False))
    return 1 if failures else 0
