"""Slides, rows and orders brought together: who asks what of which slide, and whose it is.

An order of the LIS names no file. It is for a slide if both name the same barcode, or the same
order number; where the order names no barcode, also if both name the same accession, specimen and
block. That alone does not tell the slides of a block apart, nor their markers: where it matters,
the slide is held for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pathology.nightly.decide import PRESSING
from pathology.nightly.identity_agreement import judge
from pathology.nightly.matching import matches, row_claim
from pathology.records.agreement import Agreed, Disagreement
from pathology.records.incoming import FoundSlide, IncomingOrder, Joined
from pathology.records.manifest import ManifestRow
from pathology.records.settings.identity import IdentitySettings
from pathology.records.settings.incoming import FolderRule, IncomingSettings
from pathology.records.wall_clock import instant_utc
from pathology.records.work import Claim, SlideIdentity, WorkOrder

KI67: Final = "ki67"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What joining goes by."""

    identity: IdentitySettings
    incoming: IncomingSettings
    zone: ZoneInfo  # of times in manifests


def join(
    slides: Sequence[FoundSlide],
    rows: Sequence[ManifestRow],
    orders: Sequence[IncomingOrder],
    rules: Rules,
) -> Joined:
    """Work for every slide somebody asks something of. Paths of slides and rows are real paths.

    Cancelled orders are gone from ``orders`` already, see ``matching.standing``.
    """
    by_path: dict[Path, list[ManifestRow]] = {}
    for row in rows:
        by_path.setdefault(row.slide, []).append(row)
    places = {s.path for s in slides}
    found = matches(slides, by_path, orders, rules.identity.spelling)
    work: list[WorkOrder] = []
    unasked: list[FoundSlide] = []
    for slide in slides:
        made = _work(slide, by_path.get(slide.path, ()), found.of_slide(slide), rules)
        work += made
        if not made:
            unasked.append(slide)
    return Joined(
        work=tuple(work),
        waiting=tuple(o for n, o in enumerate(orders) if n not in found.matched),
        absent=tuple(row for row in rows if row.slide not in places),
        unasked=tuple(unasked),
    )


def says_name(path: Path, settings: IdentitySettings) -> tuple[Claim, ...]:
    """What the file's name says, by the first pattern of the settings that fits all of it."""
    for pattern in settings.file_names:
        match = re.fullmatch(pattern, path.name)
        if match is not None:
            identity = SlideIdentity(**{k: v for k, v in match.groupdict().items() if v})
            return (Claim(source="file-name", identity=identity),)
    return ()


def says_label(told: Iterable[tuple[str, str]], settings: IdentitySettings) -> tuple[Claim, ...]:
    """What the label says; two fields that name the same thing are two claims, to be compared."""
    return tuple(
        Claim(source="label", identity=SlideIdentity(**{settings.labels[name]: text}))
        for name, text in told
        if name in settings.labels
    )


def rule_for(slide: FoundSlide, rules: Sequence[FolderRule]) -> FolderRule | None:
    """The first rule that fits a slide; one that asks for a stain fits none not looked at."""
    for rule in rules:
        fits = (
            re.search(rule.name, slide.path.name) is not None
            and re.search(rule.folder, slide.folder) is not None
            and rule.stain in ("", slide.stain)
        )
        if fits:
            return rule
    return None


def _work(
    slide: FoundSlide,
    rows: Sequence[ManifestRow],
    matched: Sequence[tuple[IncomingOrder, bool]],
    rules: Rules,
) -> list[WorkOrder]:
    """One order for each analysis; sources that ask for the same one are put together."""
    asked: dict[str, list[WorkOrder]] = {}
    for row in rows:
        asked.setdefault(row.analysis, []).append(_from_row(row, rules.zone))
    for order, is_certain in matched:
        made = _from_message(slide, order)
        if not is_certain:
            unproven = {"detail": "only the block is known"}
            made = replace(made, held="identity-unproven", held_facts=unproven)
        asked.setdefault(order.analysis, []).append(made)
    rule = None if asked else rule_for(slide, rules.incoming.folders)
    if rule is not None and slide.watched:
        asked[rule.analysis] = [_from_rule(slide, rule)]
    everybody = [claim for found in asked.values() for o in found for claim in o.said]
    return [_judged(_put_together(found), slide, everybody, rules) for found in asked.values()]


def _from_row(row: ManifestRow, zone: ZoneInfo) -> WorkOrder:
    deadline = row.deadline
    if deadline is not None:
        deadline = (
            instant_utc(deadline, zone) if deadline.tzinfo is None else deadline.astimezone(UTC)
        )
    return WorkOrder(
        path=row.slide,
        analysis=row.analysis,
        source="manifest",
        marker=(row.marker or KI67) if row.analysis == KI67 else None,
        priority=row.priority,
        deadline_utc=deadline,
        mpp=row.mpp,
        said=(row_claim(row),),
    )


def _from_message(slide: FoundSlide, order: IncomingOrder) -> WorkOrder:
    return WorkOrder(
        path=slide.path,
        analysis=order.analysis,
        source=order.source,
        marker=order.marker,
        priority=order.priority,
        deadline_utc=order.deadline_utc,
        said=(Claim(source=order.source, identity=order.identity),),
    )


def _from_rule(slide: FoundSlide, rule: FolderRule) -> WorkOrder:
    return WorkOrder(
        path=slide.path,
        analysis=rule.analysis,
        source="folder",
        marker=rule.marker or None,
        priority=rule.priority,
    )


def _put_together(orders: Sequence[WorkOrder]) -> WorkOrder:
    """Several orders of one analysis as one: the most pressing priority, the first deadline."""
    first = orders[0]
    deadlines = [o.deadline_utc for o in orders if o.deadline_utc is not None]
    one = replace(
        first,
        priority=min((o.priority for o in orders), key=PRESSING.index),
        deadline_utc=min(deadlines, default=None),
        said=tuple(claim for o in orders for claim in o.said),
        held=next((o.held for o in orders if o.held), None),
        held_facts=next((o.held_facts for o in orders if o.held), {}),
    )
    for other in orders[1:]:
        if (other.marker or "").casefold() != (first.marker or "").casefold():
            detail = f"marker: {first.source} ≠ {other.source}"
            return replace(one, held="orders-disagree", held_facts={"detail": detail})
    return one


def _judged(
    order: WorkOrder, slide: FoundSlide, everybody: Sequence[Claim], rules: Rules
) -> WorkOrder:
    """The order with its verdict. Orders of other analyses speak too, but of their own number."""
    mine = list(order.said)
    others = [
        replace(claim, identity=replace(claim.identity, order_id=None))
        for claim in everybody
        if claim not in mine
    ]
    claims = (*slide.said, *mine, *others)
    told = replace(order, said=claims)
    verdict = judge(claims, rules.identity)
    if isinstance(verdict, Disagreement):
        return replace(told, held="identity-disagrees", held_facts={"detail": str(verdict)})
    if isinstance(verdict, Agreed):
        return replace(told, identity=verdict.identity)
    if rules.identity.when_unproven == "stop" and told.held is None:
        return replace(told, held="identity-unproven", held_facts={"detail": verdict.lacks})
    return told
