"""Cases for tests of the review desk: persons, results, texts, and a way to a signature."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any

from pathology.errors import NotAllowed
from pathology.ledger.cases import CaseBook
from pathology.ledger.open import OpenLedger
from pathology.pipeline.settings import load_settings
from pathology.records.actor import Actor, Role
from pathology.records.case_review import (
    CaseOpening,
    Change,
    Changed,
    Delivery,
    FindingOnDesk,
    ModelOnDesk,
    ReportText,
    ResultOnDesk,
    SigningOrder,
)
from pathology.records.decision import Decision, FindingKey, OwnValue
from pathology.records.report import Block, Worded, WrittenSection
from pathology.records.settings.deciding import DecidingSettings
from pathology.records.signed_report import Reauthenticated
from tests.ledgers import NOON

SLIDE_SHA = "5" * 64
FINDINGS_SHA = "f" * 64
MODEL = ModelOnDesk(name="nuclei-1", weights_sha256="a" * 64, research_only=False)
KI67 = FindingKey("P1/ki67-aaaaaaaa", "f1")
HOT = FindingKey("P1/ki67-aaaaaaaa", "f2")
PATIENT = "MUSTERFRAU"
"""Stands in every text that must be sealed."""
_numbers = count(1)


def rules(**reading: Any) -> DecidingSettings:
    """The shipped rules, without blind readings unless a test asks for them."""
    shipped = load_settings().deciding
    given = {"blind_first": "off", **reading}
    return replace(shipped, reading=replace(shipped.reading, **given))


def result(result_id: str = KI67.result_id, **more: Any) -> ResultOnDesk:
    """A Ki-67 result of one slide with two findings: a share, and one that cannot be measured."""
    given: dict[str, Any] = {
        "slide_id": "P1",
        "slide_digest": "d" * 64,
        "analysis": "ki67",
        "author": "software",
        "supersedes": None,
        "tumour_region_source": "confirmed",
        "findings": (
            FindingOnDesk(finding_id="f1", name="ki67.global", value=0.2, unit="fraction"),
            FindingOnDesk(
                finding_id="f2",
                name="ki67.hotspot",
                value=None,
                unit="",
                not_measurable="312 tumour nuclei, fewer than the 500 this protocol requires",
            ),
        ),
        "findings_sha256": FINDINGS_SHA,
        "models": (MODEL,),
        "overlays": ("regions", "nuclei"),
        "scale_source": "file",
    }
    return ResultOnDesk(result_id=result_id, **{**given, **more})


def text(*sentences: str, results: tuple[str, ...] = (KI67.result_id,), **more: Any) -> ReportText:
    """A report's text."""
    said = sentences or (f"Ki-67: 20 %. {PATIENT}.",)
    given: dict[str, Any] = {
        "title": Worded(en="Report", zh="报告"),
        "headings": {"ki67": Worded(en="Ki-67", zh="Ki-67")},
        "sections": (WrittenSection(id="ki67", en=said, zh=("Ki-67：20 %。",)),),
        "fields": (),
        "not_measured": (),
        "limits": (Worded(en="one slide", zh="一张切片"),),
        "citations": (),
        "authorship": "template only",
        "software": "pathology 0.1.0",
        "results": results,
        "tells": (KI67,),
    }
    return ReportText(**{**given, **more})


def block() -> Block:
    """Something the machine's check found."""
    return Block(kind="number", where="en ki67", span="35 %", reason="no fact says so")


@dataclass(kw_only=True)
class PaintedDesk:
    """A ledger with persons on it, a case, and short ways to change it."""

    ledger: OpenLedger
    rules: DecidingSettings = field(default_factory=rules)
    case: str = ""
    now: datetime = NOON
    people: dict[str, Actor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        founder = self.ledger.accounts.found("alex", NOON)
        self.people["alex"] = founder or self.ledger.accounts.actor("alex")
        for name in ("dr.lin", "dr.wu", "dr.ma"):
            self.person(name, "pathologist")
        self.case = self.book.name_of(f"ACCESSION-{PATIENT}")

    @property
    def book(self) -> CaseBook:
        return self.ledger.cases(self.rules)

    def person(self, name: str, *roles: Role) -> Actor:
        """An account of these roles."""
        kind = "service" if "service" in roles else "person"
        actor = Actor(name=name, kind=kind, roles=frozenset(roles))
        try:
            self.ledger.accounts.actor(name)
        except NotAllowed:
            self.ledger.accounts.add(actor, self.people["alex"], NOON)
        self.people[name] = actor
        return actor

    def by(self, name: str, *, seen: int | None = None, request: str = "") -> Change:
        """A change by somebody who has seen the newest version, unless said otherwise."""
        version = self.book.case(self.case).line.version if seen is None else seen
        return Change(
            by=self.people[name],
            request_id=request or f"request-{next(_numbers):06}",
            seen_version=version,
            now_utc=self.now,
        )

    def open(self, *results: ResultOnDesk, **more: Any) -> Changed:
        """The case on the desk."""
        self.person("night", "service")
        opening = CaseOpening(
            case=self.case,
            case_id=f"ACCESSION-{PATIENT}",
            results=results or (result(),),
            text=more.pop("text", text()),
            **more,
        )
        return self.book.open(opening, self.by("night", seen=0))

    def taken(self, *results: ResultOnDesk, by: str = "dr.lin", **more: Any) -> None:
        """On the desk and claimed."""
        self.open(*results, **more)
        self.book.claim(self.case, self.by(by))

    def decide(
        self, of: FindingKey, kind: str = "accept", by: str = "dr.lin", **more: Any
    ) -> Changed:
        """One decision; an override of 35 % unless said otherwise."""
        if kind == "override":
            more.setdefault("own", OwnValue(value=35.0, unit="%"))
        if kind != "accept":
            more.setdefault("reason", f"counted again, {PATIENT}")
        return self.book.decide(self.case, Decision(of=of, kind=kind, **more), self.by(by))

    def decide_all(self, by: str = "dr.lin") -> None:
        """Accept whatever has no decision yet."""
        case = self.book.case(self.case)
        for one in case.results:
            for finding in one.findings:
                key = FindingKey(one.result_id, finding.finding_id)
                if key not in case.decided:
                    self.decide(key, by=by)

    def see_all(self, by: str = "dr.lin") -> None:
        """Open every overlay."""
        for one in self.book.case(self.case).results:
            for overlay in one.overlays:
                self.book.saw(self.case, one.result_id, overlay, self.by(by))

    def ready(self, *results: ResultOnDesk, **more: Any) -> None:
        """Taken, decided and seen: it can be signed."""
        self.taken(*results, **more)
        self.decide_all()
        self.see_all()

    def proof(self, by: str = "dr.lin", **more: Any) -> Reauthenticated:
        """A fresh proof of who signs."""
        given = {
            "method": "password",
            "at_utc": self.now,
            "proof_id": f"proof-{next(_numbers):016}",
        }
        return Reauthenticated(account=by, **{**given, **more})

    def order(self, by: str = "dr.lin", **more: Any) -> SigningOrder:
        """What a signature is asked for with."""
        case = self.book.case(self.case)
        given: dict[str, Any] = {
            "proof": self.proof(by),
            "printed_name": "Lin Xia",
            "meaning": "approved",
            "slides_sha256": {r.slide_id: SLIDE_SHA for r in case.results},
            "findings_sha256": {r.result_id: r.findings_sha256 for r in case.results},
            "deliveries": (Delivery(format="fhir", destination="lis"),),
        }
        return SigningOrder(**{**given, **more})

    def sign(self, by: str = "dr.lin", **more: Any) -> Changed:
        """The signature."""
        return self.book.sign(self.case, self.order(by, **more), self.by(by))
