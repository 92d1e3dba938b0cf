"""The owner's end of a worker process that reads one foreign slide, and can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

LENGTH: Final = struct.Struct(">I")
LONGEST_ANSWER: Final = 2**28  # bytes; more is no answer but noise
WORKER: Final = (sys.executable, "-m", "pathology.slides.foreign_worker")


class WorkerLost(RuntimeError):
    """The worker hung and was killed, or crashed; ``timed_out`` says which."""

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__("the worker hung" if timed_out else "the worker crashed")
        self.timed_out = timed_out


class WorkerRefused(RuntimeError):
    """The worker is well and says that it cannot do what was asked."""


class _Worker(NamedTuple):
    """A running process and the two pipes to it."""

    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    answers: IO[bytes]


class ForeignProcess:
    """A worker process; ``ask`` it one thing at a time. Starts when asked first."""

    def __init__(self, command: Sequence[str] = WORKER) -> None:
        self._command = tuple(command)
        self._worker: _Worker | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is a process to ask."""
        return self._worker is not None

    def ask(self, request: Mapping[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        """The answer's header and pixels.

        Raises
        ------
        WorkerLost
            No whole answer within ``seconds``; the process is gone, the next ``ask`` starts one.
        WorkerRefused
            The request failed; the process lives on.
        """
        deadline = time.monotonic() + seconds
        try:
            if self._worker is None:
                self._worker = _started(self._command)
            _send(self._worker.requests, {**request, "seconds": seconds})
            pipe = self._worker.answers.fileno()
            (length,) = LENGTH.unpack(_receive(pipe, LENGTH.size, deadline))
            header = json.loads(_receive(pipe, length, deadline))
            pixels = _receive(pipe, int(header["bytes"]), deadline)
            is_done = bool(header["ok"])
        except TimeoutError as cause:
            self.stop()
            raise WorkerLost(timed_out=True) from cause
        except (OSError, EOFError, ValueError, KeyError, TypeError) as cause:
            self.stop()
            raise WorkerLost(timed_out=False) from cause
        if not is_done:
            raise WorkerRefused(str(header.get("detail", "")))
        return header, pixels

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._worker is None:
            return
        worker, self._worker = self._worker, None
        worker.process.kill()
        worker.process.wait()
        worker.answers.close()
        with contextlib.suppress(BrokenPipeError):  # half a request that nobody will read
            worker.requests.close()


def _started(command: Sequence[str]) -> _Worker:
    process = subprocess.Popen(  # noqa: S603 - our own module, no shell
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],  # so that a checkout that is not installed finds itself
    )
    if process.stdin is None or process.stdout is None:
        raise OSError("a process without pipes")
    return _Worker(process, process.stdin, process.stdout)


def _send(pipe: IO[bytes], request: Mapping[str, Any]) -> None:
    text = json.dumps(request).encode()
    pipe.write(LENGTH.pack(len(text)) + text)
    pipe.flush()


def _receive(pipe: int, count: int, deadline: float) -> bytes:
    """Exactly ``count`` bytes, or TimeoutError, or EOFError where the worker ended."""
    if not 0 <= count <= LONGEST_ANSWER:
        raise ValueError(f"an answer of {count} bytes")
    data = bytearray()
    while len(data) < count:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TimeoutError
        part = os.read(pipe, count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
