"""Results are whole or absent: written aside, synced, renamed.

Resuming is one question: does the folder exist?
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pathology.errors import OutputError
from pathology.exchange.whole_file import write_whole

ASIDE = ".unfinished"
LOCK = ".one-writer"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def prepare_output(out: Path) -> None:
    """Make ``out`` and prove that it can be written.

    Raises
    ------
    OutputError
        It cannot; the message says why.
    """
    try:
        (out / ASIDE).mkdir(parents=True, exist_ok=True)
        probe = out / ASIDE / f"probe-{os.getpid()}"
        probe.write_bytes(b"can this be written?")
        probe.unlink()
    except OSError as cause:
        raise OutputError(
            f"the output folder cannot be written ({cause.strerror}). "
            "Choose another with --out, or ask for the right to write there."
        ) from cause


@contextmanager
def only_writer(out: Path) -> Iterator[None]:
    """Hold the output folder alone; what a killed run left aside is swept away.

    The lock dies with the process, so a kill -9 leaves none behind.
    """
    with _locked(out, fcntl.LOCK_EX):
        for left in (out / ASIDE).iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield


@contextmanager
def one_of_several(out: Path) -> Iterator[None]:
    """Write to the output folder beside others of a kind; nobody is the only writer meanwhile.

    What others have left aside stays: it may be at work.
    """
    with _locked(out, fcntl.LOCK_SH):
        yield


@contextmanager
def _locked(out: Path, how: int) -> Iterator[None]:
    with (out / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise OutputError(
                "another run is writing to this output folder. Wait for it, or choose another."
            ) from cause
        except OSError as cause:
            raise OutputError(
                f"the output folder cannot be locked ({cause.strerror}): choose one on a disk "
                "that knows file locks."
            ) from cause
        yield


def write_document(path: Path, data: bytes) -> None:
    """A page or a file beside results, whole or absent; OutputError as ``exchange.whole_file``."""
    write_whole(path, data)


def result_folder(out: Path, slide_id: str, analysis: str, key: str) -> Path:
    """Where the result lies once it is whole."""
    return out / slide_id / f"{analysis}-{key}"


@contextmanager
def whole_or_absent(out: Path, final: Path) -> Iterator[Path]:
    """A folder to write in; it becomes ``final`` when the block ends well, and vanishes otherwise.

    Raises
    ------
    OutputError
        The disk is full or the folder cannot be written.
    """
    aside = out / ASIDE / f"{final.parent.name}-{final.name}-{os.getpid()}"
    try:
        with _told_plainly():
            aside.mkdir(parents=True)
            yield aside
            _sync(aside)
            final.parent.mkdir(exist_ok=True)
            _put_in_place(aside, final, out / ASIDE / f"old-{aside.name}")
            _sync_folder(final.parent)
            _sync_folder(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def folder_aside(folder: Path) -> Iterator[None]:
    """A fresh folder for what one worker leaves for another; gone again if the block fails.

    Raises
    ------
    OutputError
        The disk is full or the folder cannot be written.
    """
    with ExitStack() as failing:
        failing.callback(shutil.rmtree, folder, ignore_errors=True)
        with _told_plainly():
            folder.mkdir(parents=True)
            yield
        failing.pop_all()


@contextmanager
def _told_plainly() -> Iterator[None]:
    """A disk without room, or that may not be written, in words a user understands."""
    try:
        yield
    except OSError as cause:
        if cause.errno in NO_ROOM:
            raise OutputError(
                "the disk of the output folder is full. Make room, run again"
            ) from cause
        if cause.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise OutputError(f"results cannot be written ({cause.strerror})") from cause
        raise


def _put_in_place(aside: Path, final: Path, old: Path) -> None:
    """Rename, never delete in place: killed at any moment, ``final`` is whole or absent."""
    if final.exists():  # --force: the old result gives way to the new one
        final.rename(old)
    aside.rename(final)
    if old.exists():
        shutil.rmtree(old)


def _sync(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            _sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
