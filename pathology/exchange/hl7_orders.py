"""Orders in HL7 v2 files: ORM^O01, OML^O21 and OML^O33 become the same records.

ORM and O21 begin with the order (ORC, OBR) and name its specimens after it; O33 begins with the
specimen (SPM, SAC) and names its orders after it. What the patient is called is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pathology.exchange.hl7_segments import Segment, ends_whole, messages_in
from pathology.exchange.order_rules import (
    Coded,
    all_read,
    asked_by,
    check_identity,
    priority_of,
)
from pathology.records.incoming import IncomingOrder, NotUnderstood, OrdersRead
from pathology.records.settings.incoming import Hl7Field, IncomingSettings
from pathology.records.wall_clock import instant_utc
from pathology.records.work import SlideIdentity

Group = Mapping[str, Segment]
"""The segments that speak of one order of one slide, by name."""
ORDER_FIRST: Final = {("ORM", "O01"), ("OML", "O21")}
SPECIMEN_FIRST: Final = {("OML", "O33")}
CONTROLS: Final[Mapping[str, Literal["new", "cancel"]]] = {
    "NW": "new",
    "CA": "cancel",
    "DC": "cancel",
    "OC": "cancel",
}
"""Table 0119. Changes (XO, RP) are a person's: an item may be half done already."""
PRODUCTION: Final = ("P", "")  # table 0103; many interfaces leave MSH-11 empty
TIME: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,4})?)?)?)?([+-]\d{4})?"
)
"""Type DTM to the day or finer; one to the month is no deadline."""
OFFSET: Final = re.compile(r"([+-])(\d\d)(\d\d)$")
TWICE_TOLD: Final = ((2, "ORC-2 and OBR-2"), (3, "ORC-3 and OBR-3"))


def read_hl7_orders(data: bytes, settings: IncomingSettings, zone: ZoneInfo) -> OrdersRead:
    """All orders of a file; those not understood are named by their number, and the rest goes on.

    Times without an offset are in the message's own (MSH-7), else in the site's ``zone``.
    """
    groups = _groups_of_file(data, settings)
    read = all_read(groups, lambda group, place: _orders(group, place, settings, zone), settings)
    return OrdersRead(
        orders=read.orders,
        problems=read.problems,
        not_ours=read.not_ours,
        unfinished=not ends_whole(data),
    )


def _groups_of_file(data: bytes, settings: IncomingSettings) -> Iterator[Group | NotUnderstood]:
    for message in messages_in(data, settings.hl7.encoding_unsaid):
        if isinstance(message, NotUnderstood):
            yield message
            continue
        try:
            yield from _groups(message, settings)
        except NotUnderstood as problem:
            yield problem


def _groups(message: Sequence[Segment], settings: IncomingSettings) -> list[Group]:
    head = message[0]
    kind = (head.value(9, 1).upper(), head.value(9, 2).upper())
    if kind not in ORDER_FIRST | SPECIMEN_FIRST:
        raise NotUnderstood("order-type", detail="^".join(kind)[:20])
    if settings.hl7.test_messages == "refuse" and head.value(11) not in PRODUCTION:
        raise NotUnderstood("order-test", detail=f"MSH-11 {head.value(11)[:3]}")
    found = _order_first(message) if kind in ORDER_FIRST else _specimen_first(message)
    if not found:
        raise NotUnderstood("order-lacks", detail="OBR")
    return [{**group, "MSH": head} for group in found]


def _order_first(message: Sequence[Segment]) -> list[Group]:
    """ORC, OBR, (TQ1), (SPM, (SAC)...)... for each order; every slide named is a group."""
    orders: list[list[Segment]] = []
    for segment in message[1:]:
        begun = {s.name for s in orders[-1]} if orders else set()
        if segment.name == "ORC" or (segment.name == "OBR" and (not begun or "OBR" in begun)):
            orders.append([])
        if orders:
            orders[-1].append(segment)
    return [
        {**_by_name(order), **slide}
        for order in orders
        for slide in _slides(order)
        if any(s.name == "OBR" for s in order)
    ]


def _specimen_first(message: Sequence[Segment]) -> list[Group]:
    """SPM, (SAC)..., (ORC, (TQ1), OBR)... for each specimen."""
    specimens: list[list[Segment]] = []
    for segment in message[1:]:
        if segment.name == "SPM":
            specimens.append([])
        if specimens:
            specimens[-1].append(segment)
    groups: list[Group] = []
    for specimen in specimens:
        slides = _slides(specimen)
        for order in _order_first([message[0], *specimen]):
            groups += [{**order, **slide} for slide in slides]
    return groups


def _slides(segments: Sequence[Segment]) -> list[dict[str, Segment]]:
    """Each container with its specimen, each specimen without one alone; at least one entry."""
    slides: list[dict[str, Segment]] = []
    for segment in segments:
        if segment.name == "SPM":
            slides.append({"SPM": segment})
        elif segment.name == "SAC":
            last = slides[-1] if slides else {}
            if "SAC" in last:
                slides.append({**last, "SAC": segment})
            elif slides:
                slides[-1] = {**last, "SAC": segment}
            else:
                slides.append({"SAC": segment})
    return slides or [{}]


def _by_name(segments: Sequence[Segment]) -> dict[str, Segment]:
    """The first of each name; SPM and SAC are dealt out one by one elsewhere."""
    found: dict[str, Segment] = {}
    for segment in segments:
        if segment.name not in ("SPM", "SAC"):
            found.setdefault(segment.name, segment)
    return found


def _orders(
    group: Group, place: int, settings: IncomingSettings, zone: ZoneInfo
) -> list[IncomingOrder] | str:
    """One for each analysis that the code asks for; the code itself where it asks for none."""
    said = _control(group)
    code = _code(group)
    asked = asked_by(code, settings)
    if not asked:
        return code[0].code
    identity = SlideIdentity(
        barcode=_value(group, "barcode", settings),
        accession=_value(group, "accession", settings),
        specimen=_value(group, "specimen", settings),
        block=_value(group, "block", settings),
        order_id=_value(group, "order_id", settings),
    )
    check_identity(identity, said)
    deadline = _value(group, "deadline", settings)
    return [
        IncomingOrder(
            source="hl7",
            place=place,
            control=said,
            identity=identity,
            analysis=rule.analysis,
            marker=rule.marker or None,
            priority=priority_of(_value(group, "priority", settings), settings),
            deadline_utc=None if deadline is None else _moment(deadline, group["MSH"], zone),
        )
        for rule in asked
    ]


def _control(group: Group) -> Literal["new", "cancel"]:
    order = group.get("ORC")
    for number, where in TWICE_TOLD:
        told = {s.value(number) for s in (order, group["OBR"]) if s is not None and s.value(number)}
        if len(told) > 1:
            raise NotUnderstood("order-contradicts", detail=where)
    code = order.value(1).upper() if order is not None else "NW"
    if code not in CONTROLS:
        raise NotUnderstood("order-control", detail=code[:4] or "(none)")
    return CONTROLS[code]


def _code(group: Group) -> tuple[Coded, ...]:
    segment = group["OBR"]
    told = (Coded(code=segment.value(4, n), system=segment.value(4, n + 2)) for n in (1, 4))
    found = tuple(coded for coded in told if coded.code)
    if not found:
        raise NotUnderstood("order-lacks", detail="OBR-4")
    return found


def _value(group: Group, name: Hl7Field, settings: IncomingSettings) -> str | None:
    for where in settings.hl7.places[name]:
        segment, _, numbers = where.partition("-")
        if segment in group:
            value = group[segment].value(*map(int, numbers.split(".")))
            if value:
                return value
    return None


def _moment(text: str, head: Segment, zone: ZoneInfo) -> datetime:
    """A time of type DTM; a day alone is its first moment, the more pressing reading."""
    match = TIME.fullmatch(text)
    if match is None:
        raise NotUnderstood("order-time", detail="the deadline")
    *numbers, offset = match.groups()
    year, month, day, hour, minute, second = (int(n or 0) for n in numbers)
    try:
        local = datetime(year, month, day, hour, minute, second)
        said = OFFSET.search(offset or "") or OFFSET.search(head.value(7))
        if said is None:
            return instant_utc(local, zone)
        away = timedelta(hours=int(said[2]), minutes=int(said[3]))
        return local.replace(tzinfo=timezone(-away if said[1] == "-" else away)).astimezone(UTC)
    except (ValueError, OverflowError) as cause:
        raise NotUnderstood("order-time", detail="the deadline") from cause
