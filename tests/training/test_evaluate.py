"""``pathology evaluate``: from the command to rows, and into the card."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pathology.cli.main import main
from pathology.config import shipped_configs
from pathology.models.card_toml import card_text
from pathology.models.catalogue import Installed, read_card
from pathology.models.weights import write_weights
from pathology.records.model import Distilled, MeasuredResult
from pathology.training.card_results import merged
from pathology.training.terms import cited
from tests.tiny_models import install_tiny, tiny_card, tiny_network, write_card
from tests.training.own_data import small_field, write_own_set

MADE = "pathology train nuclei --data data --out out"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four painted images on IHC, every nucleus outlined."""
    folder = write_own_set(
        tmp_path_factory.mktemp("sets") / "cells", [small_field(n) for n in (0, 2, 4, 6)]
    )
    manifest = folder / "dataset.toml"
    text = manifest.read_text(encoding="utf-8").replace("complete = false", "complete = true")
    manifest.write_text(text, encoding="utf-8")
    return folder


def installed(
    folder: Path, *, data: str = "nothing", command: str = MADE, name: str = "tiny"
) -> Installed:
    folder.mkdir(exist_ok=True)
    card = tiny_card(name=name)
    # The random network's best guesses are nuclei: what is tested here is not what it sees.
    eager = replace(card.decoding, least_nucleus=0.02, least_centre=0.001)
    training = replace(card.training, data=(data,), command=command)
    return install_tiny(folder, replace(card, decoding=eager, training=training))


def with_other_weights(model: Installed) -> Installed:
    network = tiny_network(model.card)
    with torch.no_grad():
        network.get_parameter("head.bias").add_(1)
    sha256 = write_weights(network, model.weights_path)
    card = replace(model.card, weights=replace(model.card.weights, sha256=sha256))
    write_card(model.folder, card)
    return replace(model, card=card)


def evaluated(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["evaluate", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def card_of(model: Installed) -> str:
    return str(model.folder / f"{model.card.name}.toml")


def test_rows_with_the_baseline_beside(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = installed(tmp_path / "m")
    told = evaluated(capsys, card_of(model), "--annotations", str(cells))
    rows = {row["measure"]: row for row in told["rows"]}
    found = rows["F1-detection within 4 µm"]
    assert found["data"] == "our-cells"
    assert found["evidence"] == "held-out"
    assert found["images"] == 4
    assert found["command"] == "pathology evaluate m/tiny.toml --annotations cells"
    assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1
    assert found["baseline"]["value"] > 0.5
    assert "positivity accuracy (DAB threshold)" in rows
    assert rows["AJI, mean of images"]["baseline"]["images"] == 4
    assert told["left_out"] == []


def test_seen_and_held_out_are_rows_apart(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = installed(
        tmp_path / "m",
        data="our-cells, 3 images, 1 more held out: painted",
        command=f"{MADE} --hold-out our-cells/patient-2",
    )
    told = evaluated(capsys, card_of(model), "--annotations", str(cells))
    images = {(r["evidence"], r["images"]) for r in told["rows"] if "recall" in r["measure"]}
    assert images == {("held-out", 1), ("seen", 3)}


def test_folds_are_judged_each_on_its_part_and_tell_of_the_recipe(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = "our-cells, 2 images, 2 more held out: painted"
    models = [
        installed(tmp_path / f"m{k}", data=data, command=f"{MADE} --fold {k}/2") for k in (1, 2)
    ]
    goal = installed(tmp_path / "goal", name="goal")
    words = [*map(card_of, models), "--annotations", str(cells), "--card", card_of(goal)]
    told = evaluated(capsys, *words)
    assert {(r["evidence"], r["images"]) for r in told["rows"] if "recall" in r["measure"]} == {
        ("recipe", 4)
    }
    held = read_card(Path(card_of(goal))).results
    assert [r.measure for r in held] == [r["measure"] for r in told["rows"]]
    assert all(r.evidence == "recipe" for r in held)
    assert read_card(Path(card_of(models[0]))).results == ()


def test_models_that_held_out_the_same_are_no_folds(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = "our-cells, 3 images, 1 more held out: painted"
    made = f"{MADE} --hold-out our-cells/patient-2"
    models = [installed(tmp_path / f"m{k}", data=data, command=made) for k in (1, 2)]
    words = ["evaluate", *map(card_of, models), "--annotations", str(cells)]
    assert main(words) == 2
    assert "held out of more than one" in capsys.readouterr().err


def test_a_set_that_no_fold_was_trained_on_tells_nothing_of_folds(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [installed(tmp_path / f"m{k}") for k in (1, 2)]
    assert main(["evaluate", *map(card_of, models), "--annotations", str(cells)]) == 2
    assert "nothing to judge" in capsys.readouterr().err


def test_the_card_keeps_all_else_and_old_rows_of_other_sets(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = installed(tmp_path / "m")
    path = Path(card_of(model))
    old = MeasuredResult(
        data="another set",
        measure="F1",
        value=0.5,
        low=0.4,
        high=0.6,
        images=3,
        evidence="held-out",
        command="by hand",
    )
    path.write_text(card_text(replace(model.card, results=(old,))), encoding="utf-8")
    words = (str(path), "--annotations", str(cells), "--write-card")
    first = evaluated(capsys, *words)
    once = read_card(path)
    assert once.results[0] == old
    assert len(once.results) == 1 + len(first["rows"])
    assert replace(once, results=()) == model.card
    evaluated(capsys, *words)
    assert read_card(path) == once  # the same again, not twice


@pytest.mark.parametrize(("language", "word"), [("en", "classical (95 %)"), ("zh", "经典方法")])
def test_people_get_a_table(
    tmp_path: Path,
    cells: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    word: str,
) -> None:
    monkeypatch.setenv("PATHOLOGY_LANG", language)
    model = installed(tmp_path / "m")
    assert main(["evaluate", card_of(model), "--annotations", str(cells)]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert word in lines[0]
    assert {line.count("|") for line in lines} == {7}
    assert "our-cells field-4" in told.err


def test_images_of_another_stain_are_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_own_set(tmp_path / "cells", [small_field(0)])
    model = installed(tmp_path / "m")
    he_only = replace(model.card, input=replace(model.card.input, stains=("he",)))
    Path(card_of(model)).write_text(card_text(he_only), encoding="utf-8")
    assert main(["evaluate", card_of(model), "--annotations", str(folder), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == []
    assert "field-1: stain ihc-dab" in told["left_out"][0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name --data"),
        (("--data", "nowhere"), "set consep-test cannot be read"),
        (("--data", "nowhere", "--sets", "consep"), "--sets consep: there are consep-train"),
        (("--annotations", "nowhere"), "there is no such folder"),
        (("--annotations", "nowhere", "--sets", "glioma"), "--sets are of --data"),
        (("--annotations", "nowhere", "--card", "absent"), "there is no such model"),
    ],
)
def test_wrong_usage_says_what_would_be_right(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    model = installed(tmp_path / "m")
    assert main(["evaluate", card_of(model), *words]) == 2
    assert said in capsys.readouterr().err


def test_several_models_need_a_card_by_name(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [card_of(installed(tmp_path / f"m{k}")) for k in (1, 2)]
    assert main(["evaluate", *models, "--annotations", str(cells), "--write-card"]) == 2
    assert "--card" in capsys.readouterr().err


def test_a_model_by_its_name_in_the_sites_folder(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = installed(tmp_path / "m")
    settings = tmp_path / "settings"
    settings.mkdir()
    text = (shipped_configs() / "site.toml").read_text(encoding="utf-8")
    text = re.sub(r'^folder = ""', f'folder = "{model.folder}"', text, flags=re.MULTILINE)
    (settings / "site.toml").write_text(text, encoding="utf-8")
    words = ("tiny", "--annotations", str(cells), "--settings", str(settings), "--write-card")
    told = evaluated(capsys, *words)
    assert told["rows"][0]["command"] == "pathology evaluate tiny --annotations cells"
    assert read_card(Path(card_of(model))).results


def test_real_images(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    real_data: Callable[..., Path],
) -> None:
    data = real_data("ihc", "deepliif").parents[1]
    model = installed(tmp_path / "m", data=cited("deepliif", 6, 0))
    told = evaluated(capsys, card_of(model), "--data", str(data), "--sets", "deepliif")
    rows = {row["measure"]: row for row in told["rows"]}
    assert rows["recall within 4 µm"]["images"] == 6
    assert rows["recall within 4 µm"]["evidence"] == "seen"
    assert rows["F1-detection within 4 µm"]["images"] == 4  # two lack labels of pale nuclei
    assert rows["F1-detection within 4 µm"]["baseline"]["value"] > 0.7
    told_openly = "positivity accuracy (DAB threshold, its rule set with these images in sight)"
    assert rows[told_openly]["baseline"]["value"] > 0.9


def test_new_results_replace_those_about_the_same() -> None:
    old = MeasuredResult(
        data="a", measure="F1", value=0.5, low=0.4, high=0.6, images=3, evidence="seen", command=""
    )
    other = replace(old, evidence="recipe")
    new = replace(old, measure="AJI", value=0.55)
    assert merged((old, other), (new,)) == (other, new)


def distilled(folder: Path, teacher: Installed) -> Installed:
    """The same weights as a student of ``teacher``."""
    model = installed(folder, name="student")
    told = Distilled(
        teacher=teacher.card.name, teacher_sha256=teacher.card.weights.sha256, cost_ratio=0.7
    )
    model = replace(model, card=replace(model.card, distilled=told))
    Path(card_of(model)).write_text(card_text(model.card), encoding="utf-8")
    return model


def test_a_student_tells_what_it_keeps_of_its_teacher(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = installed(tmp_path / "t")
    student = distilled(tmp_path / "s", teacher)
    words = (card_of(student), "--teacher", card_of(teacher), "--annotations", str(cells))
    told = evaluated(capsys, *words, "--write-card")
    assert told["kept_of_teacher"] == {"ratio": 1.0, "data": "our-cells"}
    card = read_card(Path(card_of(student)))
    assert card.distilled is not None
    assert (card.distilled.score_ratio, card.distilled.data) == (1.0, "our-cells")
    assert card.results


def test_a_stranger_is_no_teacher(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = installed(tmp_path / "t")
    words = ["evaluate", card_of(teacher), "--teacher", card_of(teacher)]
    assert main([*words, "--annotations", str(cells)]) == 2
    assert "did not learn from these weights" in capsys.readouterr().err


def test_images_that_the_teacher_has_seen_do_not_count(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = installed(tmp_path / "t", data="our-cells, 4 images: painted")
    student = distilled(tmp_path / "s", teacher)
    words = ["evaluate", card_of(student), "--teacher", card_of(teacher)]
    assert main([*words, "--annotations", str(cells)]) == 2
    assert "held out of both" in capsys.readouterr().err


def test_what_one_part_was_kept_away_from_is_told_of_the_recipe(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The card is that of other weights, which have seen those images."""
    part = installed(
        tmp_path / "m",
        data="our-cells, 3 images, 1 more held out: painted",
        command=f"{MADE} --hold-out our-cells/patient-2",
    )
    goal = with_other_weights(
        installed(tmp_path / "goal", name="goal", data="our-cells, 4 images: painted")
    )
    words = [card_of(part), "--annotations", str(cells), "--card", card_of(goal)]
    told = evaluated(capsys, *words)
    assert {(r["evidence"], r["images"]) for r in told["rows"]} == {("recipe", 1)}
    assert {r.evidence for r in read_card(Path(card_of(goal))).results} == {"recipe"}


def test_results_do_not_go_into_the_card_of_another_kind_of_network(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = installed(tmp_path / "m")
    other = install_tiny(
        tmp_path, replace(tiny_card(name="other"), classes=("tumour", "lymphocyte"))
    )
    words = [card_of(model), "--annotations", str(cells), "--card", card_of(other)]
    assert main(["evaluate", *words]) == 2
    assert "another kind of network" in capsys.readouterr().err
