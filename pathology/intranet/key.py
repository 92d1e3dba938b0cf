"""The API key of an endpoint: read when needed, kept nowhere, never in a message."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from pathology.errors import IntranetError
from pathology.records.settings.llm import EndpointSettings

KEY_BYTES: Final = 8192


def key_of(subject: str, endpoint: EndpointSettings) -> str:
    """The key from the endpoint's file or variable; empty where it names neither.

    Raises
    ------
    IntranetError
        ``key-missing``: it cannot be read, is no single ASCII word (a header would break), or
        others than its owner may read the file.
    """
    if endpoint.key_variable:
        key = os.environ.get(endpoint.key_variable, "").strip()
        if not key:
            raise IntranetError(subject, "key-missing", {"detail": "the variable is not set"})
    elif endpoint.key_file:
        key = secret_of_file(subject, Path(endpoint.key_file))
    else:
        return ""
    if not key or not (key.isascii() and key.isprintable()) or " " in key:
        raise IntranetError(subject, "key-missing", {"detail": "it is no single ASCII word"})
    return key


def secret_of_file(subject: str, file: Path) -> str:
    """What stands in a file that is its owner's only; IntranetError ``key-missing`` otherwise."""
    try:
        with file.open("rb") as opened:
            if os.fstat(opened.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                facts = {"detail": "others than its owner may use the file"}
                raise IntranetError(subject, "key-missing", facts)
            return opened.read(KEY_BYTES).decode("ascii").strip()
    except OSError as cause:
        facts = {"detail": cause.strerror or "the file cannot be read"}
        raise IntranetError(subject, "key-missing", facts) from cause
    except UnicodeDecodeError:  # its cause would quote the bytes
        facts = {"detail": "it is no single ASCII word"}
        raise IntranetError(subject, "key-missing", facts) from None
