"""Opinions asked and taken at the command line: the ledger opened, the user's roles asked."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pathology.errors import OutputError, UsageError
from pathology.ledger.open import OpenLedger, utc_now
from pathology.pipeline.aside import file_aside, folder_aside
from pathology.pipeline.bundle_answer import (
    keys_place,
    opinion_of,
    read_answer,
    site_keys,
    write_opinion,
)
from pathology.pipeline.desk_cases import case_name
from pathology.pipeline.identity import pseudonym_key
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.opinions import OpinionPlace, OpinionWish, ask_opinion
from pathology.pipeline.partners import partners
from pathology.pipeline.slide_places import SlidePlaces
from pathology.records.actor import Actor
from pathology.records.case_review import Change
from pathology.records.opinion import Opinion, OpinionAsked
from pathology.records.settings.run import RunSettings
from pathology.vault.sealed_bundle import bundle_sha256
from pathology.vault.site_keys import read_public_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFiles:
    """Where the results and scans of a site lie."""

    results: Path
    folders: Sequence[Path] = ()


def opinion_place(
    settings: RunSettings, out: Path, slide_of: Callable[[str], Path | None]
) -> OpinionPlace:
    """Where this site's opinions are asked from; its keys are read when they are needed."""
    return OpinionPlace(
        out=out,
        slide_of=slide_of,
        scale=settings.site.scale,
        keys=lambda: site_keys(settings.ledger, make=False),
        partners=lambda: partners(settings.ledger),
        outgoing=keys_place(settings.ledger).with_name("bundles"),
    )


def send_case(
    settings: RunSettings, case: str, wish: OpinionWish, files: CaseFiles, out: Path
) -> OpinionAsked:
    """The bundle of a case, by its pseudonym or accession, written to ``out``.

    Raises
    ------
    NotAllowed
        The user may not send bundles.
    CaseRefused, UsageError, SlideError, OutputError, VaultError
        As ``opinions.ask_opinion``.
    """
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "send-bundle")
        cases, place = ledger.cases(settings.deciding), _place(settings, files, ledger)
        with file_aside(out) as aside:
            asked = ask_opinion(cases, case_name(cases, case), wish, place, change_by(actor))
            try:
                shutil.copyfile(place.bundle(asked.bundle_id), aside)
            except OSError as cause:
                told = f"{out.name}: cannot be written ({cause.strerror})"
                raise OutputError(f"{told}; it lies in {place.outgoing.name}") from cause
    return asked


def receive_answer(
    settings: RunSettings, source: Path, sender: Path, out: Path | None
) -> tuple[Opinion, str | None]:
    """Another site's opinion, and the case of the ledger that it is on now, if it is of one.

    An answer to a bundle that was made of files is on no case: it is kept as ``out/opinion.json``.

    Raises
    ------
    CaseRefused
        It is on its case already, or that hospital was not asked.
    UsageError
        It holds no opinion, or one on a bundle that was never sent to that site.
    VaultError
        It is not that site's, not for this one, or damaged.
    """
    keys, public = site_keys(settings.ledger, make=False), read_public_keys(sender)
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "send-bundle")
        with TemporaryDirectory(prefix="pathology-answer-") as folder:
            opinion = opinion_of(read_answer(source, Path(folder), keys, public), public)
        cases = ledger.cases(settings.deciding)
        case = cases.asked_about(opinion.bundle_id)
        if case is None:
            _check_asked(ledger, opinion)
            if out is None:
                raise UsageError("this bundle was made of files, of no case: name a folder (--out)")
        with nullcontext() if out is None else folder_aside(out) as aside:
            if aside is not None:
                write_opinion(opinion, aside / "opinion.json")
            if case is not None:
                cases.take_opinion(case, opinion, change_by(actor))
            else:
                _note(ledger, actor, opinion, source)
    return opinion, case


def _check_asked(ledger: OpenLedger, opinion: Opinion) -> None:
    asked = [
        line
        for line in ledger.audit.lines()
        if (line.act, line.subject) == ("send-bundle", opinion.bundle_id)
    ]
    if not any(line.after.get("recipient") == opinion.site for line in asked):
        raise UsageError("that site was never asked about this bundle: its answer is not used")


def _note(ledger: OpenLedger, actor: Actor, opinion: Opinion, source: Path) -> None:
    ledger.audit.append(
        actor=actor.name,
        act="receive-opinion",
        subject=opinion.bundle_id,
        now_utc=utc_now(),
        after={"sha256": bundle_sha256(source), "site": opinion.site},
    )


def _place(settings: RunSettings, files: CaseFiles, ledger: OpenLedger) -> OpinionPlace:
    key = pseudonym_key(settings.site.privacy)
    slide_of = SlidePlaces(ledger.work.slide_paths, files.folders, key)
    return opinion_place(settings, files.results, slide_of)


def change_by(actor: Actor) -> Change:
    """A change that no version is asked of."""
    return Change(by=actor, request_id=uuid.uuid4().hex, seen_version=0, now_utc=utc_now())
