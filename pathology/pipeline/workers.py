"""How many workers a machine takes: one place for the rule, asked by ``run``, nights and doctor."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from pathology.pipeline.cluster import default_workers
from pathology.pipeline.eyes import share_a_gpu
from pathology.records.order import DeviceChoice
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings

WORKERS_A_GPU: Final = 2
"""One reads and writes while the other computes; more would crowd each other out of its memory."""


def workers_for(
    settings: RunSettings, analyses: AbstractSet[Analysis], device: DeviceChoice
) -> int:
    """Workers of this machine: by cores and memory, and few where they share a GPU.

    Where the site names cards each has a worker of its own, and the others share none.
    """
    workers = default_workers(settings.site.running)
    if workers <= WORKERS_A_GPU or settings.site.cluster.cards:
        return workers
    return WORKERS_A_GPU if share_a_gpu(settings, set(analyses), device) else workers
