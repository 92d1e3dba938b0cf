"""What a TIFF page states about scale, magnification and scanner, in its writer's dialect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import tifffile

UM_PER_UNIT: Final[Mapping[str, float]] = {
    "nm": 1e-3,
    "µm": 1.0,  # micro sign
    "μm": 1.0,  # Greek mu
    "um": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
}
UM_PER_RESOLUTION_UNIT: Final = {2: 25400.0, 3: 10000.0, 4: 1000.0, 5: 1.0}  # inch, cm, mm, µm
SCREEN_DPI: Final = (1.0, 72.0, 96.0)
"""What image programs write when they know no scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a file says; None where it says nothing."""

    mpp: tuple[float, float] | None = None
    magnification: float | None = None
    scanner: str | None = None


def aperio_statement(description: str) -> Statement:
    """From the ``key = value`` list of an Aperio ImageDescription."""
    pairs = (part.split("=", 1) for part in description.split("|")[1:] if "=" in part)
    said = {key.strip(): value.strip() for key, value in pairs}
    mpp, scanner = _number(said.get("MPP")), said.get("ScanScope ID")
    return Statement(
        mpp=None if mpp is None else (mpp, mpp),
        magnification=_number(said.get("AppMag")),
        scanner=f"Aperio {scanner}" if scanner else "Aperio",
    )


def ome_statement(document: Mapping[str, Any]) -> Statement:
    """From OME-XML as ``tifffile.xml2dict`` gives it; the first image is the slide."""
    ome = document["OME"]
    image = _first(ome.get("Image"))
    pixels = _first(image.get("Pixels"))
    sides = [
        _length_um(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        for axis in "XY"
    ]
    wanted = _first(image.get("ObjectiveSettings")).get("ID")
    objectives = [o for i in _all(ome.get("Instrument")) for o in _all(i.get("Objective"))]
    chosen = [o for o in objectives if o.get("ID") == wanted] or objectives[:1]
    microscope = _first(_first(ome.get("Instrument")).get("Microscope"))
    names = (microscope.get("Manufacturer"), microscope.get("Model"))
    return Statement(
        mpp=None if sides[0] is None or sides[1] is None else (sides[0], sides[1]),
        magnification=_number(_first(chosen).get("NominalMagnification")),
        scanner=" ".join(str(n) for n in names if n) or None,
    )


def ome_pixels(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Pixels element of the first image."""
    return _first(_first(document["OME"].get("Image")).get("Pixels"))


def tiff_statement(page: tifffile.TiffPage) -> Statement:
    """From the baseline tags: resolution with a unit, maker and model."""
    unit = UM_PER_RESOLUTION_UNIT.get(int(_tag(page, "ResolutionUnit") or 0))
    sides = [_per_px(_tag(page, name), unit) for name in ("XResolution", "YResolution")]
    names = [str(_tag(page, name) or "").strip() for name in ("Make", "Model")]
    objective = re.search(r"<Objective>\s*([\d.]+)\s*x", page.description or "", re.IGNORECASE)
    return Statement(
        mpp=None if sides[0] is None or sides[1] is None else (sides[0], sides[1]),
        magnification=_number(objective[1]) if objective else None,
        scanner=" ".join(n for n in names if n) or None,
    )


def _tag(page: tifffile.TiffPage, name: str) -> Any:
    tag = page.tags.get(name)
    return None if tag is None else tag.value


def _per_px(resolution: Any, um_per_unit: float | None) -> float | None:
    """µm per pixel of a TIFF resolution (pixels per unit), None where it states no scale."""
    if um_per_unit is None or not isinstance(resolution, tuple) or len(resolution) != 2:
        return None
    pixels, units = resolution
    if pixels <= 0 or units <= 0:
        return None
    mpp = um_per_unit * units / pixels
    if any(abs(mpp * dpi / 25400.0 - 1) < 0.005 for dpi in SCREEN_DPI):
        return None
    return float(mpp)


def _length_um(value: Any, unit: str) -> float | None:
    number, factor = _number(value), UM_PER_UNIT.get(unit)
    return None if number is None or factor is None else number * factor


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _all(element: Any) -> list[Mapping[str, Any]]:
    if element is None:
        return []
    return [e for e in (element if isinstance(element, list | tuple) else [element]) if e]


def _first(element: Any) -> Mapping[str, Any]:
    """The first of some elements; an empty one where there is none or it is mere text."""
    found = _all(element)
    return found[0] if found and isinstance(found[0], Mapping) else {}
