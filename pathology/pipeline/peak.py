"""How much memory this process took at most while it worked on a slide (Linux)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

OWN: Final = Path("/proc/self")
KIB_A_GIB: Final = 1024**2


def forget_peak() -> None:
    """Begin anew: the peak so far belongs to an earlier slide."""
    with suppress(OSError):  # a kernel that does not know this tells the peak of the process
        (OWN / "clear_refs").write_text("5", encoding="ascii")


def peak_gib() -> float | None:
    """Largest resident memory since ``forget_peak``; None where the kernel does not tell."""
    with suppress(OSError, ValueError):
        for line in (OWN / "status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / KIB_A_GIB, 3)
    return None
