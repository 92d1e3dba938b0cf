"""``--mpp``: a scale that a person answers for, refused like a manifest's where it is none."""

from __future__ import annotations

import argparse
import math


def scale_mpp(text: str) -> float:
    """``text`` as µm/px, finite and positive.

    Raises
    ------
    ArgumentTypeError
        It is no scale; argparse says so and ends with exit code 2.
    """
    try:
        mpp = float(text)
    except ValueError:
        mpp = math.nan
    if not (math.isfinite(mpp) and mpp > 0):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no scale in µm/px, such as 0.25")
    return mpp
