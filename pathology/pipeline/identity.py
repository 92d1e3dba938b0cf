"""Who a slide is: digest, id, and the key of a result."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pathology.errors import ConfigError, SlideUnreadable
from pathology.records.settings.site import PrivacySettings

SAMPLE_BYTES = 64 * 1024
SAMPLES_PER_FILE = 16
NAME_CHARACTERS = 60
KEY_BYTES = 32


def content_digest(files: Sequence[Path]) -> str:
    """SHA-256 over the sizes and evenly sampled blocks of all files of a slide.

    Reading whole slides twice would double the night; the full hash is taken once, before anything
    is signed. Two scans differ in their first and last blocks already (offsets, checksums).
    """
    digest = hashlib.sha256()
    try:
        for path in files:
            _add_samples(digest, path)
    except OSError as cause:
        detail = cause.strerror or type(cause).__name__
        raise SlideUnreadable("-", "cannot-read", {"detail": detail}) from cause
    return digest.hexdigest()


def _add_samples(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        digest.update(size.to_bytes(8, "little"))
        last = max(0, size - SAMPLE_BYTES)
        for i in range(SAMPLES_PER_FILE):
            file.seek(last * i // (SAMPLES_PER_FILE - 1))
            digest.update(file.read(SAMPLE_BYTES))


def change_stamp(files: Sequence[Path]) -> str:
    """Times of last change of all files: with the digest, decides whether to run again."""
    stamps = [path.stat().st_mtime_ns for path in files]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()


def file_digest(path: Path | None) -> str | None:
    """SHA-256 of a small file (a person's region), None for none."""
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def slide_id(path: Path, digest: str) -> str:
    """The file's name made safe for every file system, plus eight characters of its digest.

    Letters of any script and digits stay, so that a technician knows the slide again; everything
    else becomes ``_``.
    """
    safe = re.sub(r"[^\w.-]+", "_", path.stem).strip("._")[:NAME_CHARACTERS] or "slide"
    return f"{safe}-{digest[:8]}"


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


def result_key(made_from: Mapping[str, object]) -> str:
    """Eight characters over everything that made a result (slide, scale, region, settings...)."""
    text = json.dumps(dict(made_from), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
