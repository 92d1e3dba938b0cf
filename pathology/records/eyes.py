"""What sees nuclei and tissue: classical analysis or networks, behind one protocol."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pathology.records.prediction import Calibration, Nuclei
from pathology.records.result import ModelUsed, NetworkWork
from pathology.records.tile import Tile


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBy:
    """Who sees nuclei, or tissue, and what is to be said of every number that rests on it."""

    model: ModelUsed
    classical: bool
    research_only: bool = False
    limits: tuple[str, ...] = ()  # plain sentences
    organs: tuple[str, ...] = ()  # of the training images, where only some were shown


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledNuclei:
    """Nuclei of the slide's sample patches, (n,) each."""

    area_um2: NDArray[np.floating]
    dab_od: NDArray[np.floating]  # mean DAB optical density; NaN without DAB
    nuclear_od: float  # threshold of the nuclear signal; NaN where a network finds the nuclei


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileSeen:
    """What eyes saw in a tile."""

    tile: Tile
    nuclei: Nuclei  # whose peak or seed lies in the core
    classes: NDArray[np.uint8]  # (rows, columns) TissueClass of each map pixel of the core


class Witness(Protocol):
    """Who has seen a slide."""

    @property
    def nuclei_by(self) -> SeenBy:
        """Who sees nuclei."""
        ...

    @property
    def tissue_by(self) -> SeenBy:
        """Who sees tissue."""
        ...

    @property
    def work(self) -> NetworkWork | None:
        """How networks have worked so far; None for eyes without any."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEyes:
    """Eyes that saw a slide once, as a result tells of them; they look no more."""

    nuclei_by: SeenBy
    tissue_by: SeenBy
    work: NetworkWork | None


class Eyes(Witness, Protocol):
    """Eyes used to one slide. What they see at a place does not depend on how tiles are cut.

    Networks see it within the tolerance that ``tests/contracts`` states; classical eyes exactly.
    """

    def sample(self, samples: Sequence[NDArray[np.uint8]]) -> SampledNuclei:
        """Nuclei in patches (h, w, 3) of tissue at the work scale, to calibrate the slide by."""
        ...

    def see(
        self, tiles: Iterable[Tile], calibration: Calibration | None
    ) -> Generator[TileSeen, None, None]:
        """What is in each of the tiles, in their order; a bounded number of them is in memory.

        Without ``calibration`` the scan is too coarse for nuclei, and none are looked for. Close
        the generator where you leave it early: threads may be at work behind it.

        Raises
        ------
        SlideError
            A network gave no numbers, or the GPU was lost or too small.
        """
        ...


def models_of(eyes: Witness) -> tuple[ModelUsed, ...]:
    """The models behind the eyes, each once."""
    return tuple(dict.fromkeys((eyes.nuclei_by.model, eyes.tissue_by.model)))
