"""``correction.json``: what a person corrected to make a result from the one that it supersedes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pathology.errors import UsageError
from pathology.exchange.cells_parquet import CLASS_NAMES
from pathology.exchange.documents import faults, read_json, write_json
from pathology.records.correction import Calls, Correction
from pathology.records.prediction import Positivity

CORRECTION: Final = "correction.json"
MOST_TOLD: Final = 3


def write_correction(
    folder: Path, correction: Correction, calls: Calls, before: Iterable[int], **labels: str
) -> None:
    """What was corrected, into the new result's folder.

    ``labels`` are result_id, supersedes and made_utc; ``before`` are nuclei that persons had called
    otherwise in the superseded result.
    """
    asked = {Positivity.UNKNOWN: None, Positivity.NEGATIVE: False, Positivity.POSITIVE: True}
    said = zip(calls.cell_id.tolist(), calls.cell_class, calls.positive, strict=True)
    document = {
        "schema": "pathology.correction/1",
        **labels,
        "author": correction.author,
        "why": correction.why,
        "given_sha256": correction.digest,
        "nuclei": [
            {"cell_id": i, "class": CLASS_NAMES[kind], "positive": asked[Positivity(positive)]}
            for i, kind, positive in said
        ],
        "called_by_person": sorted({*before, *calls.cell_id.tolist()}),
    }
    write_json(folder / CORRECTION, document, "correction-1")


def called_before(folder: Path) -> frozenset[int]:
    """Nuclei of a result that persons called otherwise, in it or in those it was made from.

    Raises
    ------
    UsageError
        The file is not as the contract says.
    """
    path = folder / CORRECTION
    if not path.exists():
        return frozenset()
    told = read_json(path)
    if wrong := faults(told, "correction-1"):
        raise UsageError(f"{path.name}: not as the contract says: {'; '.join(wrong[:MOST_TOLD])}")
    return frozenset(told["called_by_person"])
