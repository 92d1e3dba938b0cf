"""Orders and outcomes in and out of their sealed columns, and the pseudonyms they are known by."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pathology.errors import LedgerError
from pathology.ledger.tables import DataKeyRow, WrappingKeyRow
from pathology.records.work import Claim, Outcome, SlideIdentity, WorkOrder
from pathology.vault.codes import pseudonym
from pathology.vault.envelope import DataKey, Vault, WrappedKey

SEALED_OF_OUTCOME = ("result_folder", "facts")
"""A folder may carry a file's name, and facts of a mismatch quote both identities."""
NAME_HEX = 16
DESTROYED = "destroyed"
"""Stands where a wrapping key is named, once a data key was destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAs:
    """Pseudonyms of an order: the same order has the same ones."""

    item: str
    slide: str
    case: str | None


class Sealing:
    """The vault, as the tables need it."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def known_as(self, order: WorkOrder) -> KnownAs:
        """Pseudonyms of the item (path, analysis, order id), its slide's path and its case."""
        path = os.fsencode(order.path)
        parts = [path, order.analysis.encode()]
        if order.identity.order_id is not None:
            parts.append(_encoded(order.identity.order_id))
        accession = order.identity.accession
        return KnownAs(
            item="I" + self._pseudonym("item", b"\0".join(parts)),
            slide="S" + self._pseudonym("path", path)[:NAME_HEX],
            case=None if accession is None else self.case_name(accession),
        )

    def case_name(self, accession: str) -> str:
        """Pseudonym of a case."""
        return "C" + self._pseudonym("case", _encoded(accession))[:NAME_HEX]

    def _pseudonym(self, kind: str, text: bytes) -> str:
        return pseudonym(self.vault.ring.pseudonym, kind, text)

    def new_key(self, wrapped_by: str) -> tuple[DataKey, dict[str, Any]]:
        """A data key and its row, locked by ``current_key``.

        The caller holds the writer's lock, so that no key can be retired meanwhile.
        """
        key, locked = self.vault.new_key(wrapped_by)
        return key, {"name": key.name, "wrapped_by": locked.wrapped_by, "sealed": locked.sealed}

    def open_key(self, row: DataKeyRow) -> DataKey:
        """The open data key of a row."""
        return self.vault.open_key(locked_of(row))

    def key_named(self, session: Session, name: str) -> DataKey:
        """The open data key of this name.

        Raises
        ------
        LedgerError
            It is gone: what it locks was given up.
        """
        row = session.get(DataKeyRow, name)
        if row is None or row.wrapped_by == DESTROYED:
            raise LedgerError("a record's data key is gone from the ledger: it cannot be read")
        return self.open_key(row)


def locked_of(row: DataKeyRow) -> WrappedKey:
    """A row as the vault knows it."""
    return WrappedKey(name=row.name, wrapped_by=row.wrapped_by, sealed=row.sealed)


def current_key(session: Session) -> str:
    """Id of the wrapping key that locks what is new."""
    name = session.scalar(select(WrappingKeyRow.name).where(WrappingKeyRow.state == "current"))
    if name is None:
        raise LedgerError("the ledger names no current wrapping key: it was damaged")
    return name


def sealed_path(key: DataKey, path: Path, slide_row: int) -> bytes:
    """A slide's path, for ``slides.sealed_path``."""
    return key.seal(os.fsencode(path), f"slides.sealed_path:{slide_row}")


def unsealed_path(key: DataKey, sealed: bytes, slide_row: int) -> Path:
    """Its path again."""
    return Path(os.fsdecode(key.unseal(sealed, f"slides.sealed_path:{slide_row}")))


def sealed_accession(key: DataKey, accession: str, case_id: int) -> bytes:
    """A case's number, for ``cases.sealed_accession``."""
    return key.seal(_encoded(accession), f"cases.sealed_accession:{case_id}")


def sealed_order(key: DataKey, order: WorkOrder, item_id: int) -> bytes:
    """What of an order may name a patient, or says why it is held, for ``items.sealed_order``."""
    told = {
        "identity": asdict(order.identity),
        "within": order.within and str(order.within),
        "said": [asdict(claim) for claim in order.said],
        "held": order.held,
        "held_facts": dict(order.held_facts),
    }
    return key.seal(_json(told), f"items.sealed_order:{item_id}")


def unsealed_order(key: DataKey, sealed: bytes, item_id: int) -> dict[str, Any]:
    """The same again, by the names of ``WorkOrder``'s fields."""
    told = json.loads(key.unseal(sealed, f"items.sealed_order:{item_id}"))
    within = told["within"]
    return {
        "identity": SlideIdentity(**told["identity"]),
        "within": within and Path(within),
        "said": tuple(
            Claim(source=claim["source"], identity=SlideIdentity(**claim["identity"]))
            for claim in told["said"]
        ),
        "held": told["held"],
        "held_facts": told["held_facts"],
    }


def sealed_folder(key: DataKey, folder: str, result_key: str) -> bytes:
    """A result's folder, for ``results.sealed_folder``."""
    return key.seal(_encoded(folder), f"results.sealed_folder:{result_key}")


def unsealed_folder(key: DataKey, sealed: bytes, result_key: str) -> str:
    """The folder again."""
    text = key.unseal(sealed, f"results.sealed_folder:{result_key}")
    return text.decode("utf-8", "surrogatepass")


def outcome_told(outcome: Outcome) -> str:
    """What of an outcome may stand in the clear, as JSON."""
    return _json(
        {
            name: dict(value) if isinstance(value, Mapping) else value
            for name in Outcome.__dataclass_fields__
            if name not in SEALED_OF_OUTCOME and (value := getattr(outcome, name)) is not None
        }
    ).decode("ascii")


def sealed_rest(key: DataKey, outcome: Outcome, place: tuple[int, int]) -> bytes | None:
    """The rest of it, for ``attempts.sealed_rest`` of (item, number); None when there is none."""
    if outcome.result_folder is None and not outcome.facts:
        return None
    rest = {"result_folder": outcome.result_folder, "facts": dict(outcome.facts)}
    return key.seal(_json(rest), _place_of_rest(place))


def unsealed_outcome(
    key: DataKey, told: str, rest: bytes | None, place: tuple[int, int]
) -> Outcome:
    """The whole outcome again."""
    outcome = Outcome(**json.loads(told))
    if rest is None:
        return outcome
    return replace(outcome, **json.loads(key.unseal(rest, _place_of_rest(place))))


def _place_of_rest(place: tuple[int, int]) -> str:
    return f"attempts.sealed_rest:{place[0]}.{place[1]}"


def _json(value: object) -> bytes:
    """ASCII, so that halves of surrogate pairs in file names survive."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
