"""Which order is for which slide, where orders name no files; and which orders still stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathology.nightly.identity_agreement import BY_PLACE, normal
from pathology.records.incoming import FoundSlide, IncomingOrder
from pathology.records.manifest import ManifestRow
from pathology.records.settings.identity import SpellingSettings
from pathology.records.work import Claim, SlideIdentity


def standing(
    orders: Iterable[IncomingOrder], spelling: SpellingSettings
) -> tuple[tuple[IncomingOrder, ...], tuple[IncomingOrder, ...]]:
    """Orders still to be done, each once, and those cancelled; a later message stands.

    Messages are about one order if source, number and analysis are the same, and the barcode where
    both name one. Without a number they must say the same of the slide.
    """
    alike: dict[object, list[IncomingOrder]] = {}
    cancelled: list[IncomingOrder] = []
    for order in orders:
        number = normal(order.identity.order_id, spelling)
        key = (order.source, order.analysis, number or order.identity)
        others = alike.setdefault(key, [])
        others[:] = [o for o in others if not _same_glass(o.identity, order.identity, spelling)]
        (cancelled if order.control == "cancel" else others).append(order)
    return tuple(o for found in alike.values() for o in found), tuple(cancelled)


def _same_glass(one: SlideIdentity, other: SlideIdentity, spelling: SpellingSettings) -> bool:
    a, b = normal(one.barcode, spelling), normal(other.barcode, spelling)
    return a is None or b is None or a == b


@dataclass(slots=True)
class Matches:
    """Which orders are for which slide, and which of them only by place, among others."""

    found: dict[Path, list[tuple[IncomingOrder, bool]]]  # order, whether it is certain
    matched: set[int]

    def of_slide(self, slide: FoundSlide) -> list[tuple[IncomingOrder, bool]]:
        """Orders for a slide, each with whether it is certain."""
        return self.found.get(slide.path, [])


def matches(
    slides: Sequence[FoundSlide],
    by_path: Mapping[Path, Sequence[ManifestRow]],
    orders: Sequence[IncomingOrder],
    spelling: SpellingSettings,
) -> Matches:
    """Which orders name which slides; ``by_path`` are a manifest's rows.

    By place, an order with a marker is never certain: another slide of the block may carry another
    antibody, and the picture cannot tell. Orders not matched for certain go on waiting.
    """
    index = _Index(spelling)
    for slide in slides:
        index.add(slide, _slide_claims(slide, by_path.get(slide.path, ())))
    pairs = [(n, path, how) for n, o in enumerate(orders) for path, how in index.fits(o.identity)]
    # One order may be of many slides: where one is known by its barcode, the others are not meant.
    known = {(path, index.number(orders[n])) for n, path, how in pairs if how == "barcode"}
    pairs = [p for p in pairs if p[2] != "order" or (p[1], index.number(orders[p[0]])) not in known]
    slides_of_order: dict[int, set[Path]] = {}
    orders_of_slide: dict[tuple[Path, str], set[int]] = {}
    for n, path, how in pairs:
        if how == "place":
            slides_of_order.setdefault(n, set()).add(path)
            orders_of_slide.setdefault((path, orders[n].analysis), set()).add(n)
    found: dict[Path, list[tuple[IncomingOrder, bool]]] = {}
    matched: set[int] = set()
    for n, path, how in pairs:
        alone = len(slides_of_order.get(n, ())) == 1 and (
            len(orders_of_slide.get((path, orders[n].analysis), ())) == 1
        )
        is_certain = how != "place" or (alone and orders[n].marker is None)
        found.setdefault(path, []).append((orders[n], is_certain))
        if is_certain:
            matched.add(n)
    return Matches(found=found, matched=matched)


class _Index:
    """Slides by what they are called, so that thousands of orders find theirs at once."""

    def __init__(self, spelling: SpellingSettings) -> None:
        self._spelling = spelling
        self._by_key: dict[tuple[str, object], set[Path]] = {}

    def add(self, slide: FoundSlide, claims: Sequence[Claim]) -> None:
        for claim in claims:
            barcode, place, order = self._keys(claim.identity)
            for kind, key in (("barcode", barcode), ("place", place), ("order", order)):
                if key is not None:
                    self._by_key.setdefault((kind, key), set()).add(slide.path)

    def fits(self, identity: SlideIdentity) -> list[tuple[Path, str]]:
        """Slides that an order is for, each with what says so; the surest word counts."""
        barcode, place, order = self._keys(identity)
        found: dict[Path, str] = {}
        # An order with a barcode waits for that glass: others of its block are not meant.
        if barcode is None and place is not None:
            found = dict.fromkeys(self._by_key.get(("place", place), ()), "place")
        for kind, key in (("order", order), ("barcode", barcode)):
            if key is not None:
                found.update(dict.fromkeys(self._by_key.get((kind, key), ()), kind))
        return sorted(found.items())

    def number(self, order: IncomingOrder) -> object:
        """The order's number as it is compared."""
        return normal(order.identity.order_id, self._spelling)

    def _keys(self, identity: SlideIdentity) -> tuple[object, object, object]:
        place = tuple(normal(getattr(identity, name), self._spelling) for name in BY_PLACE)
        return (
            normal(identity.barcode, self._spelling),
            None if None in place else place,
            normal(identity.order_id, self._spelling),
        )


def _slide_claims(slide: FoundSlide, rows: Sequence[ManifestRow]) -> list[Claim]:
    return [*slide.said, *(row_claim(row) for row in rows)]


def row_claim(row: ManifestRow) -> Claim:
    """What a row of a manifest says of its slide."""
    identity = SlideIdentity(
        accession=row.case_id, specimen=row.specimen, block=row.block, order_id=row.order_id
    )
    return Claim(source="manifest", identity=identity)
