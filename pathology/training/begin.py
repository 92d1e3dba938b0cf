"""The network a training begins with: at random, or an installed model's."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from pathology.errors import UsageError
from pathology.models.catalogue import Installed
from pathology.models.looking import seen_by_looks
from pathology.models.network import NUCLEUS_MAPS, NucleusNetwork, TissueNetwork
from pathology.models.weights import read_network
from pathology.records.model import NetworkShape
from pathology.training.encoder_start import begin_encoder
from pathology.training.recipe import Recipe

PIXELS_A_MAP: Final = {"nuclei": 4, "tissue": 1}
"""Channels of the last layer to one map: the nucleus network writes squares of 2 x 2."""
NEVER: Final = -30.0
"""A logit below all that networks say."""


def first_network(recipe: Recipe) -> nn.Module:
    """What a training from nothing begins with: random weights, and the recipe's encoder.

    Raises
    ------
    UsageError
        The encoder's weights are not installed, or are others; see ``begin_encoder``.
    """
    network = fresh_network(recipe, recipe.network)
    if recipe.encoder_start is not None:
        begin_encoder(network.get_submodule("encoder"), recipe.encoder_start)
    return network


def begun_by_teacher(recipe: Recipe, teacher: Installed) -> nn.Module:
    """A student that sees as its teacher does; it may have yet to learn to tell.

    Raises
    ------
    UsageError
        The teacher's encoder, or all of the network, has another shape.
    ModelRefused
        Its weights cannot be trusted.
    """
    if recipe.teacher is not None and recipe.teacher.gives == "network":
        if teacher.card.network != recipe.network:
            raise UsageError(
                f"{teacher.card.name}: its network is not of the recipe's shape. Write gives = "
                '"encoder" under [teacher], or nothing'
            )
        return _with_weights_of(recipe, teacher)
    network = fresh_network(recipe, recipe.network)
    theirs = read_network(teacher).get_submodule("encoder").state_dict()
    try:
        network.get_submodule("encoder").load_state_dict(theirs, strict=True)
    except RuntimeError as cause:
        raise UsageError(
            f"{teacher.card.name}: its encoder {teacher.card.network.encoder} is not the "
            f"{recipe.network.encoder} of the recipe. Leave gives out of [teacher]"
        ) from cause
    return network


def fresh_network(recipe: Recipe, shape: NetworkShape) -> nn.Module:
    """A network with random weights, the same ones for the same seed."""
    torch.manual_seed(recipe.loop.seed)
    kind = NucleusNetwork if recipe.task == "nuclei" else TissueNetwork
    return kind(shape, len(recipe.classes))


def begun_from(recipe: Recipe, start: Installed) -> nn.Module:
    """A network with an installed model's weights; classes it did not know begin at random.

    Raises
    ------
    UsageError
        The model was not trained here, does something else, or sees at another scale.
    ModelRefused
        Its weights cannot be trusted.
    """
    check_same_kind(recipe, start)
    check_same_scale(recipe, start)
    return _with_weights_of(recipe, start)


def _with_weights_of(recipe: Recipe, start: Installed) -> nn.Module:
    known = read_network(start).state_dict()
    network = fresh_network(recipe, start.card.network)
    known |= _last_layer(recipe, network, start, known)
    network.load_state_dict(known, strict=True)
    return network


class TeacherMaps(nn.Module):
    """A model's maps with its classes in the order of a recipe, and at the recipe's scale."""

    def __init__(self, recipe: Recipe, teacher: Installed) -> None:
        super().__init__()
        self.network = seen_by_looks(read_network(teacher), teacher.card.looks)
        self.before = len(NUCLEUS_MAPS) if recipe.task == "nuclei" else 0
        known = teacher.card.classes
        self.places = [known.index(kind) if kind in known else None for kind in recipe.classes]
        self.enlarged = recipe.input.mpp / teacher.card.input.mpp
        self.step_px = teacher.card.input.step_px

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (b, 3, h, w) -> maps; a class that the teacher does not know is never said."""
        maps = self._maps(pictures)
        never = torch.full_like(maps[:, 0], NEVER)
        classes = [never if p is None else maps[:, self.before + p] for p in self.places]
        return torch.cat([maps[:, : self.before], torch.stack(classes, dim=1)], dim=1)

    def _maps(self, pictures: Tensor) -> Tensor:
        """The teacher sees at its own scale, to a step of its pictures; what it says is resized."""
        if self.enlarged == 1:
            own: Tensor = self.network(pictures)
            return own
        height, width = (
            round(side * self.enlarged / self.step_px) * self.step_px
            for side in pictures.shape[-2:]
        )
        theirs = _resized(self.network(_resized(pictures, height, width)), *pictures.shape[-2:])
        for axis, factor in (
            ("offset_x", pictures.shape[-1] / width),
            ("offset_y", pictures.shape[-2] / height),
        ):
            if self.before:  # offsets are told in pixels
                theirs[:, NUCLEUS_MAPS.index(axis)] *= factor
        return theirs


def _resized(values: Tensor, height: int, width: int) -> Tensor:
    return nn.functional.interpolate(
        values, size=(height, width), mode="bilinear", align_corners=False
    )


def check_same_kind(recipe: Recipe, model: Installed) -> None:
    """Refuse a model that cannot be taught, or teach, by this recipe."""
    card = model.card
    if card.task != recipe.task or card.network.form != recipe.network.form:
        raise UsageError(
            f"{card.name}: is a {card.network.form} for {card.task}; this recipe makes a "
            f"{recipe.network.form}. Choose a model that was trained here"
        )


def check_same_scale(recipe: Recipe, model: Installed) -> None:
    """Refuse a model to go on from that sees at another scale."""
    card = model.card
    if card.input.mpp != recipe.input.mpp:
        raise UsageError(
            f"{card.name}: sees at {card.input.mpp:g} µm/px, the recipe at {recipe.input.mpp:g}. "
            "Choose a recipe of the same scale"
        )


def _last_layer(
    recipe: Recipe, network: nn.Module, start: Installed, known: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Weight and bias of the last layer, class by class in the recipe's order."""
    pixels = PIXELS_A_MAP[recipe.task]
    before = pixels * len(NUCLEUS_MAPS) if recipe.task == "nuclei" else 0
    made = {}
    for name in ("head.weight", "head.bias"):
        new, old = network.state_dict()[name].clone(), known[name]
        new[:before] = old[:before]
        for place, kind in enumerate(recipe.classes):
            if kind in start.card.classes:
                there = before + pixels * start.card.classes.index(kind)
                here = before + pixels * place
                new[here : here + pixels] = old[there : there + pixels]
        made[name] = new
    return made
