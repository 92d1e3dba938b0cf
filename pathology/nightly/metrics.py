"""Numbers of a running night for Prometheus, on loopback only. Labels are states and stages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from pathology.errors import UsageError
from pathology.records.night import Window
from pathology.records.work import OutcomeKind, WorkState

LOOPBACK: Final = "127.0.0.1"
GIB: Final = 2**30
STAGE_BUCKETS: Final = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
CALL_BUCKETS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class Metrics:
    """Own registry, so that a second night in one process (service mode) begins anew."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.items = Gauge("pathology_items", "Items of the ledger", ["state"], registry=own)
        self.ended = Counter(
            "pathology_attempts", "Attempts that ended tonight", ["outcome"], registry=own
        )
        self.stages = Histogram(
            "pathology_stage_seconds",
            "Seconds of one stage of one slide",
            ["stage"],
            buckets=STAGE_BUCKETS,
            registry=own,
        )
        self.in_flight = Gauge("pathology_in_flight", "Slides with the crew", registry=own)
        self.ledger = Histogram(
            "pathology_ledger_seconds",
            "Seconds of one call of the ledger",
            ["call"],
            buckets=CALL_BUCKETS,
            registry=own,
        )
        self.away = Gauge("pathology_ledger_away", "1 while the ledger is away", registry=own)
        self.free = Gauge("pathology_disk_free_bytes", "Free where results lie", registry=own)
        self.beat = Gauge(
            "pathology_last_heartbeat_timestamp_seconds", "Last sign of life", registry=own
        )
        self.window_ends = Gauge(
            "pathology_window_end_timestamp_seconds", "End of this night", registry=own
        )

    def count(self, counts: Mapping[WorkState, int]) -> None:
        """Items by state; a state that has none is told as 0."""
        for state in ("waiting", "leased", "done", "failed", "set-aside", "stopped"):
            self.items.labels(state).set(counts.get(state, 0))

    def outcome(self, kind: OutcomeKind, stage_s: Mapping[str, float]) -> None:
        """One attempt that ended."""
        self.ended.labels(kind).inc()
        for stage, seconds in stage_s.items():
            self.stages.labels(stage).observe(seconds)

    def beats(self, free_gib: float | None, window: Window | None) -> None:
        """A sign of life."""
        self.beat.set(time.time())
        if free_gib is not None:
            self.free.set(free_gib * GIB)
        if window is not None:
            self.window_ends.set(window.ends_utc.timestamp())

    @contextmanager
    def called(self, call: str) -> Iterator[None]:
        """Time one call of the ledger."""
        with self.ledger.labels(call).time():
            yield


@contextmanager
def exposed(metrics: Metrics, port: int) -> Iterator[str | None]:
    """Serve the metrics at a port of loopback while the block runs; their address, None for 0.

    Raises
    ------
    UsageError
        The port is taken.
    """
    if not port:
        yield None
        return
    try:
        server, thread = start_http_server(port, addr=LOOPBACK, registry=metrics.registry)
    except OSError as cause:
        raise UsageError(
            f"[operating] metrics_port {port} of nightly.toml cannot be listened on "
            f"({cause.strerror}). Choose another, or 0 for none."
        ) from cause
    try:
        yield f"http://{LOOPBACK}:{port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
