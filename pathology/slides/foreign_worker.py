"""The process in which a foreign slide is read: ``python -m pathology.slides.foreign_worker``.

A reader that hangs or crashes takes this process with it and nothing else. Messages go over
standard input and output: four bytes of length, a JSON header of that length, then as many bytes
of pixels as its "bytes" says. Requests are {"do": "open", "format", "path"} and {"do": "read",
"level", "x_px0", "y_px0", "width", "height"}, each with "seconds"; answers have "ok".
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from PIL import Image

from pathology.slides.foreign_readers import OPENERS, ForeignReader

LENGTH: Final = struct.Struct(">I")
GRACE: Final = 1.5
"""This process ends itself a little after its owner would have: also when the owner is gone."""
UNREADABLE: Final[tuple[type[Exception], ...]] = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
    SyntaxError,  # Pillow, for a broken PNG
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
)
"""What readers let out for files that make no sense; anything else ends the process, which its
owner counts the same."""


def write_message(pipe: BinaryIO, header: Mapping[str, Any], pixels: bytes = b"") -> None:
    """One message, whole."""
    text = json.dumps({**header, "bytes": len(pixels)}).encode()
    pipe.write(LENGTH.pack(len(text)) + text + pixels)
    pipe.flush()


def read_request(pipe: BinaryIO) -> dict[str, Any] | None:
    """The next request; None when the owner has gone."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    request: dict[str, Any] = json.loads(pipe.read(LENGTH.unpack(head)[0]))
    return request


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the owner goes."""
    reader: ForeignReader | None = None
    while (request := read_request(requests)) is not None:
        # The default action of SIGALRM ends a process even while it is stuck inside a library.
        signal.setitimer(signal.ITIMER_REAL, float(request["seconds"]) * GRACE)
        try:
            if request["do"] == "open":
                reader = OPENERS[request["format"]](Path(request["path"]))
                header, pixels = facts_of(reader), b""
            elif reader is not None:
                header, pixels = {}, region_of(reader, request)
        except UNREADABLE + _package_errors() as problem:
            detail = problem.strerror if isinstance(problem, OSError) else None
            write_message(answers, {"ok": False, "detail": detail or str(problem)})
        else:
            write_message(answers, {"ok": True, **header}, pixels)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _package_errors() -> tuple[type[Exception], ...]:
    """The readers' own errors, of those that are loaded."""
    loaded = [sys.modules.get(name) for name in ("kfbslide", "tmapslide")]
    found: list[type[Exception]] = [m.OpenSlideError for m in loaded if m is not None]
    return tuple(found)


def facts_of(reader: ForeignReader) -> dict[str, Any]:
    """What the slide says about itself, as JSON."""
    return {
        "levels": [dataclasses.asdict(level) for level in reader.levels],
        "tile_px": reader.tile_px,
        "stated_mpp": reader.stated_mpp,
        "magnification": reader.magnification,
        "scanner": reader.scanner,
    }


def region_of(reader: ForeignReader, request: Mapping[str, Any]) -> bytes:
    """RGB bytes of a region, row by row; what was never scanned is white."""
    corner = (int(request["x_px0"]), int(request["y_px0"]))
    size = (int(request["width"]), int(request["height"]))
    region = reader.slide.read_region(corner, int(request["level"]), size)
    white = Image.new("RGBA", size, (255, 255, 255, 255))
    over = Image.alpha_composite(white, region.convert("RGBA"))
    return np.asarray(over.convert("RGB")).tobytes()


if __name__ == "__main__":
    # Whatever a reader prints must not get among the messages.
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, channel)
