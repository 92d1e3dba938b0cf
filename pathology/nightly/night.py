"""One unattended night, from the lock to the summary: ``run_night``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar, get_args

from pathology import __version__
from pathology.errors import LedgerAway, OutputError
from pathology.ledger.open import OpenLedger
from pathology.nightly import guard
from pathology.nightly.books import Books, Terms
from pathology.nightly.decide import decide
from pathology.nightly.desk import Desk
from pathology.nightly.foresight import foresight
from pathology.nightly.incidents import Incidents
from pathology.nightly.job import JobMaker
from pathology.nightly.journal import journal, tell
from pathology.nightly.loop import Limits, Loop
from pathology.nightly.metrics import Metrics, exposed
from pathology.nightly.model_stop import ModelStop
from pathology.nightly.options import NightOptions, NightSettings, NightWatcher
from pathology.nightly.report import Reporter
from pathology.nightly.settings import policy_of, time_limit_s
from pathology.nightly.site_sources import SiteSources, has_sources
from pathology.nightly.summary_file import SummaryFile
from pathology.nightly.surroundings import OrderSources, Rhythm, Surroundings
from pathology.nightly.triage import Triage
from pathology.nightly.worklist_board import Board
from pathology.pipeline.crew import Crew
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.models_in_use import check_in_use
from pathology.pipeline.night_files import nights_folder
from pathology.pipeline.pseudonyms import night_pseudonyms
from pathology.pipeline.roster import Roster
from pathology.pipeline.store import one_of_several, only_writer, prepare_output
from pathology.pipeline.workers import workers_for
from pathology.records.actor import Actor
from pathology.records.night import Expected, Window
from pathology.records.night_summary import NightEnd, NightSummary
from pathology.records.order import RunOptions
from pathology.records.result import Analysis
from pathology.records.shift import Shift
from pathology.records.work import WorkItem

T = TypeVar("T")
ANALYSES: Final[frozenset[Analysis]] = frozenset(get_args(Analysis))
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 15.0


def run_night(
    settings: NightSettings, options: NightOptions, watcher: NightWatcher
) -> NightSummary:
    """Run one night; whatever happens to a slide, to the ledger or to a disk stands in its summary.

    Raises
    ------
    UsageError
        It must not begin: no window, weights nobody accepted, another operator, settings.
    NotAllowed
        The account may not run nights.
    OutputError, LedgerError, VaultError, ClusterError
        What it needs is not there when it begins.
    """
    guard.check_weights(settings.run)
    alone = guard.check_operators(settings)
    window = guard.window_of(settings, options.clock, now=options.now)
    out = options.out_folder(settings)
    prepare_output(out)
    operating, trying = settings.nightly.operating, settings.nightly.trying
    folder = nights_folder(out)
    logs = Path(operating.logs) if operating.logs else folder
    with (
        journal(logs, most_mib=operating.log_mib, files=operating.log_files),
        _ledger(settings, options, watcher) as (ledger, actor),
    ):
        ledger.accounts.require(actor, "run-night")
        check_in_use(ledger.models, settings.run, ANALYSES)
        lease = timedelta(seconds=trying.lease_s)
        shift = guard.begin_shift(ledger, actor, options.clock, lease, alone=alone)
        night = _Night(
            settings=settings,
            options=options,
            watcher=watcher,
            ledger=ledger,
            actor=actor,
            shift=shift,
            window=window,
            out=out,
            alone=alone,
        )
        with _writer(night):
            return night.run()


@contextmanager
def _writer(night: _Night) -> Iterator[None]:
    """The output folder; a night that does not get it lets go of the lock."""
    with ExitStack() as stack:
        try:
            stack.enter_context((only_writer if night.alone else one_of_several)(night.out))
        except OutputError:
            now = night.options.clock.now()
            night.ledger.shifts.end(night.shift.shift_id, now, {"end": "not-begun"})
            raise
        yield


@contextmanager
def _ledger(
    settings: NightSettings, options: NightOptions, watcher: NightWatcher
) -> Iterator[tuple[OpenLedger, Actor]]:
    """The ledger, waited for as long as the settings say."""
    operating = settings.nightly.operating
    with ExitStack() as stack:
        yield _patiently(
            lambda: stack.enter_context(
                opened_ledger(settings.run.ledger, account=operating.account)
            ),
            operating.ledger_patience_s,
            watcher,
        )


def _patiently(call: Callable[[], T], patience_s: float, watcher: NightWatcher) -> T:
    """``call``, again with growing pauses while the ledger is away.

    Raises
    ------
    LedgerAway
        It stayed away for longer than the patience.
    """
    began, pause_s = time.monotonic(), FIRST_PAUSE_S
    while True:
        try:
            return call()
        except LedgerAway:
            if time.monotonic() - began + pause_s > patience_s or watcher.stop.is_set():
                raise
        watcher.stop.wait(pause_s)
        pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)


@dataclass(slots=True, kw_only=True)
class _Night:
    """A night whose lock is held."""

    settings: NightSettings
    options: NightOptions
    watcher: NightWatcher
    ledger: OpenLedger
    actor: Actor
    shift: Shift
    window: Window | None
    out: Path
    alone: bool
    estimate: Callable[[WorkItem], Expected] | None = None
    metrics: Metrics = field(default_factory=Metrics)

    def run(self) -> NightSummary:
        """The lock is let go of whatever happens; a process that is killed lets it run out."""
        incidents = Incidents(self.options.clock, self.watcher.on_incident)
        tell(
            "night-begins",
            shift=self.shift.shift_id,
            version=__version__,
            until=None if self.window is None else self.window.ends_utc.isoformat(),
        )
        reporter = Reporter(
            settings=self.settings,
            shift=self.shift,
            window=self.window,
            clock=self.options.clock,
            incidents=incidents,
            folder=nights_folder(self.out),
            workers=self._workers(),
        )
        end: NightEnd = "broken"
        with exposed(self.metrics, self.settings.nightly.operating.metrics_port) as address:
            desk = self._desk(incidents)
            reporter.begun(desk, address)
            try:
                end = self._work(desk, incidents, reporter)
            finally:
                self._close(desk, incidents)
                summary = reporter.ended(self.ledger, desk, end, self.out)
        return summary

    def _close(self, desk: Desk, incidents: Incidents) -> None:
        patience_s = self.settings.nightly.operating.ledger_patience_s
        if (left := desk.close(patience_s)) and desk.view.broken is None:
            incidents.add("ledger-away-end", number=left)
        if desk.view.broken is not None:
            incidents.add("ledger-refused", detail=type(desk.view.broken).__name__)

    def _desk(self, incidents: Incidents) -> Desk:
        terms = Terms(
            owner=self.shift.owner,
            actor=self.actor,
            policy=policy_of(self.settings.nightly, self.window, workers=self._workers()),
            trying=self.settings.nightly.trying,
            clock=self.options.clock,
            shift_id=self.shift.shift_id,
        )
        board = Board(decide, self._estimate())
        books = Books(self.ledger, terms, board, incidents, self.metrics)
        return Desk(books, terms, incidents, self.metrics)

    def _workers(self) -> int:
        asked = self.options.workers or self.settings.nightly.operating.workers
        return asked or workers_for(self.settings.run, ANALYSES, self.options.device)

    def _estimate(self) -> Callable[[WorkItem], Expected]:
        if self.estimate is None:
            self.estimate = self.options.estimate or self._learned()
        return self.estimate

    def _learned(self) -> Callable[[WorkItem], Expected]:
        """By the site's past; read anew for each night, patiently."""
        now, work = self.options.clock.now(), self.ledger.work
        seen = _patiently(
            lambda: foresight(self.settings, work, now, self._workers()),
            self.settings.nightly.operating.ledger_patience_s,
            self.watcher,
        )
        return seen.expected

    def _work(self, desk: Desk, incidents: Incidents, reporter: Reporter) -> NightEnd:
        options, nightly = self.options, self.settings.nightly
        rhythm = Rhythm(sources_s=nightly.watch.look_every_s, room_s=nightly.operating.room_look_s)
        roster = Roster(workers=self._workers(), address=options.cluster)
        with Crew(roster, self.settings.run.site, self.watcher.on_progress) as crew:
            if options.orders:
                desk.enrol(options.orders, lambda: None)
            desk.start()
            around = Surroundings(self.out, desk, incidents, self._sources(), rhythm)
            loop = Loop(
                desk=desk,
                crew=crew,
                jobs=self._jobs(),
                triage=Triage(self.out),
                clock=options.clock,
                limits=self._limits(),
                watcher=self.watcher,
                incidents=incidents,
                around=around,
                summary=SummaryFile(out=self.out, alone=self.alone),
                tick=self._models(incidents).before(
                    lambda: reporter.tick(desk, around, crew.dashboard, self.metrics),
                ),
            )
            try:
                return loop.run()
            finally:
                around.close()
                loop.summary.write()

    def _models(self, incidents: Incidents) -> ModelStop:
        return ModelStop(
            switch=self.ledger.models,
            settings=self.settings.run,
            analyses=ANALYSES,
            incidents=incidents,
            stop=self.watcher.stop,
        )

    def _sources(self) -> OrderSources | None:
        if not has_sources(self.settings):
            return None
        return SiteSources(settings=self.settings, work=self.ledger.work, clock=self.options.clock)

    def _jobs(self) -> JobMaker:
        options = RunOptions(
            out=self.out, device=self.options.device, language=self.options.language
        )
        pseudonyms = night_pseudonyms(self.settings.run)
        return JobMaker(settings=self.settings.run, options=options, pseudonyms=pseudonyms)

    def _limits(self) -> Limits:
        operating, trying = self.settings.nightly.operating, self.settings.nightly.trying
        estimate = self._estimate()
        return Limits(
            ends_utc=None if self.window is None else self.window.ends_utc,
            hard_stop=timedelta(seconds=operating.hard_stop_s),
            grace=timedelta(seconds=operating.grace_s),
            stay=self.options.stay,
            patience_s=operating.ledger_patience_s,
            slide_s=lambda item: time_limit_s(trying, estimate(item).high_s),
        )
