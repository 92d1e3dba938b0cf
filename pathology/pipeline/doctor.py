"""Is this installation fit for work? Each check says what it saw and what to do."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pathology import __version__
from pathology.errors import ConfigError, OutputError
from pathology.pipeline.cluster import GIB, default_workers
from pathology.pipeline.settings import load_settings
from pathology.pipeline.store import prepare_output

ROOM_FOR_A_NIGHT_GIB = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    name: str
    state: Literal["good", "note", "bad"]
    detail: str
    remedy: str = ""
    remedy_zh: str = ""


def examine_installation(settings: Path | None, out: Path | None) -> tuple[Check, ...]:
    """All checks, the ones that stand in the way of work marked "bad"."""
    checks = [
        Check(
            name="version",
            state="good",
            detail=f"pathology {__version__}, Python {platform.python_version()}",
        ),
        _settings(settings),
        _machine(),
        _extra("networks", ("torch", "torchvision", "timm")),
        _extra("chinese-scanners", ("kfbslide", "tmapslide")),
    ]
    return (*checks, _output(out)) if out is not None else tuple(checks)


def _settings(folder: Path | None) -> Check:
    try:
        settings = load_settings(folder)
    except ConfigError as problem:
        return Check(
            name="settings",
            state="bad",
            detail=str(problem),
            remedy="Mend the file named.",
            remedy_zh="请修改所指文件。",
        )
    workers = default_workers(settings.site.running)
    return Check(name="settings", state="good", detail=f"loaded; {workers} worker(s) by default")


def _machine() -> Check:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    detail = f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB memory"
    if memory >= 4:
        return Check(name="machine", state="good", detail=detail)
    return Check(
        name="machine",
        state="note",
        detail=detail,
        remedy="Large slides want 4 GiB or more: run with --workers 1.",
        remedy_zh="大切片建议 4 GiB 以上内存:请使用 --workers 1。",
    )


def _extra(name: str, packages: tuple[str, ...]) -> Check:
    missing = [p for p in packages if importlib.util.find_spec(p) is None]
    if not missing:
        return Check(name=name, state="good", detail="installed")
    return Check(
        name=name,
        state="note",
        detail=f"not installed ({', '.join(missing)}); nothing of the default needs it",
        remedy=f"To install: pip install 'pathology[{name}]'",
        remedy_zh=f"安装方法:pip install 'pathology[{name}]'",
    )


def _output(out: Path) -> Check:
    try:
        prepare_output(out)
    except OutputError as problem:
        return Check(name="output", state="bad", detail=str(problem))
    free = shutil.disk_usage(out).free / GIB
    if free >= ROOM_FOR_A_NIGHT_GIB:
        return Check(name="output", state="good", detail=f"can be written, {free:.0f} GiB free")
    return Check(
        name="output",
        state="note",
        detail=f"only {free:.1f} GiB free",
        remedy=f"A night of results wants {ROOM_FOR_A_NIGHT_GIB} GiB or more: make room.",
        remedy_zh=f"一夜的结果建议预留 {ROOM_FOR_A_NIGHT_GIB} GiB 以上:请清理空间。",
    )
