"""The deterministic writer: a template's sentences, those that can be filled. Always there."""

from __future__ import annotations

from collections.abc import Mapping

from pathology.records.report import Fact, WrittenSection
from pathology.records.settings.reports import ReportTemplate, SentencePattern, TemplateSection


def template_sections(
    template: ReportTemplate, facts: Mapping[str, Fact]
) -> tuple[WrittenSection, ...]:
    """Sentences with placeholders; of each group the first whose facts all have a value.

    A section of which nothing can be told is left out.
    """
    written = (_written(section, facts) for section in template.sections)
    return tuple(s for s in written if s.en)


def _written(section: TemplateSection, facts: Mapping[str, Fact]) -> WrittenSection:
    chosen = [p for group in section.sentences if (p := _first(group, facts)) is not None]
    return WrittenSection(
        id=section.id, en=tuple(p.en for p in chosen), zh=tuple(p.zh for p in chosen)
    )


def _first(group: tuple[SentencePattern, ...], facts: Mapping[str, Fact]) -> SentencePattern | None:
    return next((p for p in group if all(_has_value(f, facts) for f in p.facts)), None)


def _has_value(fact_id: str, facts: Mapping[str, Fact]) -> bool:
    return fact_id in facts and facts[fact_id].state == "value"


def facts_of_template(template: ReportTemplate) -> frozenset[str]:
    """Ids of all facts that the template's sentences and fields name."""
    told = {f for s in template.sections for g in s.sentences for p in g for f in p.facts}
    return frozenset(told | {f.fact for f in template.fields} | set(template.required))
