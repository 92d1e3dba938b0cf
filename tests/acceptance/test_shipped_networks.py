"""The networks that come with the package: chosen by default, named in results, steady."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pathology.models.catalogue import Installed, load_catalogue
from pathology.models.weights import read_network
from pathology.models.weights_file import weights_state
from pathology.pipeline.settings import load_settings
from pathology.predictions.calibration import calibration_of
from pathology.predictions.classical import classical_eyes
from pathology.predictions.devices import Device
from pathology.predictions.forward import Network
from pathology.predictions.network_eyes import NetworkEyes
from pathology.predictions.stain import estimate_stains
from pathology.records.eyes import TileSeen
from pathology.records.geometry import Mpp
from pathology.tiles.photograph import ihc_photograph
from pathology.training.field_scores import nucleus_scores
from pathology.training.metrics import DETECTION
from pathology.training.nuclei_seen import nuclei_by_network
from pathology.training.public_sets import READERS
from tests.acceptance.conftest import Finished
from tests.predictions.cutting import SETTINGS, cut

BY_TISSUE = {"tumour.area", "tumour.nests", "margin.length"}
"""Rest on no network: tissue is classical by default."""
Pathology = Callable[..., Finished]
SHIPPED = load_catalogue()
EXACT = Device(kind="cpu", name="cpu", bf16=False)
QUICK = replace(EXACT, bf16=True)
MPP = 0.5
LARGEST_BYTES = 25 * 10**6


@lru_cache
def network(name: str, device: Device = EXACT) -> Network:
    return Network(SHIPPED[name].card, read_network(SHIPPED[name]), device)


def seen(pixels: NDArray[np.uint8], core_px: int, device: Device = EXACT) -> list[TileSeen]:
    """A picture in tiles as wide as ``core_px``, as a slide is seen."""
    mpp, stains = Mpp(MPP), estimate_stains([pixels], SETTINGS.stain)
    eyes = NetworkEyes(
        classical=classical_eyes([pixels], mpp, stains, SETTINGS),
        nuclei=network("nuclei-1", device),
        tissue=network("tissue-1", device),
    )
    calibration = calibration_of(eyes.sample([pixels]), np.nan, stains, SETTINGS)
    halo_um = load_settings().tiles.tiling.halo_um
    return list(eyes.see(cut(pixels, MPP, core_px, halo_um=halo_um), calibration))


@pytest.mark.parametrize("model", SHIPPED.values(), ids=list(SHIPPED))
def test_a_shipped_model_is_whole_small_and_honest(model: Installed) -> None:
    card = model.card
    assert weights_state(model) == "ok"
    assert model.weights_path.stat().st_size <= LARGEST_BYTES
    assert (card.weights.licence, card.weights.research_only) == ("CC-BY-NC-SA-4.0", True)
    assert any(one.evidence in ("held-out", "recipe") for one in card.results)
    assert all(one.low <= one.value <= one.high for one in card.results)
    assert card.limits
    assert "Apache-2.0" in " ".join(card.training.data)  # what the encoder began with


def test_the_shipped_settings_choose_the_shipped_networks() -> None:
    models = load_settings().site.models
    chosen = {models.nuclei_he, models.nuclei_ihc, models.tissue_he}
    assert chosen == {"nuclei-1", "classical"}


@pytest.mark.parametrize("core_px", [96, 160])
def test_what_is_seen_does_not_depend_on_the_cut(core_px: int) -> None:
    """Of real cells, 98 in 100 and more are found in every cut, the same class and nearly there."""
    picture = np.ascontiguousarray(ihc_photograph())
    whole, parts = seen(picture, 4096), seen(picture, core_px)
    one = np.concatenate([t.nuclei.centre_px0 for t in whole])
    other = np.concatenate([t.nuclei.centre_px0 for t in parts])
    assert len(one) > 100
    gap, place = cKDTree(one).query(other)
    assert (gap < 2).mean() > 0.98
    assert abs(len(one) - len(other)) <= 0.02 * len(one)
    same = gap < 2
    classes = np.concatenate([t.nuclei.cell_class for t in parts])[same]
    wanted = np.concatenate([t.nuclei.cell_class for t in whole])[place[same]]
    assert (classes == wanted).mean() > 0.98


def test_half_precision_finds_the_same_cells() -> None:
    picture = np.ascontiguousarray(ihc_photograph()[:256, :256])
    exact, quick = seen(picture, 4096), seen(picture, 4096, QUICK)
    one = np.concatenate([t.nuclei.centre_px0 for t in exact])
    other = np.concatenate([t.nuclei.centre_px0 for t in quick])
    gap, _ = cKDTree(one).query(other)
    assert (gap < 2).mean() > 0.97
    assert abs(len(one) - len(other)) <= 0.03 * len(one)


def test_results_rest_on_the_shipped_networks_and_say_so(
    pathology: Pathology, ihc_slide: Path, he_slide: Path, tmp_path: Path
) -> None:
    """With the settings as they come; a folder that changes nothing stands for them."""
    own = tmp_path / "settings"
    own.mkdir()
    shipped = Path(__file__).parents[2] / "configs" / "ki67.toml"
    (own / "ki67.toml").write_bytes(shipped.read_bytes())
    for slide, analysis, models in (
        (ihc_slide, "ki67", ["nuclei-1", "classical-baseline/1"]),  # no tissue network knows DAB
        (he_slide, "infiltration", ["nuclei-1", "classical-baseline/1"]),
    ):
        run = pathology(
            "run", slide, "--analysis", analysis, "--settings", own, out=tmp_path / analysis
        )
        assert run.code == 0, run.stderr
        told = run.findings(slide.name)
        assert [m["name"] for m in told["provenance"]["models"]] == models
        assert "research-weights" in told["quality"]["flags"]
        for finding in told["findings"]:
            research = any("for research only" in caveat for caveat in finding["caveats"])
            assert research == (finding["name"] not in BY_TISSUE)
        ran = json.loads((run.result(slide.name) / "run.json").read_text(encoding="utf-8"))
        assert ran["networks"]["seconds"]["forward"] > 0


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("dataset", "match_um", "floor"), [("crchisto-test", 3.3, 0.68), ("consep-test", 3.0, 0.70)]
)
def test_cells_of_held_out_images_are_found(
    real_data: Callable[..., Path], dataset: str, match_um: float, floor: float
) -> None:
    """The card's figure in small: three images stay above what is asked of all of them."""
    real_data("he")
    fields = list(islice(READERS[dataset](real_data()), 3))
    scores = []
    for field in fields:
        found = nuclei_by_network(field, network("nuclei-1"), SETTINGS)
        assert found is not None
        scores.append(nucleus_scores(field, found, match_um, []))
    (measure,) = (m for m in scores[0] if m.name.startswith(DETECTION))
    assert measure.over([one[measure] for one in scores]).value > floor


@pytest.mark.real_data
def test_a_second_larger_look_outlines_nuclei_better(real_data: Callable[..., Path]) -> None:
    """What ``nuclei-fine-twice-1`` is for, on three images of CoNSeP that no weights have seen."""
    real_data("he")
    fields = list(islice(READERS["consep-test"](real_data()), 3))
    quality = {}
    for name in ("nuclei-fine-1", "nuclei-fine-twice-1"):
        found = [nuclei_by_network(field, network(name), SETTINGS) for field in fields]
        scores = [
            nucleus_scores(field, one, 3.0, [])
            for field, one in zip(fields, found, strict=True)
            if one is not None
        ]
        assert len(scores) == len(fields)
        for measure in scores[0]:
            quality[name, measure.name] = measure.over([one[measure] for one in scores]).value
    once, twice = (
        quality[name, "PQ, mean of images"] for name in ("nuclei-fine-1", "nuclei-fine-twice-1")
    )
    assert twice > once + 0.005
