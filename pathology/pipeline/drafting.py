"""The draft of a complete case, made once for its results, by a worker with the resource llm.

How far it is stands in ``drafting.json`` beside the reports, written before and after each try. So
a try whose process was killed has left its mark; a lock that dies with its process keeps two
operators from the same case; and a report that was whole before the kill is found, not made again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pathology.config import build_record
from pathology.errors import ConfigError, DraftRejected, OutputError, UsageError
from pathology.exchange.case_json import read_case
from pathology.exchange.documents import faults, read_json, write_json
from pathology.exchange.stored_result import FINDINGS, read_result
from pathology.pipeline.authors import author_of
from pathology.pipeline.draft import CASES, CaseOrder, DraftFiles, Folded, draft_from, read_draft
from pathology.records.case_data import CaseData
from pathology.records.drafting import (
    ENDED,
    DraftAsk,
    DraftState,
    DraftStory,
    DraftTrouble,
    DraftTry,
)

STORY: Final = "drafting.json"
SCHEMA: Final = "pathology.drafting/1"
LOCK: Final = ".drafting"
REPORT: Final = "report-v*.json"
PLAIN_BLOCK: Final = re.compile(r"[A-Za-z0-9]{1,3}")
"""A block's label such as A1; longer ones carry the number of the case."""


def draft_key(out: Path, results: Sequence[str], case_digest: str) -> str:
    """What a draft is made of, as one word: results, all others of their slides, case data.

    A correction is another result of the same slide, so it asks for another draft.
    """
    beside = {
        folder.name
        for slide in sorted({Path(r).parent for r in results})
        for folder in sorted((out / slide).glob("*/"))
    }
    told = json.dumps([sorted(results), sorted(beside), case_digest])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def story_of(out: Path, case_id: str) -> DraftStory | None:
    """How far the draft of a case is; None where nobody ever tried or the file is none of ours."""
    path = out / CASES / case_id / STORY
    if not path.is_file():
        return None
    try:
        told = read_json(path)
        if not isinstance(told, dict) or faults(told, "drafting-1"):
            return None
        record = {k: v for k, v in told.items() if k != "schema"}
        return build_record(record, DraftStory, where=STORY)
    except (UsageError, ConfigError):
        return None


def draft_once(ask: DraftAsk) -> DraftStory:
    """Make the draft unless it is there; the story as it is afterwards.

    Whatever goes wrong is a try of the story, told there, never an exception but a program's fault.
    A case that another process drafts just now is left to it.
    """
    folder = ask.out / CASES / ask.case_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder) as mine:
            known = story_of(ask.out, ask.case_id)
            story = known if known and known.key == ask.key else _fresh(ask)
            if not mine or story.state in ENDED:
                return story
            return _tried(ask, folder, story)
    except OSError as cause:
        return _failed(_fresh(ask), cause.strerror or "", attempts=ask.attempts)


def _fresh(ask: DraftAsk) -> DraftStory:
    return DraftStory(case_id=ask.case_id, key=ask.key)


def _tried(ask: DraftAsk, folder: Path, story: DraftStory) -> DraftStory:
    lost = _left_by_the_dead(folder, story)
    if lost.state in ENDED or len(lost.tries) >= ask.attempts:
        return _kept(folder, lost if lost.state in ENDED else replace(lost, state="set-aside"))
    begun = replace(lost, tries=(*lost.tries, DraftTry(began_utc=_now())))
    try:
        _kept(folder, begun)
        return _kept(folder, _attempted(ask, begun))
    except OutputError as problem:
        return _failed(begun, str(problem), attempts=ask.attempts)


def _attempted(ask: DraftAsk, begun: DraftStory) -> DraftStory:
    try:
        case = _case(ask)
    except UsageError as problem:
        return _ended(begun, "refused", "case-data", str(problem))
    try:
        made = _made(ask, case)
    except (ConfigError, DraftRejected) as problem:
        return _ended(begun, "refused", "template", str(problem))
    except UsageError as problem:
        return _ended(begun, "refused", "results", str(problem))
    except OutputError as problem:
        return _failed(begun, str(problem), attempts=ask.attempts)
    outcome = made.draft.authorship.outcome
    return replace(_ended(begun, "done"), report=made.files[0].name, outcome=outcome)


def _left_by_the_dead(folder: Path, story: DraftStory) -> DraftStory:
    """The story with what a killed process left: a whole report, else a lost try."""
    if not story.tries or story.tries[-1].ended_utc is not None:
        return story
    began = story.tries[-1].began_utc
    newest = max(folder.glob(REPORT), key=lambda p: p.stat().st_mtime_ns, default=None)
    if newest is not None:
        draft = read_draft(newest)
        if draft.made_utc >= began:
            done = _ended(story, "done")
            return replace(done, report=newest.name, outcome=draft.authorship.outcome)
    return _ended(story, "trying", "lost")


def _ended(
    story: DraftStory, state: DraftState, trouble: DraftTrouble | None = None, detail: str = ""
) -> DraftStory:
    last = replace(story.tries[-1], ended_utc=_now(), trouble=trouble, detail=detail)
    return replace(story, state=state, tries=(*story.tries[:-1], last))


def _failed(story: DraftStory, detail: str, *, attempts: int) -> DraftStory:
    """A try that another may mend."""
    begun = story if story.tries else replace(story, tries=(DraftTry(began_utc=_now()),))
    state: DraftState = "set-aside" if len(begun.tries) >= attempts else "trying"
    return _ended(begun, state, "output", detail)


def _kept(folder: Path, story: DraftStory) -> DraftStory:
    write_json(folder / STORY, {"schema": SCHEMA, **asdict(story)}, "drafting-1")
    return story


def _made(ask: DraftAsk, case: CaseData) -> DraftFiles:
    with author_of(ask.llm) as author:
        order = CaseOrder(
            out=ask.out,
            case_file=ask.case_file or Path(),
            settings=ask.settings,
            pdf=ask.pdf,
            author=author,
        )
        return draft_from(case, _results(ask), order)


def _case(ask: DraftAsk) -> CaseData:
    """What is stated of the case, under its pseudonym.

    Free text and a block's label that may carry a number of the case are left out: the report
    lies in a folder where nothing names a patient.
    """
    if ask.case_file is None:
        return CaseData(case_id=ask.case_id)
    case = read_case(ask.case_file)
    block = case.specimen.block
    plain = block if block and PLAIN_BLOCK.fullmatch(block) else None
    specimen = replace(case.specimen, block=plain)
    return replace(case, case_id=ask.case_id, specimen=specimen, clinical_note=None)


def _results(ask: DraftAsk) -> list[Folded]:
    """The results that the ledger names, and corrections that took their place."""
    found = {p: read_result(p) for p in (ask.out / r for r in ask.results)}
    known = {r.result_id for r in found.values()}
    beside = {
        path.parent: read_result(path.parent)
        for slide in {p.parent for p in found}
        for path in sorted(slide.glob(f"*/{FINDINGS}"))
        if path.parent not in found
    }
    while more := {p: r for p, r in beside.items() if r.supersedes in known and p not in found}:
        found |= more
        known |= {r.result_id for r in more.values()}
    return [Folded(result=result, folder=folder) for folder, result in found.items()]


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether this process has the case; the lock dies with it."""
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
