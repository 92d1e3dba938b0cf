"""``pathology models``: what it lists, shows, verifies and imports, and its exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch

from pathology.cli.main import main
from pathology.config import shipped_configs
from pathology.models.catalogue import load_catalogue
from pathology.records.model import MeasuredResult
from tests.tiny_models import install_tiny, tiny_card, tiny_network, write_card


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def own(tmp_path: Path, models: Path) -> tuple[str, str]:
    """Settings that name the folder of models."""
    folder = tmp_path / "own"
    folder.mkdir()
    site = (shipped_configs() / "site.toml").read_text(encoding="utf-8")
    site = site.replace('folder = ""', f'folder = "{models}"')
    (folder / "site.toml").write_text(site, encoding="utf-8")
    return "--settings", str(folder)


def test_list_works_as_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in told["models"]] == list(load_catalogue())
    assert all(model["weights_state"] == "ok" for model in told["models"])


def test_list_has_a_line_a_model(
    own: tuple[str, str],
    models: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_tiny(models)
    write_card(models, tiny_card("tissue", name="absent"))
    monkeypatch.setenv("PATHOLOGY_LANG", "en")
    assert main(["models", "list", *own]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "tiny nuclei he, ihc-dab 0.5 CC-BY-NC-SA-4.0 yes site ok" in lines
    assert "absent tissue he 2 CC-BY-NC-SA-4.0 yes site missing" in lines
    monkeypatch.setenv("PATHOLOGY_LANG", "zh")
    assert main(["models", "list", *own]) == 0
    shown = capsys.readouterr().out
    assert "缺失" in shown
    assert "missing" not in shown


def test_show_tells_results_with_their_intervals_and_limits(
    own: tuple[str, str],
    models: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = MeasuredResult(
        data="painted fields",
        measure="detection F1",
        value=0.812,
        low=0.78,
        high=0.84,
        images=14,
        evidence="recipe",
        command="none",
    )
    install_tiny(models, replace(tiny_card(), results=(result,)))
    monkeypatch.setenv("PATHOLOGY_LANG", "en")
    assert main(["models", "show", "tiny", *own]) == 0
    shown = capsys.readouterr().out
    assert "painted fields: detection F1 0.812 (0.78-0.84), n = 14, cross-validated" in shown
    assert "sees nothing" in shown
    assert "CC-BY-NC-SA-4.0" in shown
    assert main(["models", "show", "tiny", "--json", *own]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["results"][0]["evidence"] == "recipe"
    assert (told["origin"], told["weights_state"]) == ("site", "ok")
    assert main(["models", "show", "nobody", *own]) == 1
    assert "There are: " in capsys.readouterr().err


def test_verify_tells_the_wrong_from_the_right(
    own: tuple[str, str], models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_tiny(models)
    assert main(["models", "verify", "tiny", *own]) == 0
    assert capsys.readouterr().out.startswith("ok  tiny")
    broken = install_tiny(models, tiny_card("tissue", name="broken")).weights_path
    broken.write_bytes(broken.read_bytes()[:-1])
    assert main(["models", "verify", "--json", *own]) == 1
    told = {m["name"]: m for m in json.loads(capsys.readouterr().out)["models"]}
    assert told["tiny"]["ok"]
    assert "is not the file of this card" in told["broken"]["problem"]
    assert main(["models", "verify", "tiny", *own]) == 0


def test_import_says_what_to_write_into_the_settings(
    tmp_path: Path,
    models: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATHOLOGY_LANG", "en")
    card = tiny_card()
    weights = tmp_path / "given.safetensors"
    safetensors.torch.save_file(tiny_network(card).state_dict(), weights)
    words = ["models", "import", str(weights), "--card", str(write_card(tmp_path, card))]
    assert main([*words, "--to", str(models)]) == 0
    shown = capsys.readouterr().out
    assert f'folder = "{models}"' in shown
    assert load_catalogue(models)["tiny"].card.weights.sha256 in shown
    assert main([*words, "--to", str(models)]) == 1
    assert "a model of this name is there already" in capsys.readouterr().err


def test_a_wrong_card_in_the_folder_is_named(
    own: tuple[str, str], models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_card(models, tiny_card())
    path.write_text(path.read_text().replace("licence", "license"))
    assert main(["models", "list", *own]) == 1
    assert "tiny.toml: weights: unknown keys ['license']" in capsys.readouterr().err


def test_an_action_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["models"])
    assert stopped.value.code == 2
    assert "ACTION" in capsys.readouterr().err
