"""A model as its card tells it: what it is, what it was made from, what it can do and cannot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pathology.records.settings.ranges import check_between, check_positive

ModelTask = Literal["nuclei", "tissue"]
ModelForm = Literal[
    "nucleus-network", "tissue-network", "exported", "tile-encoder", "tiatoolbox", "instanseg"
]
"""How the weights become maps. The first two are the networks trained here."""
ModelStain = Literal["he", "ihc-dab"]
Evidence = Literal["held-out", "recipe", "seen"]
"""``recipe``: cross-validated, so about the way of training and not about the shipped weights."""
SHA256 = re.compile(r"[0-9a-f]{64}")
CLASSICAL = "classical"
"""In the settings, in place of a model's name: no network, but the hand-set analysis."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
ENCODER = re.compile(r"[A-Za-z0-9_.]*")
"""A bare name of timm's: with ":" or "/" in it timm would look on a hub or in a folder."""
FINEST_MPP, COARSEST_MPP = 0.05, 20.0
"""Scales of brightfield slides and their overviews; outside, a card's scale is a slip."""
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkShape:
    """What a network is built from."""

    form: ModelForm
    encoder: str  # timm's name; "" where the file holds the whole network
    stages: int  # stages of the encoder in use, each at half the scale of the one before
    decoder: tuple[int, ...]  # channels of the decoder's stages, coarse to fine

    def __post_init__(self) -> None:
        if not ENCODER.fullmatch(self.encoder):
            raise ValueError(f"encoder {self.encoder!r} must be a bare name of timm's")
        trained_here = self.form in ("nucleus-network", "tissue-network")
        if trained_here and not (self.encoder and 2 <= self.stages <= 5 and self.decoder):
            raise ValueError("network needs an encoder, 2 to 5 stages and a decoder")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInput:
    """What a network must be shown."""

    stains: tuple[ModelStain, ...]
    mpp: float  # the scale it was trained at
    finest_mpp: float  # and the scales at which it may be used
    coarsest_mpp: float
    halo_um: float  # how far around a pixel it needs to see
    step_px: int  # sides of a picture are multiples of this

    def __post_init__(self) -> None:
        check_positive(self, "mpp", "finest_mpp", "halo_um", "step_px")
        check_between(self, FINEST_MPP, COARSEST_MPP, "finest_mpp", "mpp", "coarsest_mpp")
        if not self.stains:
            raise ValueError("stains must name at least one")
        if not self.finest_mpp <= self.mpp <= self.coarsest_mpp:
            raise ValueError("finest_mpp <= mpp <= coarsest_mpp")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsFile:
    """The file of weights and on what terms it may be used."""

    file: str  # a bare name, beside the other weights
    sha256: str
    licence: str  # SPDX where there is one
    research_only: bool  # every result says so, and signing needs the site to accept it

    def __post_init__(self) -> None:
        if not FILE.fullmatch(self.file):
            raise ValueError(f"file {self.file!r} must be a bare name of letters, digits and . _ -")
        if not SHA256.fullmatch(self.sha256):
            raise ValueError("sha256 must be 64 hexadecimal digits in lower case")
        if not self.licence.strip():
            raise ValueError("licence must be stated")
        if "-NC" in self.licence.upper() and not self.research_only:
            raise ValueError(f"licence {self.licence} forbids commerce: research_only must be true")


@dataclass(frozen=True, slots=True, kw_only=True)
class NucleusDecoding:
    """How maps become nuclei; chosen on training images, see the card's ``training``."""

    least_nucleus: float  # probability from which a pixel belongs to a nucleus
    least_centre: float  # height of a peak of centres
    least_distance_um: float  # between two centres
    most_offset_um: float  # between the place a pixel points to and the centre it is given to
    least_area_um2: float

    def __post_init__(self) -> None:
        check_between(self, 0, 1, "least_nucleus", "least_centre")
        check_positive(self, "least_distance_um", "most_offset_um", "least_area_um2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One way to show a picture to a network; it costs ``enlarged`` squared times its pixels."""

    quarters: int  # turns counter-clockwise, 0..3
    enlarged: float  # in width and height, 1..2

    def __post_init__(self) -> None:
        check_between(self, 0, 3, "quarters")
        check_between(self, 1, 2, "enlarged")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """What made the weights."""

    data: tuple[str, ...]  # sets, with their licence and citation
    command: str
    seed: int
    steps: int
    hours: float
    date: str  # ISO 8601; "" where it is not known

    def __post_init__(self) -> None:
        if not self.data:
            raise ValueError("data must name what the weights were made from")
        if self.date:
            date.fromisoformat(self.date)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredResult:
    """One line of what was measured, and how."""

    data: str
    measure: str  # with its formula's name
    value: float
    low: float  # bootstrap interval by image
    high: float
    images: int
    evidence: Evidence
    command: str

    def __post_init__(self) -> None:
        check_positive(self, "images")
        if self.low > self.high:
            raise ValueError("low must not be above high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    """From which model a smaller one learned, what it costs and what it keeps."""

    teacher: str
    teacher_sha256: str
    cost_ratio: float  # time of a forward pass over the teacher's, both measured in one run
    score_ratio: float | None = None  # of ``measure`` over the teacher's; absent: not measured
    measure: str = ""
    data: str = ""  # images held out of this training that both were scored on

    def __post_init__(self) -> None:
        check_positive(self, "cost_ratio")
        if not SHA256.fullmatch(self.teacher_sha256):
            raise ValueError("teacher_sha256 must be 64 hexadecimal digits in lower case")
        if (self.score_ratio is None) != (not self.measure):
            raise ValueError("score_ratio and measure belong together")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """All that is known of a model.

    ``classes`` are in the order of the network's channels, unless ``channels`` says what each of
    them counts as: a foreign network may know more classes than this house.
    """

    schema: str
    name: str
    title: str
    task: ModelTask
    classes: tuple[str, ...]
    network: NetworkShape
    input: ModelInput
    weights: WeightsFile
    training: TrainedOn
    limits: tuple[str, ...]  # plain sentences, told with every result
    results: tuple[MeasuredResult, ...] = ()
    decoding: NucleusDecoding | None = None
    channels: tuple[str, ...] = ()
    distilled: Distilled | None = None
    organs: tuple[str, ...] = ()  # those of the training images, where only some were shown
    looks: tuple[Look, ...] = ()  # maps are their mean; none: a picture is shown once, as it is

    def __post_init__(self) -> None:
        if self.schema != "pathology.model/1":
            raise ValueError(f"schema {self.schema!r} is not pathology.model/1")
        if not NAME.fullmatch(self.name):
            raise ValueError("name is made of a-z, 0-9 and -")
        if self.name == CLASSICAL:
            raise ValueError(f"name {CLASSICAL!r} stands for the analysis without networks")
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise ValueError("classes must be named, each once")
        known = CLASSES[self.task]
        if strangers := sorted(set(self.classes) - set(known)):
            raise ValueError(f"classes {strangers} are none of {sorted(known)}")
        form = self.network.form
        if form not in FORMS[self.task]:
            raise ValueError(f"form {form} does not do {self.task}: {', '.join(FORMS[self.task])}")
        if (self.decoding is None) == (self.task == "nuclei" and form != "instanseg"):
            raise ValueError("decoding belongs to a network of nuclei whose maps are decoded here")
        if form == "instanseg" and len(self.classes) != 1:
            raise ValueError("instanseg tells no classes apart: name the one that its nuclei get")
        self._check_channels()
        self._check_reach()
        self._check_looks()
        suffix = SUFFIXES.get(form, ".safetensors")
        if not self.weights.file.endswith(suffix):
            raise ValueError(f"the weights of form {form} are a {suffix} file")

    def _check_looks(self) -> None:
        """An enlarged step must be whole steps of the network, or tiles would be seen unalike."""
        if self.looks and self.network.form != "nucleus-network":
            raise ValueError("looks belong to a nucleus-network")
        for look in self.looks:
            steps = self.input.step_px * look.enlarged / 2**self.network.stages
            if steps != round(steps):
                raise ValueError(
                    f"a look enlarged by {look.enlarged:g} makes {steps:g} steps of the network of "
                    f"step_px {self.input.step_px}: it must be whole ones"
                )

    def _check_reach(self) -> None:
        """A cell of a tile encoder must lie in the tile that sees it, the halo included."""
        wide_um = self.input.step_px * self.input.coarsest_mpp
        if self.network.form == "tile-encoder" and self.input.halo_um < wide_um:
            raise ValueError(
                f"halo_um of a tile-encoder must be {wide_um:g} or more, a cell's width"
            )

    def _check_channels(self) -> None:
        trained_here = self.network.form in ("nucleus-network", "tissue-network")
        if self.channels and (trained_here or self.task == "nuclei"):
            raise ValueError("channels belong to a foreign network of tissue, and to no other")
        if self.channels and set(self.channels) != set(self.classes):
            raise ValueError("channels must name each of the classes, and nothing else")


FORMS: dict[ModelTask, tuple[ModelForm, ...]] = {
    "nuclei": ("nucleus-network", "exported", "instanseg"),
    "tissue": ("tissue-network", "exported", "tile-encoder", "tiatoolbox"),
}
SUFFIXES: dict[ModelForm, str] = {"exported": ".pt2", "instanseg": ".pt"}
"""Of files that hold more than tensors; all others are ``.safetensors``."""
CLASSES: dict[ModelTask, tuple[str, ...]] = {
    "nuclei": ("tumour", "lymphocyte", "stroma", "other"),
    "tissue": ("background", "tumour", "stroma", "other", "normal"),
}
"""What a model may call things: names of ``CellClass`` and ``TissueClass`` in lower case."""
