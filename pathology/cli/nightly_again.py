"""``pathology nightly again``: slides that failed, were set aside or stopped wait again."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from pathology.cli.messages import say, speak
from pathology.nightly.options import load_night_settings
from pathology.nightly.page_words import STATES, phrase
from pathology.nightly.reopening import take_up_again
from pathology.pipeline.ledger_open import opened_ledger


def call(given: argparse.Namespace) -> int:
    """0 when all of them wait again; 2 when none does, and why."""
    settings = load_night_settings(given.settings)
    with opened_ledger(settings.run.ledger, make=False) as (ledger, actor):
        items = take_up_again(ledger, actor, given.names, given.why, datetime.now(UTC))
    if given.json:
        rows = [
            {"item": i.item_id, "name": i.name, "analysis": i.order.analysis, "was": i.state}
            for i in items
        ]
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for item in items:
        was = phrase(STATES, item.state, speak())
        print(say("night-again", slide=item.name, analysis=item.order.analysis, was=was))
    return 0
