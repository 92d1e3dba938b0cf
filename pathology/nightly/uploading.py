"""Slides that technicians send through the page into the first watched folder.

Asked for first, so that what would be refused is refused before gigabytes are sent; then received.
Whose slide it is, is compared as of any other: a slide that came this way proves nothing by it.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

from pathology.errors import SlideError, UploadRefused
from pathology.nightly.places import GIB
from pathology.pipeline.incoming_file import IncomingFile, check_head, safe_name, sweep
from pathology.records.actor import Actor
from pathology.records.ledger import Ledger
from pathology.records.settings.uploads import UploadSettings

ACT: Final = "upload-slide"
HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadWish:
    """A slide that is to come."""

    name: str
    size: int  # bytes
    head: bytes  # its first ones
    order: Mapping[str, str]  # what is asked of it, as ``NightAtPage.pick``; none: nothing yet


@dataclass(slots=True, kw_only=True)
class Upload:
    """A slide on its way; safe to write to from one thread at a time."""

    actor: Actor
    order: Mapping[str, str]
    incoming: IncomingFile
    size: int
    desk: UploadDesk = field(repr=False)
    token: str
    touched_s: float
    taken: bool = False  # its body is being received

    def write(self, data: bytes) -> None:
        """The next bytes."""
        self.touched_s = time.monotonic()
        self.incoming.write(data)

    def keep(self) -> dict[str, Any]:
        """All came: the slide in its place, and on the worklist where something is asked of it.

        Raises
        ------
        SlideUnreadable, UploadRefused, OutputError
            As ``IncomingFile.keep``; nothing of it is left then.
        """
        return self.desk.kept(self)

    def drop(self) -> None:
        """It is over; what was not kept is gone."""
        self.desk.dropped(self)


@dataclass(slots=True, kw_only=True, eq=False)
class UploadDesk:
    """Uploads of one site. Safe to share between threads."""

    root: Path | None  # the first watched folder
    rules: UploadSettings
    ledger: Ledger
    now: Callable[[], datetime]
    enrol: Callable[[Path, Mapping[str, str], Actor], dict[str, Any]]
    check_order: Callable[[Mapping[str, str]], None]
    _uploads: dict[str, Upload] = field(default_factory=dict)
    _begun_s: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _lock: Lock = field(default_factory=Lock)

    def limits(self, actor: Actor) -> dict[str, Any]:
        """What the page says before anything is sent."""
        self.ledger.accounts.require(actor, ACT)
        rules = self.rules
        told = {"largest_gib": rules.largest_gib, "at_once": rules.at_once}
        return {**told, "an_hour": rules.an_hour, "here": self.root is not None}

    def begin(self, actor: Actor, wish: UploadWish) -> dict[str, Any]:
        """A place for one slide, or why there is none.

        Raises
        ------
        NotAllowed
            The account may not send slides.
        UsageError
            What is asked of it is nothing that can be asked.
        UploadRefused
            Its name, kind or size, the disk, or how much is sent already. A line of the chain.
        OutputError
            The watched folder takes nothing.
        """
        self.ledger.accounts.require(actor, ACT)
        if wish.order.get("analysis"):
            self.check_order(wish.order)
        try:
            with self._lock:
                upload = self._begun(actor, wish)
        except UploadRefused as problem:
            self._note(actor, "refuse-upload", {"code": problem.code, "bytes": wish.size})
            raise
        return {"upload": upload.token, "name": safe_name(wish.name)}

    def receive(self, actor: Actor, token: str) -> Upload:
        """The upload of this token, for who began it, once; UploadRefused "unknown" otherwise."""
        self.ledger.accounts.require(actor, ACT)
        with self._lock:
            upload = self._uploads.get(token)
            if upload is None or upload.actor.name != actor.name or upload.taken:
                raise UploadRefused("upload", "unknown")
            upload.taken = True
            return upload

    def kept(self, upload: Upload) -> dict[str, Any]:
        """See ``Upload.keep``."""
        facts: dict[str, object] = {"bytes": upload.size, "sha256": upload.incoming.sha256}
        try:
            path, form = upload.incoming.keep()
        except (SlideError, UploadRefused) as problem:
            self._note(upload.actor, "refuse-upload", {**facts, "code": problem.code})
            raise
        self._note(upload.actor, ACT, {**facts, "format": form})
        if not upload.order.get("analysis"):
            return {"name": None, "held": None}
        return self.enrol(path, upload.order, upload.actor)

    def dropped(self, upload: Upload) -> None:
        """See ``Upload.drop``."""
        with self._lock:
            self._uploads.pop(upload.token, None)
        upload.incoming.drop()

    def close(self) -> None:
        """The page ends: nothing of what is on its way stays."""
        with self._lock:
            for upload in self._uploads.values():
                upload.incoming.drop()
            self._uploads.clear()

    def _begun(self, actor: Actor, wish: UploadWish) -> Upload:
        """Under the lock: two that begin at once count each other."""
        self._forget_stalled()
        root = self._checked(actor, wish)
        sweep(root)
        incoming = IncomingFile(root, self.rules.folder, wish.name, wish.size)
        upload = Upload(
            actor=actor,
            order=wish.order,
            incoming=incoming,
            size=wish.size,
            desk=self,
            token=secrets.token_urlsafe(24),
            touched_s=time.monotonic(),
        )
        self._uploads[upload.token] = upload
        return upload

    def _checked(self, actor: Actor, wish: UploadWish) -> Path:
        """The folder, once nothing speaks against the slide."""
        rules, root = self.rules, self.root
        if root is None or not root.is_dir():
            raise UploadRefused("upload", "no-folder")
        if not 0 < wish.size <= rules.largest_gib * GIB:
            raise UploadRefused("upload", "size", {"most": f"{rules.largest_gib:g}"})
        check_head(wish.head, wish.name)
        if len(self._uploads) >= rules.at_once:
            raise UploadRefused("upload", "busy", {"number": str(rules.at_once)})
        self._count(actor)
        coming = sum(upload.incoming.left for upload in self._uploads.values())
        free = shutil.disk_usage(root).free - coming - rules.reserve_gib * GIB
        if wish.size > free:
            raise UploadRefused("upload", "room")
        return root

    def _count(self, actor: Actor) -> None:
        begun, now = self._begun_s[actor.name], time.monotonic()
        while begun and now - begun[0] > HOUR_S:
            begun.popleft()
        if len(begun) >= self.rules.an_hour:
            raise UploadRefused("upload", "often", {"number": str(self.rules.an_hour)})
        begun.append(now)

    def _forget_stalled(self) -> None:
        """Places that somebody asked for and sends nothing to are free again."""
        now, patience = time.monotonic(), self.rules.stall_s
        for token, upload in list(self._uploads.items()):
            if not upload.taken and now - upload.touched_s > patience:
                del self._uploads[token]
                upload.incoming.drop()

    def _note(self, actor: Actor, act: str, after: Mapping[str, object]) -> None:
        self.ledger.audit.append(
            actor=actor.name, act=act, subject="watched folders", now_utc=self.now(), after=after
        )
