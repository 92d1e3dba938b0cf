"""The night as a page shows it and technicians steer it: by the ledger that the commands use.

A slide picked at the page goes the way of a manifest's row: what its label and its name say is
compared with what the technician states, and where they disagree it is held.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, cast, get_args
from zoneinfo import ZoneInfo

from pathology.errors import UsageError
from pathology.nightly.clock import NightClock
from pathology.nightly.foresight import plan_tonight
from pathology.nightly.intake import Intake
from pathology.nightly.join import Rules, join
from pathology.nightly.options import NightSettings
from pathology.nightly.page import reason_of
from pathology.nightly.plan_document import plan_document
from pathology.nightly.reopening import take_up_again
from pathology.nightly.status import status_document, status_of
from pathology.nightly.uploading import Upload, UploadDesk, UploadWish
from pathology.pipeline.label import stain_of
from pathology.records.actor import Actor
from pathology.records.incoming import FoundSlide
from pathology.records.ledger import Ledger
from pathology.records.manifest import ManifestRow, Priority
from pathology.records.reasons import Language, worded
from pathology.records.result import Analysis
from pathology.records.work import WorkItem, WorkState

MOST_SHOWN: Final = 500
OPEN: Final[tuple[WorkState, ...]] = ("waiting", "leased", "stopped")
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")


@dataclass(slots=True, kw_only=True)
class NightAtPage:
    """Safe to share between threads. Who asks is asked for in the ledger each time."""

    settings: NightSettings
    ledger: Ledger
    clock: NightClock = field(default_factory=NightClock)
    _intake: Intake = field(init=False)
    _uploads: UploadDesk = field(init=False)
    _known: dict[int, WorkItem] = field(default_factory=dict)
    _unasked: dict[str, FoundSlide] = field(default_factory=dict)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        nightly = self.settings.nightly
        folders_alone = replace(nightly.sources, messages=(), manifests=())
        watched = nightly.sources.slides
        self._uploads = UploadDesk(
            root=Path(watched[0]) if watched else None,
            rules=self.settings.run.review.uploads,
            ledger=self.ledger,
            now=self.clock.now,
            enrol=self._came,
            check_order=_check_wish,
        )
        self._intake = Intake(
            settings=replace(nightly, sources=folders_alone),
            stain_of=partial(stain_of, settings=self.settings.run),
        )

    def status(self, actor: Actor) -> dict[str, Any]:
        """How far the night is (``pathology.night-status/1``), reasons in words as well.

        Raises
        ------
        NotAllowed
            The account may not read the worklist.
        """
        seen = status_of(self.ledger, actor, self.clock.now())
        told = status_document(seen)
        for failure, named in zip(told["failures"], seen.failures, strict=True):
            failure["reason"] = {language: reason_of(named, language) for language in LANGUAGES}
        return told

    def plan(self, actor: Actor) -> dict[str, Any]:
        """What the window that is open or comes next will do (``pathology.night-plan/1``).

        Raises
        ------
        NotAllowed
            The account may not plan a night.
        """
        self.ledger.accounts.require(actor, "plan-night")
        return plan_document(plan_tonight(self.settings, self.ledger.work, self.clock.now()))

    def slides(self, actor: Actor) -> dict[str, Any]:
        """Slides in the watched folders of which nobody asks anything; two looks find a new one.

        Names of files are shown to who may analyse, and that they were is a line of the chain.

        Raises
        ------
        NotAllowed
            The account may not analyse.
        """
        self.ledger.accounts.require(actor, "run-analysis")
        now = self.clock.now()
        with self._lock:
            known = list(self._items().values())
            report = self._intake.look(time.monotonic(), now, known)
            asked = {item.order.path for item in known}
            unasked = [slide for slide in report.unasked if slide.path not in asked]
            self._unasked = {self._named(slide.path): slide for slide in unasked}
            found = dict(self._unasked)
        self.ledger.audit.append(
            actor=actor.name,
            act="list-incoming",
            subject="watched folders",
            now_utc=now,
            after={"slides": len(found)},
        )
        shown = sorted(found.items(), key=lambda one: (one[1].folder, one[1].path.name))
        return {
            "slides": [
                {"slide": name, "file": slide.path.name, "folder": slide.folder}
                for name, slide in shown[:MOST_SHOWN]
            ],
            "more": max(0, len(found) - MOST_SHOWN),
            "growing": report.growing,
            "away": sum(source.state != "there" for source in report.sources),
        }

    def pick(self, actor: Actor, wish: Mapping[str, str]) -> dict[str, Any]:
        """Put a slide on the worklist; held where identities disagree.

        ``wish`` has ``slide`` as ``slides`` names it, ``analysis``, and where stated ``marker``,
        ``priority``, ``case_id``, ``specimen``, ``block``.

        Raises
        ------
        NotAllowed
            The account may not analyse.
        UsageError
            No such slide waits to be picked, or the wish is none.
        """
        self.ledger.accounts.require(actor, "run-analysis")
        with self._lock:
            slide = self._unasked.get(wish["slide"])
        if slide is None:
            raise UsageError("this slide is not among those without an order: look again")
        told = self._enrolled(slide, wish, actor)
        with self._lock:
            self._unasked.pop(wish["slide"], None)
        return told

    def _enrolled(self, slide: FoundSlide, wish: Mapping[str, str], actor: Actor) -> dict[str, Any]:
        (order,) = join([slide], [_row(slide.path, wish)], [], self._rules()).work
        told = self.ledger.work.enrol([order], actor, self.clock.now())
        (item,) = self.ledger.work.items(ids=(*told.new, *told.known))
        with self._lock:
            self._known[item.item_id] = item
        held = None if order.held is None else _in_words(order.held, order.held_facts)
        return {"name": item.name, "new": bool(told.new), "held": held}

    def upload_limits(self, actor: Actor) -> dict[str, Any]:
        """What may be sent through the page; raises NotAllowed."""
        return self._uploads.limits(actor)

    def begin_upload(
        self, actor: Actor, name: str, size: int, head: bytes, order: Mapping[str, str]
    ) -> dict[str, Any]:
        """A place for a slide that is to be sent; raises as ``UploadDesk.begin``."""
        wish = UploadWish(name=name, size=size, head=head, order=order)
        return self._uploads.begin(actor, wish)

    def receive(self, actor: Actor, token: str) -> Upload:
        """A slide that was announced; raises as ``UploadDesk.receive``."""
        return self._uploads.receive(actor, token)

    def close(self) -> None:
        """The page ends: what is on its way is thrown away."""
        self._uploads.close()

    def _came(self, path: Path, wish: Mapping[str, str], actor: Actor) -> dict[str, Any]:
        """A slide that was sent is picked at once: it is whole, and nobody writes to it."""
        slide = self._intake.described(path, self.settings.run.review.uploads.folder)
        return self._enrolled(slide, wish, actor)

    def again(self, actor: Actor, names: Sequence[str], why: str) -> dict[str, Any]:
        """Let slides that failed, were set aside or stopped wait again.

        Raises
        ------
        NotAllowed, UsageError
            As ``reopening.take_up_again``.
        """
        items = take_up_again(self.ledger, actor, names, why, self.clock.now())
        return {"again": sorted({item.name for item in items})}

    def _rules(self) -> Rules:
        nightly = self.settings.nightly
        return Rules(
            identity=nightly.identity,
            incoming=nightly.incoming,
            zone=ZoneInfo(nightly.window.zone),
        )

    def _items(self) -> dict[int, WorkItem]:
        """All items; those that cannot be new are not read twice."""
        fresh = self.ledger.work.items(OPEN if self._known else ())
        self._known.update((item.item_id, item) for item in fresh)
        return self._known

    def _named(self, path: Path) -> str:
        """A slide's name between browser and this process: says nothing, guesses nothing."""
        return hashlib.blake2b(str(path).encode(), key=self._key, digest_size=16).hexdigest()


def _row(path: Path, wish: Mapping[str, str]) -> ManifestRow:
    analysis, priority = wish["analysis"], wish.get("priority", "routine")
    if analysis not in get_args(Analysis) or priority not in get_args(Priority):
        raise UsageError(
            f"an analysis is one of {', '.join(get_args(Analysis))}, a priority one of "
            f"{', '.join(get_args(Priority))}"
        )
    return ManifestRow(
        row=1,
        slide=path,
        analysis=cast(Analysis, analysis),
        priority=cast(Priority, priority),
        marker=wish.get("marker") or None,
        case_id=wish.get("case_id") or None,
        specimen=wish.get("specimen") or None,
        block=wish.get("block") or None,
    )


def _check_wish(wish: Mapping[str, str]) -> None:
    """UsageError where nothing that can be asked is asked."""
    _row(Path(), wish)


def _in_words(code: str, facts: Mapping[str, object]) -> dict[str, str]:
    """A reason and its remedy in both languages."""
    words = {language: worded(code, facts, language) for language in LANGUAGES}
    return {language: f"{one.problem}. {one.remedy}" for language, one in words.items()}
