"""A case on the desk: its results, its text, what persons decided, and who works on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from pathology.records.actor import Actor
from pathology.records.case_note import NoteOnCase
from pathology.records.decision import (
    Decided,
    Difference,
    FindingKey,
    OwnReading,
    ReadFirst,
    SecondRead,
)
from pathology.records.manifest import Priority
from pathology.records.opinion import AskedBy, OpinionOnCase
from pathology.records.report import (
    Block,
    Draft,
    NotMeasured,
    Quotation,
    ReportField,
    Worded,
    WrittenSection,
)
from pathology.records.report_state import ReportState
from pathology.records.result import Analysis, TumourRegionSource
from pathology.records.signed_report import Meaning, Reauthenticated

OverlaySeen: TypeAlias = tuple[str, str, str]
"""Account, id of the result, name of the overlay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingOnDesk:
    """A finding that a person must decide on."""

    finding_id: str
    name: str  # of the contract, e.g. "ki67.global"
    value: float | None  # None: not measurable
    unit: str  # as the result says: "fraction", "1/mm2", ...
    not_measurable: str | None = None
    borderline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOnDesk:
    """A network that a result rests on."""

    name: str
    weights_sha256: str | None
    research_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultOnDesk:
    """A result under review. One that another supersedes stays among ``superseded`` of its case."""

    result_id: str
    slide_id: str
    slide_digest: str
    analysis: Analysis
    author: str
    supersedes: str | None
    tumour_region_source: TumourRegionSource
    findings: tuple[FindingOnDesk, ...]
    findings_sha256: str  # of findings.json as it lies in its folder
    models: tuple[ModelOnDesk, ...]
    overlays: tuple[str, ...]  # each must be opened before signing
    flags: tuple[str, ...] = ()
    scale_source: str = ""

    def finding(self, finding_id: str) -> FindingOnDesk | None:
        """Its finding of this id."""
        return next((f for f in self.findings if f.finding_id == finding_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportText:
    """The text of a report as it stands on the desk, and what it was written from."""

    title: Worded
    headings: Mapping[str, Worded]
    sections: tuple[WrittenSection, ...]
    fields: tuple[ReportField, ...]
    not_measured: tuple[NotMeasured, ...]
    limits: tuple[Worded, ...]
    citations: tuple[Quotation, ...]
    authorship: str
    software: str
    results: tuple[str, ...]  # ids of the results that it tells
    flagged: tuple[Block, ...] = ()  # by the machine's check, at every edit
    tells: tuple[FindingKey, ...] = ()  # findings whose AI value the text tells
    own: tuple[OwnReading, ...] = ()  # physicians' values that the text tells
    draft: Draft | None = None  # what it was drafted from; an edit without one keeps it


@dataclass(frozen=True, slots=True, kw_only=True)
class TextChange:
    """One sentence taken out, put in or changed, in one language of one section."""

    section: str
    language: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextVersion:
    """A text as it was kept: the AI's draft is the first, each edit adds one."""

    text: ReportText
    by: str
    at_utc: datetime
    entry: int
    changes: tuple[TextChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedVersion:
    """A signed version as the ledger lists it; its content is asked for by number."""

    number: int  # from 1
    state: ReportState  # SIGNED or AMENDED
    signer: str
    signed_utc: datetime
    content_sha256: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """A line of the worklist."""

    case: str  # pseudonym: fit for logs, addresses and pages
    state: ReportState
    version: int  # counts every change
    priority: Priority
    deadline_utc: datetime | None
    opened_utc: datetime
    assignee: str | None
    second_reader: str | None
    needs_second: bool
    discrepancy: bool  # a reader and the AI differ beyond the setting, or the readers do
    slides: int
    analyses: tuple[str, ...]
    changed_by: str
    changed_utc: datetime
    legal_hold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCase:
    """Everything of a case. What the AI found is in it: ask ``hidden_from`` before showing it."""

    line: CaseLine
    case_id: str = field(repr=False)  # as results and the draft call it
    results: tuple[ResultOnDesk, ...]  # in force
    superseded: tuple[ResultOnDesk, ...]
    confirmed: frozenset[str]  # ids of results whose tumour region a person confirmed
    decided: Mapping[FindingKey, Decided]
    readings: tuple[ReadFirst, ...]
    second_readings: tuple[SecondRead, ...]
    differences: tuple[Difference, ...]
    seen: frozenset[OverlaySeen]
    texts: tuple[TextVersion, ...]
    signed: tuple[SignedVersion, ...]
    amending: int | None = None  # the version in force that is being amended
    amendment_reason: str = ""
    rejected_reason: str = ""
    asked: tuple[AskedBy, ...] = ()  # of other hospitals
    opinions: tuple[OpinionOnCase, ...] = ()  # of theirs; none signs the report
    notes: tuple[NoteOnCase, ...] = ()

    @property
    def text(self) -> ReportText | None:
        """The newest text."""
        return self.texts[-1].text if self.texts else None

    def result(self, result_id: str) -> ResultOnDesk | None:
        """The result in force of this id."""
        return next((r for r in self.results if r.result_id == result_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changes a case, having seen which version of it; the same ``request_id`` is done once."""

    by: Actor
    request_id: str
    seen_version: int
    now_utc: datetime

    def __post_init__(self) -> None:
        if not 8 <= len(self.request_id) <= 64:
            raise ValueError("a request id has 8 to 64 characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What came of a change. ``repeated``: it was done before, and its answer is told again."""

    case: str
    version: int
    state: ReportState
    entry: int
    repeated: bool = False
    warnings: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpening:
    """What is put on the desk: results, the draft's text, and when it is due."""

    case: str  # ``CaseLedger.name_of`` an accession, or a result's pseudonym of its case
    case_id: str = field(repr=False)
    results: tuple[ResultOnDesk, ...]
    text: ReportText | None = None
    priority: Priority = "routine"
    deadline_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a signed version is to go, in which form."""

    format: str  # "pdf", "fhir", "hl7"
    destination: str  # a name of the site's settings, never an address


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningOrder:
    """What a physician signs with. The ledger builds the report from the case, not from here."""

    proof: Reauthenticated
    printed_name: str
    meaning: Meaning
    slides_sha256: Mapping[str, str]  # of each slide by id, taken just before
    findings_sha256: Mapping[str, str]  # of each result's findings.json, read just before
    research_accepted: bool = False  # the site accepts weights for research
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """One reason why a case cannot be signed now."""

    code: str  # a key of records.case_reasons
    facts: Mapping[str, str] = field(default_factory=dict)
