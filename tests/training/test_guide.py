"""The guide's own commands, run on a painted set with few steps."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from pathology.cli.main import COMMANDS, main
from pathology.config import load_record
from pathology.models.catalogue import load_catalogue
from pathology.training.own_manifest import OwnSet
from tests.tiny_models import install_tiny, tiny_card
from tests.training.own_data import small_field, write_own_set, write_recipe

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = [DOCS / "guide-own-model.md", DOCS / "guide-own-model.zh.md"]
FEW_STEPS = ["--steps", "2", "--recipe", "few.toml"]


def blocks(guide: Path, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)


def commands(guide: Path) -> list[list[str]]:
    lines = [line for block in blocks(guide, "sh") for line in block.splitlines()]
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda p: p.stem)
def test_the_guide_leads_to_an_installed_model(
    guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    blank = tiny_card()
    command = "pathology train nuclei --data data --out out"
    start = install_tiny(
        tmp_path, replace(blank, training=replace(blank.training, command=command))
    )
    stand_ins = {"nuclei-1": f"{start.card.name}.toml", "/data/pathology-models": str(home)}
    write_recipe(tmp_path / "few.toml", everywhere=False)
    cells = write_own_set(tmp_path / "our-cells", [small_field(n) for n in (1, 3, 5)])
    (manifest,) = blocks(guide, "toml")
    (cells / "dataset.toml").write_text(manifest, encoding="utf-8")
    ran = []
    for words in commands(guide):
        if words[0] == "export":
            monkeypatch.setenv(*words[1].split("="))
            continue
        assert words[0] == "pathology"
        given = [stand_ins.get(word, word) for word in words[1:]]
        assert main(given + (FEW_STEPS if given[0] == "train" else [])) == 0, words
        ran.append(given[0])
        told = capsys.readouterr().out
        if given[0] == "train":
            assert ("训练完成" in told) == guide.name.endswith(".zh.md")
    assert ran == ["train", "evaluate", "evaluate", "models"]
    card = load_catalogue(home)["our-nuclei"].card
    assert card.weights.research_only
    assert {result.evidence for result in card.results} == {"held-out", "seen"}


def test_both_guides_say_the_same_commands_and_classes() -> None:
    english, chinese = (
        [words for words in commands(guide) if words[0] == "pathology"] for guide in GUIDES
    )
    assert english == chinese
    assert all(words[1] in COMMANDS for words in english)
    for guide in GUIDES:
        assert len(guide.read_text(encoding="utf-8").splitlines()) <= 130


def test_the_manifest_in_the_guide_is_a_manifest(tmp_path: Path) -> None:
    told = []
    for guide in GUIDES:
        path = tmp_path / "dataset.toml"
        path.write_text(blocks(guide, "toml")[0], encoding="utf-8")
        read = load_record(path, OwnSet)
        told.append((dict(read.classes), [(i.file, i.group, i.complete) for i in read.images]))
    assert told[0] == told[1]
