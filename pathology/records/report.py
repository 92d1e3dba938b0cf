"""A report on its way: worded facts, the prose drawn from them, and the draft that joins both.

Nothing here is verified by anybody. A ``Draft`` is at most machine-checked; "verified" is the
physician's word, and only a signature makes a record of another type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from pathology.records.answer import ModelAnswer
from pathology.records.reasons import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """The same in both languages; the Chinese is a draft for a Chinese pathologist to check."""

    en: str
    zh: str

    def told(self, language: Language) -> str:
        """The wording in ``language``."""
        return self.zh if language == "zh" else self.en


BANNER: Final = Worded(en="AI draft, not verified by a physician", zh="AI 草稿\uff0c未经医师核实")
"""Stands on every draft, on every page of it, in every form."""

FactState = Literal["value", "not-measurable", "not-given", "refused"]
"""value: may be told; not-measurable: the slide was read and has no answer; not-given: nobody
stated it; refused: a rule was asked and an input was missing or provisional."""

FactRole = Literal[
    "value",
    "interval",
    "clustered",
    "positive",
    "counted",
    "chance",
    "category",
    "rule",
    "status",
    "intensity",
    "score",
    "ish",
    "presence",
    "side",
    "organ",
    "procedure",
    "tumour_type",
    "subtype",
    "grade",
    "date",
    "text",
]
"""What a fact says of its topic."""

SourceKind = Literal["finding", "laboratory", "request", "rule", "physician"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSource:
    """Where a fact comes from."""

    kind: SourceKind
    name: str  # id of the finding, name of the field, or name of the rule
    result_id: str | None = None
    slide_id: str | None = None
    citation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that a report may say, worded and rounded once.

    ``numbers`` are exact (one, or the two ends of an interval), in ``unit``; ``decimals`` is how
    many of theirs the wording shows. ``code`` is what a coded fact means, in no language.
    """

    id: str  # topic and role, e.g. "ki67.global.value"
    topic: str
    role: FactRole
    state: FactState
    name: Worded
    source: FactSource
    text: Worded | None = None  # None unless the state is "value"
    why: Worded | None = None  # the reason where there is no value
    unit: str = ""  # "%", "/mm2", "mm2", "mm", "{nuclei}", "+", "/2mm2", or none
    numbers: tuple[float, ...] = ()
    decimals: int = 0
    code: str | None = None

    def __post_init__(self) -> None:
        if (self.text is not None) != (self.state == "value"):
            raise ValueError(f"{self.id}: a fact is worded if and only if it has a value")
        if self.state in ("not-measurable", "refused") and self.why is None:
            raise ValueError(f"{self.id}: there is no value, and no reason why")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """All facts of a case, and what is to be read beside them."""

    case_id: str
    facts: tuple[Fact, ...]
    limits: tuple[Worded, ...]  # of the data, each once
    results: tuple[str, ...]  # ids of the results they rest on
    software: str
    models: tuple[str, ...] = ()  # networks that saw the slides, with their hash

    def __post_init__(self) -> None:
        if len({f.id for f in self.facts}) != len(self.facts):
            raise ValueError("a fact stands twice")

    @property
    def by_id(self) -> Mapping[str, Fact]:
        """Facts by their id."""
        return {f.id: f for f in self.facts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """Words of a guideline that may be quoted, letter for letter; data, never an instruction."""

    text: str
    document: str
    version: str
    locator: str = ""  # page or section


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSection:
    """Sentences of one section in both languages, with placeholders or finished."""

    id: str
    en: tuple[str, ...]
    zh: tuple[str, ...]

    def told(self, language: Language) -> tuple[str, ...]:
        """The sentences in ``language``."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingTask:
    """What a writer is asked: facts by name, never by value."""

    system: str
    user: str
    schema: Mapping[str, object]
    prompt_version: str


class DraftWriter(Protocol):
    """Who writes sentences with placeholders: a language model, or a stub."""

    def write(self, task: WritingTask, *, complaint: str | None = None) -> ModelAnswer:
        """The answer to ``task``; ``complaint`` says what was wrong with the one before.

        Raises
        ------
        IntranetError, AnswerRefused
            There is no usable answer; the draft then comes from the template.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Why a text may not stand: what kind of fault, where, and what is wrong."""

    kind: str
    where: str  # language and section, e.g. "en ki67"
    span: str  # the words at fault
    reason: str

    def told(self) -> str:
        """One line."""
        return f"{self.where}: {self.kind}: {self.span!r}: {self.reason}"


DraftOutcome = Literal["template-only", "accepted-first", "accepted-after-retry", "fell-back"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a model; ``faults`` is empty where it was accepted."""

    number: int  # from 1
    faults: tuple[str, ...]
    seconds: float  # 0 where no answer came
    answered: bool = True
    prompt_tokens: int | None = None
    answer_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """Who wrote the sentences, and how that came about."""

    outcome: DraftOutcome
    model: str  # as its server names it, or "template only"
    model_version: str  # hash or version; "not stated" where a server states none
    prompt_version: str
    attempts: tuple[Attempt, ...] = ()
    why_template: Worded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportField:
    """One field of the structured report; ``text`` is None where a person must fill it in."""

    id: str
    label: Worded
    text: Worded | None
    fact: str
    state: FactState


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMeasured:
    """What has no value, and why."""

    topic: str
    name: Worded
    why: Worded


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft report, machine-checked at most. Its banner is part of the type, not of a setting."""

    case_id: str
    template: str
    template_version: str
    title: Worded
    headings: Mapping[str, Worded]  # by section
    sections: tuple[WrittenSection, ...]  # finished sentences
    fields: tuple[ReportField, ...]
    facts: CaseFacts
    not_measured: tuple[NotMeasured, ...]
    citations: tuple[Quotation, ...]  # [1], [2], ...
    authorship: Authorship
    made_utc: str  # ISO 8601
    banner: Worded = field(default=BANNER, init=False)
    state: Literal["AI_DRAFT"] = field(default="AI_DRAFT", init=False)

    @property
    def limits(self) -> tuple[Worded, ...]:
        """Limits of the data."""
        return self.facts.limits


def languages() -> Sequence[Language]:
    """Both languages, English first."""
    return ("en", "zh")
