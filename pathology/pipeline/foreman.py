"""The process that a crew's scheduler and the keepers of its workers live in.

Apart from the crew, so that the scheduler can be killed and the night goes on. It reads the
workplace (one line of JSON) from standard input, tells the scheduler's address on standard output,
and lives as long as standard input is open: it dies with its crew, however that dies.

    python -m pathology.pipeline.foreman
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress

import dask

from pathology.errors import ClusterError
from pathology.pipeline.workplace import NETWORK_THREADS, PATIENT, QUIET, Workplace, built

CLOSING_S = 5.0
"""For workers to end by themselves; then they are killed."""


def main() -> int:
    """Build the workplace, tell where it is, wait for the crew to leave."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)  # all that it starts can then be ended together, and nothing else
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # workers inherit it: nothing else is told
    place = Workplace.heard(sys.stdin.readline())
    threads = dict.fromkeys(NETWORK_THREADS, place.threads)
    dask.config.set({**QUIET, **threads, **(PATIENT if place.kind == "local" else {})})
    try:
        cluster = built(place)
    except (ClusterError, OSError, RuntimeError) as problem:
        json.dump({"problem": str(problem)}, told)
        told.close()
        return 1
    json.dump({"address": cluster.scheduler_address, "dashboard": cluster.dashboard_link}, told)
    with suppress(BrokenPipeError):  # the crew died meanwhile: there is nothing to read either
        told.close()
    sys.stdin.read()
    with suppress(OSError, RuntimeError, TimeoutError):
        cluster.close(timeout=CLOSING_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)  # whoever hangs, and this process
    return 0


if __name__ == "__main__":
    sys.exit(main())
