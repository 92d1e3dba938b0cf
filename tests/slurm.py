"""A real SLURM of one machine for tests, from Debian's packages: on loopback, thrown away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("slurmctld", "slurmd", "sbatch", "squeue", "munged", "mungekey")
PATIENCE_S: Final = 120.0
SETTINGS: Final = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=5
SchedulerParameters=batch_sched_delay=0,sched_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=8000 State=UNKNOWN
PartitionName=night Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def lacking() -> str:
    """What this machine lacks for it; empty where nothing is."""
    if os.geteuid() != 0:
        return "SLURM's daemons are started as root here"
    if any(shutil.which(program) is None for program in PROGRAMS):
        return "no SLURM here: apt-get install slurm-wlm munge"
    return ""


class SlurmServer:
    """Controller, node and munge of their own, on free ports of loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)  # munge wants its way to be nobody else's to change
        for place in ("state", "spool", "munge"):
            (folder / place).mkdir(mode=0o755)
        text = SETTINGS.format(
            host=socket.gethostname().partition(".")[0],
            controller=free_port(),
            node=free_port(),
            folder=folder,
            cores=os.cpu_count(),
        )
        self.settings = folder / "slurm.conf"
        self.settings.write_text(text, encoding="ascii")
        self._start_munge(folder / "munge")
        self.do("slurmctld")
        self.do("slurmd")
        self._until_idle()

    @property
    def environment(self) -> dict[str, str]:
        """With which SLURM's commands speak to this one."""
        return {**os.environ, "SLURM_CONF": str(self.settings)}

    def jobs(self) -> list[str]:
        """Jobs that wait or run."""
        return self.do("squeue", "--noheader", "--format=%i").split()

    def stop(self) -> None:
        """End its processes; jobs end with their node."""
        for job in self.jobs():
            self.do("scancel", "--signal=KILL", job)
        for pid in ("slurmd.pid", "slurmctld.pid", "munge/pid"):
            end(self.folder / pid)

    def do(self, *words: str) -> str:
        done = subprocess.run(
            words, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{words[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def _start_munge(self, folder: Path) -> None:
        self.do("mungekey", "--create", f"--keyfile={folder / 'key'}")
        named = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log"}
        places = [f"--{option}={folder / name}" for option, name in named.items()]
        self.do("munged", "--force", *places, f"--seed-file={folder / 'seed'}")

    def _until_idle(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.do("sinfo", "--noheader", "--format=%T").strip() != "idle":
            if time.monotonic() > deadline:
                raise RuntimeError((self.folder / "slurmctld.log").read_text())
            time.sleep(0.2)


def end(pid_file: Path) -> None:
    """End the daemon that wrote its number there, and wait for it to go."""
    if not pid_file.exists():
        return
    pid, deadline = int(pid_file.read_text()), time.monotonic() + PATIENCE_S
    os.kill(pid, 15)
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
