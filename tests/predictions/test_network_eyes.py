"""A network of the shipped kind sees the same however a slide is cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from pathology.predictions.classical import classical_eyes
from pathology.predictions.devices import Device
from pathology.predictions.forward import Network
from pathology.predictions.network_eyes import NetworkEyes
from pathology.predictions.network_nuclei import cell_classes
from pathology.predictions.network_tissue import tissue_enum
from pathology.records.eyes import TileSeen
from pathology.records.geometry import Mpp
from pathology.records.model import NetworkShape
from pathology.records.prediction import CellClass, TissueClass
from tests.painted import paint_nuclei
from tests.painted_networks import colour_card
from tests.predictions.cutting import SETTINGS, cut, learned
from tests.tiny_models import tiny_card, tiny_network

PAINTING = paint_nuclei(width=704, height=560, spacing_um=12.0, margin_um=10.0, stain="he")
STAINS, CALIBRATION = learned(PAINTING.pixels, 0.5)


def residual(device: Device) -> Network:
    """A ResNet-18 of four stages with random weights; thresholds that make it see a crowd."""
    shape = NetworkShape(form="nucleus-network", encoder="resnet18", stages=4, decoder=(32, 16, 16))
    card = replace(tiny_card(), network=shape)
    network = Network(card, tiny_network(card), device)
    (pending,) = network.forward([PAINTING.pixels])
    told = pending.maps().astype(np.float64)

    def height(channel: int, share: float) -> float:
        return float(1 / (1 + np.exp(-np.quantile(told[channel], share))))

    decoding = replace(
        card.decoding,
        least_nucleus=height(0, 0.5),
        least_centre=height(1, 0.7),
        least_area_um2=4.0,
    )
    network.card = replace(card, decoding=decoding)
    return network


def eyes(device: Device) -> NetworkEyes:
    card = replace(tiny_card("tissue"), input=colour_card().input)
    return NetworkEyes(
        classical=classical_eyes([PAINTING.pixels], Mpp(0.5), STAINS, SETTINGS),
        nuclei=residual(device),
        tissue=Network(card, tiny_network(card), device),
    )


def seen(used: NetworkEyes, core_px: int) -> list[TileSeen]:
    return list(used.see(cut(PAINTING.pixels, 0.5, core_px), CALIBRATION))


@pytest.mark.parametrize("bf16", [False, True], ids=["fp32", "bf16"])
def test_the_cut_changes_nothing_but_the_last_bits(
    bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = eyes(Device(kind="cpu", name="cpu", bf16=bf16))
    (whole,) = seen(used, 4096)
    assert len(whole.nuclei) > 300
    # Another halo: pictures would begin at other places of the network's squares of 16 px.
    monkeypatch.setattr("tests.predictions.cutting.HALO_UM", 50.0)
    for core_px in (128, 208):
        tiles = seen(used, core_px)
        centres = np.concatenate([t.nuclei.centre_px0 for t in tiles])
        areas = np.concatenate([t.nuclei.area_um2 for t in tiles])
        gap, place = cKDTree(whole.nuclei.centre_px0).query(centres)
        assert abs(len(centres) - len(whole.nuclei)) <= 0.01 * len(whole.nuclei)
        assert np.mean(gap < 0.5) > 0.99
        same = np.abs(areas / whole.nuclei.area_um2[place] - 1) < 0.05
        assert np.mean(same) > 0.99
        differing = 0
        for tile in tiles:
            row, column = tile.tile.core.y // 16, tile.tile.core.x // 16
            height, width = tile.classes.shape
            part = whole.classes[row : row + height, column : column + width]
            differing += int((part != tile.classes).sum())
        assert differing <= 0.01 * whole.classes.size


def test_classes_go_by_their_names() -> None:
    card = replace(tiny_card(), classes=("stroma", "tumour", "other", "lymphocyte"))
    assert [CellClass(c).name for c in cell_classes(card)] == [
        "STROMA",
        "TUMOUR",
        "OTHER",
        "LYMPHOCYTE",
    ]
    tissue = tissue_enum(tiny_card("tissue"))
    assert TissueClass.NORMAL in tissue
    assert [TissueClass(c).name.lower() for c in tissue] == list(tiny_card("tissue").classes)
