"""A site's desk, opened: its ledger, its results, its scans, and who gets in first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pathology.errors import UsageError
from pathology.ledger.open import OpenLedger, utc_now
from pathology.pipeline.bundle_answer import site_keys
from pathology.pipeline.desk_signing import SigningPlace
from pathology.pipeline.identity import pseudonym_key
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.opened_bundle import answer_bundle, check_opened_here, read_opened
from pathology.pipeline.opinion_errands import opinion_place
from pathology.pipeline.report_settings import load_report_rules
from pathology.pipeline.slide_places import SlidePlaces
from pathology.records.actor import Actor
from pathology.records.case_review import Delivery
from pathology.records.opinion import Opinion
from pathology.records.settings.run import RunSettings
from pathology.review.corrections_on_desk import CorrectionsOnDesk
from pathology.review.desk import CaseDesk, Desk
from pathology.review.lodge import Lodge
from pathology.review.night_board import NightBoard
from pathology.review.opened_question import QuestionOnDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstKey:
    """An account that nobody could sign in to, and the one-time password that opens it."""

    account: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDesk:
    """A desk, and the administrator's one-time password where there was none."""

    desk: Desk
    first: FirstKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPlace:
    """Where a desk's results and scans lie, and the site's own settings of reports."""

    results: Path
    folders: Sequence[Path] = ()
    site: Path | None = None  # the folder of the site's settings
    night_of: Callable[[OpenLedger], NightBoard] | None = None  # None: no night is shown
    bundle: Path | None = None  # another hospital's, opened: it alone is shown, and changed by none


@contextmanager
def opened_desk(settings: RunSettings, place: DeskPlace) -> Iterator[OpenDesk]:
    """The desk of these settings over a folder of results.

    Where no administrator could sign in, the system user's account gets a one-time password, if it
    is an administrator's; else there is none to tell.

    Raises
    ------
    UsageError
        There is no such folder of results, or no bundle that was opened here.
    LedgerError, VaultError, NotAllowed
        As ``pipeline.ledger_open.opened_ledger``.
    """
    if place.bundle is None and not place.results.is_dir():
        raise UsageError(
            f"there is no folder of results at {place.results}: name one that pathology run wrote"
        )
    with opened_ledger(settings.ledger) as (ledger, actor):
        lodge = Lodge(ledger, settings.access)
        lodge.sessions.sweep(utc_now())
        make = _desk if place.bundle is None else _guest_desk
        desk = make(ledger, lodge, settings, place)
        yield OpenDesk(desk=desk, first=_first_key(ledger, actor, settings))


def _guest_desk(ledger: OpenLedger, lodge: Lodge, settings: RunSettings, place: DeskPlace) -> Desk:
    """Another hospital's bundle: its slides and results for looking, and an answer."""
    opened = read_opened(place.bundle or place.results)
    check_opened_here(ledger, opened)

    def answer(actor: Actor, said: tuple[str, str]) -> tuple[Opinion, bytes]:
        keys = site_keys(settings.ledger, make=False)
        return answer_bundle(ledger, opened, keys, actor, said)

    return Desk(
        results=opened.results,
        slide_of=SlidePlaces(lambda _: (), [opened.slides], pseudonym_key(settings.site.privacy)),
        settings=settings,
        gate=lodge,
        lodge=lodge,
        question=QuestionOnDesk(opened=opened, answer=answer),
    )


def _desk(ledger: OpenLedger, lodge: Lodge, settings: RunSettings, place: DeskPlace) -> Desk:
    slide_of = SlidePlaces(
        ledger.work.slide_paths, place.folders, pseudonym_key(settings.site.privacy)
    )
    cases = CaseDesk(
        ledger=ledger.cases(settings.deciding),
        rules=load_report_rules(place.site),
        place=SigningPlace(
            out=place.results,
            slide_of=slide_of,
            research_accepted=settings.site.models.accept_research_weights,
            deliveries=tuple(
                Delivery(format=form, destination=name)
                for name, place in settings.outbox.destinations.items()
                for form in place.formats
            ),
        ),
        opinions=opinion_place(settings, place.results, slide_of),
    )
    return Desk(
        results=place.results,
        slide_of=slide_of,
        settings=settings,
        gate=lodge,
        lodge=lodge,
        cases=cases,
        night=None if place.night_of is None else place.night_of(ledger),
        kept=CorrectionsOnDesk(cases, lodge.corrected, lodge.clock),
        notes=True,  # the case keeps them under seal
    )


def _first_key(ledger: OpenLedger, actor: Actor, settings: RunSettings) -> FirstKey | None:
    entrance, now = ledger.entrance(settings.access), utc_now()
    if "administrator" not in actor.roles or not entrance.no_administrator(now):
        return None
    return FirstKey(account=actor.name, password=entrance.one_time(actor.name, actor, now))
