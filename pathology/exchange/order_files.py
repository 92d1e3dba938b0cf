"""A dropped file as orders: what it is is told by its first sign, never by its name."""

from __future__ import annotations

import codecs
from zoneinfo import ZoneInfo

from pathology.exchange.fhir_orders import read_fhir_orders
from pathology.exchange.hl7_orders import read_hl7_orders
from pathology.records.incoming import IntakeProblem, OrdersRead
from pathology.records.settings.incoming import IncomingSettings

MIB = 1024 * 1024


def read_orders(data: bytes, settings: IncomingSettings, zone: ZoneInfo) -> OrdersRead:
    """Orders of HL7 v2 or FHIR; whatever the bytes are, an answer and no error."""
    if len(data) > settings.largest_mib * MIB:
        facts = {"mib": settings.largest_mib}
        return OrdersRead(problems=(IntakeProblem(place=0, code="too-large", facts=facts),))
    bare = data.removeprefix(codecs.BOM_UTF8).lstrip()
    if not bare:
        return OrdersRead(
            problems=(IntakeProblem(place=0, code="not-a-message", facts={"detail": "empty"}),),
            unfinished=True,
        )
    if bare[:1] in (b"{", b"["):
        return read_fhir_orders(data, settings, zone)
    return read_hl7_orders(data, settings, zone)
