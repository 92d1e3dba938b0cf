"""Findings as a DICOM Comprehensive 3D SR: an Imaging Measurement Report (PS3.16, TID 1500).

A finding of one region stands in that region's group, which names its segment, or draws its outline
where that is a single ring. Other findings stand in groups of their own and name their regions.
Flags come from the type of the record (``wire_status``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    ImageRegion3D,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    ReferencedSegmentationFrame,
    SourceImageForMeasurementGroup,
    SourceImageForSegmentation,
    SubjectContext,
    SubjectContextSpecimen,
    TrackingIdentifier,
)
from numpy.typing import NDArray
from pydicom.sr.codedict import codes as dicom
from pydicom.uid import generate_uid

from pathology.errors import OutputError
from pathology.exchange.dicom_measurements import (
    algorithm_of,
    comment,
    evaluations,
    field_measurements,
    measurements,
    words_of,
)
from pathology.exchange.dicom_object import (
    MANUFACTURER,
    MODEL_NAME,
    DicomPlace,
    concept,
    finish,
    placed,
)
from pathology.exchange.dicom_regions import WrittenRegions, code_of
from pathology.exchange.dicom_slide import DicomSlide, own_uid
from pathology.exchange.shapes import closed
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH, check_dicom, status_of
from pathology.records.finding import Finding
from pathology.records.region import SlideRegion
from pathology.records.result import StoredResult
from pathology.records.settings.exchange import ExchangeSettings

MOST_CORNERS: Final = 1000
"""Of an outline that is written as such; longer ones are segments alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reported:
    """All that a report is made from; ``written`` is the segmentation, if there is one."""

    slide: DicomSlide
    result: StoredResult
    regions: Sequence[SlideRegion]
    codes: ExchangeSettings
    written: WrittenRegions | None

    def region(self, region_id: str) -> SlideRegion | None:
        """A region with an area that the report can show, by its id."""
        found = next((r for r in self.regions if r.region_id == region_id and r.polygons), None)
        if found is None or _outline(found) is not None:
            return found
        return found if self.written is not None and region_id in self.written.segments else None


def findings_report(asked: Reported, place: DicomPlace) -> Comprehensive3DSR:
    """All findings, numbers and refusals, with what must be read beside them.

    Raises
    ------
    OutputError
        A finding or a region has no code, or a unit is not that of the settings.
    """
    status = status_of(asked.result)
    flags = status.dicom_completion, status.dicom_verification, status.dicom_preliminary
    check_dicom(*flags)
    report = MeasurementReport(
        observation_context=_context(asked),
        procedure_reported=_procedure(asked.result),
        imaging_measurements=[*_region_groups(asked), *_other_groups(asked)],
        title=dicom.DCM.ImagingMeasurementReport,
        referenced_images=[asked.slide.header],
    )
    report[0].ContentSequence.extend(map(comment, _said(asked)))
    evidence = [asked.slide.header]
    if asked.written is not None:
        evidence.append(asked.written.dataset)
    made = Comprehensive3DSR(
        evidence=evidence,
        content=report,
        is_complete=flags[0] == "COMPLETE",
        is_verified=flags[1] == "VERIFIED",
        is_final=flags[2] == "FINAL",
        **placed(place, asked.result),
    )
    finish(made, asked.slide)
    if flags != (made.CompletionFlag, made.VerificationFlag, made.PreliminaryFlag):
        raise OutputError("DICOM: the report does not carry the flags of its record")
    return made


def _said(asked: Reported) -> tuple[str, ...]:
    """What holds for the whole report."""
    quality = asked.result.quality
    return (
        BANNER_EN,
        BANNER_ZH,
        *asked.slide.said,
        f"result {asked.result.result_id}; settings sha256 {asked.result.settings_sha256}",
        *(f"model {m.name} sha256 {m.weights_sha256 or 'none'}" for m in asked.result.models),
        *([f"quality: {', '.join(quality.flags)}"] if quality.flags else []),
    )


def _procedure(result: StoredResult) -> CodedConcept:
    code = (
        dicom.SCT.Immunohistochemistry
        if result.slide.stain == "ihc-dab"
        else dicom.SCT.LightMicroscopy
    )
    return CodedConcept.from_code(code)


def _context(asked: Reported) -> ObservationContext:
    """The software as observer: no person has looked. The slide's specimen as subject."""
    result, header = asked.result, asked.slide.header
    device = DeviceObserverIdentifyingAttributes(
        uid=own_uid(result.software),
        name=result.software[:64],
        manufacturer_name=MANUFACTURER,
        model_name=MODEL_NAME,
    )
    subject = None
    if specimens := header.get("SpecimenDescriptionSequence"):
        specimen = SubjectContextSpecimen(
            uid=specimens[0].SpecimenUID,
            identifier=specimens[0].SpecimenIdentifier,
            container_identifier=header.ContainerIdentifier,
        )
        subject = SubjectContext(
            subject_class=dicom.DCM.Specimen, subject_class_specific_context=specimen
        )
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=dicom.DCM.Device, observer_identifying_attributes=device
        ),
        subject_context=subject,
    )


def _region_groups(asked: Reported) -> Iterator[PlanarROIMeasurementsAndQualitativeEvaluations]:
    """One group for each region that findings or fields were counted in."""
    own = _findings_by_region(asked)
    for region_id in dict.fromkeys((*own, *_fields(asked))):
        region = asked.region(region_id)
        if region is None:
            continue
        findings = own.get(region_id, ())
        code = code_of(region, asked.codes)
        group = PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(uid=generate_uid(), identifier=region_id),
            finding_type=concept(code.code),
            finding_category=concept(code.category),
            algorithm_id=algorithm_of(asked.result),
            measurements=[
                *(m for f in findings for m in measurements(f, asked.result, asked.codes)),
                *field_measurements(region_id, asked.result),
            ],
            qualitative_evaluations=[e for f in findings for e in evaluations(f, asked.codes)],
            **_shown(region, asked),
        )
        group[0].ContentSequence.extend(comment(t) for f in findings for t in words_of(f))
        yield group


def _findings_by_region(asked: Reported) -> Mapping[str, list[Finding]]:
    """Findings that were counted in one region that can be shown."""
    own: dict[str, list[Finding]] = {}
    for finding in asked.result.findings:
        if len(finding.regions) == 1 and asked.region(finding.regions[0]) is not None:
            own.setdefault(finding.regions[0], []).append(finding)
    return own


def _fields(asked: Reported) -> tuple[str, ...]:
    return tuple(field.region for f in asked.result.findings for field in f.fields)


def _shown(region: SlideRegion, asked: Reported) -> dict[str, Any]:
    """Where the region lies: its outline, or its segment."""
    if (ring := _outline(region)) is not None:
        outline = ImageRegion3D(
            graphic_type="POLYGON",
            graphic_data=asked.slide.to_mm(ring),
            frame_of_reference_uid=asked.slide.header.FrameOfReferenceUID,
        )
        return {"referenced_region": outline}
    if asked.written is None:
        raise OutputError(f"{region.region_id}: is in no segmentation")
    seg, header = asked.written.dataset, asked.slide.header
    segment = ReferencedSegmentationFrame(
        sop_class_uid=seg.SOPClassUID,
        sop_instance_uid=seg.SOPInstanceUID,
        frame_number=1,
        segment_number=asked.written.segments[region.region_id],
        source_image=SourceImageForSegmentation(
            referenced_sop_class_uid=header.SOPClassUID,
            referenced_sop_instance_uid=header.SOPInstanceUID,
        ),
    )
    # A reference is by segment or by frame, never both (PS3.3 C.18.4): all frames of the segment.
    del segment[0].ReferencedSOPSequence[0].ReferencedFrameNumber
    return {"referenced_segment": segment}


def _outline(region: SlideRegion) -> NDArray[np.float64] | None:
    """The ring of a region that is one, closed; None for anything with holes or parts."""
    first = region.polygons[0]
    if len(region.polygons) > 1 or first.holes or len(first.outer.points_px0) > MOST_CORNERS:
        return None
    return closed(first.outer)


def _other_groups(asked: Reported) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    """One group for each finding of no region, or of several."""
    own = {f.id for found in _findings_by_region(asked).values() for f in found}
    for finding in asked.result.findings:
        if finding.id in own:
            continue
        header = asked.slide.header
        group = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(uid=generate_uid(), identifier=finding.id),
            algorithm_id=algorithm_of(asked.result),
            measurements=list(measurements(finding, asked.result, asked.codes)),
            qualitative_evaluations=list(evaluations(finding, asked.codes)),
            source_images=[
                SourceImageForMeasurementGroup(
                    referenced_sop_class_uid=header.SOPClassUID,
                    referenced_sop_instance_uid=header.SOPInstanceUID,
                )
            ],
        )
        where = f"regions: {', '.join(finding.regions)}"
        notes = (*([where] if finding.regions else []), *words_of(finding))
        group[0].ContentSequence.extend(map(comment, notes))
        yield group
