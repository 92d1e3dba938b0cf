"""No setting takes a value that would be silent nonsense or end as a bug in the night."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import pytest

from pathology.pipeline.settings import load_settings
from pathology.records.settings.ki67 import Marker

SIGNED = {"least_score", "most_score"}
SHIPPED = load_settings()


def sections(record: Any) -> Iterator[Any]:
    inner = [getattr(record, f.name) for f in dataclasses.fields(record)]
    nested = [v for v in inner if dataclasses.is_dataclass(v)]
    yield from [s for v in nested for s in sections(v)] or [record]
    if nested and len(nested) < len(inner):
        yield record


def impossible() -> Iterator[Any]:
    """Every number of the shipped settings, by section and name, with what none of them can be."""
    for section in sections(SHIPPED):
        for name in (f.name for f in dataclasses.fields(section)):
            value = getattr(section, name)
            if not isinstance(value, int | float) or isinstance(value, bool):
                continue
            for bad in (math.nan,) if name in SIGNED else (math.nan, -1):
                yield pytest.param(section, name, bad, id=f"{type(section).__name__}.{name}={bad}")


@pytest.mark.parametrize(("section", "name", "value"), list(impossible()))
def test_no_number_is_negative_or_none_at_all(section: Any, name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        dataclasses.replace(section, **{name: value})


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (SHIPPED.predictions.scale, "work_mpp", 0.0),
        (SHIPPED.predictions.scale, "coarsest_factor", 0.99),
        (SHIPPED.predictions.nuclei_he, "most_radius_um", 0.0),
        (SHIPPED.predictions.nuclei_he, "saturation_od", 0.0),
        (SHIPPED.predictions.nuclei_he, "truncate", 0.0),
        (SHIPPED.predictions.nuclei_he, "blob_radii_um", (3.0, 0.0)),
        (SHIPPED.predictions.tissue, "least_stained_share", 1.01),
        (SHIPPED.predictions.tissue, "map_um", 0.0),
        (SHIPPED.predictions.positivity, "band_share", 1.5),
        (SHIPPED.predictions.positivity, "log_offset_od", 0.0),
        (SHIPPED.predictions.stain, "white_percentile", 101.0),
        (SHIPPED.tiles.glass, "assumed", 256.0),
        (SHIPPED.tiles.glass, "quantile", 1.5),
        (SHIPPED.tiles.samples, "count", 0),
        (SHIPPED.tiles.samples, "least_cover", 2.0),
        (SHIPPED.tiles.quality.pen, "green_share", 60.0),
        (SHIPPED.tiles.quality.bubble, "least_roundness", 1.1),
        (SHIPPED.tiles.tiling, "halo_um", 0.0),
        (SHIPPED.site.scale, "disagreement", 30.0),
        (SHIPPED.site.scale, "objective_um", 0.0),
        (SHIPPED.site.running, "worker_gib", 0.0),
        (SHIPPED.site.damage, "refuse_above_share", 1.0),
        (SHIPPED.infiltration.density, "minimum_mm2", 0.0),
    ],
)
def test_what_the_name_forbids_is_refused(section: Any, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        dataclasses.replace(section, **{name: value})


@pytest.mark.parametrize("name", ["Ki-67", "ki67", "KI 67", "MIB-1", "mib1", "Ｋｉ－６７", "30-9"])
def test_a_marker_is_known_however_people_write_it(name: str) -> None:
    assert Marker(source="t", ki67_names=("Ki-67", "mib1", "309")).means_ki67(name)


@pytest.mark.parametrize("name", [None, "", "-", "p53", "Ki-670", "MIB-2"])
def test_another_marker_or_none_is_not_ki67(name: str | None) -> None:
    assert not Marker(source="t", ki67_names=("Ki-67", "MIB-1")).means_ki67(name)


def test_the_shipped_names_are_known() -> None:
    assert all(SHIPPED.ki67.marker.means_ki67(n) for n in ("ki67", "Ki-67", "MIB-1", "SP6", "30-9"))


@pytest.mark.parametrize("names", [(), ("",), ("Ki-67", " - ")])
def test_a_name_that_says_nothing_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="ki67_names"):
        Marker(source="t", ki67_names=names)
