"""Signed versions on their way out: to the LIS by MLLP, or into a folder; tried until they arrive.

A message that may have arrived is sent again as the same bytes under the same control id: more than
that HL7 does not offer against doubles. A file is written once and found again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from pathology.errors import IntranetError, LedgerAway, LedgerError, OutputError, PathologyError
from pathology.exchange.fhir_signed import signed_fhir
from pathology.exchange.hl7_ack import acknowledged
from pathology.exchange.hl7_signed import signed_oru
from pathology.exchange.signed_numbers import content_sha256, message_id
from pathology.exchange.whole_file import write_whole
from pathology.intranet.mllp import MllpPlace, send_mllp
from pathology.records.actor import Actor
from pathology.records.incoming import NotUnderstood
from pathology.records.outbox import Outbox, OutboxItem
from pathology.records.settings.exchange import ExchangeSettings
from pathology.records.settings.outbox import SCHEMES, DestinationSettings, OutboxSettings
from pathology.records.signed_report import SignedReport
from pathology.reports.printed import pdf_page
from pathology.reports.signed_page import signed_html

SUFFIXES: Final = {"hl7": ".hl7", "fhir": ".json", "pdf": ".pdf"}
MOST_AT_ONCE: Final = 1
"""One at a time: what is taken and waits behind a slow receiver would outlive its hold."""
Fate = Literal["sent", "waiting", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What one try of one delivery came to."""

    item: OutboxItem
    fate: Fate
    told: str  # what the other side said, or the problem; no identity


class _Refused(Exception):
    """The receiver does not want the message: the same again would change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Carries out what the outbox holds."""

    outbox: Outbox
    settings: OutboxSettings
    codes: ExchangeSettings
    clock: Callable[[], datetime]

    def send_due(self) -> list[Sent]:
        """Every delivery that is due, each tried once. One that fails keeps no other from going."""
        done: list[Sent] = []
        while taken := self.outbox.take(
            self.clock(), self.settings.sending.hold_s, most=MOST_AT_ONCE
        ):
            done += [self._tried(item) for item in taken]
        return done

    def _tried(self, item: OutboxItem) -> Sent:
        try:
            told = self._delivered(item)
        except _Refused as problem:
            return self._failed(item, str(problem), for_good=True)
        except LedgerAway:
            raise  # the delivery is taken again when its hold is over
        except LedgerError as problem:  # its hash does not hold: it must not go, ever
            return self._failed(item, str(problem), for_good=True)
        except (IntranetError, NotUnderstood, OutputError) as problem:
            return self._failed(item, _in_words(problem), for_good=False)
        self.outbox.sent(item.item_id, self.clock(), told)
        return Sent(item=item, fate="sent", told=told)

    def _failed(self, item: OutboxItem, problem: str, *, for_good: bool) -> Sent:
        rules, now = self.settings.sending, self.clock()
        over = for_good or item.tries >= rules.tries
        again = None if over else now + timedelta(seconds=rules.pause_s(item.tries))
        self.outbox.failed(item.item_id, now, problem, again)
        return Sent(item=item, fate="dead" if over else "waiting", told=problem)

    def _delivered(self, item: OutboxItem) -> str:
        place = self.settings.destinations.get(item.destination)
        if place is None:
            raise _Refused(f"outbox.toml has no destination {item.destination}")
        if item.format not in place.formats:
            raise _Refused(f"{item.destination} takes no {item.format}")
        report = self.outbox.report(item.item_id)
        if place.folder:
            return self._written(report, item, Path(place.folder))
        return self._spoken(report, item, place)

    def _written(self, report: SignedReport, item: OutboxItem, folder: Path) -> str:
        name = message_id(report, item.destination) + SUFFIXES[item.format]
        if not folder.is_dir():
            raise OutputError(f"the folder of {item.destination} is not there")
        if not (folder / name).exists():  # it is whole or absent: a repeat finds it
            write_whole(folder / name, self._form(report, item))
        return f"file {name}"

    def _form(self, report: SignedReport, item: OutboxItem) -> bytes:
        if item.format == "fhir":
            return signed_fhir(report, self.codes)
        if item.format == "pdf":
            return pdf_page(signed_html(report, content_sha256(report)))
        return signed_oru(report, self.codes, item.destination).encode("utf-8")

    def _spoken(self, report: SignedReport, item: OutboxItem, place: DestinationSettings) -> str:
        receiver = MllpPlace(
            name=item.destination,
            host=str(place.parts.hostname),
            port=int(place.parts.port or 0),
            tls=SCHEMES[place.parts.scheme],
            ca_file=place.ca_file,
            limits=self.settings.limits,
            intranet=self.settings.intranet,
        )
        control_id = message_id(report, item.destination)
        answer = send_mllp(receiver, self._form(report, item))
        said = acknowledged(answer, control_id)
        if said == "error":
            raise _Refused(f"{item.destination} does not accept message {control_id} (AE)")
        if said == "rejected":
            raise OutputError(f"{item.destination} does not take messages just now (AR)")
        return f"acknowledged {control_id}"


def again(outbox: Outbox, items: Sequence[int], actor: Actor, now_utc: datetime, why: str) -> int:
    """Dead deliveries wait again; all of them when ``items`` is empty. How many did."""
    chosen = list(items) or [item.item_id for item in outbox.items(("dead",))]
    return outbox.again(chosen, actor, now_utc, why)


def _in_words(problem: PathologyError | NotUnderstood) -> str:
    if isinstance(problem, NotUnderstood):
        return f"its answer is no acknowledgement: {problem.facts.get('detail', problem.code)}"
    return str(problem)
