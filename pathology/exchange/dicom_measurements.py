"""Numbers, categories and words of a finding as items of a DICOM structured report (TID 300)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Measurement,
    QualitativeEvaluation,
    TextContentItem,
)
from pydicom.sr.codedict import codes as dicom

from pathology.errors import OutputError
from pathology.exchange.dicom_object import (
    MANUFACTURER,
    algorithm_name,
    concept,
    own_concept,
    unit_concept,
)
from pathology.exchange.wire_numbers import clean, notes_of, numbers_of
from pathology.records.finding import Finding, NotMeasurable
from pathology.records.result import StoredResult
from pathology.records.settings.exchange import ExchangeSettings

CATEGORY: Final = own_concept("category", "Category by a guideline's rule")
FIELD_INDEX: Final = own_concept("field-index", "Labelling index of one field")
FIELD_COUNTED: Final = own_concept("nuclei-counted", "Counted nuclei")
FIELD_POSITIVE: Final = own_concept("nuclei-positive", "Positive nuclei")


def comment(text: str) -> TextContentItem:
    """A sentence for people, without signs that break a file."""
    return TextContentItem(name=dicom.DCM.Comment, value=clean(text), relationship_type="CONTAINS")


def words_of(finding: Finding) -> tuple[str, ...]:
    """The protocol and formula, and what must be read beside the number."""
    return (
        f"{finding.name}: protocol {finding.protocol}, formula {finding.formula}",
        *(f"{finding.name}: {note}" for note in notes_of(finding)),
    )


def algorithm_of(result: StoredResult) -> AlgorithmIdentification:
    """What made a number: the models by name, and this software's version."""
    return AlgorithmIdentification(
        name=algorithm_name(result),
        version=result.software,
        family=dicom.DCM.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
    )


def measurements(
    finding: Finding, result: StoredResult, codes: ExchangeSettings
) -> Iterator[Measurement]:
    """The value and what stands beside it; none where nothing could be measured.

    Raises
    ------
    OutputError
        The finding has no code in the settings, or another unit than there.
    """
    known = codes.findings.get(finding.name)
    if known is None:
        raise OutputError(
            f"{finding.name}: exchange.toml has no code for it. Add one under [findings]"
        )
    for number in numbers_of(finding, known):
        yield Measurement(
            name=concept(number.code),
            value=number.value,
            unit=unit_concept(number.unit),
            algorithm_id=algorithm_of(result),
        )


def field_measurements(region_id: str, result: StoredResult) -> Iterator[Measurement]:
    """Counts of one field, where a finding is made of several."""
    scores = {f.region: f for found in result.findings for f in found.fields}
    score = scores.get(region_id)
    if score is None:
        return
    index = 100 * score.part / score.whole
    for name, value, unit in (
        (FIELD_INDEX, index, "%"),
        (FIELD_POSITIVE, score.part, "{nuclei}"),
        (FIELD_COUNTED, score.whole, "{nuclei}"),
    ):
        yield Measurement(name=name, value=value, unit=unit_concept(unit))


def evaluations(finding: Finding, codes: ExchangeSettings) -> Iterator[QualitativeEvaluation]:
    """That nothing could be measured, or the category."""
    known = codes.findings[finding.name]
    if isinstance(finding.answer, NotMeasurable):
        yield QualitativeEvaluation(
            name=concept(known.code), value=CodedConcept.from_code(dicom.DCM.MeasurementFailure)
        )
    if (category := finding.category) is not None:
        name = f"{category.name}{', borderline' if category.borderline else ''}"[:64]
        yield QualitativeEvaluation(name=CATEGORY, value=own_concept(category.rule, name))
