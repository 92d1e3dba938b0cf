"""Hospitals that this site asks for opinions: their public keys under names of the site's own.

Who may name one is an administrator: a key that a reader could choose would be the way out for any
case. The folder lies beside the site's own keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pathology.errors import UsageError, VaultError
from pathology.exchange.whole_file import write_whole
from pathology.ledger.open import utc_now
from pathology.pipeline.archive_places import archive_places
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.settings.ledger import ArchiveSettings
from pathology.vault.site_keys import PublicKeys, read_public_keys

NAME: Final = re.compile(r"\w[\w.-]{0,59}")


def partners_folder(settings: ArchiveSettings) -> Path:
    """Where their keys lie."""
    return archive_places(settings).keys.with_name("bundle-partners")


def add_partner(settings: ArchiveSettings, name: str, file: Path) -> PublicKeys:
    """Remember a hospital's public keys, or its new ones; told to the chain.

    Raises
    ------
    NotAllowed
        The user may not manage keys.
    UsageError, VaultError
        The name is no plain word; the file holds no public keys.
    """
    if not NAME.fullmatch(name):
        raise UsageError("a hospital's name here is one word of letters, digits, points and dashes")
    keys = read_public_keys(file)
    with opened_ledger(settings, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "manage-keys")
        folder = partners_folder(settings)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(folder / f"{name}.json", keys.document())
        ledger.audit.append(
            actor=actor.name,
            act="add-partner",
            subject=name,
            now_utc=utc_now(),
            after={"fingerprint": keys.fingerprint},
        )
    return keys


def partners(settings: ArchiveSettings) -> Mapping[str, PublicKeys]:
    """Those that were named, by name; a file that holds no keys is passed over."""
    found = {}
    for path in sorted(partners_folder(settings).glob("*.json")):
        try:
            found[path.stem] = read_public_keys(path)
        except VaultError:
            continue
    return found
