"""``pathology inspect SLIDE``: format, size, scale and its source, stain, quality, refusals."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pathology.cli.messages import say, speak
from pathology.cli.scale_option import scale_mpp
from pathology.pipeline.inspect import Inspection, inspect
from pathology.pipeline.settings import load_settings
from pathology.records.slide import StatedScale


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``inspect``."""
    parser.description = "Say what a slide is, and why it would be refused. Nothing is written."
    parser.epilog = (
        "examples:\n  pathology inspect slide.svs\n  pathology inspect field.png --mpp 0.25"
    )
    parser.add_argument("slide", type=Path, help="slide file or DICOM series folder")
    parser.add_argument("--mpp", type=scale_mpp, help="scale in µm/px, for files that state none")
    parser.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own settings")
    parser.add_argument("--json", action="store_true", help="machine-readable, nothing else")


def call(given: argparse.Namespace) -> int:
    """0 if the slide could be analysed, 1 if it would be refused."""
    said = None if given.mpp is None else StatedScale(mpp=given.mpp, source="user")
    seen = inspect(given.slide, load_settings(given.settings), said)
    told = facts_told(seen)
    if given.json:
        print(json.dumps(told, ensure_ascii=False, allow_nan=False))
    else:
        width = max(len(key) for key in told)
        for key, value in told.items():
            print(f"{key:<{width}}  {_in_words(value)}")
    return 0 if seen.refused is None else 1


def facts_told(seen: Inspection) -> dict[str, object]:
    """Everything known, in the order people ask for it."""
    told: dict[str, object] = {"slide": seen.slide_id}
    if (facts := seen.facts) is not None:
        told |= {
            "format": facts.format,
            "backend": facts.backend,
            "codec": facts.codec,
            "scanner": facts.scanner,
            "size_px0": [facts.width_px0, facts.height_px0],
            "levels": [round(level.downsample, 3) for level in facts.levels],
            "magnification": facts.magnification,
            "stated_mpp": None if facts.stated_mpp is None else list(facts.stated_mpp),
        }
    if (scale := seen.scale) is not None:
        told |= {"mpp": scale.mpp, "mpp_source": scale.source, "flags": list(scale.flags)}
    if (survey := seen.survey) is not None:
        told["tissue_mm2"] = round(survey.tissue_mm2, 3)
        told["excluded_mm2"] = {k: round(v, 3) for k, v in survey.excluded_mm2().items() if v}
    if (stains := seen.stains) is not None:
        told |= {"stain": stains.kind, "stain_evidence": stains.evidence}
        told["nuclei_measurable"] = seen.nuclei_visible
        told["analyses"] = list(seen.possible())
    if seen.refused is not None:
        told |= {"refused": seen.refused.code, "reason": seen.refused.text(speak())}
    return told


def _in_words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items()) or "-"
    return say("no") if value is False else say("yes") if value is True else str(value or "-")
