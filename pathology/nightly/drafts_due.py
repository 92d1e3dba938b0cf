"""Which drafts are due: complete cases whose results and case data nobody has drafted yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pathology.nightly.cases import SEVERAL, Case, cases_of, files_by_case
from pathology.pipeline.case_files import NOTHING_SAID, CaseFile, CaseFolders
from pathology.pipeline.drafting import draft_key, story_of
from pathology.records.drafting import ENDED, DraftAsk, DraftCounts, DraftNamed, DraftStory
from pathology.records.ledger import WorkLedger
from pathology.records.settings.drafts import DraftsSettings
from pathology.records.settings.identity import SpellingSettings
from pathology.records.settings.llm import LlmSettings
from pathology.records.work import WorkItem, WorkOrder


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
    """One look: when it began (monotonic), what is due, and how things stand."""

    began: float
    due: tuple[DraftAsk, ...]
    counts: DraftCounts


class DraftsDue:
    """Looks at ledger and disk for cases that are due. One thread calls it."""

    def __init__(self, work: WorkLedger, place: DraftPlace) -> None:
        self._work, self._place = work, place
        folders = tuple(Path(f) for f in place.drafts.case_data)
        self._folders = CaseFolders(folders=folders)
        self._known: dict[int, WorkItem] | None = None
        self._stories: dict[str, tuple[str, DraftStory]] = {}  # that ended, by what they were of

    def look(self) -> DraftsSeen:
        """One look; LedgerAway is raised, and the next look tries again."""
        began = time.monotonic()
        cases = cases_of(self._items().values(), self._place.name_of, self._place.spelling)
        files = files_by_case(self._folders.look(), self._place.spelling)
        due: list[DraftAsk] = []
        stories: list[DraftStory] = []
        for case in (c for c in cases if c.state == "complete"):
            file = files.get(case.accession)
            story, ask = self._stands(case, file)
            stories += [story] if story is not None else []
            due += [ask] if ask is not None else []
        broken = sum(c.state != "complete" for c in cases)
        counts = replace(counted(stories, self._place.since_utc), incomplete=broken)
        return DraftsSeen(began=began, due=tuple(due), counts=replace(counts, waiting=len(due)))

    @property
    def drafts(self) -> DraftsSettings:
        """The site's settings."""
        return self._place.drafts

    @property
    def unreadable(self) -> int:
        """Files of case data that name no case."""
        return self._folders.unreadable

    def _items(self) -> dict[int, WorkItem]:
        """All items there ever were; those that may have changed are read again."""
        if self._known is None:
            self._known = {item.item_id: item for item in self._work.items()}
            return self._known
        fresh = self._work.items(("waiting", "leased", "failed", "set-aside", "stopped"))
        open_ids = {item.item_id for item in fresh}
        moved = [i for i, one in self._known.items() if one.state != "done" and i not in open_ids]
        fresh += self._work.items(ids=moved) if moved else []
        self._known.update((item.item_id, item) for item in fresh)
        return self._known

    def _stands(
        self, case: Case, file: CaseFile | None
    ) -> tuple[DraftStory | None, DraftAsk | None]:
        """The story of a case, and what is to be asked where it is not at its end."""
        digest = NOTHING_SAID if file is None else file.digest
        of_what = f"{case.results} {digest}"
        if (ended := self._stories.get(case.name)) is not None and ended[0] == of_what:
            return ended[1], None
        place = self._place
        key = draft_key(place.out, case.results, digest)
        story = story_of(place.out, case.name)
        if digest == SEVERAL:
            return DraftStory(case_id=case.name, key=key, state="refused", detail=SEVERAL), None
        if story is not None and story.key == key and story.state in ENDED:
            self._stories[case.name] = of_what, story
            return story, None
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
        return None, ask


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
