"""Taking a model out of use, and bringing it back, by a person who may."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.errors import UsageError
from pathology.ledger.open import utc_now
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.case_review import CaseLine
from pathology.records.settings.run import RunSettings
from pathology.records.withdrawal import WithdrawnModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A model taken out of use, and the cases that rest on it."""

    model: WithdrawnModel
    touched: tuple[CaseLine, ...]


def withdraw_model(
    settings: RunSettings, name: str, weights_sha256: str | None, why: str
) -> Withdrawn:
    """Out of use from now on, for every run and night of this ledger; the cases it touched.

    Raises
    ------
    NotAllowed
        The user is neither pathologist, operator nor administrator.
    UsageError
        There is no reason.
    """
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        model = ledger.models.withdraw(name, weights_sha256, by=actor, now_utc=utc_now(), why=why)
        touched = ledger.cases(settings.deciding).touched_by(name, weights_sha256)
        return Withdrawn(model=model, touched=tuple(touched))


def restore_model(settings: RunSettings, name: str, weights_sha256: str | None, why: str) -> None:
    """In use again.

    Raises
    ------
    NotAllowed
        The user is no administrator.
    UsageError
        It was not withdrawn, or there is no reason.
    """
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        if not ledger.models.restore(name, weights_sha256, by=actor, now_utc=utc_now(), why=why):
            raise UsageError(
                f"{name}: is not out of use with this hash. `pathology models withdrawn` lists "
                "those that are"
            )


def withdrawn_models(settings: RunSettings) -> tuple[WithdrawnModel, ...]:
    """Models out of use now."""
    with opened_ledger(settings.ledger, make=False) as (ledger, _):
        return ledger.models.withdrawn()
