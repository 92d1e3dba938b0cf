"""Models small enough for tests: real networks with random weights, real cards, real files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from pathology.models.card_toml import card_text
from pathology.models.catalogue import Installed
from pathology.models.network import NucleusNetwork, TissueNetwork
from pathology.models.weights import write_weights
from pathology.records.model import (
    CLASSES,
    ModelCard,
    ModelInput,
    ModelTask,
    NetworkShape,
    NucleusDecoding,
    TrainedOn,
    WeightsFile,
)

NUCLEUS_SHAPE = NetworkShape(form="nucleus-network", encoder="resnet10t", stages=3, decoder=(16, 8))
TISSUE_SHAPE = NetworkShape(form="tissue-network", encoder="resnet10t", stages=4, decoder=(16, 8))
UNKNOWN = "0" * 64


def tiny_card(task: ModelTask = "nuclei", name: str = "tiny") -> ModelCard:
    """A card in order, of weights that are not written yet."""
    nuclei = task == "nuclei"
    decoding = NucleusDecoding(
        least_nucleus=0.5,
        least_centre=0.3,
        least_distance_um=2.0,
        most_offset_um=3.0,
        least_area_um2=5.0,
    )
    return ModelCard(
        schema="pathology.model/1",
        name=name,
        title="Random numbers for tests",
        task=task,
        classes=CLASSES[task],
        network=NUCLEUS_SHAPE if nuclei else TISSUE_SHAPE,
        input=ModelInput(
            stains=("he", "ihc-dab") if nuclei else ("he",),
            mpp=0.5 if nuclei else 2.0,
            finest_mpp=0.4 if nuclei else 1.5,
            coarsest_mpp=0.6 if nuclei else 2.5,
            halo_um=32.0,
            step_px=16,
        ),
        weights=WeightsFile(
            file=f"{name}.safetensors",
            sha256=UNKNOWN,
            licence="CC-BY-NC-SA-4.0",
            research_only=True,
        ),
        training=TrainedOn(
            data=("nothing: weights at random",),
            command="none",
            seed=0,
            steps=0,
            hours=0.0,
            date="2025-01-31",
        ),
        limits=("sees nothing",),
        decoding=decoding if nuclei else None,
    )


def tiny_network(card: ModelCard) -> nn.Module:
    """The network of a tiny card, the same numbers every time, its statistics not trivial."""
    torch.manual_seed(7)
    kind = NucleusNetwork if card.task == "nuclei" else TissueNetwork
    network = kind(card.network, len(card.classes))
    network.train()
    with torch.no_grad():
        network(torch.rand(2, 3, 64, 64))
    return network.eval()


def write_card(folder: Path, card: ModelCard) -> Path:
    path = folder / f"{card.name}.toml"
    path.write_text(card_text(card), encoding="utf-8")
    return path


def install_tiny(folder: Path, card: ModelCard | None = None) -> Installed:
    """Card and weights of a tiny model in a site's folder."""
    card = card or tiny_card()
    sha256 = write_weights(tiny_network(card), folder / card.weights.file)
    card = replace(card, weights=replace(card.weights, sha256=sha256))
    write_card(folder, card)
    return Installed(card=card, folder=folder, shipped=False)
