"""What the knowledge base has for a draft: guidelines to quote, past cases to look at beside it.

A guideline reaches a writer as quoted data and a draft by its number; that it still stands, letter
for letter and in force, is asked of the base again when the draft is finished. Past cases reach
neither: they are shown beside the draft, and are nobody's facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Final

from pathology.errors import IntranetError, KnowledgeError
from pathology.knowledge.search import Search, Wanted
from pathology.pipeline.knowledge import quoted, searching
from pathology.pipeline.settings import load_settings
from pathology.records.knowledge import Hit
from pathology.records.report import CaseFacts, Draft, Fact, Quotation, Worded
from pathology.records.settings.run import RunSettings
from pathology.reports.passages import MOST, quotable
from pathology.reports.plain_text import cited

ASKED: Final = 12  # questions a draft
SIMILAR: Final = 3
NAMED: Final = ("organ", "tumour_type")
SAID: Final = (*NAMED, "status", "presence", "subtype", "grade", "category", "procedure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What was found; ``missing`` says why the base could not be asked."""

    passages: tuple[Quotation, ...] = ()
    similar: tuple[Hit, ...] = ()
    missing: Worded | None = None


def beside_draft(folder: Path | None, facts: CaseFacts, *, quoting: bool) -> Beside:
    """Approved passages that fit the facts (with ``quoting``), and past cases like this one.

    ``folder`` is the site's settings. Nothing is found where the site keeps no knowledge base. A
    base that cannot be asked stops no draft: the reason is given back instead.
    """
    settings = load_settings(folder)
    if not settings.knowledge.store.folder:
        return Beside()
    try:
        return _asked(settings, facts, quoting=quoting)
    except (KnowledgeError, IntranetError) as away:
        return Beside(missing=Worded(en=away.text("en"), zh=away.text("zh")))


def citations_stand(folder: Path | None, draft: Draft) -> bool:
    """Whether every passage that the prose cites stands in the base as it is quoted, in force."""
    settings = load_settings(folder)
    try:
        for number in cited(draft):
            said = draft.citations[number - 1]
            quoted(settings, said.document, said.version, said.text)
    except KnowledgeError:
        return False
    return True


def _asked(settings: RunSettings, facts: CaseFacts, *, quoting: bool) -> Beside:
    passages: tuple[Quotation, ...] = ()
    with searching(settings) as search:
        if quoting:
            passages = quotable([_quotation(hit) for hit in _fitting(search, facts)])
        similar = tuple(islice(_alike(search, facts), SIMILAR))
        return Beside(passages=passages, similar=similar)


def _quotation(hit: Hit) -> Quotation:
    passage = hit.passage
    return Quotation(
        text=passage.text,
        document=passage.provenance.name,
        version=passage.provenance.version,
        locator=passage.place,
    )


def _fitting(search: Search, facts: CaseFacts) -> Iterator[Hit]:
    """Passages for each thing that the facts are about.

    One question a thing: a passage on one of them shares little with a question about all.
    """
    return _merged(
        search.find(Wanted(text=question, kind="guideline", most=MOST))
        for question in _topics(facts)[:ASKED]
    )


def _alike(search: Search, facts: CaseFacts) -> Iterator[Hit]:
    """Past cases of the same kind of tumour, and those of which the same was said."""
    told = [fact for fact in facts.facts if fact.state == "value"]
    questions = dict.fromkeys((" ".join(_words(told, SAID)), " ".join(_words(told, NAMED))))
    return _merged(
        search.find(Wanted(text=question, kind="cases", most=SIMILAR, not_of=facts.case_id))
        for question in questions
        if question
    )


def _merged(found: Iterable[list[Hit]]) -> Iterator[Hit]:
    """The best of each list before the second best of any, each passage once."""
    seen: set[int] = set()
    for hit in (one for rank in zip_longest(*found) for one in rank if one is not None):
        if hit.passage.passage_id not in seen:
            seen.add(hit.passage.passage_id)
            yield hit


def _topics(facts: CaseFacts) -> list[str]:
    """What the facts are about, in both languages: words of the settings, no free text."""
    told = [fact for fact in facts.facts if fact.state == "value"]
    about = " ".join(_words(told, NAMED))
    return list(dict.fromkeys(f"{fact.name.en} {fact.name.zh} {about}" for fact in told))


def _words(facts: list[Fact], roles: tuple[str, ...]) -> Iterator[str]:
    for fact in facts:
        if fact.role in roles and fact.text is not None:
            of = fact.name if fact.role not in NAMED else Worded(en="", zh="")
            yield f"{of.en} {fact.text.en}".strip()
            yield f"{of.zh}{fact.text.zh}"
