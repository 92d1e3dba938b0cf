"""What the label and the picture of a slide say, for doors that open no slide themselves."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pathology.pipeline.inspect import inspect
from pathology.records.settings.run import RunSettings
from pathology.records.stain import StainKind
from pathology.slides.label import read_label


def label_of(path: Path, names: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Fields of the file's own label, see ``slides.label``; PHI."""
    return read_label(path, names)


def stain_of(path: Path, settings: RunSettings) -> StainKind:
    """The stain as far as the picture tells; "unknown" for a slide that would be refused."""
    seen = inspect(path, settings, None)
    return "unknown" if seen.stains is None else seen.stains.kind
