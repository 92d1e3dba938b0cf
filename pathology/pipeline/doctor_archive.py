"""Doctor's checks of what a site's work rests on: ledger, keys, clock, scheduler."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, Final

from pathology.errors import (
    ClusterError,
    LedgerAway,
    LedgerError,
    NotAllowed,
    UsageError,
    VaultError,
)
from pathology.ledger.open import OpenLedger
from pathology.ledger.schema import ABSENT
from pathology.pipeline.check import Check
from pathology.pipeline.cluster import existing_cluster
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.settings.run import RunSettings

EARLY: Final = timedelta(seconds=5)
"""A last line of the ledger that lies further ahead was written by another clock."""
ASKED_S: Final = 10.0
WATCHED: Final = ("python", "dask", "distributed", "msgpack", "cloudpickle")
"""What workers and scheduler must have as we have it: they exchange code."""


def examine_archive(settings: RunSettings) -> tuple[Check, ...]:
    """Ledger with its keys and its clock; the system's clock; the scheduler."""
    return (*_ledger(settings), _clock_service(), _scheduler(settings))


def _ledger(settings: RunSettings) -> Iterator[Check]:
    try:
        with opened_ledger(settings.ledger, make=False) as (ledger, actor):
            kind = "PostgreSQL" if settings.ledger.ledger.url else "SQLite"
            counts = sum(ledger.work.counts().values())
            yield Check(
                name="ledger",
                state="good",
                detail=f"{kind}, its tables are current, {counts} item(s); you are {actor.name}; "
                "its keys fit and are private",
            )
            yield _last_line(ledger)
    except LedgerAway:
        yield Check(
            name="ledger",
            state="bad",
            detail="the database cannot be reached",
            remedy="Start the server named in [ledger] url of ledger.toml, or wait until the "
            "program that holds the file is done.",
            remedy_zh="请启动 ledger.toml 的 [ledger] url 所指的服务器,"
            "或等待占用数据库的程序结束。",
        )
    except LedgerError as problem:
        yield _refused(problem)
    except VaultError as problem:
        yield Check(
            name="ledger",
            state="bad",
            detail=str(problem),
            remedy="The key file belongs to its owner alone (chmod 600); where it is lost, "
            "restore its copy. Nothing in the ledger can be read without it.",
            remedy_zh="密钥文件仅限所有者访问(chmod 600);若丢失,请从备份恢复。"
            "没有密钥则台账无法读取。",
        )
    except NotAllowed as problem:
        yield Check(
            name="ledger",
            state="bad",
            detail=str(problem),
            remedy="An administrator of the ledger makes an account for this system user.",
            remedy_zh="请由台账管理员为该系统用户创建账户。",
        )


def _refused(problem: LedgerError) -> Check:
    if str(problem) == ABSENT:
        return Check(
            name="ledger",
            state="note",
            detail="there is none yet",
            remedy="Nothing to do: the first night, or `pathology nightly install`, makes it.",
            remedy_zh="无需处理:首次夜间运行或 pathology nightly install 会自动创建。",
        )
    return Check(
        name="ledger",
        state="bad",
        detail=str(problem),
        remedy="Do what the line says; before tables are migrated, make a backup.",
        remedy_zh="请按上述提示处理;迁移数据表之前请先备份。",
    )


def _last_line(ledger: OpenLedger) -> Check:
    head = ledger.audit.head()
    last = next(iter(ledger.audit.lines(first=max(1, head.sequence))), None)
    ahead = timedelta(0) if last is None else last.at_utc - datetime.now(UTC)
    if ahead <= EARLY:
        return Check(
            name="ledger's clock", state="good", detail="its last line does not lie in the future"
        )
    return Check(
        name="ledger's clock",
        state="bad",
        detail=f"the ledger's last line lies {ahead.total_seconds():.0f} s in the future",
        remedy="This machine's clock was set back, or the other machine's is ahead: let a time "
        "server set both (chrony, systemd-timesyncd), then look again.",
        remedy_zh="本机时钟被调慢,或另一台机器时钟偏快:请用时间服务器同步两者"
        "(chrony、systemd-timesyncd)后再检查。",
    )


def _clock_service() -> Check:
    known = _synchronised()
    if known:
        return Check(name="clock", state="good", detail="set by a time server")
    what = "nobody knows whether it is set" if known is None else "it is not set"
    return Check(
        name="clock",
        state="note",
        detail=f"{what} by a time server",
        remedy="Leases, deadlines and the audit chain rest on the clock: chrony or "
        "systemd-timesyncd keep it right.",
        remedy_zh="租约、截止时间和审计链依赖时钟:请用 chrony 或 systemd-timesyncd 保持准确。",
    )


def _synchronised() -> bool | None:
    """What systemd knows; None where it does not run."""
    program = shutil.which("timedatectl")
    if program is None:
        return None
    words = [program, "show", "--property=NTPSynchronized", "--value"]
    try:
        told = subprocess.run(  # noqa: S603 -- fixed words, no shell
            words, capture_output=True, text=True, timeout=ASKED_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(told.stdout.strip())


def _scheduler(settings: RunSettings) -> Check:
    site = settings.site.cluster
    if site.kind != "address":
        detail = f"{site.kind}: dask {version('dask')}, distributed {version('distributed')}"
        return Check(name="scheduler", state="good", detail=f"{detail}; workers are started alike")
    try:
        differ = sorted(_differences(settings))
    except (ClusterError, UsageError, OSError) as problem:
        return Check(
            name="scheduler",
            state="bad",
            detail=str(problem),
            remedy="Start the scheduler, check address and certificates in [cluster] of site.toml.",
            remedy_zh="请启动调度程序,并检查 site.toml 的 [cluster] 中的地址和证书。",
        )
    if not differ:
        return Check(
            name="scheduler", state="good", detail="answers; it and its workers have our versions"
        )
    return Check(
        name="scheduler",
        state="bad",
        detail="; ".join(differ),
        remedy="Install the same versions there as here: scheduler and workers exchange code.",
        remedy_zh="请在调度程序和工作机上安装与本机相同的版本:它们之间会交换代码。",
    )


def _differences(settings: RunSettings) -> Iterator[str]:
    site = settings.site.cluster
    cluster = existing_cluster(site.address, site)
    try:
        told: Any = cluster.client.get_versions()
    finally:
        cluster.close()
    ours = _versions(told["client"])
    others = {"scheduler": told["scheduler"], **told["workers"]}
    for number, (name, one) in enumerate(others.items()):
        who = name if name == "scheduler" else f"worker {number}"
        for what, theirs in _versions(one).items():
            if theirs != ours.get(what):
                yield f"{who}: {what} {theirs}, here {ours.get(what)}"


def _versions(told: object) -> dict[str, str]:
    if not isinstance(told, dict):
        return {}
    named = {**told.get("packages", {}), **told.get("host", {})}
    return {name: str(named[name]) for name in WATCHED if name in named}
