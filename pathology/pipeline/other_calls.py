"""Nuclei that a person calls otherwise than the program did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pathology.errors import UsageError
from pathology.exchange.cells_judged import PlacedNuclei
from pathology.pipeline.tally import Tally
from pathology.records.correction import CallOrder, Calls, no_calls


def calls_of(orders: Sequence[CallOrder], nuclei: PlacedNuclei) -> Calls:
    """What the orders make of these nuclei; those that stay as they are have no call.

    Raises
    ------
    UsageError
        An order names a nucleus that is not there.
    """
    if not orders:
        return no_calls()
    ids = np.unique(np.concatenate([np.array(o.cell_ids, np.int64) for o in orders]))
    if ids.size and not 0 <= ids[0] <= ids[-1] < nuclei.size:
        raise UsageError("a nucleus is named that the result does not hold. Load the page again")
    cell_class, positive = nuclei.cell_class[ids].copy(), nuclei.positive[ids].copy()
    for order in orders:
        at = np.searchsorted(ids, np.array(order.cell_ids, np.int64))
        if order.cell_class is not None:
            cell_class[at] = order.cell_class
        if order.positive is not None:
            positive[at] = order.positive
    other = (cell_class != nuclei.cell_class[ids]) | (positive != nuclei.positive[ids])
    return Calls(cell_id=ids[other], cell_class=cell_class[other], positive=positive[other])


def called(tally: Tally, calls: Calls) -> Tally:
    """The tally with a person's calls; the one that is given stays as it is."""
    if not len(calls):
        return tally
    before = tally.placed()
    cell_class, positive = before.cell_class.copy(), before.positive.copy()
    cell_class[calls.cell_id] = calls.cell_class
    positive[calls.cell_id] = calls.positive
    return replace(tally, nuclei=[PlacedNuclei(before.centre_px0, cell_class, positive)])


def within(calls: Calls, rows: slice) -> tuple[NDArray[np.int64], slice]:
    """Places among ``rows`` of the table that were called otherwise, and of their calls."""
    first, last = np.searchsorted(calls.cell_id, [rows.start, rows.stop]).tolist()
    return calls.cell_id[first:last] - rows.start, slice(first, last)
