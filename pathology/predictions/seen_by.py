"""What is to be said of numbers that rest on a network; its weights need not be at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pathology.records.eyes import SeenBy
from pathology.records.model import ModelCard, ModelForm
from pathology.records.result import ModelUsed

OF_FORM: Final[Mapping[ModelForm, tuple[str, ...]]] = {
    "instanseg": (
        "Contrast is judged tile by tile, as InstanSeg does, so outlines differ with the cut.",
    ),
}
"""Limits that no card may leave out."""


def seen_by(card: ModelCard) -> SeenBy:
    """What is to be said of numbers that rest on the network of a card."""
    weights = card.weights
    return SeenBy(
        model=ModelUsed(name=card.name, weights_sha256=weights.sha256, licence=weights.licence),
        classical=False,
        research_only=weights.research_only,
        limits=card.limits + OF_FORM.get(card.network.form, ()),
        organs=card.organs,
    )
