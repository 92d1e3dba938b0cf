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


class CaseBook:
    """Items by case, kept as they change: what did not change is not looked at again."""

    def __init__(
        self, name_of: Callable[[WorkOrder], str | None], spelling: SpellingSettings
    ) -> None:
        self._name_of, self._spelling = name_of, spelling
        self._items: dict[int, tuple[WorkItem, str | None]] = {}
        self._numbers: dict[str, set[int]] = {}  # of items, by case
        self.cases: dict[str, Case] = {}

    @property
    def items(self) -> Iterable[WorkItem]:
        """As last told."""
        return (item for item, _ in self._items.values())

    def __contains__(self, item_id: int) -> bool:
        return item_id in self._items

    def put(self, items: Iterable[WorkItem]) -> set[str]:
        """Items that are new or may have changed; the cases that did."""
        changed: set[str] = set()
        for item in items:
            known, before = self._items.get(item.item_id, (None, None))
            if known == item:
                continue
            same_order = known is not None and known.order == item.order
            name = before if same_order else self._name_of(item.order)
            self._items[item.item_id] = item, name
            if before is not None:
                self._numbers[before].discard(item.item_id)
            taken_back = item.last is not None and item.last.reason_code == CANCELLED
            if name is not None and not taken_back:
                self._numbers.setdefault(name, set()).add(item.item_id)
            changed |= {one for one in (before, name) if one is not None}
        for name in changed:
            self._settle(name)
        return changed

    def _settle(self, name: str) -> None:
        of_case = tuple(self._items[number][0] for number in sorted(self._numbers.get(name, ())))
        if not of_case:
            self.cases.pop(name, None)
            return
        accession = normal(of_case[0].order.identity.accession, self._spelling) or ()
        self.cases[name] = Case(name=name, accession=accession, items=of_case)


def cases_of(
    items: Iterable[WorkItem],
    name_of: Callable[[WorkOrder], str | None],
    spelling: SpellingSettings,
) -> list[Case]:
    """Items by case; those that nothing proves to be anybody's belong to none."""
    book = CaseBook(name_of, spelling)
    book.put(items)
    return [case for _, case in sorted(book.cases.items())]


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
