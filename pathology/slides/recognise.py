"""Which backend reads a file: one literal table, decided by the file's content, once.

No backend is tried to see whether it fails: the first row that recognises the content reads it, and
if that one refuses, the slide is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pathology.errors import SlideUnreadable
from pathology.slides import (
    dicom_index,
    field_slide,
    foreign_slide,
    openslide_slide,
    placed_slide,
    tiled_tiff,
    zarr_slide,
)
from pathology.slides.backend import Backend
from pathology.slides.path_kind import is_file, is_folder, may_read

BACKENDS: Final[tuple[Backend, ...]] = (
    tiled_tiff.BACKEND,  # before OpenSlide, which would read these too, several times slower
    dicom_index.BACKEND,  # before OpenSlide, which believes headers that misname their colours
    zarr_slide.BACKEND,
    placed_slide.BACKEND,  # a folder of our own, named by a list that no other has
    foreign_slide.BACKEND,
    openslide_slide.BACKEND,
    field_slide.BACKEND,  # last: slides in TIFF are claimed above
)


def recognise(path: Path, slide_id: str) -> Backend:
    """The backend for ``path``, a file or (DICOM, OME-Zarr, placed regions) a folder.

    Raises
    ------
    SlideUnreadable
        "not-found", "empty-file", "cannot-read" or "not-a-slide".
    """
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise SlideUnreadable(slide_id, "not-found") from cause
    except OSError as cause:
        raise SlideUnreadable(slide_id, "cannot-read", {"detail": cause.strerror}) from cause
    if not is_file(path) and not is_folder(path):  # before anything opens it: a pipe would wait
        raise SlideUnreadable(slide_id, "not-a-slide", {"detail": "it is no regular file"})
    if is_file(path) and size == 0:
        raise SlideUnreadable(slide_id, "empty-file")
    if not may_read(path):
        raise SlideUnreadable(slide_id, "cannot-read", {"detail": "no right to read it"})
    for backend in BACKENDS:
        if backend.recognises(path):
            return backend
    kind = "its content is unknown" if is_file(path) else "a folder without a slide"
    raise SlideUnreadable(slide_id, "not-a-slide", {"detail": kind})
