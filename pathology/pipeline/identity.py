"""Who a slide is: digest, id, and the key of a result."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pathology.errors import ConfigError, SlideUnreadable
from pathology.records.settings.site import PrivacySettings

SAMPLE_BYTES = 64 * 1024
SAMPLES_PER_FILE = 16
NAME_CHARACTERS = 60
NAME_BYTES = 140
"""In UTF-8, where a Chinese character has three: with digest, analysis, key and process number a
folder's name stays below 200 of the 255 bytes that file systems allow."""
KEY_BYTES = 32
KEY_CHARACTERS = 8


def content_digest(files: Sequence[Path]) -> str:
    """SHA-256 over the sizes and evenly sampled blocks of all files of a slide.

    Reading whole slides twice would double the night; the full hash is taken once, before anything
    is signed. Two scans differ in their first and last blocks already (offsets, checksums).

    Raises
    ------
    SlideUnreadable
        "not-found", "cannot-read", or "not-a-slide" for what is no regular file: opening a pipe
        would wait for ever.
    """
    digest = hashlib.sha256()
    with _reasons():
        for path in files:
            if not stat.S_ISREG(path.stat().st_mode):
                raise SlideUnreadable("-", "not-a-slide", {"detail": "it is no regular file"})
            _add_samples(digest, path)
    return digest.hexdigest()


def _add_samples(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        digest.update(size.to_bytes(8, "little"))
        if size <= SAMPLES_PER_FILE * SAMPLE_BYTES:
            file.seek(0)
            digest.update(file.read())
            return
        last = size - SAMPLE_BYTES
        for i in range(SAMPLES_PER_FILE):
            file.seek(last * i // (SAMPLES_PER_FILE - 1))
            digest.update(file.read(SAMPLE_BYTES))


@contextmanager
def _reasons(what: str = "") -> Iterator[None]:
    """Errors of the disk become reasons of the slide; no path is told, since it may be a name."""
    try:
        yield
    except OSError as cause:
        detail = cause.strerror or type(cause).__name__
        if isinstance(cause, FileNotFoundError | NotADirectoryError) and not what:
            raise SlideUnreadable("-", "not-found") from cause
        raise SlideUnreadable("-", "cannot-read", {"detail": f"{what}{detail}"}) from cause


def change_stamp(files: Sequence[Path]) -> str:
    """Times of last change of all files: with the digest, decides whether to run again."""
    with _reasons():
        stamps = [path.stat().st_mtime_ns for path in files]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()


def file_digest(path: Path | None) -> str | None:
    """SHA-256 of a small file (a person's region), None for none."""
    if path is None:
        return None
    with _reasons("the region: "):
        return hashlib.sha256(path.read_bytes()).hexdigest()


def slide_id(path: Path, digest: str) -> str:
    """The file's name made safe for every file system, plus eight characters of its digest.

    Letters of any script and digits stay, so that a technician knows the slide again; everything
    else becomes ``_``. Long names are cut between characters.
    """
    safe = re.sub(r"[^\w.-]+", "_", path.stem).strip("._")[:NAME_CHARACTERS]
    safe = safe.encode()[:NAME_BYTES].decode(errors="ignore") or "slide"
    return f"{safe}-{digest[:8]}"


def place_id(path: Path, key: bytes | None) -> str:
    """Id of a file that cannot be read: from its place, so that two of one name differ.

    A keyed pseudonym where a key is given.
    """
    place = hashlib.sha256(str(path.absolute()).encode(errors="surrogateescape")).hexdigest()
    return slide_id(path, place) if key is None else pseudonym(place, key)


def pseudonym(digest: str, key: bytes) -> str:
    """Keyed pseudonym of a slide: the same slide has the same one, only the key links them."""
    return "P" + hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()[:16]


def pseudonym_key(privacy: PrivacySettings) -> bytes | None:
    """The site's key, or None where file names are told.

    Raises
    ------
    ConfigError
        The key file is missing, too short, or readable by others.
    """
    if not privacy.pseudonyms:
        return None
    path = Path(privacy.key_file)
    try:
        key, mode = path.read_bytes(), path.stat().st_mode
    except OSError as cause:
        raise ConfigError(f"[privacy] key_file cannot be read ({cause.strerror})") from cause
    if len(key) < KEY_BYTES:
        raise ConfigError(f"[privacy] key_file holds fewer than {KEY_BYTES} bytes")
    if mode & 0o077:
        raise ConfigError("[privacy] key_file can be read by others: chmod 600 it")
    return key


def content_key(made_from: Mapping[str, object]) -> str:
    """SHA-256 over everything that made a result (slide, scale, region, settings...)."""
    text = json.dumps(dict(made_from), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def result_key(made_from: Mapping[str, object]) -> str:
    """The eight characters of it that a result's folder is called by: enough for one slide."""
    return content_key(made_from)[:KEY_CHARACTERS]
