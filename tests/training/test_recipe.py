"""Recipes: the shipped ones load, wrong ones are refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pathology.config import shipped_configs
from pathology.errors import ConfigError
from pathology.pipeline.settings import load_settings
from pathology.training.recipe import Recipe, load_recipe, shipped_recipe
from pathology.training.terms import TERMS
from tests.training.own_data import write_recipe

SHIPPED = sorted((shipped_configs() / "training").glob("*.toml"))


def test_the_recipes_are_there() -> None:
    names = {path.stem for path in SHIPPED}
    assert names == {
        "nuclei",
        "tissue",
        "nuclei-fine",
        "nuclei-fine-further",
        "nuclei-student",
        "nuclei-own",
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_a_shipped_recipe_loads_and_cites_its_sets(path: Path) -> None:
    recipe = load_recipe(path)
    assert {s.name for s in recipe.sets} <= TERMS.keys()
    assert not {"consep-test", "crchisto-test"} & {s.name for s in recipe.sets}
    low, high = recipe.crops.least_zoom, recipe.crops.most_zoom
    scale = recipe.input
    # A network is used only at scales that its crops had.
    assert low * scale.mpp <= scale.finest_mpp <= scale.coarsest_mpp <= high * scale.mpp


def test_the_fine_recipe_is_the_same_network_at_twice_the_scale() -> None:
    usual, fine = (load_recipe(shipped_recipe(n)) for n in ("nuclei", "nuclei-fine"))
    assert (usual.network, usual.loop, usual.sets) == (fine.network, fine.loop, fine.sets)
    assert fine.input.mpp == usual.input.mpp / 2


def test_a_folder_of_recipes_does_not_disturb_the_settings(tmp_path: Path) -> None:
    """The folder of shipped settings can be copied as it is and named by --settings."""
    for path in shipped_configs().glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "training").mkdir()
    write_recipe(tmp_path / "training" / "own.toml")
    assert load_settings(tmp_path) == load_settings()


def test_a_recipe_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="lungs: there is no such recipe"):
        shipped_recipe("lungs")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"tumour", "lymphocyte"', '"lymphocyte", "tumour"', "in this order"),
        ('"other"]', '"plasma"]', "classes of nuclei are"),
        ('crops = "a test"\n', "", "sources must say"),
        ("side_px = 64\nmpp = 0.5", "side_px = 64\nmpp = 0.25", "must be the same"),
        ("side_px = 64", "side_px = 70", "multiple of 16"),
        ('task = "nuclei"', 'task = "tissue"', "classes of tissue are"),
        ("nucleus-network", "tissue-network", "trained with form nucleus-network"),
        ("pathology.recipe/1", "pathology.recipe/2", "is not pathology.recipe/1"),
        ("steps = 4", "steps = 0", "steps, batch"),
        ("steps = 4", "steps = 4\nhaste = 1", "unknown keys"),
        ("painted_weight = 0.2", "painted_weight = -1", "painted_weight"),
    ],
)
def test_a_wrong_recipe_is_refused_by_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = write_recipe(tmp_path / "own.toml")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=told) as problem:
        load_recipe(path)
    assert "own.toml" in str(problem.value)


def test_a_set_that_judges_is_not_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    text = shipped_recipe("nuclei-student").read_text(encoding="utf-8")
    path.write_text(
        text.replace('judged = ["consep-test"]', 'judged = ["monuseg"]'), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match="judged must be sets"):
        load_recipe(path)


def test_words_do_not_change_the_lesson_and_numbers_do(tmp_path: Path) -> None:
    recipe: Recipe = load_recipe(write_recipe(tmp_path / "own.toml"))
    assert replace(recipe, title="other words").lesson_sha256() == recipe.lesson_sha256()
    zoomed = replace(recipe, crops=replace(recipe.crops, most_zoom=1.5))
    assert zoomed.lesson_sha256() != recipe.lesson_sha256()
    assert recipe.with_steps(9).loop.steps == 9
    assert recipe.with_steps(None) is recipe
