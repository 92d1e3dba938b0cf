"""Many orders on a cluster; the grain is a slide, and one process writes the summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from uuid import uuid4

from distributed import Client, Future, as_completed, get_worker
from distributed.scheduler import KilledWorker

from pathology.errors import ModelRefused, SlideError
from pathology.exchange.summary_csv import read_summary
from pathology.pipeline import store
from pathology.pipeline.cluster import cores, existing_cluster, local_cluster
from pathology.pipeline.identity import pseudonym_key
from pathology.pipeline.run_slide import Job, failed, label, place_id, run_slide
from pathology.pipeline.summary import INTERRUPTED, SUMMARY, Summary
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.progress import Progress
from pathology.records.settings.run import RunSettings
from pathology.records.summary import SummaryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who does the work: ``workers`` local processes, or the scheduler at ``address``."""

    workers: int
    address: str | None = None

    @property
    def threads(self) -> int:
        """Threads of each local process's network, so that all together take every core."""
        return max(1, cores() // self.workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who is told what happens, while it happens."""

    on_progress: Callable[[Progress], None]
    on_row: Callable[[SummaryRow], None]


def run(
    orders: Sequence[SlideOrder],
    options: RunOptions,
    settings: RunSettings,
    crew: Crew,
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
    """
    store.prepare_output(options.out)
    key = pseudonym_key(settings.site.privacy)
    jobs = [
        Job(order=order, options=options, settings=settings, pseudonym_key=key) for order in orders
    ]
    rows: dict[int, SummaryRow] = {}
    with store.only_writer(options.out):
        earlier = read_summary(options.out / SUMMARY)  # a spoilt one is said before work begins
        summary = Summary(path=options.out / SUMMARY, earlier=earlier, jobs=jobs)
        try:
            with _cluster(crew, settings) as client:
                for place, row in _carried_out(client, jobs, watcher):
                    rows[place] = row
                    summary.write(rows.values())
        except KeyboardInterrupt:
            pass  # what is missing in ``rows`` says so below
        finally:
            for place, job in enumerate(jobs):
                if place not in rows:
                    rows[place] = _interrupted(job, known_before=bool(earlier))
            summary.write(rows.values())
    return tuple(rows[place] for place in range(len(jobs)))


def _cluster(crew: Crew, settings: RunSettings) -> AbstractContextManager[Client]:
    if crew.address is not None:
        return existing_cluster(crew.address, settings.site.cluster)
    return local_cluster(crew.workers, threads=crew.threads)


def _carried_out(
    client: Client, jobs: Sequence[Job], watcher: Watcher
) -> Iterator[tuple[int, SummaryRow]]:
    """Rows as they come in. Only small records travel: orders out, rows back.

    Keys and topic are this run's own: on a shared scheduler a task of the same key would be taken
    for the same task, and its result handed to whoever asks.
    """
    mine = uuid4().hex
    client.subscribe_topic(mine, lambda event: watcher.on_progress(Progress(**event[1]["step"])))
    futures: dict[Future[SummaryRow], int] = {
        client.submit(on_worker, job, mine, key=f"slide-{mine}-{place}", retries=0): place
        for place, job in enumerate(jobs)
    }
    for future in as_completed(futures):
        place = futures[future]
        row = _row(future, jobs[place])
        watcher.on_row(row)
        yield place, row


def on_worker(job: Job, topic: str) -> SummaryRow:
    """Run one order inside a dask worker, telling the client how far it is."""
    worker = get_worker()

    def tell(step: Progress) -> None:
        worker.log_event(topic, {"step": asdict(step)})

    return run_slide(job, tell)


def _row(future: Future[SummaryRow], job: Job) -> SummaryRow:
    """The worker's row, or a row that says how the worker died (out of memory, killed)."""
    error = future.exception()
    if error is None:
        return future.result()
    name = place_id(job)
    if isinstance(error, KilledWorker):
        facts = {"times": error.allowed_failures + 1, "detail": "killed or out of memory"}
        return failed(job, name, SlideError(name, "worker-died", facts))
    return failed(job, name, SlideError(name, "bug", {"detail": type(error).__name__}))


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
