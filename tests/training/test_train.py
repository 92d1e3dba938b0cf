"""``pathology train``: from the command to a folder that can be installed, killed or not."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pathology.cli.main import main
from pathology.cli.train import arguments
from pathology.cli.trained import default_recipe
from pathology.config import shipped_configs
from pathology.models.catalogue import Installed, load_catalogue
from pathology.models.importing import Offer, import_model
from pathology.models.weights import read_network
from pathology.records.model import CLASSES, ModelCard
from pathology.records.progress import Progress
from pathology.training.loop import CHECKPOINT, LOG
from pathology.training.make import NOTE
from pathology.training.recipe import shipped_recipe
from tests.tiny_models import install_tiny, tiny_card
from tests.training.own_data import small_field, write_own_set, write_recipe


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "cells"
    return write_own_set(folder, [small_field(n) for n in (1, 3, 5)])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Settings of a site whose models lie in ``tmp_path / "models"``."""
    (tmp_path / "models").mkdir()
    return settings_of(tmp_path / "settings", tmp_path / "models")


def settings_of(folder: Path, models: Path) -> Path:
    folder.mkdir()
    text = (shipped_configs() / "site.toml").read_text(encoding="utf-8")
    text = re.sub(r'^folder = ""', f'folder = "{models}"', text, flags=re.MULTILINE)
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return folder


def words(cells: Path, out: Path, *more: str, action: str = "nuclei") -> list[str]:
    recipe = write_recipe(out.parent / "own.toml")
    given = ["train", action, "--annotations", str(cells), "--out", str(out)]
    return [*given, "--recipe", str(recipe), "--licence", "our laboratory only", *more]


def made_in(folder: Path, name: str = "tiny-made") -> Installed:
    return load_catalogue(folder)[name]


def card_in(folder: Path, name: str = "tiny-made") -> ModelCard:
    return made_in(folder, name).card


def test_one_command_makes_weights_and_their_card(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made"
    given = words(cells, out, "--json", "--hold-out", "our-cells/patient-2")
    assert main(given) == 0
    told = json.loads(capsys.readouterr().out)
    card = card_in(out)
    assert told == {"name": "tiny-made", "sha256": card.weights.sha256, "folder": str(out)}
    assert (card.weights.licence, card.weights.research_only) == ("our laboratory only", False)
    assert card.training.data == (
        "our-cells, 2 images, 1 more held out: painted for a test",
        "2 fields painted by this software",
    )
    assert (card.training.seed, card.training.steps) == (1, 4)
    assert "--hold-out our-cells/patient-2" in card.training.command
    assert {(r.evidence, r.images) for r in card.results} == {("held-out", 1), ("seen", 2)}
    assert all(
        r.command == "pathology evaluate made/tiny-made.toml --annotations cells"
        for r in card.results
    )
    assert str(tmp_path) not in (out / "tiny-made.toml").read_text(encoding="utf-8")
    with torch.inference_mode():
        maps = read_network(made_in(out))(torch.rand(1, 3, 64, 64))
    assert maps.shape == (1, 9, 64, 64)
    home = tmp_path / "home"
    home.mkdir()
    offer = Offer(file=out / "tiny-made.safetensors", card=out / "tiny-made.toml", folder=home)
    assert import_model(offer).card == card


def test_a_killed_command_goes_on_and_another_one_is_refused(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, whole = tmp_path / "cut", tmp_path / "whole"
    with monkeypatch.context() as patch:
        patch.setattr("pathology.cli.trained._line", killed_after(3))
        assert main(words(cells, out)) == 1  # as by Ctrl-C
    assert (out / CHECKPOINT).exists()
    assert not list(out.glob("*.safetensors"))
    capsys.readouterr()
    assert main(words(cells, out, "--hold-out", "our-cells/patient-1")) == 2
    assert "holds a training with other images" in capsys.readouterr().err
    assert main(words(cells, out, "--name", "another")) == 2
    assert "with other name" in capsys.readouterr().err
    assert main(words(cells, out)) == 0
    steps = [json.loads(line)["step"] for line in (out / LOG).read_text().splitlines()]
    assert steps == [1, 2, 3, 4]  # step 3 was told but not logged when it was cut
    assert main(words(cells, whole)) == 0
    ours, theirs = (read_network(made_in(folder)).state_dict() for folder in (out, whole))
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=2e-2, atol=2e-3)
    (out / NOTE).unlink()  # what is learned there is not guessed
    capsys.readouterr()
    assert main(words(cells, out)) == 2
    assert "holds a training with other images, lesson, name" in capsys.readouterr().err


def killed_after(step: int) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        if progress.done == step:
            raise KeyboardInterrupt

    return tell


def test_an_installed_model_is_taught_further(cells: Path, tmp_path: Path, site: Path) -> None:
    start = install_tiny(tmp_path / "models")
    out = tmp_path / "made"
    recipe = write_recipe(tmp_path / "further.toml", name="further", everywhere=False)
    given = ["train", "nuclei", "--annotations", str(cells), "--out", str(out)]
    given += ["--start", "tiny", "--settings", str(site), "--recipe", str(recipe)]
    assert main(given) == 0
    card = card_in(out, "further")
    # Terms and limits of the model it began with hold on.
    assert card.weights.licence == start.card.weights.licence
    assert card.weights.research_only
    assert set(start.card.limits) <= set(card.limits)
    assert card.training.data[-1].startswith(
        f"begun from tiny (sha256 {start.card.weights.sha256[:12]})"
    )
    assert (card.network, card.input, card.decoding) == (
        start.card.network,
        start.card.input,
        start.card.decoding,
    )
    assert "taught-nucleus" in (out / LOG).read_text()


def test_a_student_learns_and_its_card_says_what_it_costs(
    cells: Path, tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = install_tiny(tmp_path / "models", tiny_card(name="teacher"))
    out = tmp_path / "made"
    recipe = write_recipe(tmp_path / "student.toml", name="student", stages=2, everywhere=True)
    given = ["train", "distil", "--annotations", str(cells), "--out", str(out)]
    given += ["--teacher", "teacher", "--settings", str(site), "--recipe", str(recipe)]
    assert main([*given, "--hold-out", "our-cells/patient-2"]) == 0
    card = card_in(out, "student")
    assert card.distilled is not None
    assert card.distilled.teacher_sha256 == teacher.card.weights.sha256
    assert 0 < card.distilled.cost_ratio < 1
    assert card.distilled.score_ratio is None  # a teacher of random numbers scores nothing
    assert card.weights.research_only
    assert "Beside its teacher teacher: cost 0." in capsys.readouterr().out
    assert read_network(made_in(out, "student")) is not None


def test_tissue_is_trained_by_the_same_command(tmp_path: Path) -> None:
    field = small_field(1)
    folder = write_own_set(tmp_path / "areas", [field])
    manifest = folder / "dataset.toml"
    text = manifest.read_text(encoding="utf-8").replace("mpp = 0.5", "mpp = 1.0")
    text = text.replace('"lymphocyte"', '"normal"')
    manifest.write_text(text, encoding="utf-8")
    recipe = write_recipe(tmp_path / "own.toml", name="areas").read_text(encoding="utf-8")
    for old, new in {
        'task = "nuclei"': 'task = "tissue"',
        str(list(CLASSES["nuclei"])).replace(
            "'", '"'
        ): '["background", "tumour", "stroma", "normal"]',
        "nucleus-network": "tissue-network",
        "mpp = 0.5\nfinest_mpp = 0.4": "mpp = 1\nfinest_mpp = 0.8",
        "coarsest_mpp = 0.6": "coarsest_mpp = 1.2",
        "side_px = 64\nmpp = 0.5": "side_px = 64\nmpp = 1",
        "recoloured_share = 0.4": "recoloured_share = 0",
        "painted = 2": "painted = 0",
        'decoding = "a test"\n': "",
    }.items():
        assert old in recipe
        recipe = recipe.replace(old, new)
    (tmp_path / "own.toml").write_text(recipe.partition("[decoding]")[0], encoding="utf-8")
    given = ["train", "tissue", "--annotations", str(folder), "--out", str(tmp_path / "made")]
    given += ["--recipe", str(tmp_path / "own.toml"), "--licence", "ours", "--json"]
    assert main(given) == 0
    card = card_in(tmp_path / "made", "areas")
    assert (card.task, card.decoding) == ("tissue", None)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--fold", "4/3"], "1 <= K <= N"),
        (["--fold", "one"], "wants K/N"),
        (["--fold", "1/9"], "groups for 3 folds only"),
        (["--fold", "1/3", "--hold-out", "our-cells/patient-1"], "one of --hold-out and --fold"),
        (["--hold-out", "our-cells/patient-9"], "no field belongs to"),
        (["--hold-out", *(f"our-cells/patient-{n}" for n in (1, 2, 3))], "nothing is left"),
        (["--licence", " "], "--licence: say on what terms"),
        (["--name", "Our Model"], "made of a-z"),
        (["--steps", "0"], "--steps must be 1"),
        (["--loaders", "-1"], "--loaders must be 0"),
        (["--start", "nobody"], "nobody: there is no such model"),
        (["--data", "nowhere"], "set monuseg"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    cells: Path, tmp_path: Path, more: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = words(cells, tmp_path / "made", *more)
    if "--data" in more:
        recipe = tmp_path / "own.toml"
        text = recipe.read_text(encoding="utf-8").replace(
            'decoding = "a test"', 'decoding = "a test"\nsets = "a test"'
        )
        recipe.write_text(f'{text}\n[[sets]]\nname = "monuseg"\nweight = 1\n', encoding="utf-8")
        given.remove("--licence")
        given.remove("our laboratory only")
    assert main(given) == 2
    assert told in capsys.readouterr().err


def test_labels_must_come_from_somewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "nuclei", "--out", str(tmp_path / "made")]) == 2
    assert "--data (public sets), --annotations" in capsys.readouterr().err


def test_public_sets_decide_the_licence(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["train", "nuclei", "--data", str(cells), "--out", str(tmp_path / "made")]
    assert main([*given, "--licence", "ours"]) == 2
    assert "allows CC-BY-NC-SA-4.0 only" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_not_replaced(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert main(words(cells, tmp_path / "made", "--device", "cuda")) == 2
    assert "torch sees no GPU here" in capsys.readouterr().err


def test_help_shows_examples_and_loads_no_torch(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["train", "distil", "--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert "--teacher MODEL" in told
    assert "pathology train nuclei --annotations our-cells" in told


@pytest.mark.parametrize(
    ("words", "recipe"),
    [
        (["nuclei", "--data", "d"], "nuclei"),
        (["nuclei", "--data", "d", "--start", "m"], "nuclei"),
        (["nuclei", "--annotations", "a"], "nuclei"),
        (["nuclei", "--annotations", "a", "--start", "m"], "nuclei-own"),
        (["tissue", "--annotations", "a", "--start", "m"], "tissue"),
        (["distil", "--teacher", "m", "--data", "d"], "nuclei-student"),
    ],
)
def test_each_order_has_its_recipe(words: list[str], recipe: str) -> None:
    parser = argparse.ArgumentParser()
    arguments(parser)
    given = parser.parse_args([*words, "--out", "o"])
    assert default_recipe(given) == recipe
    assert shipped_recipe(recipe).is_file()


def test_a_fold_is_told_by_the_groups_it_held_out(cells: Path, tmp_path: Path) -> None:
    """Dealt again when a patient was added, the same number would hold out others."""
    assert main(words(cells, tmp_path / "made", "--fold", "2/3", "--json")) == 0
    command = card_in(tmp_path / "made").training.command
    assert "--fold" not in command
    assert command.endswith("--hold-out our-cells/patient-2")


def test_going_on_after_the_end_keeps_what_was_measured(cells: Path, tmp_path: Path) -> None:
    """Of other images as well: the weights are the same."""
    out = tmp_path / "made"
    assert main(words(cells, out, "--json")) == 0
    other = write_own_set(tmp_path / "other", [small_field(7)])
    manifest = other / "dataset.toml"
    text = manifest.read_text(encoding="utf-8").replace("our-cells", "more-cells")
    manifest.write_text(text, encoding="utf-8")
    judged = ["evaluate", str(out / "tiny-made.toml"), "--annotations", str(other)]
    assert main([*judged, "--write-card", "--json"]) == 0
    before = card_in(out).results
    assert {r.data for r in before} == {"our-cells", "more-cells"}
    assert main(words(cells, out, "--json")) == 0
    assert set(card_in(out).results) == set(before)


def test_a_training_on_public_sets_is_judged_on_those_that_are_there(
    real_data: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One set in a folder of its own; the others of the usual ones are not missed."""
    here = tmp_path / "data" / "ihc"
    here.mkdir(parents=True)
    (here / "deepliif").symlink_to(real_data("ihc", "deepliif"))
    recipe = write_recipe(tmp_path / "own.toml", steps=2)
    part = '\n[[sets]]\nname = "deepliif"\nweight = 1.0\n'
    text = recipe.read_text(encoding="utf-8").replace(
        'crops = "a test"', 'crops = "a test"\nsets = "x"'
    )
    recipe.write_text(text + part, encoding="utf-8")
    given = ["train", "nuclei", "--data", str(here.parent), "--out", str(tmp_path / "made")]
    assert main([*given, "--recipe", str(recipe), "--json"]) == 0
    card = card_in(tmp_path / "made")
    assert {r.evidence for r in card.results} == {"seen"}
    assert {r.command for r in card.results} == {
        "pathology evaluate made/tiny-made.toml --data data --sets deepliif"
    }


def test_what_a_model_knows_only_in_some_organs_stays_known(
    cells: Path, tmp_path: Path, site: Path
) -> None:
    """Taught further by a site, it has still seen the other organs alone before."""
    install_tiny(tmp_path / "models", replace(tiny_card(), organs=("lung",)))
    recipe = write_recipe(tmp_path / "further.toml", name="further", everywhere=False)
    given = ["train", "nuclei", "--annotations", str(cells), "--out", str(tmp_path / "made")]
    given += ["--start", "tiny", "--settings", str(site), "--recipe", str(recipe), "--json"]
    assert main(given) == 0
    card = card_in(tmp_path / "made", "further")
    assert card.organs == ("lung",)
    # Of its parent's training nothing is sure: the tiny card names no command of ours.
    assert "(not trained here)" in card.training.data[-1]
    assert {r.evidence for r in card.results} == {"seen"}
