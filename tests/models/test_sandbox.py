"""A locked process opens no socket and starts no program; a pickle that tries gets nowhere."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from pathology.models.convert_pth import tensors_in

LOCKED = """
import os, signal, socket, subprocess, threading
def tried(what, act):
    try:
        act()
    except (OSError, MemoryError) as refused:
        print(what, type(refused).__name__)
    else:
        print(what, "HAPPENED")
waiting, go = threading.Event(), threading.Event()
def started_before():
    waiting.set()
    go.wait()
    tried("thread", socket.socket)
early = threading.Thread(target=started_before)
early.start()
waiting.wait()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from pathology.models.sandbox import Bounds, lock_up
socket.socket().close()
lock_up(Bounds(seconds=60, file_bytes=4096, memory_bytes=2**28))
go.set()
early.join()
tried("socket", socket.socket)
tried("pair", socket.socketpair)
tried("program", lambda: os.execv("/bin/true", ["true"]))
tried("child", lambda: subprocess.run(["/bin/true"]))
def write_long():
    with open("long", "wb") as file:
        file.write(b"0" * 5000)
tried("long file", write_long)
tried("memory", lambda: bytearray(2**29))
open("short", "wb").write(b"0" * 100)
print("still here")
"""


def test_a_locked_process_can_do_nothing_but_its_work(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-c", LOCKED],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    told = dict(line.rsplit(" ", 1) for line in run.stdout.splitlines())
    assert told == {
        "thread": "PermissionError",
        "socket": "PermissionError",
        "pair": "PermissionError",
        "program": "PermissionError",
        "child": "PermissionError",
        "long file": "OSError",
        "memory": "MemoryError",
        "still": "here",
    }


def converted(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-m", "pathology.models.convert_pth", source, target],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_state_dict_becomes_safetensors(tmp_path: Path) -> None:
    state = {"head.weight": torch.rand(3, 2), "head.bias": torch.rand(3)}
    parallel = {f"module.{key}": tensor for key, tensor in state.items()}
    torch.save({"epoch": 3, "state_dict": parallel}, tmp_path / "a.pth")
    run = converted(tmp_path / "a.pth", tmp_path / "a.safetensors")
    assert (run.returncode, run.stdout) == (0, "")
    read = safetensors.torch.load_file(tmp_path / "a.safetensors")
    assert read.keys() == state.keys()
    assert all(torch.equal(read[key], state[key]) for key in state)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("way", ["zip", "legacy", "plain pickle"])
def test_a_malicious_pickle_does_not_run(tmp_path: Path, way: str) -> None:
    source, sprung = tmp_path / "evil.pth", tmp_path / "sprung"
    content = {"head.weight": torch.rand(2), "trap": Trap(sprung)}
    if way == "plain pickle":
        source.write_bytes(pickle.dumps(Trap(sprung)))
    else:
        torch.save(content, source, _use_new_zipfile_serialization=way == "zip")
    run = converted(source, tmp_path / "out.safetensors")
    assert run.returncode == 1
    assert "could run as a program" in run.stdout
    assert not sprung.exists()
    assert not (tmp_path / "out.safetensors").exists()


def test_the_trap_of_these_tests_does_spring(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))  # noqa: S301 - made here
    assert (tmp_path / "sprung").is_dir()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x80\x02 nothing", b"text"])
def test_what_is_no_state_dict_is_refused_with_a_word(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    run = converted(tmp_path / "a.pth", tmp_path / "a.safetensors")
    assert run.returncode == 1
    assert '"error"' in run.stdout
    assert "Traceback" not in run.stderr


def test_what_is_no_tensor_is_refused() -> None:
    with pytest.raises(ValueError, match="no dictionary of tensors"):
        tensors_in([torch.zeros(1)])
    with pytest.raises(ValueError, match="'lr' in it is no tensor"):
        tensors_in({"a": torch.zeros(1), "lr": 0.1})
