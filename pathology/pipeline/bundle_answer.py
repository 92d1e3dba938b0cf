"""An opinion on a bundle, there and back; and the keys and the audit lines of both."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from pathology.errors import UsageError
from pathology.exchange.documents import read_json
from pathology.exchange.packed_files import packed
from pathology.ledger.open import utc_now
from pathology.pipeline.archive_places import archive_places
from pathology.pipeline.aside import file_aside, folder_aside
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
    """Open another site's bundle; raises as ``open_question``."""
    keys = site_keys(settings.ledger, make=False)
    public = read_public_keys(sender)
    return open_question(source, out, keys, public, settings.site.privacy)


def send_answer(
    settings: RunSettings, opened: Path, said: tuple[str, str], to: Path, out: Path
) -> Opinion:
    """Seal an opinion (text, name) on the bundle that was opened at ``opened`` for its sender.

    Raises
    ------
    UsageError
        ``opened`` is no bundle, ``to`` is another site than its sender, a text is missing.
    """
    keys, recipient = site_keys(settings.ledger, make=False), read_public_keys(to)
    told = read_json(opened / "bundle.json")
    if not isinstance(told, dict) or told.get("sender") != recipient.fingerprint:
        raise UsageError("the bundle came from another site than the one this answer is for")
    given = {"bundle_id": str(told.get("bundle_id")), "text": said[0], "by": said[1]}
    opinion = _opinion({**given, "given_utc": utc_now().isoformat()}, keys.public)
    about = {**asdict(opinion), "given_utc": opinion.given_utc.isoformat()}
    about |= {"from": keys.public.fingerprint}
    with file_aside(out) as aside:
        seal_bundle(packed({}, about), aside, keys, recipient, "answer")
    return opinion


def receive_answer(settings: RunSettings, source: Path, sender: Path, out: Path) -> Opinion:
    """Another site's opinion, kept as ``out/opinion.json``, and a line of the chain.

    Raises
    ------
    UsageError
        It holds no opinion, or one on a bundle that was never sent to that site.
    VaultError
        It is not that site's, not for this one, or damaged.
    """
    keys, public = site_keys(settings.ledger, make=False), read_public_keys(sender)
    with opened_ledger(settings.ledger, make=False) as (ledger, actor), folder_aside(out) as aside:
        ledger.accounts.require(actor, "send-bundle")
        opinion = _opinion(read_bundle(source, aside, keys, public, "answer"), public)
        asked = [
            line
            for line in ledger.audit.lines()
            if (line.act, line.subject) == ("send-bundle", opinion.bundle_id)
        ]
        if not any(line.after.get("recipient") == public.fingerprint for line in asked):
            raise UsageError("that site was never asked about this bundle: its answer is not used")
        _write(opinion, aside / "opinion.json")
        ledger.audit.append(
            actor=actor.name,
            act="receive-opinion",
            subject=opinion.bundle_id,
            now_utc=utc_now(),
            after={"sha256": bundle_sha256(source), "site": opinion.site},
        )
    return opinion


def _opinion(told: dict[str, Any], site: PublicKeys) -> Opinion:
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


def _write(opinion: Opinion, path: Path) -> None:
    told = {**asdict(opinion), "given_utc": opinion.given_utc.isoformat()}
    told = {"schema": "pathology.opinion/1", "signature_on_the_report": False, **told}
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1), "utf-8")
