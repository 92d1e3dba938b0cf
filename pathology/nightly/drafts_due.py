"""Which drafts are due: complete cases whose results and case data nobody has drafted yet."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from pathology.nightly.cases import SEVERAL, Case, CaseBook, files_by_case
from pathology.pipeline.case_files import NOTHING_SAID, CaseFile, CaseFolders
from pathology.pipeline.drafting import draft_key, story_of
from pathology.records.drafting import ENDED, DraftAsk, DraftCounts, DraftNamed, DraftStory
from pathology.records.ledger import WorkLedger
from pathology.records.settings.drafts import DraftsSettings
from pathology.records.settings.identity import SpellingSettings
from pathology.records.settings.llm import LlmSettings
from pathology.records.work import WorkItem, WorkOrder

READ_SHARE: Final = 20
"""Unsealing the worklist takes no more than a twentieth of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPlace:
    """What all drafts of a night share."""

    out: Path
    drafts: DraftsSettings
    spelling: SpellingSettings
    llm: LlmSettings
    settings: Path | None  # the site's folder
    since_utc: datetime  # of this night
    name_of: Callable[[WorkOrder], str | None] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftsSeen:
    """One look: since when it is true (monotonic), what is due, and how things stand."""

    looked: float  # when it began: what ended later is not in it
    began: float  # when the ledger was read for it
    due: tuple[DraftAsk, ...]
    counts: DraftCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """Where a case stands with this case data: its draft's story at its end, or what to ask."""

    digest: str
    incomplete: bool = False  # a slide is not done
    story: DraftStory | None = None
    ask: DraftAsk | None = None


class DraftsDue:
    """Looks at ledger and disk for cases that are due. One thread calls ``look``.

    A case is looked at when it is new, when its items or its case data changed and when its draft
    ended; those that wait are all looked at with the ledger, since another night may draft them.
    """

    def __init__(self, work: WorkLedger, place: DraftPlace) -> None:
        self._work, self._place = work, place
        folders = tuple(Path(f) for f in place.drafts.case_data)
        self._folders = CaseFolders(folders=folders)
        self._book = CaseBook(place.name_of, place.spelling)
        self._standing: dict[str, _Standing] = {}
        self._changed: set[str] = set()
        self._ended: SimpleQueue[str] = SimpleQueue()
        self._read_began: float | None = None
        self._last = 0  # number of the newest item that was read
        self._read_again_at = self._wanted_at = -math.inf

    def ended(self, case_id: str) -> None:
        """The draft of this case ended: how it stands is to be found anew. From any thread."""
        self._ended.put(case_id)

    def read_soon(self) -> None:
        """The next look must read the ledger. From any thread."""
        self._wanted_at = time.monotonic()

    def look(self) -> DraftsSeen:
        """One look; LedgerAway is raised, and the next look tries again."""
        looked = time.monotonic()
        read_began = self._read_when_due()
        with suppress(Empty):
            while True:
                self._changed.add(self._ended.get_nowait())
        files = files_by_case(self._folders.look(), self._place.spelling)
        for name in self._changed - self._book.cases.keys():
            self._standing.pop(name, None)
        for name, case in self._book.cases.items():
            self._stand(case, files.get(case.accession), anew=name in self._changed)
        self._changed.clear()
        stand = self._standing.values()
        counts = counted([s.story for s in stand if s.story is not None], self._place.since_utc)
        due = sorted((s.ask for s in stand if s.ask is not None), key=lambda ask: ask.case_id)
        incomplete = sum(s.incomplete for s in stand)
        return DraftsSeen(
            looked=looked,
            began=read_began,
            due=tuple(due),
            counts=replace(counts, incomplete=incomplete, waiting=len(due)),
        )

    @property
    def drafts(self) -> DraftsSettings:
        """The site's settings."""
        return self._place.drafts

    @property
    def unreadable(self) -> int:
        """Files of case data that name no case."""
        return self._folders.unreadable

    def _read_when_due(self) -> float:
        """Read the ledger unless it is too early; when the newest reading began."""
        known, began = self._read_began, time.monotonic()
        if known is not None and known > self._wanted_at and began < self._read_again_at:
            return known
        self._changed |= self._book.put(self._of_these_days() if known is None else self._moved())
        self._changed |= {name for name, s in self._standing.items() if s.ask is not None}
        took_s, self._read_began = time.monotonic() - began, began
        self._read_again_at = began + took_s + max(self._place.drafts.look_s, READ_SHARE * took_s)
        return began

    def _of_these_days(self) -> list[WorkItem]:
        found = self._work.items_of_cases(received_since_utc=self._oldest_utc)
        self._last = max((item.item_id for item in found), default=0)
        return found

    def _moved(self) -> list[WorkItem]:
        """What waits or is at work, what was not done when last seen, and cases of what is new.

        What is new may be done already: a slide can come and be through between two readings.
        """
        fresh = self._work.items(("waiting", "leased"))
        still = {item.item_id for item in fresh}
        moved = [
            i.item_id for i in self._book.items if i.state != "done" and i.item_id not in still
        ]
        came = self._work.items(after=self._last)
        self._last = max((item.item_id for item in came), default=self._last)
        new = {i.item_id for i in came if i.received_utc >= self._oldest_utc}
        new |= {number for number in still if number not in self._book}
        fresh += self._work.items(ids=moved) if moved else []
        return fresh + (self._work.items_of_cases(with_items=sorted(new)) if new else [])

    @property
    def _oldest_utc(self) -> datetime:
        """Cases without an order since then are left alone."""
        return self._place.since_utc - timedelta(days=self._place.drafts.days)

    def _stand(self, case: Case, file: CaseFile | None, *, anew: bool) -> None:
        """Find where a case stands, unless nothing of it changed since it was last found."""
        digest = NOTHING_SAID if file is None else file.digest
        known = self._standing.get(case.name)
        if anew or known is None or known.digest != digest:
            self._standing[case.name] = self._found(case, file, digest)

    def _found(self, case: Case, file: CaseFile | None, digest: str) -> _Standing:
        if case.state != "complete":
            return _Standing(digest=digest, incomplete=True)
        place = self._place
        key = draft_key(place.out, case.results, digest)
        if digest == SEVERAL:
            refused = DraftStory(case_id=case.name, key=key, state="refused", detail=SEVERAL)
            return _Standing(digest=digest, story=refused)
        story = story_of(place.out, case.name)
        if story is not None and story.key == key and story.state in ENDED:
            return _Standing(digest=digest, story=story)
        ask = DraftAsk(
            out=place.out,
            case_id=case.name,
            key=key,
            results=case.results,
            case_file=None if file is None else file.path,
            settings=place.settings,
            llm=place.llm,
            pdf=place.drafts.pdf,
            attempts=place.drafts.tries,
        )
        return _Standing(digest=digest, ask=ask)


def counted(stories: Sequence[DraftStory], since_utc: datetime) -> DraftCounts:
    """Drafts made since then; those refused and set aside, whenever."""
    made = [
        s
        for s in stories
        if s.state == "done"
        and s.ended_utc is not None
        and datetime.fromisoformat(s.ended_utc) >= since_utc.replace(microsecond=0)
    ]
    return DraftCounts(
        made=len(made),
        by_template=sum(s.outcome == "fell-back" for s in made),
        refused=tuple(_named(s) for s in stories if s.state == "refused"),
        set_aside=tuple(_named(s) for s in stories if s.state == "set-aside"),
    )


def _named(story: DraftStory) -> DraftNamed:
    if not story.tries:
        return DraftNamed(case_id=story.case_id, trouble="case-data", detail=story.detail)
    last = story.tries[-1]
    return DraftNamed(
        case_id=story.case_id,
        trouble=last.trouble or "lost",
        detail=last.detail,
        tries=len(story.tries),
    )
