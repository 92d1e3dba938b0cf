"""The models at hand, for people who want to know what their numbers come from."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.errors import ModelRefused
from pathology.models.catalogue import Installed, load_catalogue
from pathology.models.weights_file import WeightsState, weights_state
from pathology.records.model import ModelCard
from pathology.records.settings.site import ModelsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """One line of the catalogue."""

    card: ModelCard
    shipped: bool
    weights: WeightsState


def listed_models(settings: ModelsSettings) -> tuple[ListedModel, ...]:
    """Every model at hand; ``ModelRefused`` where a card is wrong."""
    return tuple(map(_listed, load_catalogue(settings.site_folder).values()))


def listed_model(settings: ModelsSettings, name: str) -> ListedModel:
    """The model of this name; ``ModelRefused`` names those there are."""
    catalogue = load_catalogue(settings.site_folder)
    if name not in catalogue:
        raise ModelRefused(
            f"{name}: there is no such model. There are: {', '.join(catalogue) or 'none'}"
        )
    return _listed(catalogue[name])


def _listed(installed: Installed) -> ListedModel:
    return ListedModel(
        card=installed.card, shipped=installed.shipped, weights=weights_state(installed)
    )
