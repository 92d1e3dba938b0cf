"""Which models there are, which are refused, and that looking costs nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pathology.errors import ModelRefused
from pathology.models import catalogue as catalogue_module
from pathology.models.catalogue import chosen, load_catalogue
from tests.tiny_models import tiny_card, write_card


def test_a_sites_models_stand_beside_the_shipped(tmp_path: Path) -> None:
    write_card(tmp_path, tiny_card())
    shipped, both = load_catalogue(), load_catalogue(tmp_path)
    assert both.keys() == shipped.keys() | {"tiny"}
    assert all(model.shipped for model in shipped.values())
    own = both["tiny"]
    assert (own.shipped, own.card) == (False, tiny_card())
    assert own.weights_path == tmp_path / "tiny.safetensors"


def test_every_shipped_card_has_its_weights_and_they_are_small() -> None:
    for model in load_catalogue().values():
        assert model.weights_path.stat().st_size <= 25 * 2**20, model.card.name


def test_a_shipped_name_cannot_be_shadowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped, site = tmp_path / "configs", tmp_path / "site"
    (shipped / "models").mkdir(parents=True)
    site.mkdir()
    write_card(shipped / "models", tiny_card())
    write_card(site, tiny_card())
    monkeypatch.setattr(catalogue_module, "shipped_configs", lambda: shipped)
    assert load_catalogue()["tiny"].shipped
    with pytest.raises(ModelRefused, match="tiny: a shipped model has this name"):
        load_catalogue(site)


def test_a_card_is_named_like_its_file(tmp_path: Path) -> None:
    write_card(tmp_path, tiny_card()).rename(tmp_path / "other.toml")
    with pytest.raises(ModelRefused, match=r"other\.toml: holds the card of 'tiny'"):
        load_catalogue(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="gone: the folder of models cannot be read"):
        load_catalogue(tmp_path / "gone")


@pytest.mark.parametrize(
    ("name", "task", "stain", "why"),
    [
        ("small", "nuclei", "he", "no such model. For nuclei on he there are: .*tiny"),
        ("tiny", "tissue", "he", "is a model for nuclei, not for tissue. For tissue on he"),
        ("he-only", "nuclei", "ihc-dab", "was made for he, not for ihc-dab"),
    ],
)
def test_what_is_not_there_is_refused_by_naming_what_is(
    tmp_path: Path, name: str, task: str, stain: str, why: str
) -> None:
    card = tiny_card()
    write_card(tmp_path, card)
    write_card(tmp_path, replace(card, name="he-only", input=replace(card.input, stains=("he",))))
    catalogue = load_catalogue(tmp_path)
    assert chosen(catalogue, "tiny", task="nuclei", stain="ihc-dab").card.name == "tiny"
    with pytest.raises(ModelRefused, match=f"{name}: .*{why}"):
        chosen(catalogue, name, task=task, stain=stain)  # type: ignore[arg-type]


BAD_CARDS = {
    "unknown key": ('title = "', 'colour = "pink"\ntitle = "', "unknown keys"),
    "empty licence": ('licence = "CC-BY-NC-SA-4.0"', 'licence = " "', "licence must be stated"),
    "no licence": ('licence = "CC-BY-NC-SA-4.0"\n', "", "lacks .*licence"),
    "commerce": ("research_only = true", "research_only = false", "research_only must be true"),
    "no scale": ("mpp = 0.5\n", "", "lacks .*mpp"),
    "scale zero": ("\nmpp = 0.5\n", "\nmpp = 0\n", "mpp must be positive"),
    "scale in nm": ("\nmpp = 0.5\n", "\nmpp = 500\n", "mpp must be in"),
    "scale beyond its range": ("\nmpp = 0.5\n", "\nmpp = 0.7\n", "finest_mpp <= mpp"),
    "scale as text": ("\nmpp = 0.5\n", '\nmpp = "40x"\n', "mpp: '40x' is not float"),
    "strange class": ('"lymphocyte"', '"neutrophil"', "'neutrophil'"),
    "class twice": ('"lymphocyte"', '"tumour"', "classes must be named, each once"),
    "short hash": ("0" * 64, "0" * 63, "sha256 must be 64"),
    "way out": ('file = "tiny', 'file = "../tiny', "must be a bare name"),
    "absolute": ('file = "tiny', 'file = "/etc/tiny', "must be a bare name"),
    "hidden": ('file = "tiny', 'file = ".tiny', "must be a bare name"),
    "pickle": ("tiny.safetensors", "tiny.pth", "are a .safetensors file"),
    "hub": ('encoder = "resnet10t"', 'encoder = "hf-hub:a/b"', "bare name of timm's"),
    "schema": ("pathology.model/1", "pathology.model/2", "is not pathology.model/1"),
    "name": ('name = "tiny"', 'name = "classical"', "stands for the analysis without"),
    "date": ("2025-01-31", "2025-02-31", "training"),
    "other form": ("nucleus-network", "tissue-network", "does not do nuclei"),
    "truncated": ("[weights]", "[wei", "not valid TOML"),
}


@pytest.mark.parametrize(("old", "new", "why"), BAD_CARDS.values(), ids=BAD_CARDS.keys())
def test_a_wrong_card_is_refused_by_its_file(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = write_card(tmp_path, tiny_card())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ModelRefused, match=rf"tiny\.toml: .*{why}"):
        load_catalogue(tmp_path)


def test_channels_must_name_each_class_and_nothing_else() -> None:
    card = replace(
        tiny_card("tissue"),
        network=replace(tiny_card("tissue").network, form="tiatoolbox", encoder=""),
        classes=("tumour", "stroma", "other"),
    )
    assert replace(card, channels=("tumour", "stroma", "stroma", "other")).channels
    with pytest.raises(ValueError, match="channels must name"):
        replace(card, channels=("tumour", "stroma", "normal", "other"))
    with pytest.raises(ValueError, match="channels belong to a foreign network"):
        replace(tiny_card("tissue"), channels=tiny_card("tissue").classes)


def test_listing_loads_no_library_of_networks() -> None:
    probe = (
        "import sys, pathology.models.catalogue as c, pathology.cli.models_told; c.load_catalogue()"
        "\nprint([m for m in ('torch', 'timm', 'safetensors') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
