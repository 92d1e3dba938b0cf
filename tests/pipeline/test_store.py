"""Results are whole or absent, whatever stops the writer."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pathology.errors import OutputError
from pathology.pipeline.store import (
    ASIDE,
    only_writer,
    prepare_output,
    result_folder,
    whole_or_absent,
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    prepare_output(tmp_path / "results")
    return tmp_path / "results"


def test_a_result_appears_when_it_is_finished_and_not_before(out: Path) -> None:
    final = result_folder(out, "slide-1", "ki67", "abcd1234")
    with whole_or_absent(out, final) as folder:
        (folder / "findings.json").write_text("{}")
        assert not final.exists()
    assert (final / "findings.json").read_text() == "{}"
    assert list((out / ASIDE).iterdir()) == []


def test_an_error_leaves_nothing_behind(out: Path) -> None:
    final = result_folder(out, "slide-1", "ki67", "abcd1234")
    with pytest.raises(ZeroDivisionError), whole_or_absent(out, final) as folder:
        (folder / "findings.json").write_text("{}")
        raise ZeroDivisionError
    assert not final.exists()
    assert list((out / ASIDE).iterdir()) == []


def test_a_second_result_takes_the_place_of_the_first(out: Path) -> None:
    final = result_folder(out, "slide-1", "ki67", "abcd1234")
    for text in ("first", "second"):
        with whole_or_absent(out, final) as folder:
            (folder / "findings.json").write_text(text)
    assert (final / "findings.json").read_text() == "second"


def test_what_a_killed_run_left_is_swept_away(out: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from pathology.pipeline.store import *;"
        "out = Path(sys.argv[1]); final = result_folder(out, 's', 'ki67', 'k');"
        "lock = only_writer(out); lock.__enter__(); w = whole_or_absent(out, final);"
        "f = w.__enter__(); (f / 'half').write_text('x'); os.kill(os.getpid(), 9)"
    )
    run = subprocess.run([sys.executable, "-c", script, out], check=False)
    assert run.returncode == -signal.SIGKILL
    assert len(list((out / ASIDE).iterdir())) == 1
    with only_writer(out):
        assert list((out / ASIDE).iterdir()) == []


def test_a_stop_between_writing_and_renaming_leaves_no_result_and_is_swept(out: Path) -> None:
    """As in a power cut: all files of the result are written and synced, its name is not."""
    final = result_folder(out, "slide-1", "ki67", "abcd1234")
    script = (
        "import os, signal, sys; from pathlib import Path; from pathology.pipeline.store import *\n"
        "def watch(event, args):\n"
        "    if event == 'os.rename': os.kill(os.getpid(), signal.SIGKILL)\n"
        "out = Path(sys.argv[1]); final = result_folder(out, 'slide-1', 'ki67', 'abcd1234')\n"
        "with whole_or_absent(out, final) as folder:\n"
        "    (folder / 'findings.json').write_text('{}'); sys.addaudithook(watch)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, out], check=False)
    assert run.returncode == -signal.SIGKILL
    (aside,) = (out / ASIDE).iterdir()
    assert (aside / "findings.json").read_text() == "{}"
    assert not final.exists()
    with only_writer(out):
        assert list((out / ASIDE).iterdir()) == []
    with whole_or_absent(out, final) as folder:  # and the next attempt is not in its way
        (folder / "findings.json").write_text("{}")
    assert final.is_dir()


@pytest.mark.parametrize("steps", range(1, 8))
def test_a_kill_while_a_result_is_replaced_leaves_a_whole_one_or_none(
    out: Path, steps: int
) -> None:
    """The process is killed after so many system calls that rename or remove."""
    final = result_folder(out, "slide-1", "ki67", "abcd1234")
    with whole_or_absent(out, final) as folder:
        (folder / "one").write_text("old")
        (folder / "two").write_text("old")
    script = (
        "import os, signal, sys; from pathlib import Path; from pathology.pipeline.store import *;"
        "left = [int(sys.argv[2])]\n"
        "def watch(event, args):\n"
        "    if event in ('os.rename', 'os.remove', 'os.rmdir', 'shutil.rmtree'):\n"
        "        left[0] -= 1\n"
        "        if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "out = Path(sys.argv[1]); final = result_folder(out, 'slide-1', 'ki67', 'abcd1234')\n"
        "with whole_or_absent(out, final) as folder:\n"
        "    (folder / 'one').write_text('new'); (folder / 'two').write_text('new')\n"
        "    sys.addaudithook(watch)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, out, str(steps)], check=False)
    assert run.returncode in (0, -signal.SIGKILL)
    files = {p.name: p.read_text() for p in final.glob("*")}
    assert files in ({}, {"one": "old", "two": "old"}, {"one": "new", "two": "new"})


def test_two_runs_do_not_write_to_one_folder(out: Path) -> None:
    with only_writer(out), pytest.raises(OutputError, match="another run"), only_writer(out):
        pytest.fail("two writers")


@pytest.mark.parametrize("where", ["a-file/results", "a-file"])
def test_an_output_folder_that_cannot_be_made_is_said(tmp_path: Path, where: str) -> None:
    (tmp_path / "a-file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        prepare_output(tmp_path / where)


def test_a_full_disk_is_said_and_leaves_nothing(out: Path) -> None:
    """A limit on file size makes the kernel refuse the write, as a full disk does."""
    final = result_folder(out, "slide-1", "ki67", "abcd1234")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with (
            pytest.raises(OutputError, match="full"),
            whole_or_absent(out, final) as folder,
            (folder / "cells.parquet").open("wb", buffering=0) as file,
        ):
            for _ in range(3):
                file.write(bytes(4096))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)
    assert not final.exists()
    assert list((out / ASIDE).iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_every_word_for_no_room_means_full(out: Path, code: int) -> None:
    final = result_folder(out, "slide-1", "ki67", "abcd1234")
    with pytest.raises(OutputError, match="full"), whole_or_absent(out, final):
        raise OSError(code, os.strerror(code))
