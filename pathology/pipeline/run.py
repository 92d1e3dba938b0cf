"""Many orders on a cluster; the grain is a slide, and one process writes the summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from distributed import Client, Future, as_completed, get_worker
from distributed.scheduler import KilledWorker

from pathology.errors import SlideError
from pathology.exchange.summary_csv import read_summary, write_summary
from pathology.pipeline import store
from pathology.pipeline.cluster import existing_cluster, local_cluster
from pathology.pipeline.identity import pseudonym_key
from pathology.pipeline.run_slide import Job, failed, run_slide
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.progress import Progress
from pathology.records.settings.run import RunSettings
from pathology.records.summary import SummaryRow

TOPIC = "pathology-progress"
SUMMARY = "summary.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who does the work: ``workers`` local processes, or the scheduler at ``address``."""

    workers: int
    address: str | None = None


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
        try:
            with _cluster(crew, settings) as client:
                for place, row in _carried_out(client, jobs, watcher):
                    rows[place] = row
                    _summarise(options.out, rows.values())
        except KeyboardInterrupt:
            pass  # what is missing in ``rows`` says so below
        finally:
            for place, job in enumerate(jobs):
                if place not in rows:
                    rows[place] = failed(job, _name(job), SlideError(_name(job), "interrupted"))
            _summarise(options.out, rows.values())
    return tuple(rows[place] for place in range(len(jobs)))


def _cluster(crew: Crew, settings: RunSettings) -> AbstractContextManager[Client]:
    if crew.address is not None:
        return existing_cluster(crew.address, settings.site.cluster)
    return local_cluster(crew.workers)


def _carried_out(
    client: Client, jobs: Sequence[Job], watcher: Watcher
) -> Iterator[tuple[int, SummaryRow]]:
    """Rows as they come in. Only small records travel: orders out, rows back."""
    client.subscribe_topic(TOPIC, lambda event: watcher.on_progress(Progress(**event[1]["step"])))
    futures: dict[Future[SummaryRow], int] = {
        client.submit(on_worker, job, key=f"slide-{place}", pure=False, retries=0): place
        for place, job in enumerate(jobs)
    }
    for future in as_completed(futures):
        place = futures[future]
        row = _row(future, jobs[place])
        watcher.on_row(row)
        yield place, row


def on_worker(job: Job) -> SummaryRow:
    """Run one order inside a dask worker, telling the client how far it is."""
    worker = get_worker()

    def tell(step: Progress) -> None:
        worker.log_event(TOPIC, {"step": asdict(step)})

    return run_slide(job, tell)


def _row(future: Future[SummaryRow], job: Job) -> SummaryRow:
    """The worker's row, or a row that says how the worker died (out of memory, killed)."""
    try:
        row: SummaryRow = future.result()
    except KilledWorker as death:
        facts = {"times": death.allowed_failures + 1, "detail": "killed or out of memory"}
        return failed(job, _name(job), SlideError(_name(job), "worker-died", facts))
    return row


def _name(job: Job) -> str:
    return "slide" if job.pseudonym_key else job.order.path.name


def _summarise(out: Path, rows: Iterable[SummaryRow]) -> None:
    """Write ``summary.csv``: the rows of this run, and of earlier runs those of other slides.

    A slide analysed again (another scale, other settings) has its newest row only: nobody should
    have to choose between two numbers. Earlier results stay in their folders.
    """
    fresh = list(rows)
    ids = {(r.slide_id, r.analysis) for r in fresh}
    names = {(r.slide, r.analysis) for r in fresh if r.slide}
    kept = [
        r
        for r in read_summary(out / SUMMARY)
        if (r.slide_id, r.analysis) not in ids
        and not (r.state == "failed" and (r.slide, r.analysis) in names)
    ]
    write_summary(out / SUMMARY, [*kept, *fresh])
