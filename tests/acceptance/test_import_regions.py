"""Corrected regions brought back, by the program itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.conftest import Finished

Pathology = Callable[..., Finished]
SLIDE = "painted ihc.tif"
RING = [[0, 0], [768, 0], [768, 1280], [0, 1280], [0, 0]]


def test_a_correction_comes_back(pathology: Pathology, ihc_slide: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = pathology("run", ihc_slide, "--analysis", "ki67", "--workers", "1", out=out)
    old = done.result(SLIDE)
    before = (old / "findings.json").read_bytes()
    regions = tmp_path / "left half.geojson"
    regions.write_text(json.dumps({"type": "Polygon", "coordinates": [RING]}))

    told = pathology("import-regions", old, regions, "--json")
    assert (told.code, told.stderr) == (0, "")
    summary = json.loads(told.stdout)
    new = Path(summary["folder"])
    assert new.parent == old.parent
    assert summary["supersedes"] == f"{old.parent.name}/{old.name}"
    assert (old / "findings.json").read_bytes() == before
    row = done.row(SLIDE)
    assert out / row["result"] == new
    findings = json.loads((new / "findings.json").read_text("utf-8"))
    assert (findings["author"], findings["tumour_region_source"]) == ("person", "confirmed")
    assert float(row["value"]) == findings["findings"][0]["value"]

    words = [sys.executable, "-m", "pathology", "import-regions", str(old), str(regions)]
    chinese = subprocess.run(
        words, capture_output=True, check=True, env={**os.environ, "PATHOLOGY_LANG": "zh"}
    ).stdout.decode()
    assert "此前已导入同一修正" in chinese
    assert "原结果保持不变" in chinese

    (tmp_path / "nothing.geojson").write_text("{}")
    refused = pathology("import-regions", old, tmp_path / "nothing.geojson")
    assert (refused.code, refused.stdout) == (2, "")
    assert "is no area" in refused.stderr
    assert len(list(out.glob("*/ki67-*"))) == 2
