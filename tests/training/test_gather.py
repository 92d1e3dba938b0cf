"""Fields of a training: what is read, what is held out, what the card says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pathology.errors import UsageError
from pathology.training.gather import Fold, Sources, gathered_nuclei, images_sha256
from pathology.training.recipe import Recipe, SetShare, load_recipe
from tests.training.own_data import small_field, write_own_set, write_recipe


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "cells"
    return write_own_set(folder, [small_field(n) for n in (1, 3, 5)])


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return load_recipe(write_recipe(tmp_path / "own.toml"))


def own(cells: Path, **more: object) -> Sources:
    return Sources(data=None, annotations=cells, **more)  # type: ignore[arg-type]


def test_every_fold_holds_another_patient_out(cells: Path, recipe: Recipe) -> None:
    away = []
    for number in (1, 2, 3):
        gathered = gathered_nuclei(recipe, own(cells, fold=Fold(number=number, count=3)))
        kept = {f.group for f in gathered.kept if f.dataset == "our-cells"}
        away += [f.group for f in gathered.held_out]
        assert len(kept) == 2
        assert not kept & {f.group for f in gathered.held_out}
        assert gathered.told[0].startswith("our-cells, 2 images, 1 more held out")
        assert sum(f.dataset == "painted" for f in gathered.kept) == 2  # never held out
    assert sorted(away) == ["patient-1", "patient-2", "patient-3"]


def test_a_recipe_may_fold_one_set_only(cells: Path, recipe: Recipe) -> None:
    other = replace(recipe, fields=replace(recipe.fields, folded=("monuseg",)))
    with pytest.raises(UsageError, match="groups for 0 folds only"):
        gathered_nuclei(other, own(cells, fold=Fold(number=1, count=3)))


def test_a_changed_label_is_another_training(tmp_path: Path, recipe: Recipe) -> None:
    cells = write_own_set(tmp_path / "cells", [small_field(1)])
    before = images_sha256(gathered_nuclei(recipe, own(cells)))
    assert images_sha256(gathered_nuclei(recipe, own(cells))) == before
    path = cells / "field-1.geojson"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"Tumor"', '"Stroma"', 1), encoding="utf-8")
    assert images_sha256(gathered_nuclei(recipe, own(cells))) != before


Edited = Callable[[Recipe], Recipe]


@pytest.mark.parametrize(
    ("edited", "told"),
    [
        (
            lambda r: replace(r, input=replace(r.input, stains=("ihc-dab",))),
            "stain he is none of the recipe's",
        ),
        (
            lambda r: replace(
                r,
                input=replace(r.input, mpp=0.3, finest_mpp=0.2, coarsest_mpp=0.4),
                crops=replace(r.crops, mpp=0.3),
            ),
            "coarser than the 0.4",
        ),
        (lambda r: replace(r, fields=replace(r.fields, own_weight=0.0)), "gives no weight"),
    ],
)
def test_fields_that_do_not_fit_the_recipe_are_refused(
    cells: Path, recipe: Recipe, edited: Edited, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        gathered_nuclei(edited(recipe), own(cells))


def test_a_fine_field_can_be_shrunk_first(cells: Path, recipe: Recipe) -> None:
    shrunk = replace(recipe, fields=replace(recipe.fields, finest_mpp=1.0))
    for field in gathered_nuclei(shrunk, own(cells)).kept:
        if field.dataset == "our-cells":
            assert field.mpp == pytest.approx(1.0)
            assert field.pixels.shape[:2] == field.instances.shape == (96, 96)
            row, column = field.centre_px[0, ::-1].astype(int)
            assert field.instances[row, column] == 1


@pytest.mark.real_data
def test_a_damaged_public_set_is_named(
    real_data: Callable[..., Path], tmp_path: Path, recipe: Recipe
) -> None:
    source = real_data("ihc", "deepliif")
    folder = tmp_path / "data" / "ihc" / "deepliif"
    folder.mkdir(parents=True)
    for path in sorted(source.glob("*.png"))[:2]:
        (folder / path.name).write_bytes(path.read_bytes()[:200])
    wanted = replace(
        recipe,
        sets=(SetShare(name="deepliif", weight=1.0),),
        sources={**recipe.sources, "sets": "a test"},
    )
    with pytest.raises(UsageError, match="set deepliif cannot be read"):
        gathered_nuclei(wanted, Sources(data=tmp_path / "data", annotations=None))
