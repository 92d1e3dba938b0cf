"""Models tried out before slides are shown to them, and brought in by a site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pathology.errors import ModelRefused
from pathology.models.catalogue import Installed, load_catalogue
from pathology.models.importing import Offer, import_model
from pathology.models.smoke import check_sees
from pathology.models.weights import read_network
from pathology.records.settings.site import ModelsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of trying one model."""

    name: str
    problem: str  # "" where there is none


def try_models(settings: ModelsSettings, name: str | None = None) -> tuple[Trial, ...]:
    """Hash, load and run one model, or all; ``ModelRefused`` only where a card is wrong."""
    catalogue = load_catalogue(settings.site_folder)
    if name is None:
        return tuple(_tried(installed, settings) for installed in catalogue.values())
    if name not in catalogue:
        raise ModelRefused(
            f"{name}: there is no such model. There are: {', '.join(catalogue) or 'none'}"
        )
    return (_tried(catalogue[name], settings),)


def bring_in(settings: ModelsSettings, file: Path, card: Path, folder: Path) -> Installed:
    """Import a model into a folder; see ``models.importing.import_model``."""
    return import_model(
        Offer(
            file=file,
            card=card,
            folder=folder,
            allowed_torchscript=settings.allowed_torchscript_sha256,
        )
    )


def _tried(installed: Installed, settings: ModelsSettings) -> Trial:
    try:
        network = read_network(installed, settings.allowed_torchscript_sha256)
        check_sees(installed.card, network)
    except ModelRefused as problem:
        return Trial(name=installed.card.name, problem=str(problem))
    return Trial(name=installed.card.name, problem="")
