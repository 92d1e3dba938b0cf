"""A copy of a slide without identity: made aside, looked at again, and only then put in place."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from pathology.errors import OutputError, SlideUnreadable
from pathology.exchange.dicom_nameless import DAMAGE, copy_dicom, read_proofs
from pathology.exchange.tiff_nameless import copy_tiff, read_tiff_proofs
from pathology.pipeline import identity
from pathology.records.nameless import LevelProof, NamelessCopy
from pathology.records.settings.site import PrivacySettings
from pathology.records.slide import SlideFacts
from pathology.slides.find import files_of
from pathology.slides.identity_left import left_in_dicom, left_in_tiff
from pathology.slides.open import examine

MOST_TOLD: Final = 3


def known_as(slide: Path, privacy: PrivacySettings) -> str:
    """What messages call the slide; raises as ``examine``, and ConfigError for a key."""
    key = identity.pseudonym_key(privacy)
    digest = identity.content_digest(files_of(slide))
    return identity.pseudonym(digest, key) if key else identity.slide_id(slide, digest)


def deidentify(slide: Path, out: Path, slide_id: str) -> NamelessCopy:
    """Copy ``slide`` to ``out`` (a file, or a folder for DICOM) without label, macro and metadata.

    The compressed tiles are the same bytes, proved by their digests in the copy as it was read
    back. The scan is opened for reading only. What is written in the tissue's own pixels stays.

    Raises
    ------
    SlideUnreadable
        As ``examine``; "identity-stays": something in it is not understood; "copy-differs": the
        second look found something. Then nothing is at ``out``.
    OutputError
        Something is at ``out``, or it cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out.name}: is there already. Name a place that is free")
    facts = examine(slide, slide_id=slide_id)
    aside = out.parent / f".copying-{secrets.token_hex(8)}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = _made(facts, aside, slide_id)
        _synced(aside)
        aside.rename(out)
    except OSError as cause:
        raise OutputError(f"{out.name}: cannot be written ({cause.strerror or cause})") from cause
    finally:
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.unlink(missing_ok=True)
    return made


def _made(facts: SlideFacts, aside: Path, slide_id: str) -> NamelessCopy:
    if facts.backend == "tiled":
        made = copy_tiff(facts.files[0], aside, facts, slide_id)
        left = left_in_tiff(aside)
        stands = read_tiff_proofs(aside, examine(aside, slide_id=slide_id), slide_id)
    elif facts.backend == "dicom":
        aside.mkdir(mode=0o700)
        made = copy_dicom(facts.files, aside, facts, slide_id)
        left = left_in_dicom(aside, facts.files)
        try:
            stands = read_proofs(sorted(aside.iterdir()))
        except DAMAGE as cause:
            raise _differs(slide_id, "it cannot be read back") from cause
    else:
        detail = f"{facts.format} keeps identities in places that are not known here"
        raise SlideUnreadable(slide_id, "identity-stays", {"detail": detail})
    _check(facts, examine(aside, slide_id=slide_id), slide_id)
    if left:
        raise _differs(slide_id, "; ".join(left[:MOST_TOLD]))
    _compare(made.levels, stands, slide_id)
    return made


def _compare(made: tuple[LevelProof, ...], stands: tuple[LevelProof, ...], slide_id: str) -> None:
    if made != stands:
        raise _differs(slide_id, "its tiles are not those of the scan")


def _check(scan: SlideFacts, copy: SlideFacts, slide_id: str) -> None:
    """What the copy says of its pixels is what the scan said."""
    names = ("format", "backend", "codec", "levels", "stated_mpp", "magnification")
    other = [name for name in names if getattr(scan, name) != getattr(copy, name)]
    if other:
        raise _differs(slide_id, f"it says otherwise of {', '.join(other)}")


def _differs(slide_id: str, detail: str) -> SlideUnreadable:
    return SlideUnreadable(slide_id, "copy-differs", {"detail": detail})


def _synced(path: Path) -> None:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
