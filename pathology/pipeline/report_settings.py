"""Settings of reports, read once: rules, wording, vocabulary, and templates with a site's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, get_args

from pathology.config import load_record, shipped_configs
from pathology.errors import ConfigError
from pathology.records.report import FactRole
from pathology.records.settings.reports import (
    ReportSettings,
    ReportTemplate,
    ReportWording,
    Vocabulary,
)
from pathology.reports.template_writer import facts_of_template

FOLDER: Final = "reports"
SHOWN_ONLY: Final = ("specimen.block", "stain.clone", "stain.control")
"""Facts of the table of fields that no sentence tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRules:
    """Everything that reports are made by."""

    settings: ReportSettings
    wording: ReportWording
    vocabulary: Vocabulary
    templates: Mapping[str, ReportTemplate]


@cache
def load_report_rules(folder: Path | None = None) -> ReportRules:
    """The shipped rules, with the files of ``folder``/reports in place of theirs.

    A site's own templates stand in ``folder``/reports/templates beside the shipped ones; one of
    the same name takes its place.

    Raises
    ------
    ConfigError
        A file is wrong, see ``config.load_record``; a template has a hole, names a fact that cannot
        be, or tells other facts in one language than in the other.
    """
    own = None if folder is None else folder / FOLDER
    shipped = shipped_configs() / FOLDER
    wording = load_record(_file("wording", own, shipped), ReportWording)
    templates = {t.name: t for t in _templates(shipped, own)}
    for template in templates.values():
        _check_facts(template, wording)
    return ReportRules(
        settings=load_record(_file("report", own, shipped), ReportSettings),
        wording=wording,
        vocabulary=load_record(_file("vocabulary", own, shipped), Vocabulary),
        templates=templates,
    )


def _file(name: str, own: Path | None, shipped: Path) -> Path:
    if own is not None and (mine := own / f"{name}.toml").is_file():
        return mine
    return shipped / f"{name}.toml"


def _templates(shipped: Path, own: Path | None) -> Iterator[ReportTemplate]:
    for folder in (shipped, own):
        if folder is not None:
            for path in sorted((folder / "templates").glob("*.toml")):
                yield load_record(path, ReportTemplate)


def _check_facts(template: ReportTemplate, wording: ReportWording) -> None:
    """Refuse placeholders that no case can ever fill."""
    roles = set(get_args(FactRole))
    for fact_id in sorted(facts_of_template(template)):
        topic, _, role = fact_id.rpartition(".")
        if fact_id in SHOWN_ONLY or (topic in wording.topics and role in roles):
            continue
        raise ConfigError(
            f"template {template.name}: no fact is called {fact_id}; topics are those of "
            f"wording.toml, and what may be told of them is {sorted(roles)}"
        )
