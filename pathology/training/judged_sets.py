"""Sets that networks are judged on: their titles, what counts as found, and their images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from pathology.errors import UsageError
from pathology.records.model import ModelTask
from pathology.training.field import LabelledField
from pathology.training.own_annotations import own_nuclei, own_tissue
from pathology.training.public_sets import READERS
from pathology.training.tissue_field import TISSUE_READERS, TissueField

AnyField: TypeAlias = LabelledField | TissueField
SETS: Final[Mapping[ModelTask, tuple[str, ...]]] = {
    "nuclei": ("consep-test", "crchisto-test", "monuseg", "glioma", "deepliif", "gepnet"),
    "tissue": ("wsss4luad", "glas"),
}
"""Evaluated unless others are asked for."""
MATCH_UM: Final[Mapping[str, float]] = {
    "consep-train": 3.0,  # 12 px at 0.25 µm/px, Graham et al. 2019
    "consep-test": 3.0,
    "crchisto-train": 3.3,  # 6 px at 0.55 µm/px, Sirinukunwattana et al. 2016
    "crchisto-validation": 3.3,
    "crchisto-test": 3.3,
}
USUAL_MATCH_UM: Final = 4.0
"""About the radius of a nucleus, where no protocol of the set states another."""
TITLES: Final[Mapping[str, str]] = {
    "consep-train": "CoNSeP train, stitched tiles at 0.25 µm/px as stated",
    "consep-test": "CoNSeP test, stitched tiles at 0.25 µm/px as stated",
    "monuseg": "MoNuSeg training images",
    "crchisto-train": "CRCHisto train",
    "crchisto-validation": "CRCHisto validation",
    "crchisto-test": "CRCHisto test (its slides may be those of the training part)",
    "glioma": "Ki-67 glioma",
    "deepliif": "Ki-67 DeepLIIF",
    "gepnet": "Ki-67 GEP-NET (tumour nuclei alone are labelled)",
    "wsss4luad": "WSSS4LUAD validation",
    "glas": "GlaS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Public sets to read."""

    sets: tuple[str, ...]
    as_there: bool  # somebody may have got only some: those that are not there whole are no error


def images_of(
    task: ModelTask, data: Path | None, annotations: Path | None, wanted: Wanted
) -> Iterator[tuple[str, list[AnyField]]]:
    """Name and images of each public set in ``data``, then "" and a site's own.

    Raises
    ------
    UsageError
        A set is missing or damaged and ``wanted`` does not allow for it.
    """
    readers: Mapping[str, Callable[[Path], Iterable[AnyField]]] = (
        READERS if task == "nuclei" else TISSUE_READERS
    )
    if data is not None:
        yield from _public(data, wanted, readers)
    if annotations is not None:
        own = own_nuclei if task == "nuclei" else own_tissue
        yield "", list(own(annotations))


def _public(
    data: Path, wanted: Wanted, readers: Mapping[str, Callable[[Path], Iterable[AnyField]]]
) -> Iterator[tuple[str, list[AnyField]]]:
    for name in wanted.sets:
        try:
            images = _read(data, name, readers[name])
        except UsageError:
            if wanted.as_there:
                continue
            raise
        yield name, images


def _read(data: Path, name: str, reader: Callable[[Path], Iterable[AnyField]]) -> list[AnyField]:
    try:
        images = list(reader(data))
    except (OSError, ValueError, LookupError) as cause:
        raise UsageError(
            f"--data {data.name}: set {name} cannot be read ({type(cause).__name__}: {cause}). "
            "Get it, or leave it out of --sets"
        ) from cause
    if not images:
        raise UsageError(f"--data {data.name}: set {name} is not there. Leave it out of --sets")
    return images
