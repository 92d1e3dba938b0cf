"""``pathology nightly install``: the service account, and files for systemd and cron."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from pathology.cli.messages import say
from pathology.nightly.guard import make_account
from pathology.nightly.install import Installation, unit_texts, write_units
from pathology.nightly.options import NightOptions, load_night_settings
from pathology.pipeline.ledger_open import opened_ledger


def call(given: argparse.Namespace) -> int:
    """0 when all was made or shown."""
    settings = load_night_settings(given.settings)
    where = Installation(
        out=NightOptions(out=given.out).out_folder(settings),
        settings=given.settings and given.settings.absolute(),
        user=given.user,
    )
    texts = unit_texts(settings, where)
    if given.show:
        _show(texts, as_json=given.json)
        return 0
    account = settings.nightly.operating.account
    with opened_ledger(settings.run.ledger) as (ledger, actor):
        made = make_account(ledger, actor, account, datetime.now(UTC))
    print(say("night-account-made" if made else "night-account-there", account=account))
    if given.to is None:
        print(say("night-install-next"))
        return 0
    for path in write_units(texts, given.to.absolute()):
        print(path)
    print(say("night-units", folder=given.to.absolute()))
    return 0


def _show(texts: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(texts, ensure_ascii=False))
        return
    for name, text in texts.items():
        print(f"# ---- {name}\n{text}")
