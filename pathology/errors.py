"""Every error pathology raises on purpose.

PathologyError
├── SlideError            one slide; the others go on
│   ├── SlideUnreadable     the file: missing, empty, damaged, not a slide, not supported
│   ├── ScaleUnknown        no scale that somebody answers for
│   └── SlideUnsuitable     read well, but not fit for what was asked (stain, blank, damage)
├── UsageError            what the caller asked for makes no sense (exit code 2)
│   ├── CorrectedMeanwhile  another correction of the same result was kept
│   └── ConfigError         the settings: unknown key, impossible value
├── ModelRefused          a card or its weights cannot be trusted or used
├── OutputError           results cannot be written: no right, no room
├── ClusterError          the cluster cannot be reached, or not safely
├── LedgerError           the database cannot be opened, is of another version, or was damaged
│   └── LedgerAway          it cannot be reached just now: the same call may be tried again
├── VaultError            a key is missing or wrong, or what it locks was changed
├── IntranetError         a server of the house: away, slow, refused, or its answer is no use
│   └── AnswerRefused       a language model answered, and not in the form asked for
├── KnowledgeError        the knowledge base: a document, a case or a quotation cannot be used
├── UploadRefused         a slide that came through the page is not taken
├── CaseRefused           a change of a case on the desk, or its signature, cannot be
│   └── CaseChanged         another person changed the case since it was looked at
├── NotAllowed            the actor's roles do not let them do this
└── DraftRejected         a draft says something that the facts do not

A ``SlideError`` carries a code of ``records.reasons``, so that every reason exists in English and
Chinese and programs can count by it. ``IntranetError``, ``KnowledgeError``,
``UploadRefused`` and ``CaseRefused`` do so too, by tables of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pathology.records.case_reasons import CASE_REASONS
from pathology.records.case_words import case_worded
from pathology.records.intranet_reasons import INTRANET_REASONS
from pathology.records.knowledge_reasons import KNOWLEDGE_REASONS
from pathology.records.reasons import worded
from pathology.records.upload_reasons import UPLOAD_REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathology.records.reasons import Language, Reason


class PathologyError(Exception):
    """Root of the tree: ``except PathologyError`` catches all of ours and none of Python's."""


class SlideError(PathologyError):
    """Something is wrong with one slide; the others can go on.

    ``code`` is a key of ``records.reasons.REASONS``; ``facts`` fill its wording.
    """

    def __init__(self, slide_id: str, code: str, facts: Mapping[str, object] | None = None) -> None:
        # All three go to args as given: else the error cannot be unpickled coming back from a
        # dask worker, and a clear message turns into a TypeError.
        super().__init__(slide_id, code, facts)
        self.slide_id, self.code, self.facts = slide_id, code, dict(facts or {})

    def text(self, language: Language = "en") -> str:
        """Problem and remedy, without the slide's id."""
        wording = worded(self.code, self.facts, language)
        return f"{wording.problem}. {wording.remedy}"

    def __str__(self) -> str:
        return f"{self.slide_id}: {self.text()}"


class SlideUnreadable(SlideError):
    """The file is missing, empty, damaged, not a slide, or in a layout that is not supported."""


class ScaleUnknown(SlideError):
    """Neither the file nor a person states a credible, square scale."""


class SlideUnsuitable(SlideError):
    """The slide can be read but not used for what was asked."""


class UsageError(PathologyError):
    """What was asked for makes no sense; the message says what would."""


class CorrectedMeanwhile(UsageError):
    """Another correction of the same result was kept; the later one must be made from that."""

    def __init__(self, result_id: str, author: str) -> None:
        super().__init__(result_id, author)  # as given, see SlideError
        self.result_id, self.author = result_id, author

    def __str__(self) -> str:
        return (
            f"{self.result_id}: {self.author} corrected the same result meanwhile. Open that one, "
            "and correct it there"
        )


class ConfigError(UsageError):
    """A settings file has an unknown key, lacks one, or holds an impossible value."""


class ModelRefused(PathologyError):
    """A model's card or weights are wrong; the message names the model, the problem, the remedy."""


class OutputError(PathologyError):
    """Results cannot be written; the message says where and why."""


class ClusterError(PathologyError):
    """The cluster cannot be reached, or cannot be used safely."""


class LedgerError(PathologyError):
    """The ledger's database cannot be opened, is of another version, or was damaged."""


class LedgerAway(LedgerError):
    """The database cannot be reached just now, or is busy: the same call may be tried again."""


class VaultError(PathologyError):
    """A key is missing, wrong or readable by others, or what it locks has been changed."""


class NotAllowed(PathologyError):
    """The actor may not do this; the message names the act and the role it needs."""


class CodedError(PathologyError):
    """Has a code of one of the tables of reasons, so that it reads in English and in Chinese.

    ``subject`` is who or what it is about, in words that may stand in a log: the name of an
    endpoint in the settings, the id of a document.
    """

    table: ClassVar[Mapping[str, Reason]]

    def __init__(self, subject: str, code: str, facts: Mapping[str, object] | None = None) -> None:
        super().__init__(subject, code, facts)  # all three: see SlideError
        self.subject, self.code, self.facts = subject, code, dict(facts or {})

    def text(self, language: Language = "en") -> str:
        """Problem and remedy, without the subject."""
        wording = worded(self.code, self.facts, language, table=self.table)
        return f"{wording.problem}. {wording.remedy}"

    def __str__(self) -> str:
        return f"{self.subject}: {self.text()}"


class IntranetError(CodedError):
    """A server of the house could not be asked, or what it said could not be used."""

    table = INTRANET_REASONS


class AnswerRefused(IntranetError):
    """A language model answered, and not in the form asked for; asking again may help."""


class KnowledgeError(CodedError):
    """A document, a case, a quotation or an approval cannot be accepted."""

    table = KNOWLEDGE_REASONS


class UploadRefused(CodedError):
    """A slide that was to come, or came, through the page is not taken; nothing of it is left."""

    table = UPLOAD_REASONS


class CaseRefused(CodedError):
    """A case on the desk: what was asked cannot be done to it now. The subject is the case."""

    table = CASE_REASONS

    def text(self, language: Language = "en") -> str:
        """Problem and remedy, without the subject; names of the contract as a reader says them."""
        wording = case_worded(self.code, self.facts, language)
        return f"{wording.problem}. {wording.remedy}"


class CaseChanged(CaseRefused):
    """Another person changed the case since it was looked at; nothing was done."""


class DraftRejected(PathologyError):
    """A draft says something that the facts do not, or not in the form asked for.

    ``kind`` is what programs count by: "form", "digit", "result-word", "fact", "languages",
    "citation".
    """

    def __init__(self, message: str, kind: str = "form") -> None:
        super().__init__(message)
        self.kind = kind
