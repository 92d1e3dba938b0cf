"""What the doctor says of the weights that a site chose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pathology.config import shipped_configs
from pathology.pipeline.check import Check
from pathology.pipeline.doctor import examine_installation
from pathology.records.model import ModelCard
from tests.tiny_models import install_tiny, tiny_card

SHIPPED = (shipped_configs() / "site.toml").read_text(encoding="utf-8")
CHOSEN = {"nuclei_he": "tiny", "nuclei_ihc": "tiny", "tissue_he": "classical"}


def told(folder: Path, site: str, name: str = "weights") -> Check:
    own = folder / "own"
    own.mkdir(exist_ok=True)
    (own / "site.toml").write_text(site, encoding="utf-8")
    (check,) = (c for c in examine_installation(own, None) if c.name == name)
    return check


def site_text(folder: Path, chosen: dict[str, str] = CHOSEN) -> str:
    """The shipped settings with a folder of models and other choices."""
    lines = []
    for line in SHIPPED.replace('folder = ""', f'folder = "{folder}"').splitlines():
        key = line.partition(" = ")[0]
        lines.append(f'{key} = "{chosen[key]}"' if key in chosen else line)
    return "\n".join(lines)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def free(card: ModelCard) -> ModelCard:
    terms = replace(card.weights, licence="CC0-1.0", research_only=False)
    return replace(card, weights=terms)


def test_intact_weights_on_free_terms_are_good(tmp_path: Path, models: Path) -> None:
    install_tiny(models, free(tiny_card()))
    check = told(tmp_path, site_text(models))
    assert (check.state, check.detail) == ("good", "tiny: intact")


def test_research_weights_are_a_note_until_they_are_accepted(tmp_path: Path, models: Path) -> None:
    install_tiny(models)
    check = told(tmp_path, site_text(models))
    assert check.state == "note"
    assert "accept_research_weights" in check.remedy
    assert "accept_research_weights" in check.remedy_zh
    accepted = site_text(models).replace("weights = false", "weights = true")
    assert told(tmp_path, accepted).state == "good"


def test_missing_changed_and_unknown_weights_are_bad(tmp_path: Path, models: Path) -> None:
    site = site_text(models)
    check = told(tmp_path, site)
    assert (check.state, "there is no such model" in check.detail) == ("bad", True)
    path = install_tiny(models).weights_path
    path.write_bytes(path.read_bytes()[:-1])
    check = told(tmp_path, site)
    assert (check.state, "weights wrong" in check.detail) == ("bad", True)
    path.unlink()
    check = told(tmp_path, site)
    assert (check.state, "weights missing" in check.detail) == ("bad", True)


def test_a_model_for_another_stain_is_bad(tmp_path: Path, models: Path) -> None:
    card = tiny_card()
    install_tiny(models, replace(card, input=replace(card.input, stains=("he",))))
    check = told(tmp_path, site_text(models))
    assert check.state == "bad"
    assert "was made for he, not for ihc-dab" in check.detail


def test_without_any_network_nothing_is_missing(tmp_path: Path, models: Path) -> None:
    check = told(tmp_path, site_text(models, dict.fromkeys(CHOSEN, "classical")))
    assert (check.state, "classical analysis only" in check.detail) == ("good", True)


def test_the_device_is_named(tmp_path: Path, models: Path) -> None:
    check = told(tmp_path, site_text(models), name="device")
    assert check.detail.startswith(("CUDA yes: ", "CUDA no"))
