"""The prose of a draft in one language, sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pathology.records.reasons import Language
from pathology.records.report import Block, CaseFacts, Quotation, WrittenSection
from pathology.records.settings.reports import Vocabulary
from pathology.reports.verify.assertions import PRESENCE, Desk, hear
from pathology.reports.verify.bearing import several_of_one, units_left, weakened
from pathology.reports.verify.clauses import Clause, clauses_of
from pathology.reports.verify.letters import strange_letters
from pathology.reports.verify.lexicon import Lexicon, lexicon_of
from pathology.reports.verify.pairing import paired_clauses
from pathology.reports.verify.reading import Token, read
from pathology.reports.verify.subjects import Subject, heard_clauses, subjects_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What prose is held against."""

    facts: CaseFacts
    words: Vocabulary
    main_topic: str
    citations: tuple[Quotation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What prose was found to tell, and why it may not stand."""

    told: frozenset[str]
    blocks: tuple[Block, ...]


def check_prose(sections: Sequence[WrittenSection], ground: Ground, language: Language) -> Checked:
    """Facts told in ``language``, and every block."""
    lexicon = lexicon_of(ground.words, ground.facts.facts, language)
    told: set[str] = set()
    blocks: list[Block] = []
    for section in sections:
        carried = Subject()
        for sentence in section.told(language):
            reader = _Reader(ground, lexicon, language, f"{language} {section.id}")
            heard = reader.check(sentence, carried)
            carried = heard.subject
            told |= heard.told
            blocks += heard.blocks
    return Checked(told=frozenset(told), blocks=tuple(blocks))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    told: frozenset[str]
    blocks: tuple[Block, ...]
    subject: Subject


@dataclass(frozen=True, slots=True)
class _Reader:
    ground: Ground
    lexicon: Lexicon
    language: Language
    where: str

    def check(self, sentence: str, carried: Subject) -> _Sentence:
        tokens = read(sentence, self.lexicon, self.language)
        clauses = clauses_of(tokens, self.ground.words)
        subjects = subjects_of(clauses, carried)
        desk = Desk(
            facts=self.ground.facts.by_id,
            words=self.ground.words,
            main_topic=self.ground.main_topic,
            where=self.where,
        )
        near = any(t.numbers for t in tokens)
        pairs = paired_clauses(clauses) or heard_clauses(clauses, subjects)
        heard = [hear(c, s, desk, numbers_near=near) for c, s in pairs]
        told = frozenset(i for h in heard for i in h.told) | self._named(tokens)
        blocks = (
            *self._form(sentence),
            *self._empty(sentence, told),
            *self._faults(tokens),
            *(b for h in heard for b in h.blocks),
            *self._undecided(clauses),
            *weakened(clauses, self.where),
            *units_left(tokens, self.where),
            *several_of_one(clauses, self.where),
            *self._rules(tokens, told),
            *self._cited(tokens),
        )
        return _Sentence(told=told, blocks=blocks, subject=subjects[-1] if subjects else carried)

    def _form(self, sentence: str) -> Iterator[Block]:
        yield from strange_letters(sentence, self.language, self.where)
        if not sentence.strip():
            yield Block(kind="language", where=self.where, span="", reason="an empty sentence")

    def _empty(self, sentence: str, told: frozenset[str]) -> Iterator[Block]:
        """What tells no fact may be advice, however plain its words: it has no place here."""
        if sentence.strip() and not told:
            yield Block(
                kind="claim", where=self.where, span=sentence, reason="tells no fact of this case"
            )

    def _faults(self, tokens: Sequence[Token]) -> Iterator[Block]:
        for token in tokens:
            if token.fault is not None:
                yield Block(kind=token.fault, where=self.where, span=token.text, reason=token.why)

    def _undecided(self, clauses: Sequence[Clause]) -> Iterator[Block]:
        """What may be there or not must be said to be one of them."""
        decided = any(t.means("value", "presence") for c in clauses for t in c.tokens)
        for clause in clauses:
            for token in clause.tokens:
                if not decided and any(token.means("marker", m) for m in PRESENCE):
                    yield Block(
                        kind="negation",
                        where=self.where,
                        span=token.text,
                        reason="it is not said whether it is there",
                    )

    def _named(self, tokens: Sequence[Token]) -> frozenset[str]:
        """Rules and dates: told by being named."""
        return frozenset(
            f"{m.name}.{m.kind}" for t in tokens for m in t.meanings if m.kind in ("rule", "date")
        )

    def _rules(self, tokens: Sequence[Token], told: frozenset[str]) -> Iterator[Block]:
        """A rule that is named must be the one that the sentence's category was given by."""
        facts = self.ground.facts.by_id
        graded = {facts[i].topic for i in told if facts[i].role in ("category", "subtype", "grade")}
        graded -= {"mitoses"}
        for token in tokens:
            of = {m.name for m in token.meanings if m.kind == "rule"}
            codes = {m.code for m in token.meanings if m.kind == "rule"}
            same = {
                t for t in graded if (r := facts.get(f"{t}.rule")) is not None and r.code in codes
            }
            if of and graded - same:
                yield Block(
                    kind="citation",
                    where=self.where,
                    span=token.text,
                    reason="the category in this sentence was not given by this rule",
                )

    def _cited(self, tokens: Sequence[Token]) -> Iterator[Block]:
        for token in tokens:
            if token.citation is None:
                continue
            if not 1 <= token.citation <= len(self.ground.citations):
                yield Block(
                    kind="citation", where=self.where, span=token.text, reason="no such citation"
                )
                continue
            quoted = self.ground.citations[token.citation - 1].text.lower()
            named = [t.text.lower() for t in tokens if t.means("marker")]
            if named and not any(n in quoted for n in named):
                yield Block(
                    kind="citation",
                    where=self.where,
                    span=token.text,
                    reason="the passage speaks of something else",
                )
