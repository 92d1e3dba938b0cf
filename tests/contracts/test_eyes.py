"""The ``Eyes`` contract, kept by classical eyes and by networks."""

from __future__ import annotations

import pytest
import torch

from pathology.predictions.classical import classical_eyes
from pathology.predictions.devices import Device
from pathology.predictions.forward import Network
from pathology.predictions.network_eyes import NetworkEyes
from tests.contracts.eyes_contract import EyesContract, OpenEyes
from tests.painted_networks import SeesColours, SeesDiscs, colour_card, disc_card
from tests.predictions.cutting import SETTINGS

CPU = Device(kind="cpu", name="cpu", bf16=False)


class TestClassicalEyes(EyesContract):
    centre_px = 1e-6

    @pytest.fixture
    def open_eyes(self) -> OpenEyes:
        return lambda samples, mpp, stains: classical_eyes(samples, mpp, stains, SETTINGS)


class _Networks(EyesContract):
    """A pixel on the edge of a nucleus may change sides: 2 % of an area, half a pixel."""

    centre_px = 0.5
    area_share = 0.02
    device = CPU
    tissue = True

    @pytest.fixture
    def open_eyes(self) -> OpenEyes:
        discs = Network(disc_card(), SeesDiscs().eval(), self.device)
        colours = Network(colour_card(), SeesColours().eval(), self.device)

        def opened(samples, mpp, stains):
            return NetworkEyes(
                classical=classical_eyes(samples, mpp, stains, SETTINGS),
                nuclei=discs,
                tissue=colours if self.tissue else None,
            )

        return opened


class TestNetworks(_Networks):
    pass


class TestNetworkOfNucleiAlone(_Networks):
    tissue = False


class TestNetworksInHalfPrecision(_Networks):
    """bf16 keeps eight bits: the tolerance of an area is wider."""

    device = Device(kind="cpu", name="cpu", bf16=True)
    area_share = 0.05


if torch.cuda.is_available():

    class TestNetworksOnAGpu(TestNetworksInHalfPrecision):
        device = Device(kind="cuda", name="gpu", bf16=True)
