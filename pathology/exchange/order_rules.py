"""What orders ask for, by the site's tables; the same for HL7 and FHIR."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from pathology.records.incoming import IncomingOrder, IntakeProblem, NotUnderstood, OrdersRead
from pathology.records.manifest import Priority
from pathology.records.settings.incoming import IncomingSettings, OrderCode
from pathology.records.work import SlideIdentity

Group = TypeVar("Group")
LONGEST_IDENTITY = 64  # characters; longer ones are no numbers of a laboratory


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A code as a message has it."""

    code: str
    system: str


def all_read(
    groups: Iterable[Group | NotUnderstood],
    read: Callable[[Group, int], list[IncomingOrder] | str],
    settings: IncomingSettings,
) -> OrdersRead:
    """Orders and problems by their number in the file; one that fails costs itself only."""
    orders: list[IncomingOrder] = []
    problems: list[IntakeProblem] = []
    not_ours: Counter[str] = Counter()
    try:
        for place, group in enumerate(_up_to(groups, settings.most_orders), start=1):
            try:
                found = _one(group, place, read)
            except NotUnderstood as problem:
                problems.append(problem.at(place))
                continue
            if isinstance(found, str):
                not_ours[found[:LONGEST_IDENTITY]] += 1
            else:
                orders += found
    except NotUnderstood as problem:  # of the file as a whole
        return OrdersRead(problems=(problem.at(0),))
    return OrdersRead(orders=tuple(orders), problems=tuple(problems), not_ours=dict(not_ours))


def _up_to(groups: Iterable[Group], most: int) -> Iterator[Group]:
    for place, group in enumerate(groups, start=1):
        if place > most:
            raise NotUnderstood("too-many", most=most)
        yield group


def _one(
    group: Group | NotUnderstood,
    place: int,
    read: Callable[[Group, int], list[IncomingOrder] | str],
) -> list[IncomingOrder] | str:
    if isinstance(group, NotUnderstood):
        raise group
    return read(group, place)


def asked_by(codes: Iterable[Coded], settings: IncomingSettings) -> list[OrderCode]:
    """The rules that a code or one of its translations names; each analysis once.

    Raises
    ------
    NotUnderstood
        Two translations ask for the same analysis of different markers.
    """
    told = list(codes)
    found: dict[str, OrderCode] = {}
    for rule in settings.codes:
        if any(c.code == rule.code and rule.system in ("", c.system) for c in told):
            first = found.setdefault(rule.analysis, rule)
            if first.marker.casefold() != rule.marker.casefold():
                raise NotUnderstood("order-contradicts", detail="its codes")
    return list(found.values())


def priority_of(text: str | None, settings: IncomingSettings) -> Priority:
    """Silence is routine; what no table knows counts as the settings say."""
    if not text:
        return "routine"
    return settings.priorities.get(text.strip().upper(), settings.priority_unknown)


def check_identity(identity: SlideIdentity, control: Literal["new", "cancel"]) -> None:
    """Refuse an order that could never be matched with a slide, or a cancelling of no order.

    Raises
    ------
    NotUnderstood
        A new one names neither a barcode nor accession, specimen and block; one that cancels does
        not name its order; or a value too long, or with control
        characters.
    """
    place = (identity.accession, identity.specimen, identity.block)
    told = [v for v in (identity.barcode, identity.order_id, *place) if v is not None]
    if any(len(v) > LONGEST_IDENTITY or not v.isprintable() for v in told):
        raise NotUnderstood("order-shape", detail="an identity")
    if control == "cancel" and identity.order_id is None:
        raise NotUnderstood("order-lacks", detail="the number of the order to cancel")
    if control == "new" and identity.barcode is None and None in place:
        raise NotUnderstood("order-lacks", detail="a barcode, or accession, specimen and block")
