"""Settings of reports: rounding, wording, rules over several facts, templates, vocabulary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pathology.records.report import Worded
from pathology.records.settings.ranges import check_between

PLACEHOLDER: Final = re.compile(r"\{\{([a-z0-9_]+(?:\.[a-z0-9_]+)+)\}\}")
BRACE: Final = re.compile(r"[{}]")
MOST_DECIMALS: Final = 4
OPERATORS: Final = ("<", "<=", ">", ">=")
NAMES_WITH_DIGITS: Final = re.compile(r"Ki-67|HER2")
"""Names that are no numbers though they hold digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """How many decimals a unit is told with."""

    source: str
    decimals: Mapping[str, int]  # by unit; "share" is a share of area, in %
    cut_offs: tuple[float, ...]  # percent; rounding never carries a value over one of them

    def __post_init__(self) -> None:
        for unit, number in self.decimals.items():
            if not 0 <= number <= MOST_DECIMALS:
                raise ValueError(f"decimals of {unit} must be in 0..{MOST_DECIMALS}, not {number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a row of a combined rule asks of one fact: a code, or a number by its operator."""

    fact: str
    code: str | None = None
    operator: str | None = None
    number: float | None = None

    def __post_init__(self) -> None:
        numeric = self.operator is not None and self.number is not None
        if (self.code is not None) == numeric or (self.operator is None) != (self.number is None):
            raise ValueError(f"{self.fact}: a condition has a code, or an operator and a number")
        if self.operator is not None and self.operator not in OPERATORS:
            raise ValueError(f"{self.fact}: operator {self.operator!r} is none of {OPERATORS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedRow:
    """A name, and the conditions that all must hold for it."""

    code: str
    all: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedRule:
    """A statement over several facts, by a table of a guideline. The first row that holds names it.

    It is asked of specimens of ``only_for_organs`` and says nothing of others, but where
    ``not_for_organs`` names them: there it says that it must not be asked.

    ``inputs`` must all have a value; where ``needs_category`` names a topic, its tumour region must
    have been confirmed, and an interval that holds one of the row's cut-offs refuses.
    """

    name: str
    source: str
    topic: str
    role: Literal["subtype", "grade"]
    inputs: tuple[str, ...]
    rows: tuple[CombinedRow, ...]
    confirmed: tuple[str, ...] = ()  # topics that may not be provisional
    interval_of: Mapping[str, str] = field(default_factory=dict)  # value fact -> interval fact
    only_for_organs: tuple[str, ...] = ()  # empty: any
    not_for_organs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retelling:
    """A sentence of the analysis, told again in Chinese; ``pattern`` is a regular expression."""

    pattern: str
    zh: str  # groups of the pattern in braces

    def __post_init__(self) -> None:
        try:
            names = set(re.compile(self.pattern).groupindex)
        except re.error as cause:
            raise ValueError(f"{self.pattern!r} is no regular expression") from cause
        if strangers := set(re.findall(r"\{(\w+)\}", self.zh)) - names:
            raise ValueError(f"{self.pattern!r} has no groups {sorted(strangers)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWording:
    """Names of topics, words of codes, and what the analysis says, in both languages."""

    source: str
    topics: Mapping[str, Worded]
    words: Mapping[str, Mapping[str, Worded]]  # field -> code -> words
    flags: Mapping[str, Worded]
    sayings: Mapping[str, Worded]  # fixed sentences of the program, by name
    retold: tuple[Retelling, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """``configs/reports/report.toml``."""

    source: str
    rounding: Rounding
    combined: tuple[CombinedRule, ...]
    prompt_version: str
    most_tries: int
    longest_sentence: int
    most_sentences: int

    def __post_init__(self) -> None:
        check_between(self, 1, 5, "most_tries")
        check_between(self, 40, 2000, "longest_sentence")
        check_between(self, 1, 20, "most_sentences")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencePattern:
    """A sentence in both languages; used where all facts it names have a value."""

    en: str
    zh: str

    def __post_init__(self) -> None:
        english, chinese = placeholders(self.en), placeholders(self.zh)
        if sorted(english) != sorted(chinese):
            raise ValueError(
                f"the two languages name different facts: {sorted(english)}, {sorted(chinese)}"
            )
        if not english:
            raise ValueError(f"names no fact: {self.en!r}")
        for text in (self.en, self.zh):
            if digit := re.search(r"\d", NAMES_WITH_DIGITS.sub("", PLACEHOLDER.sub("", text))):
                raise ValueError(f"types a digit itself: {digit[0]!r} in {text!r}")

    @property
    def facts(self) -> tuple[str, ...]:
        """Ids of the facts it names."""
        return placeholders(self.en)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSection:
    """A section: alternatives of sentences; of each group the first that can be filled is used."""

    id: str
    heading: Worded
    sentences: tuple[tuple[SentencePattern, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateField:
    """A field of the structured report, and the fact that fills it."""

    id: str
    label: Worded
    fact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTemplate:
    """A kind of report as a site wants it."""

    name: str
    version: str
    source: str
    title: Worded
    required: tuple[str, ...]  # facts that must be told, or listed as not measurable
    sections: tuple[TemplateSection, ...]
    fields: tuple[TemplateField, ...]
    analyses: tuple[str, ...]  # at least one of them is needed
    main_topic: str  # what the marker's name alone means
    signed_title: Worded | None = None  # of what a physician signed: it is no draft any more

    def __post_init__(self) -> None:
        if len({s.id for s in self.sections}) != len(self.sections):
            raise ValueError("a section stands twice")
        if len({f.id for f in self.fields}) != len(self.fields):
            raise ValueError("a field stands twice")
        told = {f for s in self.sections for g in s.sentences for p in g for f in p.facts}
        if untold := sorted(set(self.required) - told):
            raise ValueError(f"no sentence tells {untold}, and they are required")


def placeholders(text: str) -> tuple[str, ...]:
    """Ids of the facts that ``text`` names.

    Raises
    ------
    ValueError
        A brace is open, or holds no id: a template with a hole.
    """
    if BRACE.search(PLACEHOLDER.sub("", text)):
        raise ValueError(f"a hole in {text!r}: placeholders are {{{{topic.role}}}}")
    return tuple(PLACEHOLDER.findall(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How something is said, each list longest phrases included."""

    en: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicName:
    """How a topic is named in prose: a marker, and a scope where the marker has several."""

    topic: str
    marker: str
    scope: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitName:
    """A marker that is named by words with others between, as in "the tumour is graded".

    It counts only where the clause has a word of every list, a number in one of ``units`` where
    there are some, no marker, and no scope but those of these words.
    """

    marker: str
    words: tuple[Terms, ...]
    units: tuple[str, ...] = ()
    weak: bool = False  # only where nothing else was named before


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Every word that finished prose may hold, and what the words mean. Others are refused."""

    source: str
    topics: tuple[TopicName, ...]
    markers: Mapping[str, Terms]
    scopes: Mapping[str, Terms]
    within_scope: Mapping[str, str]  # a narrower scope -> the wider one that its words hold too
    roles: Mapping[str, Terms]
    values: Mapping[str, Mapping[str, Terms]]  # role -> code -> words
    units: Mapping[str, Terms]
    numerals: Terms
    comparisons: Terms
    negations: Terms
    claims: Terms  # assertions that no fact of this program backs
    breaks: Terms  # words that part clauses
    plain: Terms  # words that assert nothing by themselves
    split_names: tuple[SplitName, ...] = ()
