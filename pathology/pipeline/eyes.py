"""Which eyes look at a slide: the models that the site chose for an analysis, or none."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from pathology.errors import ConfigError, ModelRefused, UsageError
from pathology.models.catalogue import Installed, chosen, load_catalogue
from pathology.models.weights_file import weights_state
from pathology.pipeline.glance import Glance, WorkScale, classical_scale
from pathology.pipeline.settings import plain
from pathology.predictions.classical import classical_eyes
from pathology.predictions.network_tissue import reduction_for
from pathology.records.eyes import Eyes
from pathology.records.geometry import Mpp
from pathology.records.model import CLASSICAL, ModelStain, ModelTask
from pathology.records.order import DeviceChoice
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenModels:
    """The models that look at the slides of an analysis; None is classical analysis."""

    nuclei: Installed | None
    tissue: Installed | None

    @property
    def all(self) -> tuple[Installed, ...]:
        """Those there are."""
        return tuple(m for m in (self.nuclei, self.tissue) if m is not None)


def chosen_models(settings: RunSettings, analysis: Analysis) -> ChosenModels:
    """The models of the site settings; cards are read anew, since a site may change its own.

    Raises
    ------
    ModelRefused
        There is no such model, it does something else, or a card is wrong.
    ConfigError
        The tiles' halo is too narrow for what a network needs to see.
    """
    models = settings.site.models
    wanted: dict[str, tuple[str, ModelTask, ModelStain]] = (
        {"nuclei": (models.nuclei_ihc, "nuclei", "ihc-dab")}
        if analysis == "ki67"
        else {
            "nuclei": (models.nuclei_he, "nuclei", "he"),
            "tissue": (models.tissue_he, "tissue", "he"),
        }
    )
    asked = {part: one for part, one in wanted.items() if one[0] != CLASSICAL}
    if not asked:
        return ChosenModels(nuclei=None, tissue=None)
    catalogue = load_catalogue(models.site_folder)
    found = {
        part: chosen(catalogue, name, task=task, stain=stain)
        for part, (name, task, stain) in asked.items()
    }
    for model in found.values():
        _check_halo(model, settings)
    models_chosen = ChosenModels(nuclei=found.get("nuclei"), tissue=found.get("tissue"))
    _check_scales(models_chosen, settings)
    return models_chosen


def check_models(settings: RunSettings, analyses: set[Analysis], device: DeviceChoice) -> None:
    """Refuse at the door what every slide would fail for; loads no network.

    Raises
    ------
    UsageError
        A model cannot be used, its weights are not those of its card, or no network would use the
        GPU that was asked for.
    """
    models: list[Installed] = []
    for analysis in sorted(analyses):
        try:
            models += chosen_models(settings, analysis).all
        except ModelRefused as problem:
            raise UsageError(str(problem)) from problem
    for model in dict.fromkeys(models):
        if (state := weights_state(model)) != "ok":
            raise UsageError(
                f"{model.card.name}: weights {state} ({model.weights_path.name}). "
                "`pathology models verify` says more; install again, or choose another in "
                "[models] of site.toml."
            )
    if device == "cuda" and not models:
        raise UsageError(
            "--device cuda: [models] of site.toml chooses no network for this analysis, and "
            "classical analysis runs on the CPU. Leave --device out."
        )


def share_a_gpu(settings: RunSettings, analyses: set[Analysis], device: DeviceChoice) -> bool:
    """Whether networks will run on this machine's GPU, which all workers then share."""
    if device == "cpu" or not any(chosen_models(settings, one).all for one in analyses):
        return False
    from pathology.models.device import cuda_device  # torch takes seconds to load

    return cuda_device() is not None


def check_gpu() -> None:
    """Refuse ``--device cuda`` on a machine where torch sees no GPU."""
    from pathology.models.device import cuda_device  # torch takes seconds to load

    if cuda_device() is None:
        raise UsageError(
            "--device cuda: torch sees no CUDA GPU on this machine. Install NVIDIA's driver and a "
            "CUDA build of torch (`pathology doctor` looks), or leave --device out."
        )


def work_scale(settings: RunSettings, models: ChosenModels) -> WorkScale:
    """The scale at which the slides of an analysis are looked at."""
    if models.nuclei is None:
        return classical_scale(settings.predictions.scale)
    scale = models.nuclei.card.input
    return WorkScale(
        wanted_mpp=scale.mpp, finest_mpp=scale.finest_mpp, coarsest_mpp=scale.coarsest_mpp
    )


def open_eyes(
    first: Glance, models: ChosenModels, device: DeviceChoice, settings: RunSettings
) -> Eyes:
    """Eyes used to the slide of ``first``.

    Raises
    ------
    ModelRefused
        The weights cannot be trusted or used.
    SlideError
        The device is not to be had.
    """
    classical = classical_eyes(first.samples, first.mpp, first.stains, settings.predictions)
    if not models.all:
        return classical
    from pathology.predictions.network_eyes import network_eyes  # torch takes seconds to load

    nuclei = models.nuclei if first.nuclei_visible else None
    allowed = settings.site.models.allowed_torchscript_sha256
    return network_eyes(classical, nuclei, models.tissue, device, allowed)


def weights_in_use(models: ChosenModels) -> list[str]:
    """SHA-256 of each file of weights, for the key of a result."""
    return [model.card.weights.sha256 for model in models.all]


def reading_of(models: ChosenModels) -> str:
    """Hash of how the cards say that the networks are shown a slide and read, for the key."""
    told = [
        [plain(c.network), plain(c.input), plain(c.decoding), c.classes, c.channels]
        for c in (model.card for model in models.all)
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest() if told else ""


def _check_scales(models: ChosenModels, settings: RunSettings) -> None:
    """Refuse a tissue network that could never look: tiles are reduced for it, never enlarged."""
    if models.tissue is None:
        return
    card, wanted_mpp = models.tissue.card, work_scale(settings, models).wanted_mpp
    if reduction_for(card, Mpp(wanted_mpp)) is None:
        raise ModelRefused(
            f"{card.name}: sees at {card.input.mpp:g} µm/px, and slides are looked at with "
            f"{wanted_mpp:g}, which no whole reduction brings there. Choose a nucleus network of a "
            "finer scale (recipe nuclei-fine), or set work_mpp in predictions.toml"
        )


def _check_halo(model: Installed, settings: RunSettings) -> None:
    halo_um, needed_um = settings.tiles.tiling.halo_um, model.card.input.halo_um
    if halo_um < needed_um:
        raise ConfigError(
            f"tiles.toml: tiling: halo_um is {halo_um:g} µm, and {model.card.name} needs "
            f"{needed_um:g} µm or more"
        )
