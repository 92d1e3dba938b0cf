"""Orders in: watched folders, manifests and dropped messages, looked at again and again.

The only state is what the last looks saw. Everything else lies in files and in the ledger, so a
night that is killed begins again where it was: work that was handed over and not enrolled comes
again, and enrolling twice does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pathology.errors import SlideUnreadable
from pathology.nightly.join import Rules, join, says_label, says_name
from pathology.nightly.matching import standing
from pathology.nightly.messages_in import MessageBox
from pathology.nightly.settling import Settling, looked, settled
from pathology.pipeline.label import label_of
from pathology.pipeline.order_box import read_list
from pathology.pipeline.watched_folder import look_into, stamp_of
from pathology.records.incoming import (
    FoundSlide,
    IncomingOrder,
    IntakeProblem,
    Joined,
    ManifestRead,
)
from pathology.records.manifest import ManifestRow
from pathology.records.settings.nightly import NightlySettings
from pathology.records.stain import StainKind
from pathology.records.watched import FolderState, Stamp
from pathology.records.work import WorkItem, WorkOrder

OWN_WORDS: Final = ("label", "file-name")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """How one place from which orders come is; ``number`` counts within its kind, from 1."""

    kind: str  # "slides", "messages" or "manifests", as in the settings
    number: int
    state: FolderState
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeReport:
    """What one look came to. Problems hold no identity; orders and slides do."""

    work: tuple[WorkOrder, ...] = ()  # to be enrolled, then ``Intake.enrolled`` called
    cancelled: tuple[IncomingOrder, ...] = ()
    waiting: tuple[IncomingOrder, ...] = ()
    absent: tuple[ManifestRow, ...] = ()
    unasked: tuple[FoundSlide, ...] = ()
    growing: int = 0  # slides that have not been still for long enough
    leads_out: int = 0
    unreadable: int = 0
    sources: tuple[SourceState, ...] = ()
    problems: tuple[IntakeProblem, ...] = ()  # new since the last look


@dataclass(slots=True, kw_only=True)
class Intake:
    """All sources of one site. One thread looks; nothing here is shared."""

    settings: NightlySettings
    stain_of: Callable[[Path], StainKind]  # asked only where a folder's rule needs it
    _boxes: list[MessageBox] = field(default_factory=list)
    _memory: Settling = field(default_factory=Settling)
    _found: dict[Path, FoundSlide] = field(default_factory=dict)
    _held: set[Path] = field(default_factory=set)  # folders in which slides were seen
    _lists_memory: Settling = field(default_factory=Settling)
    _lists: dict[Path, tuple[Stamp, ManifestRead]] = field(default_factory=dict)
    _given: set[object] = field(default_factory=set)
    _old: tuple[tuple[WorkItem, ...], dict[Path, FoundSlide]] = ((), {})  # items, and their slides
    _answer: tuple[tuple[object, ...], Joined] | None = None  # what was joined last, and to what

    def __post_init__(self) -> None:
        zone = ZoneInfo(self.settings.window.zone)
        self._boxes += [
            MessageBox(folder=Path(folder), settings=self.settings, zone=zone)
            for folder in self.settings.sources.messages
        ]

    def look(self, now_s: float, now_utc: datetime, known: Sequence[WorkItem]) -> IntakeReport:
        """One look at everything; ``now_s`` is monotonic. Nothing is raised for a source.

        ``known`` are all items of the ledger: their slides are not looked at again, but an order
        that comes later may be for one of them.
        """
        states: list[SourceState] = []
        problems: list[IntakeProblem] = []
        rows = self._rows(now_s, states, problems)
        if self._old[0] != (items := tuple(known)):
            self._old = items, _known_slides(items)
        old = self._old[1]
        counts = self._look_for_slides(now_s, rows, old, states)
        for number, box in enumerate(self._boxes, start=1):
            look = box.look(now_s, now_utc)
            states.append(_state("messages", number, look.state, look.detail))
            problems += box.new_problems()
        sent = [order for box in self._boxes for order in box.orders]
        open_orders, cancelled = standing(sent, self.settings.identity.spelling)
        slides = {**old, **self._found}
        joined = self._joined(list(slides.values()), rows, open_orders)
        return IntakeReport(
            work=tuple(w for w in joined.work if _key(w) not in self._given),
            cancelled=cancelled,
            waiting=joined.waiting,
            absent=joined.absent,
            unasked=tuple(s for s in joined.unasked if s.watched),
            sources=tuple(states),
            problems=tuple(problems),
            **counts,
        )

    def enrolled(self, report: IntakeReport, now_utc: datetime) -> None:
        """Say that the report's work is in the ledger: messages that are done with are put away."""
        self._given |= {_key(order) for order in report.work}
        for box in self._boxes:
            box.put_away(report.waiting, now_utc)

    def _look_for_slides(
        self,
        now_s: float,
        rows: Sequence[ManifestRow],
        old: Mapping[Path, FoundSlide],
        states: list[SourceState],
    ) -> dict[str, int]:
        stamps: dict[Path, Stamp] = {}
        folders: dict[Path, str] = {}
        leads_out = unreadable = 0
        known = old.keys() | self._found.keys()
        for number, name in enumerate(self.settings.sources.slides, start=1):
            root = Path(name)
            marker = self.settings.watch.marker_file
            look = look_into(root, known=known, held_before=root in self._held, marker_file=marker)
            states.append(_state("slides", number, look.state, look.detail))
            leads_out += len(look.leads_out)
            unreadable += len(look.unreadable)
            stamps.update(look.stamps)
            folders.update(_folders(look.stamps, root))
            if look.stamps:
                self._held.add(root)
        stamps.update(_stamps_of({row.slide for row in rows} - known - stamps.keys()))
        self._memory = looked(self._memory, stamps, now_s)
        ready = settled(self._memory, now_s, self.settings.watch)
        for path in ready:
            self._found[path] = self.described(path, folders.get(path))
        return {
            "growing": len(stamps) - len(ready),
            "leads_out": leads_out,
            "unreadable": unreadable,
        }

    def described(self, path: Path, folder: str | None) -> FoundSlide:
        """A slide with what its label and its name say of whose it is."""
        identity = self.settings.identity
        said = (*says_label(label_of(path, identity.labels), identity), *says_name(path, identity))
        return FoundSlide(path=path, said=said, folder=folder or "", watched=folder is not None)

    def _joined(
        self,
        slides: Sequence[FoundSlide],
        rows: Sequence[ManifestRow],
        orders: Sequence[IncomingOrder],
    ) -> Joined:
        """Joined; slides nobody asks for are looked at once where a folder's rule needs it.

        Most looks find what the one before found, and nothing is joined anew.
        """
        asked = (tuple(slides), tuple(rows), tuple(orders))
        if self._answer is None or self._answer[0] != asked:
            self._answer = asked, self._joined_anew(slides, rows, orders)
        return self._answer[1]

    def _joined_anew(
        self,
        slides: Sequence[FoundSlide],
        rows: Sequence[ManifestRow],
        orders: Sequence[IncomingOrder],
    ) -> Joined:
        rules = Rules(
            identity=self.settings.identity,
            incoming=self.settings.incoming,
            zone=ZoneInfo(self.settings.window.zone),
        )
        joined = join(slides, rows, orders, rules)
        if not any(rule.stain for rule in rules.incoming.folders):
            return joined
        unseen = [s for s in joined.unasked if s.watched and s.stain is None]
        for slide in unseen:
            self._found[slide.path] = replace(slide, stain=self.stain_of(slide.path))
        seen = [self._found.get(slide.path, slide) for slide in slides]
        return join(seen, rows, orders, rules) if unseen else joined

    def _rows(
        self, now_s: float, states: list[SourceState], problems: list[IntakeProblem]
    ) -> list[ManifestRow]:
        """Rows of all manifests; one that is being written or cannot be read stands as before."""
        paths = [Path(name) for name in self.settings.sources.manifests]
        stamps: dict[Path, Stamp] = {}
        for number, path in enumerate(paths, start=1):
            state = _state("manifests", number, "there")
            try:
                stamps[path] = stamp_of(path)
            except (OSError, SlideUnreadable) as cause:
                detail = getattr(cause, "strerror", None) or type(cause).__name__
                state = _state("manifests", number, "share-gone", detail)
            states.append(state)
        self._lists_memory = looked(self._lists_memory, stamps, now_s)
        for path in settled(self._lists_memory, now_s, self.settings.watch):
            if path not in self._lists or self._lists[path][0] != stamps[path]:
                self._lists[path] = (stamps[path], read_list(path))
                problems += self._lists[path][1].problems
        return [row for path in paths if path in self._lists for row in self._lists[path][1].rows]


def cancelled_items(
    items: Iterable[WorkItem], cancelled: Sequence[IncomingOrder]
) -> tuple[int, ...]:
    """Waiting items whose order was cancelled since: to be claimed and finished as "stopped"."""
    gone = {(o.source, o.analysis, o.identity.order_id) for o in cancelled if o.identity.order_id}
    return tuple(
        item.item_id
        for item in items
        if item.state == "waiting"
        and any(
            (claim.source, item.order.analysis, claim.identity.order_id) in gone
            for claim in item.order.said
        )
    )


def _known_slides(known: Sequence[WorkItem]) -> dict[Path, FoundSlide]:
    """Slides of the ledger, with what their label and name said; no rule is asked for them."""
    return {
        item.order.path: FoundSlide(
            path=item.order.path,
            said=tuple(c for c in item.order.said if c.source in OWN_WORDS),
            watched=False,
        )
        for item in known
    }


def _stamps_of(paths: Iterable[Path]) -> dict[Path, Stamp]:
    stamps: dict[Path, Stamp] = {}
    for path in paths:
        try:
            stamps[path] = stamp_of(path)
        except (OSError, SlideUnreadable):
            continue
    return stamps


def _folders(paths: Iterable[Path], root: Path) -> dict[Path, str]:
    real = root.resolve()
    return {path: path.parent.relative_to(real).as_posix() for path in paths}


def _state(kind: str, number: int, state: FolderState, detail: str = "") -> SourceState:
    return SourceState(kind=kind, number=number, state=state, detail=detail)


def _key(order: WorkOrder) -> object:
    return order.path, order.analysis, order.identity.order_id, order.held
