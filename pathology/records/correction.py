"""What a person corrects of a result: regions, places to count, and calls of single nuclei."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pathology.records.prediction import CellClass, Positivity
from pathology.records.region import SlideRegion

WhyCorrected = Literal["region", "left-out", "place", "nuclei", "other"]
"""Why, in a word that can name nobody; what is said beside it belongs into the sealed record."""
WHY_CORRECTED: Final[tuple[WhyCorrected, ...]] = get_args(WhyCorrected)
PERSON: Final = "person"
"""Author of a result in a person's regions where it is not known who it was."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calls:
    """What a person calls nuclei (n,), in place of what the program called them."""

    cell_id: NDArray[np.int64]  # ascending, each once; the row of ``cells.parquet``
    cell_class: NDArray[np.uint8]  # CellClass
    positive: NDArray[np.int8]  # Positivity

    def __len__(self) -> int:
        return len(self.cell_id)


def no_calls() -> Calls:
    """Of no nucleus."""
    return Calls(
        cell_id=np.empty(0, np.int64),
        cell_class=np.empty(0, np.uint8),
        positive=np.empty(0, np.int8),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CallOrder:
    """Some nuclei are to be called otherwise; None leaves class or positivity as it is."""

    cell_ids: tuple[int, ...]
    cell_class: CellClass | None = None
    positive: Positivity | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Correction:
    """All that a person changes at one time. ``drawn`` is every region that counts, not a part."""

    drawn: tuple[SlideRegion, ...] = ()
    orders: tuple[CallOrder, ...] = ()  # later ones win
    digest: str = ""  # SHA-256 of what the person gave
    author: str = PERSON  # an account
    why: WhyCorrected | None = None
    alone: bool = False  # refuse where another correction of the same result was kept
