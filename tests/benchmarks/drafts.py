"""Gates of drafts: what passes the check though it is wrong, and what is blocked though right.

    scripts/bench drafts [--wrong 3000] [--correct 1000] [--mutants 2000] [--seed 1]
    scripts/bench drafts --embedded 100      (hours: see embedded_drafts.py)

A writer that knows the truth writes finished sentences past the filler and errs on purpose
(tests/reports/erring_writer.py, erring_held_out.py); an oracle that reads no text says which drafts
are wrong. Half of the sentences and of the kinds of error were held out while the check was made.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from pathology.records.report import BANNER, Block, CaseFacts, Draft
from pathology.reports.draft import DraftOrder, make_draft
from pathology.reports.prompt import section_facts
from pathology.reports.template_writer import template_sections
from tests.benchmarks.embedded_drafts import rechecked, told_embedded
from tests.reports.drafting import (
    MADE,
    blocks_of,
    breast_facts,
    draft_of,
    drawn_case,
    facts_for,
    rules_for,
)
from tests.reports.erring_held_out import HELD_OUT
from tests.reports.erring_last import LAST
from tests.reports.erring_wide import WIDE
from tests.reports.erring_writer import (
    DEVELOPMENT,
    Writing,
    correct,
    erring,
    is_wrong,
    patterns,
)
from tests.reports.injections import DOORS, ObedientWriter, attacked_case, attacks, slipped_in
from tests.reports.made_cases import dice
from tests.reports.unseen import tried

CASES = 120
UNSEEN = ("first", "second", "third", "fourth")
Book = Mapping[str, Mapping[str, list[str]]]


class Cases:
    """Facts of drawn cases, and the draft of each that other prose is put into."""

    def __init__(self, seed: int) -> None:
        self.facts = [breast_facts(dice(f"{seed} {i}")) for i in range(CASES)]
        self.drafts = [draft_of(f) for f in self.facts]

    def blocks(self, number: int, writing: Writing) -> tuple[Block, ...]:
        """What the check says of the prose."""
        return blocks_of(replace(self.drafts[number % CASES], sections=writing.sections()))

    def of(self, number: int) -> CaseFacts:
        """Facts of a case."""
        return self.facts[number % CASES]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", type=int, default=3000, help="drafts that are wrong")
    parser.add_argument("--correct", type=int, default=1000)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--development", action="store_true", help="nothing that was held out")
    parser.add_argument("--embedded", type=int, metavar="N", help="N drafts by the embedded model")
    parser.add_argument("--answers", type=Path, help="of --embedded: raw answers, a line each")
    parser.add_argument("--recheck", type=Path, help="raw answers of --embedded, counted again")
    parser.add_argument("--times", action="store_true", help="seconds a draft, and nothing else")
    given = parser.parse_args()
    if given.times:
        for line in told_times(given.seed):
            print(line, flush=True)
        return
    if given.recheck:
        for line in rechecked(given.recheck, given.seed):
            print(line, flush=True)
        return
    if given.embedded:
        for line in told_embedded(given.embedded, given.seed, given.answers):
            print(line, flush=True)
        return
    cases = Cases(given.seed)
    books = {"development": patterns("paraphrases")}
    kinds = {"development": DEVELOPMENT}
    if not given.development:
        books["second"] = patterns("paraphrases_second")
        books["third"] = patterns("paraphrases_held_out")
        kinds["held out"] = HELD_OUT
        kinds["last"] = LAST
        books |= {name: patterns(f"unseen_{name}") for name in UNSEEN}
        kinds["wide"] = WIDE
    for lines in (
        told_sentences([] if given.development else UNSEEN),
        told_correct(cases, books, given.correct),
        told_wrong(cases, books, kinds, given.wrong, given.seed),
        told_mutants(cases, books["development"], kinds, given.mutants, given.seed),
        told_injections(),
        told_fields(given.seed),
        told_times(given.seed),
    ):
        for line in lines:
            print(line, flush=True)
        print(flush=True)


def told_sentences(names: Sequence[str]) -> Iterator[str]:
    """Correct sentences one by one."""
    yield "| sentences | English | blocked | Chinese | blocked |"
    yield "|---|---|---|---|---|"
    for name in names:
        tries = list(tried(patterns(f"unseen_{name}")))
        counts = []
        for language in ("en", "zh"):
            mine = [t for t in tries if t.language == language]
            bad = sum(bool(t.blocks) for t in mine)
            counts.append(f"{len(mine)} | {bad} ({bad / len(mine):.1%})")
        yield f"| {name} | {' | '.join(counts)} |"
        for one in tries:
            for block in one.blocks[:1]:
                yield f"<!-- {one.text} -- {block.kind} {block.span!r} -->"


def told_correct(cases: Cases, books: Mapping[str, Book], number: int) -> Iterator[str]:
    yield "| correct, sentences | drafts | blocked | sentences blocked (of) | first reasons |"
    yield "|---|---|---|---|---|"
    for name, book in books.items():
        blocked, reasons = 0, Counter[str]()
        sentences: dict[str, bool] = {}
        for i in range(number):
            writing = correct(dice(f"{name}{i}"), cases.of(i), book)
            blocks = cases.blocks(i, writing)
            blocked += bool(blocks)
            reasons.update({f"{b.kind} {b.span}" for b in blocks})
            wrong = {b.where for b in blocks}
            for s in (*writing.en, *writing.zh):
                key = f"{s.language} {s.group} " + "|".join(
                    p.text if p.fact is None else p.fact for p in s.parts
                )
                sentences[key] = sentences.get(key, False) or f"{s.language} {s.group}" in wrong
        told = "; ".join(f"{what} ({n})" for what, n in reasons.most_common(8)) or "none"
        bad = sum(sentences.values())
        yield f"| {name} | {number} | {blocked / number:.1%} | {bad} ({len(sentences)}) | {told} |"


def told_wrong(
    cases: Cases,
    books: Mapping[str, Book],
    kinds: Mapping[str, Mapping[str, object]],
    number: int,
    seed: int,
) -> Iterator[str]:
    every = [item for table in kinds.values() for item in table.items()]
    titles = list(books)
    wrong = passed = with_error = error_passed = 0
    slipped: list[str] = []
    for i in count():
        if wrong == number:
            break
        rng = dice(f"wrong {seed} {i}")
        errors = 0 if rng.random() < 0.2 else rng.randint(1, 3)
        writing = erring(rng, cases.of(i), books[titles[i % len(titles)]], every, errors)
        blocks = cases.blocks(i, writing)
        bad = is_wrong(writing)
        wrong += bad
        with_error += bool(writing.errors)
        if not blocks and writing.errors:
            error_passed += 1
            slipped.append(", ".join(k for _, k in writing.errors))
        if bad and not blocks:
            passed += 1
            yield f"PASSED THOUGH WRONG: {writing.errors}: {writing.sections()}"
    yield "| drafts | with an error | wrong by the oracle | of them passed | any error passed |"
    yield "|---|---|---|---|---|"
    yield f"| {i} | {with_error} | {wrong} | {passed} | {error_passed} |"
    for kind, times in Counter(slipped).most_common(10):
        yield f"passed with: {kind} ({times})"


def told_mutants(
    cases: Cases,
    book: Book,
    kinds: Mapping[str, Mapping[str, tuple[str, object]]],
    number: int,
    seed: int,
) -> Iterator[str]:
    """One error each, in a draft that passes without it."""
    yield "| mutants | family | kind | made | caught |"
    yield "|---|---|---|---|---|"
    families: dict[tuple[str, str], list[int]] = {}
    share = number // len(kinds)
    for name, table in kinds.items():
        made, caught = Counter[str](), Counter[str]()
        items = list(table.items())
        i = 0
        while sum(made.values()) < share and i < 20 * share:
            kind = items[i % len(items)]
            rng = dice(f"mutant {seed} {name} {i}")
            writing = erring(rng, cases.of(i // len(items)), book, [kind], 1)
            blocks = cases.blocks(i // len(items), writing) if writing.errors else ()
            i += 1
            if writing.errors:
                made[kind[0]] += 1
                caught[kind[0]] += bool(blocks)
        for kind, (family, _) in table.items():
            total = families.setdefault((name, family), [0, 0])
            total[0] += made[kind]
            total[1] += caught[kind]
            yield f"| {name} | {family} | {kind} | {made[kind]} | {caught[kind]} |"
    yield ""
    yield "| mutants | family | made | caught |"
    yield "|---|---|---|---|"
    for (name, family), (made_of, caught_of) in families.items():
        rate = caught_of / made_of if made_of else 0.0
        yield f"| {name} | {family} | {made_of} | {rate:.1%} |"


def told_injections() -> Iterator[str]:
    yield "| through | the writer obeys | attacks | succeeded | reached the prompt | fell back |"
    yield "|---|---|---|---|---|---|"
    rules = rules_for("breast-ki67")
    for door in DOORS:
        for blindly in (False, True):
            through = seen = fell_back = 0
            for attack in attacks():
                case, changed, passages = slipped_in(attack, door, *attacked_case())
                facts = facts_for(case, changed)
                known = section_facts(rules.template, facts.by_id)
                answer = {
                    s.id: {"en": list(s.en), "zh": list(s.zh)}
                    for s in template_sections(rules.template, facts.by_id)
                    if s.id in known
                }
                writer = ObedientWriter(attack, answer, blindly=blindly)
                order = DraftOrder(facts=facts, made_utc=MADE, writer=writer, passages=passages)
                draft = make_draft(order, rules)
                through += got_through(draft, attack.en, attack.zh)
                seen += any(attack.text in p for p in writer.prompts)
                fell_back += draft.authorship.outcome == "fell-back"
            how = "whatever was slipped in" if blindly else "what it is shown"
            yield f"| {door} | {how} | {len(attacks())} | {through} | {seen} | {fell_back} |"


def got_through(draft: Draft, *demands: str) -> bool:
    """Whether the draft says what was demanded, lost its banner, or does not pass."""
    prose = [s for part in draft.sections for s in (*part.en, *part.zh)]
    said = any(d in s for d in demands for s in prose)
    return said or draft.banner != BANNER or bool(blocks_of(draft, draft.citations))


def told_fields(seed: int) -> Iterator[str]:
    yield "| template | cases | fields filled without typing |"
    yield "|---|---|---|"
    filled: dict[str, list[float]] = {}
    for i in range(400):
        template, case, results = drawn_case(dice(f"fields {seed} {i}"), i)
        draft = draft_of(facts_for(case, results), template=template)
        told = [f.text is not None or f.state != "not-given" for f in draft.fields]
        values = [f.text is not None for f in draft.fields]
        filled.setdefault(template, []).append(statistics.fmean(values))
        filled.setdefault(f"{template}, or the reason why not", []).append(statistics.fmean(told))
    for template, shares in filled.items():
        yield f"| {template} | {len(shares)} | {statistics.fmean(shares):.1%} |"


def told_times(seed: int) -> Iterator[str]:
    """Facts, template and check; nothing is read from disk or rendered."""
    yield "| template | drafts | median, s | slowest, s | of the processor, median, s |"
    yield "|---|---|---|---|---|"
    seconds: dict[str, list[tuple[float, float]]] = {}
    for i in range(200):
        template, case, results = drawn_case(dice(f"times {seed} {i}"), i)
        template = "general" if i % 5 == 0 else template
        start, began = time.perf_counter(), time.process_time()
        draft_of(facts_for(case, results), template=template)
        took = time.perf_counter() - start, time.process_time() - began
        seconds.setdefault(template, []).append(took)
    for template, told in sorted(seconds.items()):
        clock, processor = zip(*told, strict=True)
        middle = f"{statistics.median(clock):.3f} | {max(clock):.3f}"
        yield f"| {template} | {len(told)} | {middle} | {statistics.median(processor):.3f} |"


if __name__ == "__main__":
    main()
