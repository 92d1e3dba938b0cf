"""A correction that was kept takes the place of the software's result in its case."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

from pathology.errors import CaseRefused
from pathology.pipeline.desk_cases import case_name, result_on_desk
from pathology.records.case_review import Change
from pathology.review.desk import CaseDesk
from pathology.review.kept_correction import KeptCorrection


class CorrectionsOnDesk:
    """Told of each correction once it is written (``Desk.kept``)."""

    def __init__(
        self, desk: CaseDesk, line: Callable[[KeptCorrection], None], clock: Callable[[], datetime]
    ) -> None:
        self._desk, self._line, self._clock = desk, line, clock

    def __call__(self, kept: KeptCorrection) -> None:
        """A line of the chain, and the corrected result in its case where that is on the desk.

        Raises
        ------
        CaseRefused
            The case is another's, or its state lets nobody correct it. The result stays where it
            was written, and the case as it was.
        """
        self._line(kept)
        cases = self._desk.ledger
        if kept.case.case_id is None:
            return
        name = case_name(cases, kept.case.case_id)
        try:
            case = cases.case(name)
        except CaseRefused:
            return
        result = result_on_desk(self._desk.place.out / kept.result_id)
        change = Change(
            by=kept.actor,
            request_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{name}/{kept.result_id}")),
            seen_version=case.line.version,
            now_utc=self._clock(),
        )
        cases.supersede(name, result, f"{kept.why}: {kept.note}".rstrip(": "), change)
