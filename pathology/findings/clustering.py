"""What it costs that nuclei of a kind lie together: intervals wider than counting alone.

Nuclei of one block of tissue resemble each other. How much, the intra-class correlation of the
slide's own blocks says (one-way analysis of variance for a binary outcome: Ridout, Demétrio &
Firth, Biometrics 1999). Fields of ``m`` nuclei are then worth ``n / (1 + (m - 1) * correlation)``
independent ones (Kish, Survey Sampling, 1965).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pathology.findings.bootstrap import block_bootstrap
from pathology.findings.interval import wilson_interval
from pathology.findings.windows import ScoredNuclei
from pathology.records.finding import Clustered
from pathology.records.settings.ki67 import ClusteringRule


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """Positive and scored nuclei of the squares of tissue that hold any, (b,) each."""

    positive: NDArray[np.int64]
    scored: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scored)


def blocks_of(nuclei: ScoredNuclei, side_um: float) -> Blocks:
    """The nuclei by squares of ``side_um``, from the slide's corner."""
    cells = np.floor(nuclei.centre_um / side_um).astype(np.int64)
    kinds, which = np.unique(cells, axis=0, return_inverse=True)
    which = which.ravel()
    return Blocks(
        positive=np.bincount(which[nuclei.positive], minlength=len(kinds)),
        scored=np.bincount(which, minlength=len(kinds)),
    )


def correlation_of(blocks: Blocks) -> float:
    """Intra-class correlation of the call within blocks, in [0, 1]; 0 where none shows."""
    n, k = blocks.scored.astype(float), len(blocks)
    total = n.sum()
    if k < 2 or total <= k:
        return 0.0
    share, all_share = blocks.positive / n, blocks.positive.sum() / total
    between = float((n * (share - all_share) ** 2).sum()) / (k - 1)
    within = float((n * share * (1 - share)).sum()) / (total - k)
    size = (total - (n**2).sum() / total) / (k - 1)
    spread = between + (size - 1) * within
    return 0.0 if spread <= 0 else float(np.clip((between - within) / spread, 0, 1))


def global_clustered(blocks: Blocks, rule: ClusteringRule) -> Clustered | None:
    """Block bootstrap of the index of the whole slide; None with too few blocks to learn from."""
    if len(blocks) < rule.least_blocks:
        return None
    low, high = block_bootstrap(
        blocks.positive, blocks.scored, resamples=rule.resamples, seed=rule.seed
    )
    return Clustered(low=low, high=high, interval="block-bootstrap-95", blocks=len(blocks))


def fields_clustered(
    share: float, sizes: tuple[float, ...], blocks: Blocks, rule: ClusteringRule
) -> Clustered | None:
    """Wilson interval of ``share`` at the effective number of nuclei of fields of ``sizes``."""
    if len(blocks) < rule.least_blocks:
        return None
    correlation = correlation_of(blocks)
    effective = sum(n / (1 + max(n - 1, 0) * correlation) for n in sizes)
    low, high = wilson_interval(share * effective, effective)
    return Clustered(low=low, high=high, interval="wilson-effective-95", blocks=len(blocks))
