"""Which models look at a slide, and that a result's key knows them."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pathology.config import shipped_configs
from pathology.errors import ConfigError, ModelRefused, UsageError
from pathology.models.catalogue import Installed
from pathology.models.weights import write_weights
from pathology.pipeline import store
from pathology.pipeline.eyes import (
    check_gpu,
    check_models,
    chosen_models,
    share_a_gpu,
    work_scale,
)
from pathology.pipeline.flags import flags_of
from pathology.pipeline.run_slide import Job, label
from pathology.pipeline.settings import load_settings
from pathology.pipeline.stages import run_slide
from pathology.records.eyes import SeenBy
from pathology.records.geometry import Mpp
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.result import ModelUsed, NetworkWork
from pathology.records.settings.run import RunSettings
from tests import painted
from tests.sites import classical
from tests.tiny_models import install_tiny, tiny_card, tiny_network, write_card


def settings_with(folder: Path, **names: str) -> RunSettings:
    """Settings of a site whose own models lie in ``folder``; what is not named is classical."""
    return classical(load_settings(), folder=str(folder), **names)


@pytest.fixture
def tiny(tmp_path: Path) -> Installed:
    return install_tiny(tmp_path)


@pytest.fixture
def job(tmp_path: Path, tiny: Installed) -> Job:
    slide = painted.write_tiff(tmp_path / "slide.tif", painted.paint_nuclei().pixels, mpp=0.5)
    store.prepare_output(tmp_path / "out")
    return Job(
        order=SlideOrder(path=slide, analysis="ki67", marker="ki67", marker_source="user"),
        options=RunOptions(out=tmp_path / "out", device="cpu"),
        settings=settings_with(tmp_path, nuclei_ihc="tiny"),
        pseudonym_key=None,
    )


def test_each_analysis_has_the_models_of_its_stain(tmp_path: Path) -> None:
    install_tiny(tmp_path)
    install_tiny(tmp_path, tiny_card("tissue", "tissue"))
    settings = settings_with(tmp_path, nuclei_he="tiny", tissue_he="tissue")
    he = chosen_models(settings, "infiltration")
    assert [m.card.name for m in he.all] == ["tiny", "tissue"]
    assert chosen_models(settings, "ki67").all == ()


def test_classical_settings_need_no_catalogue(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("no card")
    assert chosen_models(settings_with(tmp_path), "infiltration").all == ()


def test_a_model_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, nuclei_ihc="nobody")
    with pytest.raises(ModelRefused, match="no such model"):
        chosen_models(settings, "ki67")
    with pytest.raises(UsageError, match="no such model"):
        check_models(settings, {"ki67"}, "auto")


def test_weights_are_looked_at_before_any_slide(tiny: Installed, tmp_path: Path) -> None:
    settings = settings_with(tmp_path, nuclei_ihc="tiny")
    check_models(settings, {"ki67"}, "auto")
    tiny.weights_path.write_bytes(tiny.weights_path.read_bytes()[:-9])
    with pytest.raises(UsageError, match="tiny: weights wrong"):
        check_models(settings, {"ki67"}, "auto")
    check_models(settings, {"infiltration"}, "auto")  # which does not use it
    tiny.weights_path.unlink()
    with pytest.raises(UsageError, match="tiny: weights missing"):
        check_models(settings, {"ki67"}, "auto")


def test_a_gpu_for_nothing_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no network for this analysis"):
        check_models(settings_with(tmp_path), {"ki67"}, "cuda")


def test_a_gpu_that_is_not_there_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pathology.models.device.cuda_device", lambda: None)
    with pytest.raises(UsageError, match="sees no CUDA GPU"):
        check_gpu()


def test_a_halo_that_a_network_does_not_fit_in_is_refused(tmp_path: Path) -> None:
    card = tiny_card()
    install_tiny(tmp_path, replace(card, input=replace(card.input, halo_um=200.0)))
    with pytest.raises(ConfigError, match=r"halo_um is .* tiny needs 200 µm"):
        chosen_models(settings_with(tmp_path, nuclei_ihc="tiny"), "ki67")


def test_the_shipped_halo_fits_the_shipped_models() -> None:
    for analysis in ("ki67", "infiltration"):
        chosen_models(load_settings(), analysis)


@pytest.mark.parametrize(
    ("mpp", "downsample"),
    [(0.25, 2.0), (0.5, 1.0), (0.125, 4.0), (0.26, 2.0), (0.55, 1.0), (0.7, 1.0)],
)
def test_a_power_of_two_is_taken_where_it_is_near_enough(
    tiny: Installed, tmp_path: Path, mpp: float, downsample: float
) -> None:
    settings = settings_with(tmp_path, nuclei_ihc="tiny")
    scale = work_scale(settings, chosen_models(settings, "ki67"))
    assert scale.downsample(Mpp(mpp)) == downsample


@pytest.mark.parametrize("mpp", [0.3, 0.345, 0.172])
def test_between_two_powers_the_networks_own_scale_is_made(
    tiny: Installed, tmp_path: Path, mpp: float
) -> None:
    settings = settings_with(tmp_path, nuclei_ihc="tiny")
    scale = work_scale(settings, chosen_models(settings, "ki67"))
    assert mpp * scale.downsample(Mpp(mpp)) == pytest.approx(0.5)
    classical = work_scale(settings, chosen_models(settings, "infiltration"))
    assert classical.downsample(Mpp(mpp)) in (1.0, 2.0)


def test_the_key_of_a_result_knows_the_weights_and_how_they_are_read(
    job: Job, tiny: Installed, tmp_path: Path
) -> None:
    keys = {label(job).key, label(replace(job, settings=settings_with(tmp_path))).key}
    decoding = replace(tiny.card.decoding, least_centre=0.4)
    write_card(tmp_path, replace(tiny.card, decoding=decoding))
    keys.add(label(job).key)
    write_card(tmp_path, replace(tiny.card, title="The same with another title"))
    keys.add(label(job).key)
    weights = replace(tiny.card.weights, sha256="1" * 64)
    write_card(tmp_path, replace(tiny.card, weights=weights))
    keys.add(label(job).key)
    assert len(keys) == 4


def test_weights_spoilt_between_two_slides_fail_the_slide_by_name(
    job: Job, tiny: Installed
) -> None:
    tiny.weights_path.write_bytes(b"no weights")
    row = run_slide(job, lambda _: None).row
    assert (row.state, row.reason_code) == ("failed", "model-refused")
    assert "tiny.safetensors is not the file of this card" in row.reason
    assert str(job.order.path.parent) not in row.reason
    assert not list(job.options.out.glob("*/ki67-*"))


def test_a_gpu_without_memory_is_worth_another_try(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's own error, where a network is run: one picture alone is too much."""

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("pathology.predictions.forward.Network._told", full)
    monkeypatch.setattr("torch.cuda.empty_cache", lambda: None)
    carried = run_slide(job, lambda _: None)
    assert (carried.outcome.kind, carried.outcome.reason_code) == ("transient", "gpu-memory")
    assert carried.outcome.facts["model"] == "tiny"
    assert not list(job.options.out.glob("*/ki67-*"))


def test_a_lost_gpu_fails_the_slide_by_name(job: Job) -> None:
    gone = replace(job, options=replace(job.options, device="cuda"))
    row = run_slide(gone, lambda _: None).row
    assert (row.state, row.reason_code) == ("failed", "gpu-absent")


def test_every_model_of_the_settings_is_one_of_the_analyses() -> None:
    """A new setting that no analysis reads would be a silent default."""
    read = {"nuclei_he", "nuclei_ihc", "tissue_he"}
    text = (shipped_configs() / "site.toml").read_text(encoding="utf-8")
    names = {f.name for f in dataclasses.fields(load_settings().site.models)}
    other = {"source", "folder", "accept_research_weights", "allowed_torchscript_sha256"}
    assert names - other == read
    assert all(name in text for name in read)


def test_a_finding_rests_on_the_network_that_saw_its_nuclei(job: Job) -> None:
    row = run_slide(job, lambda _: None).row
    assert (row.state, "research-weights" in row.flags) == ("done", True)
    told = json.loads((job.options.out / row.result / "findings.json").read_text("utf-8"))
    finding = told["findings"][0]
    assert "sees nothing" in finding["caveats"]
    assert any("research only" in caveat for caveat in finding["caveats"])
    assert not any("classical" in caveat for caveat in finding["caveats"])  # the map alone is
    assert [m["name"] for m in told["provenance"]["models"]] == ["tiny", "classical-baseline/1"]


def test_a_network_that_overflows_fails_the_slide_by_name_and_others_go_on(
    job: Job, tmp_path: Path
) -> None:
    """Weights that are numbers, each and all, and answers that are none."""
    card = tiny_card(name="loud")
    network = tiny_network(card)
    with torch.no_grad():
        network.head.weight.mul_(5e4 / float(network.head.weight.abs().max()))
        network.head.bias.fill_(6e4)
    sha256 = write_weights(network, tmp_path / card.weights.file)
    write_card(tmp_path, replace(card, weights=replace(card.weights, sha256=sha256)))
    loud = replace(job, settings=settings_with(tmp_path, nuclei_ihc="loud"))
    row = run_slide(loud, lambda _: None).row
    assert (row.state, row.reason_code) == ("failed", "network-not-finite")
    assert "loud" in row.reason
    assert "loud" in row.reason_zh
    assert not list(job.options.out.glob("*/ki67-*"))
    assert run_slide(job, lambda _: None).row.state == "done"


def flagged(by: SeenBy, memory_halvings: int = 0) -> tuple[str, ...]:
    """Flags of a slide of which nothing else is to be said."""
    work = NetworkWork(
        device="gpu",
        precision={},
        threads=1,
        batch_tiles=2,
        memory_halvings=memory_halvings,
        seconds={},
    )
    scale = SimpleNamespace(flags=(), source="file")
    seen = SimpleNamespace(
        info=SimpleNamespace(scale=scale),
        order=SimpleNamespace(analysis="infiltration"),
        calibration=None,
        eyes=SimpleNamespace(nuclei_by=by, tissue_by=by, work=work),
        tally=SimpleNamespace(lost=(), out_of_focus=np.zeros(1, bool)),
        survey=SimpleNamespace(excluded=()),
    )
    return flags_of(seen)  # type: ignore[arg-type]


NETWORK = SeenBy(model=ModelUsed(name="n", weights_sha256=None, licence="x"), classical=False)


def test_a_gpu_whose_memory_was_full_is_told() -> None:
    assert flagged(NETWORK, memory_halvings=1) == ("gpu-memory-was-full",)


def test_a_network_that_knows_some_organs_is_flagged_where_none_is_stated() -> None:
    assert flagged(NETWORK) == ()
    assert flagged(replace(NETWORK, organs=("lung", "colon"))) == ("organ-not-stated",)


def test_a_tissue_network_that_could_never_look_is_refused(tmp_path: Path) -> None:
    """Published ones see at 0.25 µm/px; a tile at 0.5 can be reduced for them, not enlarged."""
    card = tiny_card("tissue", "fine")
    scale = replace(card.input, mpp=0.25, finest_mpp=0.2, coarsest_mpp=0.3)
    install_tiny(tmp_path, replace(card, input=scale))
    with pytest.raises(ModelRefused, match=r"fine: sees at 0.25 µm/px.*Choose a nucleus network"):
        chosen_models(settings_with(tmp_path, tissue_he="fine"), "infiltration")
    nuclei = tiny_card("nuclei", "fine-nuclei")
    install_tiny(tmp_path, replace(nuclei, input=replace(scale, stains=("he", "ihc-dab"))))
    both = settings_with(tmp_path, tissue_he="fine", nuclei_he="fine-nuclei")
    assert len(chosen_models(both, "infiltration").all) == 2


@pytest.mark.parametrize(("device", "gpu", "shared"), [("auto", True, True), ("cpu", True, False)])
def test_workers_share_a_gpu_only_where_a_network_uses_it(
    tmp_path: Path, tiny: Installed, monkeypatch: pytest.MonkeyPatch, device, gpu, shared
) -> None:
    monkeypatch.setattr("pathology.models.device.cuda_device", lambda: "a GPU" if gpu else None)
    settings = settings_with(tmp_path, nuclei_ihc="tiny")
    assert share_a_gpu(settings, {"ki67"}, device) == shared
    assert not share_a_gpu(settings, {"infiltration"}, device)  # classical
