"""Is this installation fit for work? Each check says what it saw and what to do."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from pathlib import Path
from typing import get_args

from pathology import __version__
from pathology.errors import ConfigError, ModelRefused, OutputError
from pathology.models.device import cuda_device
from pathology.models.weights_file import weights_state
from pathology.pipeline.check import Check
from pathology.pipeline.cluster import GIB, default_workers
from pathology.pipeline.doctor_archive import examine_archive
from pathology.pipeline.doctor_model import examine_models
from pathology.pipeline.eyes import chosen_models
from pathology.pipeline.settings import load_settings
from pathology.pipeline.store import prepare_output
from pathology.pipeline.workers import workers_for
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings

ROOM_FOR_A_NIGHT_GIB = 20


def examine_installation(settings: Path | None, out: Path | None) -> tuple[Check, ...]:
    """All checks, the ones that stand in the way of work marked "bad"."""
    checks = [
        Check(
            name="version",
            state="good",
            detail=f"pathology {__version__}, Python {platform.python_version()}",
        ),
        *_settings_and_weights(settings),
        _machine(),
        _device(),
        _extra("chinese-scanners", ("kfbslide", "tmapslide")),
    ]
    return (*checks, _output(out)) if out is not None else tuple(checks)


def _settings_and_weights(folder: Path | None) -> tuple[Check, ...]:
    try:
        settings = load_settings(folder)
    except ConfigError as problem:
        broken = Check(
            name="settings",
            state="bad",
            detail=str(problem),
            remedy="Mend the file named.",
            remedy_zh="请修改所指文件。",
        )
        return (broken,)
    try:
        workers = workers_for(settings, set(get_args(Analysis)), "auto")
    except (ModelRefused, ConfigError):  # the next check tells of the model
        workers = default_workers(settings.site.running)
    loaded = f"loaded; {workers} worker(s) by default"
    told = Check(name="settings", state="good", detail=loaded)
    return (
        told,
        _weights(settings),
        *examine_archive(settings),
        *examine_models(settings.llm),
    )


def _weights(settings: RunSettings) -> Check:
    """Each chosen model present and intact, fit for slides, and whether its terms are accepted."""
    try:
        models = {
            model.card.name: model
            for analysis in get_args(Analysis)
            for model in chosen_models(settings, analysis).all
        }
    except (ModelRefused, ConfigError) as problem:
        return _weights_bad(str(problem))
    for name, model in models.items():
        if (state := weights_state(model)) != "ok":
            return _weights_bad(f"{name}: weights {state} ({model.weights_path.name})")
    told = ", ".join(models) or "none chosen: classical analysis only"
    research = any(model.card.weights.research_only for model in models.values())
    if not research:
        return Check(name="weights", state="good", detail=f"{told}: intact")
    if settings.site.models.accept_research_weights:
        detail = f"{told}: intact; for research only, which this site accepts"
        return Check(name="weights", state="good", detail=detail)
    return Check(
        name="weights",
        state="note",
        detail=f"{told}: intact; for research only, which this site has not accepted",
        remedy="Every result says so. Unattended nights and signing need "
        "accept_research_weights = true in [models] of site.toml, or other weights.",
        remedy_zh="所有结果都会注明仅限研究。夜间无人值守运行和签发需在 site.toml 的 [models] 中"
        "设置 accept_research_weights = true,或改用其他权重。",
    )


def _weights_bad(detail: str) -> Check:
    return Check(
        name="weights",
        state="bad",
        detail=detail,
        remedy="Install again, or choose other models in [models] of site.toml; "
        "pathology models verify says more.",
        remedy_zh="请重新安装,或在 site.toml 的 [models] 中选择其他模型;"
        "运行 pathology models verify 查看详情。",
    )


def _device() -> Check:
    if (gpu := cuda_device()) is not None:
        return Check(name="device", state="good", detail=f"CUDA yes: {gpu}")
    return Check(
        name="device",
        state="note",
        detail="CUDA no: networks run on the processor",
        remedy="Nothing to do, unless this machine has a GPU: then its driver is missing.",
        remedy_zh="无需处理;若本机有 GPU,则说明缺少驱动。",
    )


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
