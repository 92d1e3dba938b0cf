"""Files for systemd and cron, filled in with this installation's paths and the site's window."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from pathology.errors import OutputError, UsageError
from pathology.nightly.options import NightSettings
from pathology.pipeline.store import write_document
from pathology.records.settings.nightly import DAYS

UNITS: Final = ("pathology-night.service", "pathology-night.timer", "pathology-night.cron")
STOP_SLACK_S: Final = 60
PLAIN: Final = re.compile(r"[\w@%+=:,./-]+")
USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}\$?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where the program, its settings and its results are, and as whom it runs."""

    out: Path
    settings: Path | None = None
    user: str | None = None  # None: whoever systemd starts it as (root for system units)
    program: Path = Path(sys.executable)


def unit_texts(settings: NightSettings, where: Installation) -> dict[str, str]:
    """Text of each file, by its name.

    Raises
    ------
    UsageError
        A path that the file's own syntax could not hold, or an impossible user.
    """
    window = settings.nightly.window
    _check(where)
    hour, minute = window.begins.split(":")
    command = f"{where.program} -m pathology"
    shared = {"out": str(where.out), "command": command}
    own = "" if where.settings is None else f" --settings {where.settings}"
    days = sorted(window.days, key=DAYS.index)
    calendars = f"OnCalendar={','.join(d.capitalize() for d in days)} *-*-* {window.begins}:00"
    stop_s = round(settings.nightly.operating.grace_s + STOP_SLACK_S)
    values = {
        **shared,
        "settings": own,
        "user": "" if where.user is None else f"User={where.user}\n",
        "stop_s": str(stop_s),
        "calendars": f"{calendars} {window.zone}",
        "zone": window.zone,
        "mailto": '""',
        "minute": str(int(minute)),
        "hour": str(int(hour)),
        "days": ",".join(str((DAYS.index(day) + 1) % 7) for day in days),
        "user_name": where.user or "root",
    }
    return {name: _filled(name, values) for name in UNITS}


def _filled(name: str, values: dict[str, str]) -> str:
    text = files("pathology.nightly").joinpath(f"units/{name}").read_text(encoding="utf-8")
    if name.endswith(".service"):
        # In a unit's command line a percent sign begins a specifier.
        values = {**values, **{k: values[k].replace("%", "%%") for k in ("command", "out")}}
        values["settings"] = values["settings"].replace("%", "%%")
    if name.endswith(".cron"):
        # In a crontab an unescaped percent sign ends the command.
        for key in ("command", "out", "settings"):
            values = {**values, key: values[key].replace("%", r"\%")}
    return text.format_map(values)


def _check(where: Installation) -> None:
    for path in (where.program, where.out, where.settings):
        if path is None:
            continue
        if not path.is_absolute():
            raise UsageError("units need absolute paths")
        if not PLAIN.fullmatch(str(path)):
            raise UsageError(
                f"{shlex.quote(path.name)}: systemd and cron read blanks and quotes in paths each "
                "in their own way. Choose a path of letters, digits and ._-/"
            )
    if where.user is not None and not USER.fullmatch(where.user):
        raise UsageError(f"{where.user!r} is no name of a system user")


def write_units(texts: dict[str, str], folder: Path) -> tuple[Path, ...]:
    """The files in a folder, each whole; their paths.

    Raises
    ------
    OutputError
        They cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OutputError(f"{folder.name}: cannot be made ({cause.strerror})") from cause
    written = []
    for name, text in texts.items():
        write_document(folder / name, text.encode("utf-8"))
        written.append(folder / name)
    return tuple(written)
