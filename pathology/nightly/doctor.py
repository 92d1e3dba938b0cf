"""Doctor's checks of tonight: may it begin, and is there room for what waits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pathology.errors import ConfigError, NotAllowed, PathologyError, UsageError
from pathology.nightly.guard import check_operators, check_weights
from pathology.nightly.options import NightSettings, load_night_settings
from pathology.nightly.places import GIB
from pathology.nightly.site_sources import has_sources
from pathology.nightly.window import window_at
from pathology.pipeline.check import Check
from pathology.pipeline.ledger_open import opened_ledger

MIB_A_GIB = 1024


def examine_night(folder: Path | None, out: Path | None) -> tuple[Check, ...]:
    """All checks. What is wrong is "bad" where the site has set up nights, else a "note"."""
    try:
        settings = load_night_settings(folder)
    except ConfigError as problem:
        broken = Check(
            name="night: settings",
            state="bad",
            detail=str(problem),
            remedy="Mend the file named.",
            remedy_zh="请修改所指文件。",
        )
        return (broken,)
    results = out or (Path(named) if (named := settings.nightly.operating.out) else None)
    set_up = has_sources(settings) or bool(settings.nightly.operating.out)
    wrong: Literal["bad", "note"] = "bad" if set_up else "note"
    return (_window(settings), *_may_begin(settings, wrong), *_room(settings, results, wrong))


def _window(settings: NightSettings) -> Check:
    rules = settings.nightly.window
    window, zone = window_at(datetime.now(UTC), rules), ZoneInfo(rules.zone)
    begins, ends = (m.astimezone(zone) for m in (window.begins_utc, window.ends_utc))
    return Check(
        name="night",
        state="good",
        detail=f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} ({rules.zone})",
    )


def _may_begin(settings: NightSettings, wrong: Literal["bad", "note"]) -> Iterator[Check]:
    try:
        check_operators(settings)
        check_weights(settings.run)
    except UsageError as problem:
        yield Check(
            name="night: may begin",
            state=wrong,
            detail=str(problem),
            remedy="A night refuses to start until this is settled in the site's settings.",
            remedy_zh="在站点设置中解决之前,夜间运行不会启动。",
        )
        return
    yield Check(name="night: may begin", state="good", detail="weights and operators are settled")


def _room(
    settings: NightSettings, out: Path | None, wrong: Literal["bad", "note"]
) -> Iterator[Check]:
    nightly = settings.nightly
    try:
        with opened_ledger(settings.run.ledger, make=False) as (ledger, _):
            waiting = ledger.work.counts()["waiting"]
            try:
                ledger.accounts.actor(nightly.operating.account)
            except NotAllowed:
                yield Check(
                    name="night: account",
                    state=wrong,
                    detail=f"there is no account {nightly.operating.account!r}",
                    remedy="`pathology nightly install` makes it.",
                    remedy_zh="运行 pathology nightly install 创建。",
                )
    except PathologyError:  # the ledger's own check tells
        waiting = 0
    if out is None or not out.is_dir():
        return
    free = shutil.disk_usage(out).free / GIB
    needed = waiting * nightly.storage.result_mib / MIB_A_GIB
    left = free - needed - nightly.storage.reserve_gib
    detail = (
        f"{free:.1f} GiB free; {waiting} slide(s) that wait take {needed:.1f} or more, "
        f"{nightly.storage.reserve_gib:g} are kept in reserve"
    )
    if left >= 0:
        yield Check(name="night: disk", state="good", detail=detail)
        return
    yield Check(
        name="night: disk",
        state=wrong,
        detail=detail,
        remedy=f"Make {-left:.1f} GiB of room before the night, or it pauses when the reserve is "
        "reached.",
        remedy_zh=f"请在夜间运行前再清理 {-left:.1f} GiB 空间,否则达到保留空间时会暂停。",
    )
