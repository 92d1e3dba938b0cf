"""An opinion on a bundle, there and back; and the keys and the audit lines of both."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from pathology.errors import LedgerError, UsageError
from pathology.exchange.documents import read_json
from pathology.exchange.packed_files import packed
from pathology.ledger.open import utc_now
from pathology.pipeline.archive_places import archive_places
from pathology.pipeline.aside import file_aside
from pathology.pipeline.bundle import (
    BundleOrder,
    Made,
    Opened,
    make_bundle,
    open_question,
    read_bundle,
)
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.opinion import Opinion
from pathology.records.settings.ledger import ArchiveSettings
from pathology.records.settings.run import RunSettings
from pathology.vault.sealed_bundle import bundle_sha256, seal_bundle
from pathology.vault.site_keys import (
    PublicKeys,
    SiteKeys,
    fresh_site_keys,
    read_public_keys,
    read_site_keys,
    write_site_keys,
)


def keys_place(settings: ArchiveSettings) -> Path:
    """Where the site's pair of keys lies: beside the key ring."""
    return archive_places(settings).keys.with_name("bundle-keys.json")


def site_keys(settings: ArchiveSettings, *, make: bool) -> SiteKeys:
    """The site's pair, made where there is none and ``make`` says so; VaultError otherwise."""
    place = keys_place(settings)
    if make and not place.exists():
        write_site_keys(fresh_site_keys(), place)
    return read_site_keys(place)


def send_question(settings: RunSettings, order: BundleOrder, to: Path, out: Path) -> Made:
    """Make a bundle; that it was made, for whom and by whom is a line of the chain.

    Raises
    ------
    NotAllowed
        The user may not send bundles.
    UsageError, SlideUnreadable, OutputError, VaultError
        As ``make_bundle``.
    """
    keys = site_keys(settings.ledger, make=False)
    recipient = read_public_keys(to)
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "send-bundle")
        with file_aside(out) as aside:  # what is in no line does not leave
            made = make_bundle(order, keys, recipient, aside)
            ledger.audit.append(
                actor=actor.name,
                act="send-bundle",
                subject=made.bundle_id,
                now_utc=utc_now(),
                after={
                    "sha256": made.sha256,
                    "recipient": made.recipient,
                    "results": len(order.results),
                    "slides": made.slides,
                },
            )
    return made


def receive_question(settings: RunSettings, source: Path, sender: Path, out: Path) -> Opened:
    """Open another site's bundle; that it was opened, and whose it is, is a line of the chain.

    Raises
    ------
    NotAllowed
        The user may not open bundles.
    VaultError, UsageError, OutputError
        As ``open_question``.
    """
    keys, public = site_keys(settings.ledger, make=False), read_public_keys(sender)
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "answer-bundle")
        opened = open_question(source, out, keys, public, settings.site.privacy)
        try:
            ledger.audit.append(
                actor=actor.name,
                act="open-bundle",
                subject=opened.bundle_id,
                now_utc=utc_now(),
                after={"sha256": bundle_sha256(source), "sender": opened.sender},
            )
        except LedgerError:  # what is in no line was not opened
            shutil.rmtree(out, ignore_errors=True)
            raise
    return opened


def send_answer(
    settings: RunSettings, opened: Path, said: tuple[str, str], to: Path, out: Path
) -> Opinion:
    """Seal an opinion (text, name) on the bundle that was opened at ``opened`` for its sender.

    Raises
    ------
    NotAllowed
        The user may not answer bundles.
    UsageError
        ``opened`` is no bundle, ``to`` is another site than its sender, a text is missing.
    """
    keys, recipient = site_keys(settings.ledger, make=False), read_public_keys(to)
    told = read_json(opened / "bundle.json")
    if not isinstance(told, dict) or told.get("sender") != recipient.fingerprint:
        raise UsageError("the bundle came from another site than the one this answer is for")
    with opened_ledger(settings.ledger, make=False) as (ledger, actor), file_aside(out) as aside:
        ledger.accounts.require(actor, "answer-bundle")
        opinion = seal_answer(keys, recipient, (str(told.get("bundle_id")), *said), aside)
        ledger.audit.append(**answered_line(actor.name, opinion, aside))
    return opinion


def seal_answer(
    keys: SiteKeys, recipient: PublicKeys, said: tuple[str, str, str], target: Path
) -> Opinion:
    """An opinion (bundle, text, name) sealed into ``target``; raises as ``opinion_of``."""
    given = dict(zip(("bundle_id", "text", "by"), said, strict=True))
    opinion = opinion_of({**given, "given_utc": utc_now().isoformat()}, keys.public)
    about = {**asdict(opinion), "given_utc": opinion.given_utc.isoformat()}
    about |= {"from": keys.public.fingerprint}
    seal_bundle(packed({}, about), target, keys, recipient, "answer")
    return opinion


def answered_line(account: str, opinion: Opinion, sealed: Path) -> dict[str, Any]:
    """What the chain keeps of an answer that leaves: never its words."""
    return {
        "actor": account,
        "act": "answer-bundle",
        "subject": opinion.bundle_id,
        "now_utc": opinion.given_utc,
        "after": {"sha256": bundle_sha256(sealed)},
    }


def read_answer(source: Path, folder: Path, keys: SiteKeys, sender: PublicKeys) -> dict[str, Any]:
    """What an answer says; raises as ``bundle.read_bundle``."""
    return read_bundle(source, folder, keys, sender, "answer")


def opinion_of(told: dict[str, Any], site: PublicKeys) -> Opinion:
    """The opinion of an answer that ``site`` signed; UsageError where there is none."""
    try:
        return Opinion(
            bundle_id=str(told["bundle_id"]),
            text=str(told["text"]),
            by=str(told["by"]),
            given_utc=datetime.fromisoformat(str(told["given_utc"])),
            site=site.fingerprint,
        )
    except (KeyError, ValueError) as cause:
        raise UsageError("there is no opinion in it: a text and a name are needed") from cause


def write_opinion(opinion: Opinion, path: Path) -> None:
    """As ``opinion.json``, which says that it signs nothing."""
    told = {**asdict(opinion), "given_utc": opinion.given_utc.isoformat()}
    told = {"schema": "pathology.opinion/1", "signature_on_the_report": False, **told}
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1), "utf-8")
