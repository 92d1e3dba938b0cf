"""Regions as a DICOM Segmentation (PS3.3 A.51): one binary segment a region, tiled.

Segments lie on a grid of whole pixels of the scan, by default the tissue map's own, so that regions
this program drew are kept pixel for pixel; what a person drew is kept within half a grid pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from highdicom import PixelMeasuresSequence, PlanePositionSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom.uid import generate_uid

from pathology.errors import OutputError
from pathology.exchange.dicom_object import (
    DicomPlace,
    algorithm,
    concept,
    draft_words,
    finish,
    placed,
)
from pathology.exchange.dicom_slide import DicomSlide
from pathology.exchange.outlines import rasterise
from pathology.exchange.regions_geojson import NAMES
from pathology.records.geometry import px_to_um
from pathology.records.region import SlideRegion
from pathology.records.result import StoredResult
from pathology.records.settings.exchange import ExchangeSettings, RegionCode

TILE_PX: Final = 256
MOST_PIXELS: Final = 2**30
"""Of all segments together, one byte each while they are made."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WrittenRegions:
    """The segmentation, and the number of each region's segment in it, from 1."""

    dataset: Segmentation
    segments: Mapping[str, int]


def regions_segmentation(
    slide: DicomSlide,
    result: StoredResult,
    regions: Sequence[SlideRegion],
    codes: ExchangeSettings,
    *,
    downsample: float,
    place: DicomPlace,
) -> WrittenRegions | None:
    """Regions that have an area; None where no grid pixel lies in any.

    ``downsample`` is level-0 px per grid pixel. Regions too small for a grid pixel are left out.

    Raises
    ------
    OutputError
        A kind of region has no code in the settings, or the grid is too fine for the slide.
    """
    drawn = _drawn(result, regions, downsample)
    if not drawn:
        return None
    described = [
        SegmentDescription(
            segment_number=number,
            segment_label=_label(region)[:64],
            segmented_property_category=concept(code_of(region, codes).category),
            segmented_property_type=concept(code_of(region, codes).code),
            # A person's region has no algorithm; the others were made by the same ones.
            algorithm_type="MANUAL" if region.source == "person" else "AUTOMATIC",
            algorithm_identification=None if region.source == "person" else algorithm(result),
            tracking_uid=generate_uid(),
            tracking_id=region.region_id,
            display_color=CIELabColor.from_rgb(*NAMES[region.kind][1]),
        )
        for number, (region, _) in enumerate(drawn, start=1)
    ]
    measures, position = _grid(slide, downsample)
    made = Segmentation(
        source_images=[slide.header],
        pixel_array=np.stack([mask for _, mask in drawn], axis=-1)[np.newaxis],
        segmentation_type="BINARY",
        segment_descriptions=described,
        pixel_measures=measures,
        plane_positions=[position],
        tile_pixel_array=True,
        tile_size=(TILE_PX, TILE_PX),
        dimension_organization_type="TILED_SPARSE",
        content_description=draft_words(slide),
        content_label="REGIONS",
        **placed(place, result),
    )
    made.PatientOrientation = None  # of type 2C; places come from the slide's frame of reference
    finish(made, slide)
    numbers = {region.region_id: n for n, (region, _) in enumerate(drawn, start=1)}
    return WrittenRegions(dataset=made, segments=MappingProxyType(numbers))


def code_of(region: SlideRegion, codes: ExchangeSettings) -> RegionCode:
    """What a region is called, by its id or else its kind; ``OutputError`` without a code."""
    found = codes.regions.get(region.region_id) or codes.regions.get(region.kind)
    if found is None:
        raise OutputError(
            f"{region.kind}: exchange.toml has no code for such regions. Add one under [regions]"
        )
    return found


def _drawn(
    result: StoredResult, regions: Sequence[SlideRegion], downsample: float
) -> list[tuple[SlideRegion, NDArray[np.uint8]]]:
    """Regions that fill at least one grid pixel, with their masks."""
    slide = result.slide
    shape = tuple(-(-side // downsample) for side in (slide.height_px0, slide.width_px0))
    rows, columns = int(shape[0]), int(shape[1])
    areas = [r for r in regions if r.polygons]
    if rows * columns * len(areas) > MOST_PIXELS:
        raise OutputError("DICOM: regions on this grid need too much memory. Choose a coarser one")
    masks = ((r, rasterise(r.polygons, (rows, columns), downsample)) for r in areas)
    return [(region, mask.astype(np.uint8)) for region, mask in masks if mask.any()]


def _grid(
    slide: DicomSlide, downsample: float
) -> tuple[PixelMeasuresSequence, PlanePositionSequence]:
    """Size of a grid pixel, and where the middle of the first one lies."""
    between_rows, between_columns = slide.spacing_mm
    shared = slide.header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures = PixelMeasuresSequence(
        pixel_spacing=(between_rows * downsample, between_columns * downsample),
        slice_thickness=float(shared.get("SliceThickness") or px_to_um(1, 1) / 1000),
    )
    middle = slide.to_mm(np.array([[downsample / 2, downsample / 2]]))[0]
    position = PlanePositionSequence(
        coordinate_system="SLIDE", image_position=middle.tolist(), pixel_matrix_position=(1, 1)
    )
    return measures, position


def _label(region: SlideRegion) -> str:
    name = NAMES[region.kind][0]
    by = "drawn by a person" if region.source == "person" else "automatic, not confirmed"
    return f"{name} ({region.region_id}), {by}"
