"""What every protocol finds on two painted slides, held against what it once found.

A change here is a change for every site: remake the files with ``scripts/golden`` only when it is
meant, and say so in the changelog.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Finished
from tests.golden_slides import SLIDES, golden, kept_of

Pathology = Callable[..., Finished]
NAMES = {
    "ki67": {
        "ki67.global",
        "ki67.global_unweighted",
        "ki67.global_weighted",
        "ki67.hotspot",
        "ki67.net_hotspot",
    },
    "infiltration": {
        "tumour.area",
        "til.stromal_area_fraction",
        "til.density_tumour",
        "til.density_stroma",
        "til.density_margin",
        "til.profile",
        "margin.length",
    },
}
"""The names of the contract."""
SHARE, AREA, COUNT = 0.005, 0.01, 0.01
"""Tolerances: half a point of a share; a hundredth of an area, a density or a count. They leave
room for the last digits of other processors and versions of libraries, not for another rule."""
FEW = 3
"""Counts up to a few hundred may differ by as many nuclei."""


@pytest.mark.parametrize("analysis", sorted(SLIDES))
def test_every_protocol_finds_what_it_once_found(
    pathology: Pathology, tmp_path: Path, analysis: str
) -> None:
    slide, region = SLIDES[analysis](tmp_path)
    words = ("run", slide, "--analysis", analysis, "--within", region, "--workers", "1")
    marker = ("--marker", "ki67") if analysis == "ki67" else ()
    run = pathology(*words, *marker, out=tmp_path / "out")
    assert run.code == 0, run.stderr
    found, before = kept_of(run.findings(slide.name)["findings"]), golden(analysis)
    assert [f["name"] for f in found] == [f["name"] for f in before]
    assert NAMES[analysis] <= {f["name"] for f in found if "value" in f}
    for now, then in zip(found, before, strict=True):
        wrong = list(_differences(now, then, "value"))
        assert not wrong, f"{now['name']}: {wrong}"


def _differences(now: Any, then: Any, key: str, unit: str = "") -> Iterator[str]:
    """Where two findings differ by more than the tolerances."""
    if isinstance(then, dict):
        if not isinstance(now, dict) or now.keys() != then.keys():
            yield f"{key}: {now} was {then}"
            return
        for name in then:
            yield from _differences(now[name], then[name], name, then.get("unit", unit))
    elif isinstance(then, list) and isinstance(now, list) and len(now) == len(then):
        for one, other in zip(now, then, strict=True):
            yield from _differences(one, other, key, unit)
    elif isinstance(then, bool) or not isinstance(then, int | float):
        if now != then:
            yield f"{key}: {now} was {then}"
    elif abs(now - then) > _room(then, unit):
        yield f"{key}: {now} was {then}"


def _room(then: float, unit: str) -> float:
    if isinstance(then, int):
        return max(FEW, COUNT * then)
    return SHARE if unit == "fraction" else AREA * abs(then)
