"""The fields of a training: public sets, a site's own, painted ones; and those held out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final, Generic, TypeVar

import numpy as np

from pathology.errors import UsageError
from pathology.training.field import Grouped, LabelledField, Split, folds
from pathology.training.images import shrunk
from pathology.training.own_annotations import own_nuclei, own_tissue
from pathology.training.own_manifest import load_manifest
from pathology.training.painted import painted_fields
from pathology.training.public_sets import READERS
from pathology.training.recipe import Recipe
from pathology.training.terms import cited
from pathology.training.tissue_field import TISSUE_READERS, TissueField, brought_to

AnyField = TypeVar("AnyField", LabelledField, TissueField)
PAINTED: Final = "painted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Part ``number`` (from 1) of ``count`` of every set is held out."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 2 or not 1 <= self.number <= self.count:
            raise UsageError(
                f"--fold {self.number}/{self.count}: wants K/N with 1 <= K <= N, N > 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where labels come from, and which groups are kept away."""

    data: Path | None  # folder of the public sets
    annotations: Path | None  # a site's own
    held_out: frozenset[str] = frozenset()  # "dataset/group"
    fold: Fold | None = None

    def __post_init__(self) -> None:
        if self.data is None and self.annotations is None:
            raise UsageError("name --data (public sets), --annotations (your own), or both")
        if self.held_out and self.fold is not None:
            raise UsageError("choose one of --hold-out and --fold")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered(Generic[AnyField]):
    """Fields to train on, fields held out, and what the card says of them."""

    kept: Sequence[AnyField]
    held_out: Sequence[AnyField]
    weights: Mapping[str, float]  # by dataset
    told: tuple[str, ...]
    public: bool  # any public set is among them


def gathered_nuclei(recipe: Recipe, sources: Sources) -> Gathered[LabelledField]:
    """Nuclei. The order of fields is part of the recipe: crops are drawn by place.

    Raises
    ------
    UsageError
        A set is missing or damaged, a group to hold out does not exist, or nothing is left.
    """
    finest = recipe.fields.finest_mpp
    own = own_nuclei(sources.annotations) if sources.annotations else iter(())
    fields = chain(_public(recipe, sources, READERS), _seen_finely(own, recipe))
    shrunk_fields = [_at_least(f, finest) for f in fields]
    painted = list(painted_fields(recipe.fields.painted, recipe.fields.painted_seed))
    return _gathered(recipe, sources, shrunk_fields, painted)


def gathered_tissue(recipe: Recipe, sources: Sources) -> Gathered[TissueField]:
    """The same for tissue, which has no painted fields."""
    own = own_tissue(sources.annotations) if sources.annotations else iter(())
    fields = chain(_public(recipe, sources, TISSUE_READERS), _seen_finely(own, recipe))
    shrunk_fields = [brought_to(f, recipe.fields.finest_mpp) for f in fields]
    return _gathered(recipe, sources, shrunk_fields, [])


def _gathered(
    recipe: Recipe, sources: Sources, fields: list[AnyField], painted: list[AnyField]
) -> Gathered[AnyField]:
    try:
        kept, held_out = _split(fields, recipe, sources).parts(fields)
    except ValueError as cause:
        raise UsageError(f"--hold-out: {cause}. Groups are named SET/GROUP") from cause
    if not kept:
        raise UsageError("nothing is left to train on. Hold out less")
    weights = {s.name: s.weight for s in recipe.sets} if sources.data else {}
    if painted:
        weights[PAINTED] = recipe.fields.painted_weight
    told = [
        cited(name, _count(kept, name), _count(held_out, name))
        for name in weights
        if name != PAINTED
    ]
    if sources.annotations:
        own = load_manifest(sources.annotations)
        if own.name in weights:
            raise UsageError(f"dataset.toml: a public set is called {own.name!r}. Rename yours")
        weights[own.name] = recipe.fields.own_weight
        away = _count(held_out, own.name)
        more = f", {away} more held out" if away else ""
        told.append(f"{own.name}, {_count(kept, own.name)} images{more}: {own.described}")
    if painted:
        told.append(f"{len(painted)} fields painted by this software")
    if silent := sorted({f.dataset for f in kept if not weights[f.dataset] > 0}):
        raise UsageError(f"the recipe gives no weight to {silent}: own_weight under [fields]")
    return Gathered(
        kept=list(chain(kept, painted)),
        held_out=held_out,
        weights=weights,
        told=tuple(told),
        public=sources.data is not None and bool(recipe.sets),
    )


def _public(
    recipe: Recipe,
    sources: Sources,
    readers: Mapping[str, Callable[[Path], Iterator[AnyField]]],
) -> Iterator[AnyField]:
    if sources.data is not None:
        yield from _read_sets(sources.data, [s.name for s in recipe.sets], readers)


def _read_sets(
    data: Path,
    names: Iterable[str],
    readers: Mapping[str, Callable[[Path], Iterator[AnyField]]],
) -> Iterator[AnyField]:
    """The images of public sets, one set after the other.

    Raises
    ------
    UsageError
        A set is missing or damaged; the message names it.
    """
    for name in names:
        empty = True
        try:
            for field in readers[name](data):
                yield field
                empty = False
        except (OSError, ValueError, LookupError, RuntimeError) as cause:
            raise UsageError(
                f"--data {data.name}: set {name} cannot be read ({type(cause).__name__}: {cause})"
            ) from cause
        if empty:
            raise UsageError(
                f"--data {data.name}: set {name} is not there. Get it, or leave it out of the "
                "recipe's sets"
            )


def _seen_finely(fields: Iterable[AnyField], recipe: Recipe) -> Iterator[AnyField]:
    """A site's own images, unless they show less than the network is to see."""
    for field in fields:
        if field.mpp > recipe.input.coarsest_mpp:
            raise UsageError(
                f"{field.name}: {field.mpp:g} µm/px is coarser than the "
                f"{recipe.input.coarsest_mpp:g} that the network may see. Export it finer"
            )
        if not set(recipe.input.stains) & {field.stain}:
            raise UsageError(
                f"{field.name}: stain {field.stain} is none of the recipe's "
                f"({', '.join(recipe.input.stains)})"
            )
        yield field


def _at_least(field: LabelledField, mpp: float) -> LabelledField:
    """The field, no finer than ``mpp``."""
    factor = mpp / field.mpp
    if factor <= 1:
        return field
    pixels, instances = shrunk(field.pixels, field.instances, factor)
    centre_px = field.centre_px / factor
    return replace(field, mpp=mpp, pixels=pixels, instances=instances, centre_px=centre_px)


def _split(fields: Sequence[Grouped], recipe: Recipe, sources: Sources) -> Split:
    if sources.fold is None:
        return Split(held_out=sources.held_out)
    folded = recipe.fields.folded
    made = folds([f for f in fields if not folded or f.dataset in folded], sources.fold.count)
    if len(made) < sources.fold.count:
        raise UsageError(f"--fold: there are groups for {len(made)} folds only")
    return made[sources.fold.number - 1]


def _count(fields: Sequence[Grouped], dataset: str) -> int:
    return sum(f.dataset == dataset for f in fields)


def images_sha256(gathered: Gathered[AnyField]) -> str:
    """Hash of what is trained on: a changed annotation or picture is another training."""
    told = hashlib.sha256()
    for field in gathered.kept:
        facts = [field.dataset, field.group, field.name, field.stain, field.mpp]
        labels: tuple[np.ndarray, ...]
        if isinstance(field, LabelledField):
            facts += [field.outlined, field.complete]
            labels = field.instances, field.centre_px, field.cell_class, field.positive
        else:
            labels = (field.allowed,)
        told.update(repr(facts).encode())
        for column in (field.pixels, *labels):
            told.update(np.ascontiguousarray(column).tobytes())
    return told.hexdigest()
