"""From what a person names to slides: folders are searched, files of one slide become one slide.

What a person names outright is kept as it is, even if unknown or absent: it must end as a row that
says why, not vanish. In a folder only names that can be slides count.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pathology.errors import SlideUnreadable
from pathology.slides.dicom_series import dicom_candidates, glance, is_instance, may_be_dicom
from pathology.slides.path_kind import is_file, is_folder, may_read, real_path
from pathology.slides.placed_slide import is_placed, placed_files
from pathology.slides.zarr_metadata import is_zarr

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
SCAN_SUFFIXES = frozenset(
    {".svs", ".svslide", ".btf", ".qptiff", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu"}
    | {".czi", ".kfb", ".tmap"}
)
REFUSED_SUFFIXES = frozenset({".sdpc", ".isyntax", ".vsi", ".mds", ".mdsx"})
"""Scans nobody here can read: listed, so that each ends as a row with a reason."""
SLIDE_SUFFIXES = PICTURE_SUFFIXES | SCAN_SUFFIXES | REFUSED_SUFFIXES
SIDE_PICTURE = re.compile(r"(^|[\W_])(label|macro|overview|thumb(nail)?|preview)$", re.IGNORECASE)
RESULT_FILE = "findings.json"  # a folder with one holds our own results, pictures among them


def find_slides(inputs: Sequence[Path], *, within: Path | None = None) -> tuple[Path, ...]:
    """The slides among ``inputs`` and in their folders, sorted, each once.

    A file is given back as named. A folder that holds one DICOM series and nothing else is one
    slide; where it holds more, each series is named by one of its files. An OME-Zarr folder is one
    slide, and so is one of placed regions. A folder that cannot be looked into is given back
    itself, so that opening it says why. So is one whose real place is not in ``within``, itself a
    real path: a link may lead anywhere.
    """
    visited: set[Path] = set()
    found: list[Path] = []
    for path in inputs:
        if is_folder(path) and not _is_one_slide(path):
            found += _search(path, visited, within)
        else:
            found.append(path)
    return _each_once(found)


def files_of(path: Path) -> tuple[Path, ...]:
    """All files that make up the slide ``path``.

    A named file comes first, the rest is sorted. A path that leads to no file, or to none that can
    be looked at, is given back alone.

    Raises
    ------
    SlideUnreadable
        "cannot-read": a folder of the slide cannot be looked into.
    """
    try:
        if is_folder(path):
            return _files_inside(path)
        return (path, *sorted(_companions(path))) if is_file(path) else (path,)
    except OSError as cause:
        detail = cause.strerror or type(cause).__name__
        raise SlideUnreadable("-", "cannot-read", {"detail": detail}) from cause


def _files_inside(folder: Path) -> tuple[Path, ...]:
    if not may_read(folder):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if is_placed(folder):
        return placed_files(folder)
    if is_zarr(folder):
        return tuple(sorted(p for p in folder.rglob("*") if is_file(p)))
    return tuple(p for p in dicom_candidates(folder) if is_instance(p))


def _is_one_slide(folder: Path) -> bool:
    return is_zarr(folder) or is_placed(folder)


def _companions(path: Path) -> list[Path]:
    """The other files of the slide whose main file is ``path``."""
    suffix = path.suffix.lower()
    if suffix == ".mrxs":
        return [p for p in path.with_suffix("").rglob("*") if is_file(p)]
    if suffix in (".vms", ".vmu"):
        return _named_inside(path)
    if suffix == ".tmap":  # TMAP06 spills tiles into STEM.DT1, STEM.DT2, ...
        spill = re.compile(re.escape(path.stem) + r"\.dt\d+", re.IGNORECASE)
        return [p for p in path.parent.iterdir() if spill.fullmatch(p.name)]
    if may_be_dicom(path) and is_instance(path):
        own = _series_uid(path)
        others = (p for p in dicom_candidates(path.parent) if p != path and is_instance(p))
        return [p for p in others if own is not None and _series_uid(p) == own]
    return []


def _named_inside(index: Path) -> list[Path]:
    """Files beside a Hamamatsu index file that it names (``ImageFile=name.jpg``)."""
    try:
        lines = index.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    names = {line.partition("=")[2].strip() for line in lines}
    beside = (index.parent / name for name in names if name and Path(name).name == name)
    return [p for p in beside if p != index and is_file(p)]


def _search(folder: Path, visited: set[Path], within: Path | None) -> list[Path]:
    """Slides in a folder and below; ``visited`` ends loops of symbolic links."""
    real = real_path(folder)
    if within is not None and not real.is_relative_to(within):
        return [folder]
    try:
        entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except OSError:
        return [folder]
    if not may_read(folder):  # its names are told, and nothing of what they stand for
        return [folder]
    if real in visited or any(p.name == RESULT_FILE for p in entries):
        return []
    visited.add(real)
    slides = [p for p in entries if p.suffix.lower() in SLIDE_SUFFIXES and is_file(p)]
    parts = {part for slide in slides for part in _companions(slide)}
    data_folders = {p.with_suffix("") for p in slides if p.suffix.lower() == ".mrxs"}
    found = [p for p in slides if p not in parts and not is_side_picture(p)]
    dicom = [p for p in entries if may_be_dicom(p) and is_file(p) and is_instance(p)]
    series = _dicom_slides(dicom)
    is_series_folder = not found and len(dicom) > 1 and _is_one_series(series)
    found += [folder] if is_series_folder else series
    for inner in entries:
        if not is_folder(inner) or inner in data_folders:
            continue
        found += [inner] if _is_one_slide(inner) else _search(inner, visited, within)
    return found


def is_side_picture(path: Path) -> bool:
    """Whether a picture only shows a slide's label or its whole: exported beside many scans."""
    picture = path.suffix.lower() in PICTURE_SUFFIXES
    return picture and SIDE_PICTURE.search(path.stem) is not None


def _series_uid(path: Path) -> str | None:
    seen = glance(path)
    return seen.series if seen else None


def _is_one_series(slides: Sequence[Path]) -> bool:
    """Whether one series is there; files too damaged to tell count with it, and it is refused."""
    return sum(glance(path) is not None for path in slides) == 1


def _dicom_slides(candidates: Iterable[Path]) -> list[Path]:
    """One file for each series, and every file too damaged to name its series.

    A series of nothing but labels and overviews is no slide beside one that shows tissue.
    """
    tissue: dict[str, Path] = {}
    others: dict[str, Path] = {}
    unreadable: list[Path] = []
    for path in candidates:
        seen = glance(path)
        if seen is None:
            unreadable.append(path)
        else:
            (tissue if seen.is_volume else others).setdefault(seen.series, path)
    return [*(tissue or others).values(), *unreadable]


def _each_once(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Sorted, without the same file under two names; files of one DICOM series count as one."""
    kept: dict[object, Path] = {}
    for path in sorted(paths):
        series = _series_uid(path) if is_file(path) and may_be_dicom(path) else None
        same = (real_path(path.parent), series) if series else real_path(path)
        kept.setdefault(same, path)
    return tuple(kept.values())
