"""Records for the tests of the post room, small and with a known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pathology.records.finding import (
    FieldScore,
    Finding,
    Measurement,
    NotMeasurable,
    Proportion,
)
from pathology.records.prediction import Nuclei
from pathology.records.region import Polygon, Ring, SlideRegion
from pathology.records.result import ModelUsed, Provenance, Quality, SlideResult
from pathology.records.slide import Level, Scale, SlideFacts, SlideInfo

FIELDS = (
    FieldScore(region="field-1", part=10, whole=100, weight=0.7),
    FieldScore(region="field-2", part=40, whole=100, weight=0.3),
)
"""Two fields of a weighted index of 19 %."""


def slide_info(*, width: int = 4000, height: int = 3000, mpp: float = 0.5) -> SlideInfo:
    facts = SlideFacts(
        format="tiled-tiff",
        backend="tiled",
        codec="jpeg",
        levels=(Level(width=width, height=height, downsample=1, tile_width=256, tile_height=256),),
        stated_mpp=(mpp, mpp),
        magnification=None,
        scanner=None,
        files=(),
    )
    return SlideInfo(
        slide_id="slide-0a1b2c3d",
        facts=facts,
        scale=Scale(mpp_x=mpp, mpp_y=mpp, source="file"),
    )


def share(**change: object) -> Finding:
    finding = Finding(
        id="f1",
        name="ki67.global",
        protocol="WSI_GLOBAL",
        formula="ki67-index/1",
        answer=Proportion(part=100, whole=500, low=0.17, high=0.24, interval="wilson-95"),
        exclusions={"lymphocyte": 12},
        ambiguous_range=(0.19, 0.21),
        caveats=("provisional",),
    )
    return replace(finding, **change)


def refusal() -> Finding:
    why = NotMeasurable(code="too-few-nuclei", reason="312 tumour nuclei, fewer than 500")
    return share(id="f2", name="ki67.hotspot", answer=why, ambiguous_range=None)


def measurement() -> Finding:
    area = Measurement(value=1.25, unit="mm2")
    return share(id="f3", name="tumour.area", answer=area, ambiguous_range=None)


def result(*findings: Finding, **change: object) -> SlideResult:
    whole = SlideResult(
        result_id="slide-0a1b2c3d/ki67-00000000",
        analysis="ki67",
        case_id=None,
        info=slide_info(),
        digest="ab" * 32,
        stain="ihc-dab",
        marker="Ki-67",
        marker_source="user",
        file_name="slide.svs",
        quality=Quality(tissue_mm2=2.0, analysed_mm2=1.5, unreadable_tiles=0),
        tumour_region_source="automatic",
        findings=findings or (share(), refusal(), measurement()),
        provenance=Provenance(
            software="pathology 0.1.0",
            commit=None,
            settings_sha256="cd" * 32,
            settings={"tiles": {"sizes": (1, 2)}},
            models=(ModelUsed(name="classical-baseline/1", weights_sha256=None, licence="MIT"),),
            device="cpu",
            timings_s={"tiles": 1.5},
            started_utc="2030-01-31T14:00:00+00:00",
        ),
    )
    return replace(whole, **change)


def square(x: float, y: float, side: float) -> Ring:
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
    return Ring(points_px0=np.array(corners, dtype=np.float64))


def square_region(region_id: str = "tumour", **change: object) -> SlideRegion:
    region = SlideRegion(
        region_id=region_id,
        kind="tumour",
        polygons=(Polygon(outer=square(100, 200, 400), holes=(square(200, 300, 100),)),),
        area_mm2=(400**2 - 100**2) * 0.25e-6,
    )
    return replace(region, **change)


def nuclei(number: int, *, seed: int = 0, corners: int = 6) -> Nuclei:
    rng = np.random.default_rng(seed)
    centres = rng.uniform(50, 2000, (number, 2))
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    rings = centres[:, None] + 8 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return Nuclei(
        centre_px0=centres,
        area_um2=rng.uniform(20, 60, number).astype(np.float32),
        cell_class=rng.integers(0, 4, number).astype(np.uint8),
        class_probability=rng.random(number).astype(np.float32),
        dab_od=np.where(rng.random(number) < 0.2, np.nan, 0.3).astype(np.float32),
        positive=rng.integers(-1, 2, number).astype(np.int8),
        outline_px0=rings.reshape(-1, 2).astype(np.float32),
        outline_start=np.arange(number + 1, dtype=np.int64) * corners,
    )
