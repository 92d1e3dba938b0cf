"""The name of a shift's process in leases, and whether one of this machine is still alive."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
FORM: Final = re.compile(
    r"(?P<machine>[^:]+):(?P<boot>[^:]*):(?P<space>[^:]*):(?P<pid>\d+):(?P<start>\d*)"
)
START_FIELD: Final = 19
"""Of /proc/PID/stat after the name in brackets: starttime, field 22 of proc(5)."""


def own_name() -> str:
    """Machine, boot, space of process numbers, process and its start: no other ever has it."""
    pid = os.getpid()
    return f"{_machine()}:{_boot()}:{_space()}:{pid}:{_start(pid)}"


def died_here(owner: str) -> bool:
    """Whether the owner was a process of this very machine that is gone.

    False where nobody can know: another machine, or a name that is not one of ours.
    """
    parts = FORM.fullmatch(owner)
    if parts is None or parts["machine"] != _machine() or not PROC.is_dir():
        return False
    if parts["boot"] != _boot():
        return True  # the machine was started again since
    if parts["space"] != _space():
        return False  # in a container of its own: its process is not to be seen from here
    return _start(int(parts["pid"])) != parts["start"]


def told(owner: str) -> str:
    """An owner as people are told: machine and process."""
    parts = FORM.fullmatch(owner)
    return owner if parts is None else f"{parts['machine']}, process {parts['pid']}"


def _machine() -> str:
    return platform.node().replace(":", "-") or "unnamed"


def _boot() -> str:
    try:
        text = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        return ""
    return text.strip()[:8]


def _space() -> str:
    try:
        return (PROC / "self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return ""


def _start(pid: int) -> str:
    """When the process began, in ticks since the boot; empty when there is none, or a zombie."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[START_FIELD]
