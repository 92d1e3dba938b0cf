"""Installed models that a training begins with or learns from."""

from __future__ import annotations

from pathlib import Path

from pathology.errors import UsageError
from pathology.models.catalogue import Installed, load_catalogue, read_card


def known_model(name: str, site_folder: Path | None) -> Installed:
    """The model called ``name``, shipped or the site's own.

    Raises
    ------
    UsageError
        There is no such model; the message names those there are.
    ModelRefused
        A card in the site's folder is wrong.
    """
    catalogue = load_catalogue(site_folder)
    if name not in catalogue:
        raise UsageError(
            f"{name}: there is no such model. There are: {', '.join(catalogue) or 'none'}"
        )
    return catalogue[name]


def named_or_card(text: str, site_folder: Path | None) -> Installed:
    """The model of a name, or of a card file ``NAME.toml`` that has its weights beside it.

    Raises
    ------
    UsageError
        There is no such model, or the file is not called like the model of its card.
    ModelRefused
        A card is wrong.
    """
    path = Path(text)
    if path.suffix != ".toml":
        return known_model(text, site_folder)
    card = read_card(path)
    if card.name != path.stem:
        raise UsageError(f"{path.name}: holds the card of {card.name!r}. Rename the file")
    return Installed(card=card, folder=path.absolute().parent, shipped=False)
