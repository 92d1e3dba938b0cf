"""New orders into the tables: slides, cases and items, a thousand as quickly as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import InstrumentedAttribute

from pathology.ledger.chain import Entry
from pathology.ledger.reading import in_parts
from pathology.ledger.sealing import (
    KnownAs,
    Sealing,
    current_key,
    sealed_accession,
    sealed_order,
    sealed_path,
)
from pathology.ledger.tables import CaseRow, DataKeyRow, ItemRow, SlideRow
from pathology.ledger.transactions import Writing
from pathology.records.work import Enrolled, WorkOrder
from pathology.vault.envelope import DataKey


class Enrolling:
    """One enrolment under way, in one transaction."""

    def __init__(self, writing: Writing, sealing: Sealing) -> None:
        self._session, self._writing, self._sealing = writing.session, writing, sealing
        self._rows: dict[Any, list[dict[str, Any]]] = {
            table: [] for table in (DataKeyRow, CaseRow, SlideRow, ItemRow)
        }
        self._current = current_key(self._session)
        self._keys: dict[str, DataKey] = {}  # of slides, by pseudonym
        self._slides: dict[str, int] = {}
        self._cases: dict[str, int] = {}
        self._items: dict[str, int] = {}

    def add(self, orders: Sequence[WorkOrder], actor: str, now_utc: datetime) -> Enrolled:
        """Add what is not known."""
        names = [self._sealing.known_as(order) for order in orders]
        self._look_up(names)
        new: list[int] = []
        known: list[int] = []
        for order, name in zip(orders, names, strict=True):
            if name.item in self._items:
                known.append(self._items[name.item])
                continue
            new.append(self._add_item(order, name, now_utc))
            self._writing.note(_line(order, name, new[-1], actor, now_utc))
        for table, rows in self._rows.items():  # in the order that foreign keys ask for
            if rows:
                self._session.execute(insert(table), rows)
        return Enrolled(new=tuple(new), known=tuple(known))

    def _look_up(self, names: Sequence[KnownAs]) -> None:
        wanted = {name.item for name in names}
        self._items = self._found(ItemRow.known_as, ItemRow.item_id, wanted)
        fresh = [name for name in names if name.item not in self._items]
        slides = {name.slide for name in fresh}
        self._slides = self._found(SlideRow.name, SlideRow.slide_row, slides)
        cases = {name.case for name in fresh if name.case is not None}
        self._cases = self._found(CaseRow.name, CaseRow.case_id, cases)
        self._next_item = self._next(ItemRow.item_id)
        self._next_slide = self._next(SlideRow.slide_row)
        self._next_case = self._next(CaseRow.case_id)

    def _found(
        self,
        name: InstrumentedAttribute[str],
        number: InstrumentedAttribute[int],
        wanted: set[str],
    ) -> dict[str, int]:
        return {
            found: row
            for part in in_parts(wanted)
            for found, row in self._session.execute(select(name, number).where(name.in_(part)))
        }

    def _next(self, number: InstrumentedAttribute[int]) -> int:
        """Numbers are given here and not by the database: what is sealed is bound to them."""
        return (self._session.scalar(select(func.max(number))) or 0) + 1

    def _add_item(self, order: WorkOrder, name: KnownAs, now_utc: datetime) -> int:
        slide, key = self._slide(order, name.slide)
        item_id = self._items[name.item] = self._next_item
        self._next_item += 1
        self._rows[ItemRow].append(
            {
                "item_id": item_id,
                "known_as": name.item,
                "slide_row": slide,
                "case_id": None if name.case is None else self._case(order, name.case),
                "analysis": order.analysis,
                "source": order.source,
                "marker": order.marker,
                "priority": order.priority,
                "deadline_utc": order.deadline_utc,
                "mpp": order.mpp,
                "sealed_order": sealed_order(key, order, item_id),
                "state": "waiting",
                "attempts": 0,
                "received_utc": now_utc,
                "not_before_utc": now_utc,
            }
        )
        return item_id

    def _slide(self, order: WorkOrder, name: str) -> tuple[int, DataKey]:
        if name not in self._slides:
            key, row = self._sealing.new_key(self._current)
            number = self._slides[name] = self._next_slide
            self._next_slide += 1
            self._keys[name] = key
            self._rows[DataKeyRow].append(row)
            sealed = sealed_path(key, order.path, number)
            self._rows[SlideRow].append(
                {"slide_row": number, "name": name, "data_key": key.name, "sealed_path": sealed}
            )
        elif name not in self._keys:
            query = select(SlideRow.data_key).where(SlideRow.name == name)
            data_key = self._session.scalars(query).one()
            self._keys[name] = self._sealing.key_named(self._session, data_key)
        return self._slides[name], self._keys[name]

    def _case(self, order: WorkOrder, name: str) -> int:
        if name not in self._cases:
            key, row = self._sealing.new_key(self._current)
            number = self._cases[name] = self._next_case
            self._next_case += 1
            self._rows[DataKeyRow].append(row)
            sealed = sealed_accession(key, order.identity.accession or "", number)
            self._rows[CaseRow].append(
                {
                    "case_id": number,
                    "name": name,
                    "data_key": key.name,
                    "sealed_accession": sealed,
                }
            )
        return self._cases[name]


def _line(order: WorkOrder, name: KnownAs, item_id: int, actor: str, now_utc: datetime) -> Entry:
    return Entry(
        at_utc=now_utc,
        actor=actor,
        act="enrol",
        subject=str(item_id),
        after={
            "slide": name.slide,
            "case": name.case,
            "known_as": name.item,
            "analysis": order.analysis,
            "source": order.source,
            "priority": order.priority,
        },
    )
