"""Which models there are: the shipped ones, and those that a site keeps in a folder of its own.

A model is a card, ``NAME.toml``, and a file of weights. Nothing here loads weights or a library
that could, so that listing is quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pathology.config import load_record, shipped_configs
from pathology.errors import ConfigError, ModelRefused
from pathology.records.model import ModelCard, ModelStain, ModelTask

SHIPPED_WEIGHTS: Final = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A model that is at hand."""

    card: ModelCard
    folder: Path  # where its weights lie
    shipped: bool  # with the package; else the site's own

    @property
    def weights_path(self) -> Path:
        """The file of weights; ``models.weights`` checks it before anything reads it."""
        return self.folder / self.card.weights.file


def load_catalogue(site_folder: Path | None = None) -> Mapping[str, Installed]:
    """Every model by its name, the shipped ones first, each group in alphabetical order.

    Parameters
    ----------
    site_folder
        Holds cards and weights side by side; None where a site has none of its own.

    Raises
    ------
    ModelRefused
        The folder cannot be read, a card is wrong, is not named like its file, or has the name of
        a shipped model: what a result names must be one thing at every site.
    """
    found = dict(_read(shipped_configs() / "models", SHIPPED_WEIGHTS, shipped=True))
    if site_folder is None:
        return MappingProxyType(found)
    for name, own in _read(site_folder, site_folder, shipped=False).items():
        check_not_shipped(name, found)
        found[name] = own
    return MappingProxyType(found)


def check_not_shipped(name: str, catalogue: Mapping[str, Installed]) -> None:
    """Refuse a site's model that would hide a shipped one."""
    if name in catalogue and catalogue[name].shipped:
        raise ModelRefused(
            f"{name}: a shipped model has this name. Give the site's own model another name"
        )


def read_card(path: Path) -> ModelCard:
    """The card in a file; ``ModelRefused`` names the file and what is wrong with it."""
    try:
        return load_record(path, ModelCard)
    except ConfigError as problem:
        raise ModelRefused(f"{problem}. Mend the card") from problem


def chosen(
    catalogue: Mapping[str, Installed], name: str, *, task: ModelTask, stain: ModelStain
) -> Installed:
    """The model called ``name``, if it does this task on this stain.

    Raises
    ------
    ModelRefused
        There is no such model, or it was made for something else; the message names what exists.
    """
    fit = sorted(
        n for n, m in catalogue.items() if m.card.task == task and stain in m.card.input.stains
    )
    exists = f"For {task} on {stain} there are: {', '.join(fit) or 'none'}"
    if name not in catalogue:
        raise ModelRefused(f"{name}: there is no such model. {exists}")
    card = catalogue[name].card
    if card.task != task:
        raise ModelRefused(f"{name}: is a model for {card.task}, not for {task}. {exists}")
    if stain not in card.input.stains:
        made_for = ", ".join(card.input.stains)
        raise ModelRefused(f"{name}: was made for {made_for}, not for {stain}. {exists}")
    return catalogue[name]


def _read(cards: Path, weights: Path, *, shipped: bool) -> Mapping[str, Installed]:
    """The models whose cards lie in a folder; a package without any has no such folder."""
    if shipped and not cards.is_dir():
        return {}
    try:
        paths = sorted(path for path in cards.iterdir() if path.suffix == ".toml")
    except OSError as cause:
        raise ModelRefused(
            f"{cards.name}: the folder of models cannot be read ({cause.strerror}). "
            "Mend folder in [models] of site.toml"
        ) from cause
    found = {}
    for path in paths:
        card = read_card(path)
        if card.name != path.stem:
            raise ModelRefused(
                f"{path.name}: holds the card of {card.name!r}. Call the file {card.name}.toml"
            )
        found[card.name] = Installed(card=card, folder=weights, shipped=shipped)
    return found
