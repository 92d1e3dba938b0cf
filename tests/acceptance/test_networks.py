"""A site's own networks: chosen in its settings, named in its results."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pathology.config import shipped_configs
from pathology.exchange.documents import validate
from pathology.models.catalogue import Installed
from tests.acceptance.conftest import Finished
from tests.painted_networks import colour_card
from tests.tiny_models import install_tiny, tiny_card

Pathology = Callable[..., Finished]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Installed]:
    """Networks with random weights: what they see means nothing, how it is told does."""
    folder = tmp_path_factory.mktemp("models")
    limits = ("Seen nothing but noise.",)
    tissue = replace(tiny_card("tissue", "own-tissue"), input=colour_card().input, limits=limits)
    return {
        "nuclei": install_tiny(folder, replace(tiny_card("nuclei", "own-nuclei"), limits=limits)),
        "tissue": install_tiny(folder, tissue),
    }


@pytest.fixture(scope="module")
def site(models: dict[str, Installed], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    lines = []
    for line in (shipped_configs() / "site.toml").read_text(encoding="utf-8").splitlines():
        own = {
            "nuclei_he": "own-nuclei",
            "nuclei_ihc": "own-nuclei",
            "tissue_he": "own-tissue",
            "folder": str(models["nuclei"].folder),
        }.get(line.split(" = ")[0])
        lines.append(line if own is None else f'{line.split(" = ")[0]} = "{own}"')
    (folder / "site.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def done(
    pathology: Pathology,
    he_slide: Path,
    site: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Finished:
    words = ("run", he_slide, "--analysis", "infiltration", "--settings", site, "--device", "cpu")
    return pathology(*words, out=tmp_path_factory.mktemp("out"))


def test_a_result_names_its_models_with_hash_and_licence(
    done: Finished, models: dict[str, Installed]
) -> None:
    assert done.code == 0, done.stderr
    folder = done.result("painted he.tif")
    told = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    ran = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    validate(told, "findings-1")
    validate(ran, "run-1")
    wanted = [
        {
            "name": f"own-{task}",
            "sha256": models[task].card.weights.sha256,
            "licence": "CC-BY-NC-SA-4.0",
        }
        for task in ("nuclei", "tissue")
    ]
    assert told["provenance"]["models"] == ran["models"] == wanted


def test_research_weights_and_limits_are_told_with_every_finding(done: Finished) -> None:
    told = done.findings("painted he.tif")
    assert "research-weights" in told["quality"]["flags"]
    assert "research-weights" in done.row("painted he.tif")["flags"]
    for finding in told["findings"]:
        caveats = finding["caveats"]
        assert any("weights for research only (CC-BY-NC-SA-4.0)" in c for c in caveats)
        assert caveats.count("Seen nothing but noise.") == 1
        assert not any("classical" in c for c in caveats)


def test_how_the_networks_ran_is_told(done: Finished) -> None:
    ran = json.loads((done.result("painted he.tif") / "run.json").read_text(encoding="utf-8"))
    assert ran["device"].startswith("cpu")
    networks = ran["networks"]
    assert set(networks["precision"]) == {"own-nuclei", "own-tissue"}
    assert set(networks["precision"].values()) <= {"bf16", "fp32"}
    assert {"read_wait", "forward", "decode"} <= set(networks["seconds"])
    assert (networks["batch_tiles"], networks["memory_halvings"]) == (1, 0)
    assert networks["threads"] >= 1
    assert {"survey", "models", "samples", "tiles", "write"} <= set(ran["timings_s"])


def test_the_second_run_keeps_and_another_model_does_not(
    pathology: Pathology, done: Finished, he_slide: Path, site: Path
) -> None:
    words = ("run", he_slide, "--analysis", "infiltration")
    again = pathology(*words, "--settings", site, out=done.out)
    assert again.row("painted he.tif")["state"] == "kept"


def test_nuclei_too_coarse_leave_the_tissue_network_alone(
    pathology: Pathology, he_slide: Path, site: Path, tmp_path: Path
) -> None:
    words = ("run", he_slide, "--analysis", "infiltration", "--settings", site, "--mpp", "1.0")
    run = pathology(*words, out=tmp_path)
    assert run.code == 0, run.stderr
    findings = {f["name"]: f for f in run.findings("painted he.tif")["findings"]}
    assert "value" in findings["tumour.area"]
    assert "nuclei need 0.6" in findings["til.density_stroma"]["not_measurable"]
    ran = json.loads((run.result("painted he.tif") / "run.json").read_text(encoding="utf-8"))
    assert "own-tissue" in ran["networks"]["precision"]
    assert "own-nuclei" not in ran["networks"]["precision"]


def test_cuda_for_classical_analysis_is_wrong_usage(
    pathology: Pathology, he_slide: Path, site: Path, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    text = (site / "site.toml").read_text(encoding="utf-8")
    for name in ("own-nuclei", "own-tissue"):
        text = text.replace(f'"{name}"', '"classical"')
    (tmp_path / "own" / "site.toml").write_text(text, encoding="utf-8")
    words = ("run", he_slide, "--analysis", "infiltration", "--device", "cuda")
    run = pathology(*words, "--settings", tmp_path / "own", out=tmp_path / "out")
    assert (run.code, "no network" in run.stderr) == (2, True)


def test_cuda_that_is_not_there_is_wrong_usage(
    pathology: Pathology, he_slide: Path, site: Path, tmp_path: Path
) -> None:
    if torch.cuda.is_available():
        return  # then `pathology run --device cuda` is what the contract suite runs
    words = ("run", he_slide, "--analysis", "infiltration", "--device", "cuda")
    run = pathology(*words, "--settings", site, out=tmp_path / "out")
    assert (run.code, "no CUDA GPU" in run.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_spoilt_weights_stop_the_run_at_the_door(
    pathology: Pathology, he_slide: Path, site: Path, models: dict[str, Installed], tmp_path: Path
) -> None:
    weights = models["tissue"].weights_path
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    try:
        words = ("run", he_slide, "--analysis", "infiltration", "--settings", site)
        run = pathology(*words, out=tmp_path / "out")
    finally:
        weights.write_bytes(whole)
    assert (run.code, "own-tissue: weights wrong" in run.stderr) == (2, True)
