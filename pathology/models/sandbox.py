"""A process that locks itself up before it reads a file it does not trust.

Linux's seccomp filter needs no rights, holds for all threads from then on and cannot be taken off:
no socket, no other program, no look into another process. Resource limits bound the rest.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

NO_NEW_PRIVILEGES = 38
FILTER_MODE, ALL_THREADS = 1, 1  # SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC
SECCOMP_CALL: Final[Mapping[str, int]] = MappingProxyType({"x86_64": 317, "aarch64": 277})
LOAD_WORD, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ERRNO with EPERM
SYSCALL_AT, MACHINE_AT = 0, 4
X32_FROM: Final = 0x40000000  # the same calls again under other numbers

FORBIDDEN: Final[Mapping[str, tuple[int, tuple[int, ...]]]] = MappingProxyType(
    {
        # socket, connect, socketpair, execve, ptrace, process_vm_readv, process_vm_writev,
        # execveat, io_uring_setup
        "x86_64": (0xC000003E, (41, 42, 53, 59, 101, 310, 311, 322, 425)),
        "aarch64": (0xC00000B7, (198, 203, 199, 221, 117, 270, 271, 281, 425)),
    }
)
"""Linux's numbers of its calls, by machine (the kernel's own tables)."""


class NoSandbox(RuntimeError):
    """The machine offers no way to lock a process up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a locked process may still take."""

    seconds: int  # of computing
    file_bytes: int  # longest file it may write
    memory_bytes: int  # beyond what it has


def lock_up(bounds: Bounds) -> None:
    """Give up, for good, sockets, other programs, and whatever is beyond the bounds.

    Raises ``NoSandbox`` where the machine cannot do that; nothing untrusted may be read then.
    """
    memory = _memory_bytes() + bounds.memory_bytes
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, bounds.seconds),
        (resource.RLIMIT_FSIZE, bounds.file_bytes),
        (resource.RLIMIT_AS, memory),
    ):
        resource.setrlimit(what, (most, most))
    if platform.system() != "Linux" or platform.machine() not in FORBIDDEN:
        raise NoSandbox(f"{platform.system()} on {platform.machine()} is not known")
    _install(filter_program(platform.machine()))


def filter_program(machine: str) -> bytes:
    """The filter: refuse the calls of ``FORBIDDEN`` and those of any other machine's kind."""
    kind, calls = FORBIDDEN[machine]
    steps: list[tuple[int, int, int, int]] = [
        (LOAD_WORD, 0, 0, MACHINE_AT),
        (JUMP_EQUAL, 1, 0, kind),
        (RETURN, 0, 0, REFUSE),
        (LOAD_WORD, 0, 0, SYSCALL_AT),
        (JUMP_AT_LEAST, len(calls) + 1, 0, X32_FROM),
        *((JUMP_EQUAL, len(calls) - i, 0, call) for i, call in enumerate(calls)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _memory_bytes() -> int:
    """Address space in use, as Linux counts it."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


def _install(program: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    given = ctypes.create_string_buffer(head, len(head))
    if libc.prctl(NO_NEW_PRIVILEGES, *(ctypes.c_ulong(number) for number in (1, 0, 0, 0))) != 0:
        raise NoSandbox(os.strerror(ctypes.get_errno()))
    # Through the system call, since prctl binds one thread only and libraries start their own.
    call = ctypes.c_long(SECCOMP_CALL[platform.machine()])
    words = (ctypes.c_ulong(number) for number in (FILTER_MODE, ALL_THREADS))
    refused = libc.syscall(call, *words, ctypes.c_void_p(ctypes.addressof(given)))
    if refused > 0:  # its number
        raise NoSandbox("one of its threads cannot be bound")
    if refused:
        raise NoSandbox(os.strerror(ctypes.get_errno()))
