"""The program as its users start it: a process with arguments, files, and an exit code."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import painted
from tests.sites import write_classical


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that has ended. It must never have shown a traceback."""

    code: int
    out: Path
    stdout: str
    stderr: str

    @property
    def rows(self) -> list[dict[str, str]]:
        with (self.out / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def row(self, slide: str) -> dict[str, str]:
        (row,) = [r for r in self.rows if r["slide"] == slide]
        return row

    def result(self, slide: str) -> Path:
        return self.out / self.row(slide)["result"]

    def findings(self, slide: str) -> dict[str, Any]:
        return json.loads((self.result(slide) / "findings.json").read_text(encoding="utf-8"))


def environment() -> dict[str, str]:
    return {"PATHOLOGY_LANG": "en", **os.environ}


@pytest.fixture(scope="session")
def classical_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings of a site without networks."""
    return write_classical(tmp_path_factory.mktemp("classical"))


@pytest.fixture(scope="session")
def pathology(classical_site: Path) -> Callable[..., Finished]:
    """The program. What it promises does not hang on who sees: classical eyes unless others are
    asked for, since they are the quickest on slides of this size."""

    def call(*words: str | Path, out: Path | None = None) -> Finished:
        command = [sys.executable, "-m", "pathology", *map(str, words)]
        if words[0] == "run" and "--settings" not in words:
            command += ["--settings", str(classical_site)]
        if out is not None:
            command += ["--out", str(out)]
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=300, env=environment(), check=False
        )
        assert "Traceback" not in run.stderr + run.stdout, run.stderr
        return Finished(
            code=run.returncode, out=out or Path(), stdout=run.stdout, stderr=run.stderr
        )

    return call


@pytest.fixture(scope="session")
def painting() -> painted.Painting:
    """About 1,500 nuclei at 0.5 µm/px, three in ten of them brown."""
    return painted.paint_nuclei(width=1536, height=1280, mpp=0.5, seed=7)


@pytest.fixture(scope="session")
def ihc_slide(painting: painted.Painting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slides") / "painted ihc.tif"
    return painted.write_tiff(path, painting.pixels, mpp=0.5, levels=2)


@pytest.fixture(scope="session")
def he_slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    field = painted.paint_nuclei(
        width=1536, height=1280, mpp=0.5, seed=8, stain="he", brown_share=0
    )
    path = tmp_path_factory.mktemp("slides") / "painted he.tif"
    return painted.write_tiff(path, field.pixels, mpp=0.5, levels=2)
