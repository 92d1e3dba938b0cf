"""A result read back from its folder, checked, as records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pathology.errors import UsageError
from pathology.exchange.documents import DocumentName, faults, read_json
from pathology.records.finding import (
    WEIGHTED_INTERVAL,
    Answer,
    AreaShare,
    Band,
    Category,
    Clustered,
    FieldScore,
    Finding,
    Measurement,
    NotMeasurable,
    Proportion,
    Search,
    WeightedProportion,
)
from pathology.records.result import (
    ModelUsed,
    NetworkWork,
    Quality,
    StoredResult,
    StoredRun,
    StoredSlide,
)

FINDINGS, RUN = "findings.json", "run.json"
FAULTS_TOLD: Final = 3


def read_result(folder: Path) -> StoredResult:
    """The result in a folder, without its cells and regions.

    Raises
    ------
    UsageError
        There is no whole result, or it is not as the contract says.
    """
    told = _document(folder / FINDINGS, "findings-1")
    ran = _document(folder / RUN, "run-1")
    if told["result_id"] != ran["result_id"]:
        raise UsageError("findings.json and run.json are of two results. Copy the folder again")
    quality, made = told["quality"], told["provenance"]
    return StoredResult(
        result_id=told["result_id"],
        supersedes=told["supersedes"],
        author=told["author"],
        analysis=told["analysis"],
        case_id=told["case_id"],
        slide=_slide(told["slide"]),
        quality=Quality(
            tissue_mm2=quality["tissue_mm2"],
            analysed_mm2=quality["analysed_mm2"],
            unreadable_tiles=quality["unreadable_tiles"],
            flags=tuple(quality["flags"]),
            excluded_mm2=dict(quality.get("excluded_mm2", {})),
        ),
        tumour_region_source=told["tumour_region_source"],
        findings=tuple(finding_of(f) for f in told["findings"]),
        software=made["software"],
        models=tuple(
            ModelUsed(name=m["name"], weights_sha256=m["sha256"], licence=m["licence"])
            for m in made["models"]
        ),
        settings_sha256=made["settings_sha256"],
        started_utc=ran["started_utc"],
    )


def read_run(folder: Path) -> StoredRun:
    """How the result in a folder was made; raises UsageError as ``read_result``."""
    ran = _document(folder / RUN, "run-1")
    worked = ran.get("networks")
    return StoredRun(
        settings=ran["settings"],
        device=ran["device"],
        networks=None if worked is None else NetworkWork(device=ran["device"], **worked),
    )


def _document(path: Path, name: DocumentName) -> Mapping[str, Any]:
    told = read_json(path)
    if not isinstance(told, dict):
        raise UsageError(f"{path.name}: is no result of this program")
    if wrong := faults(told, name):
        raise UsageError(f"{path.name}: not as the contract says: {'; '.join(wrong[:FAULTS_TOLD])}")
    return told


def _slide(told: Mapping[str, Any]) -> StoredSlide:
    return StoredSlide(
        id=told["id"],
        digest=told["digest"],
        file=told.get("file"),
        width_px0=told["width_px0"],
        height_px0=told["height_px0"],
        mpp_x=told["mpp_x"],
        mpp_y=told["mpp_y"],
        mpp_source=told["mpp_source"],
        stain=told["stain"],
        marker=told["marker"],
        marker_source=told["marker_source"],
        format=told["format"],
    )


def finding_of(told: Mapping[str, Any]) -> Finding:
    """A finding of ``findings.json`` as the record it was written from."""
    category, limits = told.get("category"), told.get("ambiguous_range")
    return Finding(
        id=told["id"],
        name=told["name"],
        protocol=told["protocol"],
        formula=told.get("formula", ""),
        answer=_answer(told),
        regions=tuple(told.get("regions", ())),
        exclusions=dict(told.get("exclusions", {})),
        ambiguous_range=None if limits is None else (limits[0], limits[1]),
        caveats=tuple(told.get("caveats", ())),
        category=None if category is None else Category(**category),
        fields=_fields(told),
        clustered=Clustered(**told["clustered"]) if "clustered" in told else None,
        search=Search(**told["search"]) if "search" in told else None,
        bands=tuple(Band(**band) for band in told.get("bands", ())),
        models=tuple(told.get("models", ())),
    )


def _fields(told: Mapping[str, Any]) -> tuple[FieldScore, ...]:
    return tuple(FieldScore(**field) for field in told.get("fields", ()))


def _answer(told: Mapping[str, Any]) -> Answer:
    if "not_measurable" in told:
        return NotMeasurable(code=told.get("reason_code", ""), reason=told["not_measurable"])
    if told["unit"] != "fraction":
        return Measurement(
            value=told["value"],
            unit=told["unit"],
            low=told.get("low"),
            high=told.get("high"),
            interval=told.get("interval"),
        )
    bounds = {"low": told["low"], "high": told["high"], "interval": told["interval"]}
    if told.get("counted") == "um2":
        return AreaShare(part_um2=told["part"], whole_um2=told["whole"], **bounds)
    if told["interval"] == WEIGHTED_INTERVAL:
        return WeightedProportion(fields=_fields(told), **bounds)
    return Proportion(part=told["part"], whole=told["whole"], **bounds)
