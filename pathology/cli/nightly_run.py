"""``pathology nightly run``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from pathology.cli.messages import say, speak
from pathology.errors import PathologyError, UsageError
from pathology.nightly.document import night_document
from pathology.nightly.night import run_night
from pathology.nightly.options import NightOptions, NightWatcher, load_night_settings
from pathology.nightly.page import reason_of
from pathology.nightly.page_words import INCIDENTS, WHY, phrase
from pathology.nightly.service import Audience, serve
from pathology.records.night_summary import Incident, NightSummary
from pathology.records.work import Outcome, WorkItem


def call(given: argparse.Namespace) -> int:
    """0 everything done; 1 some slides failed or were left, each named; 2 wrong usage."""
    if given.workers is not None and given.workers < 1:
        raise UsageError("--workers must be 1 or more")
    load = partial(load_night_settings, given.settings)
    options = NightOptions(
        out=given.out and given.out.absolute(),
        now=given.now,
        stay=not given.until_done,
        workers=given.workers,
        cluster=given.cluster,
        device=given.device,
        language=speak(),
    )
    with _stoppable() as stop:
        watcher = _watcher(stop, quiet=given.json)
        if given.service:
            load()  # a typo is told at once, not at nightfall
            audience = Audience(on_night=partial(_told, as_json=given.json), on_problem=_problem)
            serve(load, options, watcher, audience)
            return 0
        summary = run_night(load(), options, watcher)
    _told(summary, as_json=given.json)
    return summary.exit_code


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that Ctrl-C and systemd's stop set; a second Ctrl-C ends at once."""
    stop = threading.Event()

    def ask(number: int, _: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {one: signal.signal(one, ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, old in before.items():
            signal.signal(one, old)


def _watcher(stop: threading.Event, *, quiet: bool) -> NightWatcher:
    if quiet:
        return NightWatcher(stop=stop)
    return NightWatcher(stop=stop, on_outcome=_outcome, on_incident=_incident)


def _outcome(item: WorkItem, outcome: Outcome) -> None:
    told = outcome.reason_code or outcome.result_folder or ""
    print(say(f"night-{outcome.kind}", slide=item.name, told=told), flush=True)


def _incident(incident: Incident) -> None:
    text = phrase(INCIDENTS, incident.code, speak(), **incident.facts)
    print(say("night-incident", text=text), flush=True)


def _problem(problem: PathologyError) -> None:
    print(f"pathology nightly: {problem}", file=sys.stderr, flush=True)


def _told(summary: NightSummary, *, as_json: bool) -> None:
    if as_json:
        text = json.dumps(night_document(summary), ensure_ascii=False, allow_nan=False)
        print(text, flush=True)
        return
    language = speak()
    for one in (*summary.stopped, *summary.set_aside, *summary.failed):
        print(say("failed", slide=one.name, reason=reason_of(one, language)))
    for left in summary.not_begun:
        print(say("night-left", slide=left.name, why=phrase(WHY, left.why, language)))
    print(
        say(
            "night-over",
            done=summary.done,
            failed=len(summary.failed) + len(summary.set_aside) + len(summary.stopped),
            left=len(summary.not_begun),
            name=f"night-{summary.night or summary.began_utc.date()}-{summary.shift_id}",
        ),
        flush=True,
    )
