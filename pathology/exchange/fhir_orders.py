"""Orders as FHIR ServiceRequests with their Specimens, R4 and R5, in JSON.

A file is one ServiceRequest with its specimens contained, or a Bundle. A slide is told from its
block and its specimen by the codes of type and container; where two things in the chain of parents
have none, nothing is guessed. References to servers are not followed. Patients are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from pathology.exchange.fhir_json import Json, document, listed, table, text_of
from pathology.exchange.order_rules import (
    Coded,
    all_read,
    asked_by,
    check_identity,
    priority_of,
)
from pathology.records.incoming import IncomingOrder, IntakeProblem, NotUnderstood, OrdersRead
from pathology.records.settings.incoming import FhirSettings, IncomingSettings
from pathology.records.wall_clock import instant_utc
from pathology.records.work import SlideIdentity

Level = Literal["slide", "block", "specimen"]
LEVELS: Final[tuple[Level, ...]] = ("slide", "block", "specimen")
CONTROLS: Final[Mapping[str, Literal["new", "cancel"]]] = {
    "active": "new",
    "revoked": "cancel",
    "entered-in-error": "cancel",
}
ORDERS: Final = {"order", "original-order", "reflex-order", "filler-order", "instance-order"}
"""Intents that ask for a deed; plans, proposals and options do not."""
IDENTIFIER_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
DAY_ONLY: Final = re.compile(r"\d{4}-\d\d-\d\d")
LONGEST_CHAIN: Final = 3


def read_fhir_orders(data: bytes, settings: IncomingSettings, zone: ZoneInfo) -> OrdersRead:
    """All ServiceRequests of a file; those not understood are named, and the rest goes on.

    A deadline that names a day only means its end, in the site's ``zone``: FHIR's periods hold
    their last day (datatypes, Period.end).
    """
    try:
        whole = document(data)
        resources = _resources(whole)
    except NotUnderstood as problem:
        return OrdersRead(problems=(problem.at(0),))
    except EOFError:
        return OrdersRead(problems=(_cut_short(),), unfinished=True)
    requests = [(at, one) for at, one in resources if one.get("resourceType") == "ServiceRequest"]
    known = _index(resources)
    return all_read(
        _slides(requests, known),
        lambda slide, place: _orders(slide, place, settings, zone),
        settings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request and one specimen it is about, with that specimen's parents."""

    request: Json
    chain: tuple[Json, ...]


def _cut_short() -> IntakeProblem:
    return IntakeProblem(place=0, code="not-a-message", facts={"detail": "JSON cut short"})


def _resources(whole: Json) -> list[tuple[str, Json]]:
    """Resources with the address each is named by; those contained stay where they are."""
    kind = whole.get("resourceType")
    if kind == "ServiceRequest":
        return [("", whole)]
    if kind != "Bundle":
        raise NotUnderstood("order-type", detail="no ServiceRequest and no Bundle")
    entries = [table(entry, "Bundle.entry") for entry in listed(whole, "entry")]
    found = [
        (text_of(entry, "fullUrl") or "", table(entry["resource"], "Bundle.entry.resource"))
        for entry in entries
        if "resource" in entry
    ]
    if not any(one.get("resourceType") == "ServiceRequest" for _, one in found):
        raise NotUnderstood("order-lacks", detail="a ServiceRequest")
    return found


def _index(resources: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    known: dict[str, Json] = {}
    for address, one in resources:
        names = {address, f"{one.get('resourceType')}/{one.get('id')}" if "id" in one else ""}
        known.update({name: one for name in names if name})
    return known


def _slides(
    requests: Sequence[tuple[str, Json]], known: Mapping[str, Json]
) -> Iterator[_Asked | NotUnderstood]:
    for _, request in requests:
        try:
            chains = _chains(request, known)
        except NotUnderstood as problem:
            yield problem
            continue
        for chain in chains:
            yield _Asked(request=request, chain=chain)


def _chains(request: Json, known: Mapping[str, Json]) -> list[tuple[Json, ...]]:
    mine = {**known, **_contained(request)}
    about = listed(request, "specimen")
    if not about:
        raise NotUnderstood("order-lacks", detail="a specimen")
    return [_chain(reference, mine) for reference in about]


def _contained(resource: Json) -> dict[str, Json]:
    inner = [table(one, "contained") for one in listed(resource, "contained")]
    return {f"#{one.get('id')}": one for one in inner}


def _chain(reference: Any, known: Mapping[str, Json]) -> tuple[Json, ...]:
    """A specimen and its parents."""
    chain: list[Json] = []
    while reference is not None:
        address = text_of(table(reference, "a reference"), "reference") or ""
        specimen = known.get(address)
        if specimen is None or specimen.get("resourceType") != "Specimen":
            raise NotUnderstood("order-lacks", detail="a Specimen that it refers to")
        chain.append(specimen)
        if len(chain) > LONGEST_CHAIN:
            raise NotUnderstood("order-shape", detail="too many parents of a specimen")
        parents = listed(specimen, "parent")
        if len(parents) > 1:
            raise NotUnderstood("order-contradicts", detail="the parents of a specimen")
        reference = parents[0] if parents else None
    return tuple(chain)


def _orders(
    slide: _Asked, place: int, settings: IncomingSettings, zone: ZoneInfo
) -> list[IncomingOrder] | str:
    request = slide.request
    status, intent = text_of(request, "status") or "", text_of(request, "intent") or ""
    if intent not in ORDERS or request.get("doNotPerform") not in (None, False):
        raise NotUnderstood("order-type", detail=f"intent {intent[:20]}")
    if status not in CONTROLS:
        raise NotUnderstood("order-control", detail=status[:20] or "(none)")
    codes = _codes(request)
    asked = asked_by(codes, settings)
    if not asked:
        return codes[0].code
    identity = _identity(slide, settings.fhir)
    check_identity(identity, CONTROLS[status])
    return [
        IncomingOrder(
            source="fhir",
            place=place,
            control=CONTROLS[status],
            identity=identity,
            analysis=rule.analysis,
            marker=rule.marker or None,
            priority=priority_of(text_of(request, "priority"), settings),
            deadline_utc=_deadline(request, zone),
        )
        for rule in asked
    ]


def _codes(request: Json) -> tuple[Coded, ...]:
    code = table(request.get("code", {}), "code")
    concept = table(code.get("concept", code), "code")  # R5 has a CodeableReference
    found = tuple(_coded(concept))
    if not found:
        raise NotUnderstood("order-lacks", detail="code")
    return found


def _coded(concept: Json) -> Iterator[Coded]:
    for coding in listed(concept, "coding"):
        one = table(coding, "coding")
        if code := text_of(one, "code"):
            yield Coded(code=code, system=text_of(one, "system") or "")


def _identity(slide: _Asked, settings: FhirSettings) -> SlideIdentity:
    levels = _levels(slide.chain, settings)
    accessions = {
        value
        for value in (
            *(_number(one.get("accessionIdentifier")) for one in slide.chain),
            _typed(slide.request, "ACSN"),
        )
        if value
    }
    if len(accessions) > 1:
        raise NotUnderstood("order-contradicts", detail="the accession")
    own = {level: _own_number(one) for level, one in levels.items()}
    return SlideIdentity(
        barcode=_container(levels["slide"]) or own["slide"] if "slide" in levels else None,
        accession=next(iter(accessions), None),
        specimen=own.get("specimen"),
        block=own.get("block") or (_container(levels["block"]) if "block" in levels else None),
        order_id=_typed(slide.request, "PLAC") or _own_number(slide.request),
    )


def _levels(chain: Sequence[Json], settings: FhirSettings) -> dict[Level, Json]:
    """Which of a chain is the slide, the block, the specimen; three in a row need no codes."""
    levels: dict[Level, Json] = {}
    for position, one in enumerate(chain):
        level = _level(one, settings)
        if level is None and len(chain) == len(LEVELS):
            level = LEVELS[position]
        if level is None:
            raise NotUnderstood("order-lacks", detail="the type of a specimen")
        if level in levels:
            raise NotUnderstood("order-contradicts", detail="the types of its specimens")
        levels[level] = one
    return levels


def _level(specimen: Json, settings: FhirSettings) -> Level | None:
    """What codes say a specimen is; its container decides, since tissue lies in all of them."""
    containers = [table(c, "container") for c in listed(specimen, "container")]
    for concept in (*(c.get("type") for c in containers), specimen.get("type")):
        if concept is None:
            continue
        codes = {coded.code for coded in _coded(table(concept, "type"))}
        for level in LEVELS:
            if codes & set(getattr(settings, level)):
                return level
    return None


def _container(specimen: Json) -> str | None:
    containers = [table(c, "container") for c in listed(specimen, "container")]
    return _only([_number(i) for c in containers for i in listed(c, "identifier")], "container")


def _own_number(resource: Json) -> str | None:
    """The identifier of a resource; of several, the one that is its official one."""
    identifiers = [table(i, "identifier") for i in listed(resource, "identifier")]
    official = [i for i in identifiers if i.get("use") == "official"]
    return _only([_number(i) for i in official or identifiers], "identifier")


def _typed(resource: Json, code: str) -> str | None:
    """The identifier of a type of table 0203, such as ACSN or PLAC."""
    found = []
    for identifier in (table(i, "identifier") for i in listed(resource, "identifier")):
        kinds = _coded(table(identifier.get("type", {}), "identifier.type"))
        if any(k.code == code and k.system in ("", IDENTIFIER_TYPES) for k in kinds):
            found.append(_number(identifier))
    return _only(found, f"identifier {code}")


def _only(values: Sequence[str | None], what: str) -> str | None:
    told = {value for value in values if value}
    if len(told) > 1:
        raise NotUnderstood("order-contradicts", detail=f"{what}: several, none official")
    return next(iter(told), None)


def _number(identifier: Any) -> str | None:
    if identifier is None:
        return None
    value = text_of(table(identifier, "identifier"), "value")
    return value.strip() or None if value else None


def _deadline(request: Json, zone: ZoneInfo) -> datetime | None:
    period = table(request.get("occurrencePeriod", {}), "occurrencePeriod")
    text = text_of(period, "end") or text_of(request, "occurrenceDateTime")
    if text is None:
        return None
    try:
        if DAY_ONLY.fullmatch(text):
            day = datetime.fromisoformat(text).date() + timedelta(days=1)
            return instant_utc(datetime.combine(day, time()), zone)
        moment = datetime.fromisoformat(text)
        if "T" not in text or moment.tzinfo is None:
            raise NotUnderstood("order-time", detail="the deadline")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as cause:
        raise NotUnderstood("order-time", detail="the deadline") from cause
