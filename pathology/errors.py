"""Every error pathology raises on purpose.

PathologyError
├── SlideError            one slide; the others go on
│   ├── SlideUnreadable     the file: missing, empty, damaged, not a slide, not supported
│   ├── ScaleUnknown        no scale that somebody answers for
│   └── SlideUnsuitable     read well, but not fit for what was asked (stain, blank, damage)
├── UsageError            what the caller asked for makes no sense (exit code 2)
│   └── ConfigError         the settings: unknown key, impossible value
├── ModelRefused          a card or its weights cannot be trusted or used
├── OutputError           results cannot be written: no right, no room
├── ClusterError          the cluster cannot be reached, or not safely
├── LedgerError           the database cannot be opened, is of another version, or was damaged
│   └── LedgerAway          it cannot be reached just now: the same call may be tried again
├── VaultError            a key is missing or wrong, or what it locks was changed
└── NotAllowed            the actor's roles do not let them do this

A ``SlideError`` carries a code of ``records.reasons``, so that every reason exists in English and
Chinese and programs can count by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathology.records.reasons import worded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathology.records.reasons import Language


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
