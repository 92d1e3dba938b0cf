"""A file of weights as bytes: whose hash it has, and how it is written whole. Loads no network."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Literal

from pathology.errors import ModelRefused, OutputError
from pathology.models.catalogue import Installed

WeightsState = Literal["ok", "missing", "wrong"]


def weights_state(installed: Installed) -> WeightsState:
    """Whether a model's file is there, and is the one that its card names."""
    try:
        seen = sha256_of(installed.weights_path)
    except OSError:
        return "missing"
    return "ok" if seen == installed.card.weights.sha256 else "wrong"


def verified_bytes(installed: Installed) -> bytes:
    """The whole file, whose hash is the card's: what is parsed is what was hashed."""
    card, path = installed.card, installed.weights_path
    if path.is_symlink():
        raise ModelRefused(f"{card.name}: {path.name} is a link. Put the file itself there")
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise ModelRefused(
            f"{card.name}: the weights {path.name} cannot be read ({cause.strerror}). "
            "Put the file that belongs to the card beside it, or import the model again"
        ) from cause
    if (seen := hashlib.sha256(data).hexdigest()) != card.weights.sha256:
        raise ModelRefused(
            f"{card.name}: {path.name} is not the file of this card: its sha256 is {seen}, the "
            f"card says {card.weights.sha256}. Get the right file; never change the card to fit"
        )
    return data


def sha256_of(path: Path) -> str:
    """Of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """``data`` at ``path``: a reader sees all of it or what was there before.

    Raises ``OutputError`` where it cannot be written.
    """
    try:
        handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(aside).chmod(0o644)
            Path(aside).replace(path)
        finally:
            Path(aside).unlink(missing_ok=True)
    except OSError as cause:
        raise OutputError(f"{path.name}: cannot be written ({cause.strerror or cause})") from cause
