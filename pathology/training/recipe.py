"""How a model is made, as data: network, scale, crops, loop, sets. One file a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from pathology.config import load_record, shipped_configs
from pathology.errors import ConfigError
from pathology.records.model import (
    CLASSES,
    NAME,
    ModelInput,
    ModelTask,
    NetworkShape,
    NucleusDecoding,
)
from pathology.records.settings.ranges import check_between
from pathology.training.encoder_start import EncoderStart
from pathology.training.loop import LoopSettings
from pathology.training.nucleus_crops import CropSettings
from pathology.training.public_sets import READERS
from pathology.training.tissue_field import TISSUE_CLASSES, TISSUE_READERS

SCHEMA: Final = "pathology.recipe/1"
SECTIONS: Final = (
    "network",
    "input",
    "crops",
    "loop",
    "fields",
    "sets",
    "decoding",
    "teacher",
    "encoder_start",
)
NUCLEUS_CLASSES: Final = CLASSES["nuclei"]
"""In the order of ``CellClass``, which numbers the labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetShare:
    """A public set and its part in the crops."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSettings:
    """Fields beside the public sets. Weights are parts in the crops, like those of the sets."""

    painted: int  # number of painted fields
    painted_seed: int
    painted_weight: float
    own_weight: float  # of a site's own annotations
    finest_mpp: float  # finer images are shrunk to this before anything else; 0: never
    folded: tuple[str, ...] = ()  # sets that folds hold out of; () for all

    def __post_init__(self) -> None:
        names = ("painted", "painted_weight", "own_weight", "finest_mpp")
        check_between(self, 0, float("inf"), *names)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherSettings:
    """How a teacher's maps and the labels are mixed."""

    weight: float  # of the teacher's word; the labels' weighs 1
    everywhere: bool  # False: only where no label judges, so that what was known is kept
    judged: tuple[str, ...] = ()  # sets that neither was trained on, to score both on
    gives: Literal["", "encoder", "network"] = ""  # what of its weights the student begins with

    def __post_init__(self) -> None:
        check_between(self, 0, 100, "weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One file of ``configs/training``. ``sources`` says of each section why it is as it is."""

    schema: str
    name: str  # of the model
    title: str
    task: ModelTask
    classes: tuple[str, ...]
    limits: tuple[str, ...]
    sources: Mapping[str, str]
    network: NetworkShape
    input: ModelInput
    crops: CropSettings
    loop: LoopSettings
    fields: FieldSettings
    sets: tuple[SetShare, ...] = ()
    decoding: NucleusDecoding | None = None
    teacher: TeacherSettings | None = None
    encoder_start: EncoderStart | None = None  # absent: at random
    organs: tuple[str, ...] = ()  # of the sets, where they show only some

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema {self.schema!r} is not {SCHEMA}")
        if not NAME.fullmatch(self.name):
            raise ValueError("name is made of a-z, 0-9 and -")
        wanted = {s for s in SECTIONS if getattr(self, s)}
        if set(self.sources) != wanted or not all(v.strip() for v in self.sources.values()):
            raise ValueError(f"sources must say where each of {sorted(wanted)} comes from")
        known = READERS if self.task == "nuclei" else TISSUE_READERS
        if strangers := sorted({s.name for s in self.sets} - known.keys()):
            raise ValueError(f"sets {strangers} are none of {sorted(known)}")
        if len({s.name for s in self.sets}) != len(self.sets):
            raise ValueError("a set is named twice")
        judged = set(self.teacher.judged) if self.teacher else set()
        if judged & {s.name for s in self.sets} or judged - known.keys():
            raise ValueError("judged must be sets that are known and not trained on")
        if self.encoder_start is not None and self.teacher and self.teacher.gives:
            raise ValueError(
                "the encoder begins with encoder_start or with the teacher's, not both"
            )
        if any(s.weight <= 0 for s in self.sets):
            raise ValueError("the weight of a set must be positive")
        self._check_task()

    def _check_task(self) -> None:
        """The labels number the classes, so that these have one order."""
        nuclei = self.task == "nuclei"
        classes = NUCLEUS_CLASSES if nuclei else TISSUE_CLASSES
        if self.classes != classes:
            raise ValueError(f"classes of {self.task} are {list(classes)}, in this order")
        form = "nucleus-network" if nuclei else "tissue-network"
        if self.network.form != form:
            raise ValueError(f"{self.task} are trained with form {form}")
        if nuclei != (self.decoding is not None):
            raise ValueError("decoding belongs to nuclei, and to nothing else")
        if self.crops.mpp != self.input.mpp:
            raise ValueError("crops.mpp and input.mpp must be the same")
        if self.crops.side_px % self.input.step_px:
            raise ValueError(f"crops.side_px must be a multiple of {self.input.step_px}")
        if not nuclei and (self.fields.painted or self.crops.recoloured_share):
            raise ValueError("painted and recoloured crops are of nuclei")

    def with_steps(self, steps: int | None) -> Recipe:
        """The same, for another number of steps."""
        return self if steps is None else replace(self, loop=replace(self.loop, steps=steps))

    def lesson_sha256(self) -> str:
        """Hash of what decides the weights; texts and decoding do not."""
        teacher = replace(self.teacher, judged=()) if self.teacher else None
        told = (self.task, self.classes, self.network, self.crops, self.fields, teacher)
        begun = self.encoder_start.sha256 if self.encoder_start else ""
        sets = tuple((s.name, s.weight) for s in self.sets)
        return hashlib.sha256(repr((told, begun, sets)).encode()).hexdigest()


def load_recipe(path: Path) -> Recipe:
    """The recipe in a file; ``ConfigError`` names the file and the key that is wrong."""
    return load_record(path, Recipe)


def shipped_recipe(name: str) -> Path:
    """File of a recipe that comes with the package."""
    path = shipped_configs() / "training" / f"{name}.toml"
    if not path.is_file():
        raise ConfigError(f"{name}: there is no such recipe")
    return path
