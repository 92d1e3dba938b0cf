"""Another hospital's bundle as it lies opened here: what is asked, and an answer sealed for it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pathology.errors import UsageError
from pathology.exchange.documents import read_json
from pathology.ledger.open import OpenLedger
from pathology.pipeline.bundle_answer import answered_line, seal_answer
from pathology.records.actor import Actor
from pathology.records.opinion import Opinion
from pathology.vault.site_keys import PublicKeys, SiteKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBundle:
    """A question of another hospital, opened into a folder."""

    folder: Path
    bundle_id: str
    sender: PublicKeys
    question: str
    draft: Sequence[Mapping[str, Any]]  # sections: id, and sentences in both languages

    @property
    def results(self) -> Path:
        """Folder of its results."""
        return self.folder / "results"

    @property
    def slides(self) -> Path:
        """Folder of its slides."""
        return self.folder / "slides"


def read_opened(folder: Path) -> OpenedBundle:
    """The bundle that was opened at ``folder``; UsageError where none was."""
    try:
        told = read_json(folder / "bundle.json")
        keys = told["sender_keys"]
        sender = PublicKeys(lock=_key(keys["lock"]), sign=_key(keys["sign"]))
        opened = OpenedBundle(
            folder=folder,
            bundle_id=str(told["bundle_id"]),
            sender=sender,
            question=str(told["question"]),
            draft=tuple(_section(one) for one in told["draft"] or ()),
        )
    except (KeyError, TypeError, ValueError) as cause:
        raise UsageError("no bundle was opened there: pathology bundle open makes it") from cause
    if told.get("sender") != sender.fingerprint:
        raise UsageError("the opened bundle says otherwise of its sender than its keys")
    return opened


def check_opened_here(ledger: OpenLedger, opened: OpenedBundle) -> None:
    """Refuse, by UsageError, a folder that this site's chain knows nothing of.

    An answer goes to the keys that lie in the folder; the chain says whose bundle was opened.
    """
    wanted = ("open-bundle", opened.bundle_id, opened.sender.fingerprint)
    lines = ledger.audit.lines()
    if not any((x.act, x.subject, x.after.get("sender")) == wanted for x in lines):
        raise UsageError("this bundle was not opened by this site: pathology bundle open does it")


def answer_bundle(
    ledger: OpenLedger, opened: OpenedBundle, keys: SiteKeys, actor: Actor, said: tuple[str, str]
) -> tuple[Opinion, bytes]:
    """The opinion (text, name) sealed for the sender, and the file's bytes; a line of the chain.

    Raises
    ------
    NotAllowed
        The account may not answer bundles.
    UsageError
        Text or name is missing, or too long.
    """
    ledger.accounts.require(actor, "answer-bundle")
    with TemporaryDirectory(prefix="pathology-answer-") as folder:
        sealed = Path(folder) / "answer.bundle"
        opinion = seal_answer(keys, opened.sender, (opened.bundle_id, *said), sealed)
        ledger.audit.append(**answered_line(actor.name, opinion, sealed))
        return opinion, sealed.read_bytes()


def _key(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error as cause:
        raise ValueError("no key") from cause


def _section(told: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"id": str(told["id"]), **{x: [str(s) for s in told[x] or ()] for x in ("en", "zh")}}
