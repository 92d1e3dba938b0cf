"""Several language models word the same cases; nothing is written, everything is counted."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pathology.errors import UsageError
from pathology.exchange.case_json import read_case
from pathology.exchange.stored_result import FINDINGS, read_result
from pathology.pipeline.authors import Author, author_of, load_llm
from pathology.pipeline.draft import draft_rules, fact_rules, template_for
from pathology.pipeline.report_settings import ReportRules, load_report_rules
from pathology.records.case_data import CaseData
from pathology.records.comparison import Comparison, ModelScore
from pathology.records.report import Attempt, CaseFacts, Draft
from pathology.records.result import StoredResult
from pathology.records.settings.llm import PriceSettings
from pathology.reports.draft import DraftOrder, DraftRules, make_draft
from pathology.reports.facts import case_facts, one_each

MILLION = 1e6
OnDraft = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOrder:
    """What is compared over which cases."""

    out: Path  # results
    models: tuple[str, ...]  # names of llm.toml, "embedded", or addresses
    cases: Path | None = None  # a folder of case data; None: results alone
    settings: Path | None = None
    most: int | None = None  # cases


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A case, ready to be worded."""

    facts: CaseFacts
    rules: DraftRules


def compare(order: CompareOrder, on_draft: OnDraft) -> Comparison:
    """Every model over every case. ``on_draft`` hears a model's name, drafts done, drafts in all.

    Raises
    ------
    UsageError
        No model is called so, or no case can be drafted.
    """
    skipped: dict[str, str] = {}
    asked = list(_cases(order, skipped))[: order.most]
    if not asked:
        why = "; ".join(f"{name}: {text}" for name, text in list(skipped.items())[:3])
        raise UsageError(f"no case here can be drafted. {why}".strip())
    llm = load_llm(order.settings)
    scores = []
    for model in order.models:
        with author_of(llm, model) as author:
            drafts = []
            for number, case in enumerate(asked, start=1):
                drafts.append(_drafted(case, author))
                on_draft(model, number, len(asked))
            scores.append(replace(score_of(author, drafts), name=model))
    return Comparison(cases=len(asked), scores=tuple(scores), skipped=skipped)


def _drafted(case: _Asked, author: Author) -> Draft:
    order = DraftOrder(
        facts=case.facts,
        made_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        writer=author.writer,
        asked=author.name,
        writer_version=author.version,
    )
    return make_draft(order, case.rules)


def _cases(order: CompareOrder, skipped: dict[str, str]) -> Iterator[_Asked]:
    rules = load_report_rules(order.settings)
    results = _results(order.out)
    for case in _stated(order.cases, results, skipped):
        try:
            yield _asked(case, results, rules)
        except UsageError as problem:
            skipped[case.case_id] = str(problem)


def _asked(case: CaseData, results: Sequence[StoredResult], rules: ReportRules) -> _Asked:
    mine = [
        r
        for r in results
        if case.case_id in (r.case_id, r.slide_id) or r.slide_id in case.slides.values()
    ]
    if not mine:
        raise UsageError("no result here was made for this case")
    chosen = one_each(case, mine)
    template = template_for(case, chosen, rules, None)
    facts = case_facts(case, chosen, fact_rules(rules))
    return _Asked(facts=facts, rules=draft_rules(rules, template))


def _results(out: Path) -> list[StoredResult]:
    return [read_result(path.parent) for path in sorted(out.glob(f"*/*/{FINDINGS}"))]


def _stated(
    folder: Path | None, results: Sequence[StoredResult], skipped: dict[str, str]
) -> Iterator[CaseData]:
    """Case data of the folder; without one, each case of the results, or each slide by itself."""
    if folder is None:
        for name in dict.fromkeys(r.case_id or r.slide_id for r in results):
            yield CaseData(case_id=name)
        return
    for path in sorted(folder.glob("*.json")):
        try:
            yield read_case(path)
        except UsageError as problem:
            skipped[path.name] = str(problem)


def score_of(author: Author, drafts: Sequence[Draft]) -> ModelScore:
    """What the drafts of one author come to."""
    tries = [a for d in drafts for a in d.authorship.attempts]
    outcomes = Counter(d.authorship.outcome for d in drafts)
    seconds = [sum(a.seconds for a in d.authorship.attempts) for d in drafts]
    score = ModelScore(
        name=author.name,
        version=author.version,
        drafts=len(drafts),
        first=outcomes["accepted-first"],
        retried=outcomes["accepted-after-retry"],
        fell_back=outcomes["fell-back"],
        unanswered=sum(not a.answered for a in tries),
        omissions=sum("omission" in a.kinds for a in tries),
        reasons=_reasons(tries),
        prompt_tokens=_mean([a.prompt_tokens for a in tries if a.answered], len(drafts)),
        answer_tokens=_mean([a.answer_tokens for a in tries if a.answered], len(drafts)),
        seconds=statistics.median(seconds),
        slowest_s=max(seconds),
    )
    return score if author.price is None else _priced(score, author.price)


def _reasons(tries: Sequence[Attempt]) -> Mapping[str, int]:
    found = Counter(kind for a in tries for kind in dict.fromkeys(a.kinds))
    return dict(found.most_common())


def _mean(counts: Sequence[int | None], drafts: int) -> float | None:
    """A draft's share; None where the server counted none or not all."""
    known = [c for c in counts if c is not None]
    return sum(known) / drafts if known and len(known) == len(counts) else None


def _priced(score: ModelScore, price: PriceSettings) -> ModelScore:
    if score.prompt_tokens is None or score.answer_tokens is None:
        return score
    cost = score.prompt_tokens * price.prompt + score.answer_tokens * price.answer
    return replace(score, cost=cost / MILLION, currency=price.currency)
