"""Many orders with a crew; the grain is a slide, and one process writes the summary."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pathology.errors import LedgerError, ModelRefused, PathologyError, SlideError, UsageError
from pathology.exchange.summary_csv import read_summary
from pathology.pipeline import store
from pathology.pipeline.crew import Crew
from pathology.pipeline.identity import pseudonym_key
from pathology.pipeline.registering import Register, registering
from pathology.pipeline.roster import Ended, Roster
from pathology.pipeline.run_slide import Job, failed, label, place_id
from pathology.pipeline.summary import INTERRUPTED, SUMMARY, Summary
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.progress import Progress
from pathology.records.settings.run import RunSettings
from pathology.records.summary import SummaryRow
from pathology.records.work import Outcome

LISTENING_S: Final = 0.5
"""Between two looks, so that Ctrl-C is heard at once."""
WRITING_S: Final = 1.0
"""Between two summaries: each is written whole, which for thousands of rows takes its time."""
ONCE_MORE: Final = frozenset({"worker-died", "cluster-lost"})
"""Reasons that are the machine's: such a slide has a second try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who is told what happens, while it happens."""

    on_progress: Callable[[Progress], None]
    on_row: Callable[[SummaryRow], None]
    on_problem: Callable[[PathologyError], None] = lambda _: None  # that cost no slide


def run(
    orders: Sequence[SlideOrder],
    options: RunOptions,
    settings: RunSettings,
    roster: Roster,
    watcher: Watcher,
) -> tuple[SummaryRow, ...]:
    """Run all orders; the row of each, in their order.

    A slide that fails is a row with its reason. An interrupt (Ctrl-C) ends the run early: slides
    not finished have a row that says so, and whole results stay.

    Raises
    ------
    OutputError
        The output folder cannot be written, or another run writes there.
    ClusterError
        The cluster cannot be reached.
    UsageError
        A model was taken out of use.
    LedgerError, VaultError, NotAllowed
        The site has a ledger, and it cannot be opened, or not by this user.
    """
    store.prepare_output(options.out)
    key = pseudonym_key(settings.site.privacy)
    jobs = [
        Job(order=order, options=options, settings=settings, pseudonym_key=key) for order in orders
    ]
    rows: dict[int, SummaryRow] = {}
    written = time.monotonic()
    with store.only_writer(options.out), registering(settings) as register:
        register.check_models(settings, {order.analysis for order in orders})
        earlier = read_summary(options.out / SUMMARY)  # a spoilt one is said before work begins
        summary = Summary(path=options.out / SUMMARY, earlier=earlier, jobs=jobs)
        try:
            with Crew(roster, settings.site, watcher.on_progress) as crew:
                for end in _carried_out(crew, jobs, register):
                    rows[end.item] = end.row
                    watcher.on_row(end.row)
                    register.tell(jobs[end.item], end)
                    if time.monotonic() - written > WRITING_S:
                        summary.write(rows.values())
                        written = time.monotonic()
        except KeyboardInterrupt:
            pass  # what is missing in ``rows`` says so below
        finally:
            for place, job in enumerate(jobs):
                if place not in rows:
                    rows[place] = _interrupted(job, known_before=bool(earlier))
            summary.write(rows.values())
        if register.problem is not None:
            watcher.on_problem(register.problem)
    return tuple(rows[place] for place in range(len(jobs)))


def _carried_out(crew: Crew, jobs: Sequence[Job], register: Register) -> Iterator[Ended]:
    """Orders as they end, by their place."""
    waiting, under_way, tried_again = deque(range(len(jobs))), 0, set[int]()
    while waiting or under_way:
        while waiting and crew.room:
            place = waiting.popleft()
            if (stopped := _stopped(place, jobs[place], register)) is not None:
                yield stopped
                continue
            crew.start(place, jobs[place], parts=1 if waiting else crew.workers)
            under_way += 1
        for end in crew.ended(LISTENING_S):
            under_way -= 1
            if end.outcome.reason_code in ONCE_MORE and end.item not in tried_again:
                tried_again.add(end.item)
                waiting.append(end.item)
            else:
                yield end


def _stopped(place: int, job: Job, register: Register) -> Ended | None:
    """The end of an order whose model was taken out of use while the run went on.

    A ledger that is away just now stops nothing: it was asked when the run began.
    """
    try:
        register.check_models(job.settings, [job.order.analysis])
    except LedgerError:
        return None
    except UsageError as problem:
        name = place_id(job)
        refusal = SlideError(name, "model-refused", {"detail": str(problem)})
        outcome = Outcome(kind="refused", reason_code=refusal.code, facts={"detail": str(problem)})
        return Ended(item=place, outcome=outcome, row=failed(job, name, refusal), seconds=0.0)
    return None


def _interrupted(job: Job, *, known_before: bool) -> SummaryRow:
    """The row of an order that was not carried out.

    Under the slide's own id where an earlier run may have a row of it; reading thousands of slides
    for theirs would be a long good-bye.
    """
    name = place_id(job)
    if known_before:
        with suppress(SlideError, ModelRefused):
            name = label(job).slide_id
    return failed(job, name, SlideError(name, INTERRUPTED))
