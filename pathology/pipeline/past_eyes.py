"""Who saw the slide of a stored result, from the cards at hand; no network is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from pathology.errors import ModelRefused, UsageError
from pathology.models.catalogue import Installed, load_catalogue
from pathology.pipeline.eyes import ChosenModels
from pathology.predictions.classical import BASELINE
from pathology.predictions.seen_by import seen_by
from pathology.records.eyes import PastEyes
from pathology.records.model import ModelTask
from pathology.records.result import StoredResult, StoredRun
from pathology.records.settings.site import ModelsSettings


def past_models(result: StoredResult, site: ModelsSettings) -> ChosenModels:
    """The models that a result rests on; None is classical analysis.

    Raises
    ------
    UsageError
        A card is not at hand any more, or it is wrong: what must be said of the numbers is in it.
    """
    found: dict[ModelTask, Installed] = {m.card.task: m for m in _known(result, site)}
    return ChosenModels(nuclei=found.get("nuclei"), tissue=found.get("tissue"))


def _known(result: StoredResult, site: ModelsSettings) -> Iterator[Installed]:
    try:
        catalogue = load_catalogue(site.site_folder)
    except ModelRefused as problem:
        raise UsageError(str(problem)) from problem
    for used in result.models:
        if used == BASELINE.model:
            continue
        model = catalogue.get(used.name)
        if model is None or model.card.weights.sha256 != used.weights_sha256:
            raise UsageError(
                f"the result rests on {used.name} ({(used.weights_sha256 or 'no weights')[:8]}), "
                "and its card is not at hand. Give the settings folder whose [models] names the "
                "card's folder (--settings), or run the analysis again"
            )
        yield model


def past_eyes(models: ChosenModels, run: StoredRun) -> PastEyes:
    """Who saw the slide, and what is to be said of numbers that rest on them."""
    nuclei, tissue = models.nuclei, models.tissue
    return PastEyes(
        nuclei_by=BASELINE if nuclei is None else seen_by(nuclei.card),
        tissue_by=BASELINE if tissue is None else seen_by(tissue.card),
        work=run.networks,
    )
