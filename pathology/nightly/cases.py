"""Which cases are complete, and which file says what the laboratory states of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pathology.nightly.books import CANCELLED
from pathology.nightly.identity_agreement import normal
from pathology.pipeline.case_files import CaseFile
from pathology.records.settings.identity import SpellingSettings
from pathology.records.work import WorkItem, WorkOrder

SEVERAL: Final = "several"
"""Digest of case data where two files speak of one case and differ."""
Accession = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The slides of one case that were ordered and not taken back."""

    name: str  # a pseudonym
    accession: Accession = field(repr=False)
    items: tuple[WorkItem, ...]

    @property
    def state(self) -> Literal["complete", "open", "broken"]:
        """broken: a slide failed, was set aside or stopped, so the case is not whole."""
        states = {item.state for item in self.items}
        if states <= {"done"}:
            return "complete"
        return "open" if states <= {"done", "waiting", "leased"} else "broken"

    @property
    def results(self) -> tuple[str, ...]:
        """Folders of the results that the ledger names, relative to the output folder."""
        folders = {i.last.result_folder for i in self.items if i.last and i.last.result_folder}
        return tuple(sorted(folders))


def cases_of(
    items: Iterable[WorkItem],
    name_of: Callable[[WorkOrder], str | None],
    spelling: SpellingSettings,
) -> list[Case]:
    """Items by case; those that nothing proves to be anybody's belong to none."""
    found: dict[str, list[WorkItem]] = {}
    for item in items:
        taken_back = item.last is not None and item.last.reason_code == CANCELLED
        if (name := name_of(item.order)) is not None and not taken_back:
            found.setdefault(name, []).append(item)
    return [
        Case(
            name=name,
            accession=normal(of_case[0].order.identity.accession, spelling) or (),
            items=tuple(of_case),
        )
        for name, of_case in sorted(found.items())
    ]


def files_by_case(
    files: Iterable[CaseFile], spelling: SpellingSettings
) -> Mapping[Accession, CaseFile]:
    """By case, the file about it; of several that differ none is believed."""
    found: dict[Accession, CaseFile] = {}
    for file in files:
        accession = normal(file.case_id, spelling) or ()
        known = found.get(accession)
        differs = known is not None and known.digest != file.digest
        found[accession] = CaseFile(
            path=file.path, case_id=file.case_id, digest=SEVERAL if differs else file.digest
        )
    return found
