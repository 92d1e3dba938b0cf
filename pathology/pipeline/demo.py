"""The demo's slide: a photograph that an installed package ships, with everything unsaid said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pathology.pipeline.store import prepare_output
from pathology.records.order import SlideOrder
from pathology.records.slide import StatedScale
from pathology.tiles.photograph import ihc_photograph

ASSUMED_MPP = 0.5
"""Nobody states the photograph's scale; at 0.5 µm/px its nuclei have the size of nuclei."""

NAME = "demo-colon-FHL2.png"


def demo_order(out: Path) -> SlideOrder:
    """Write the photograph into ``out`` and order a labelling index of it.

    The marker is FHL2, so the Ki-67 index is not measurable and the index bears its own name.
    """
    prepare_output(out)
    path = out / NAME
    Image.fromarray(np.ascontiguousarray(ihc_photograph())).save(path)
    return SlideOrder(
        path=path,
        analysis="ki67",
        marker="FHL2",
        marker_source="user",
        said=StatedScale(mpp=ASSUMED_MPP, source="assumed"),
    )
