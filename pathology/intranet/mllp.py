"""One HL7 message to one server by MLLP, and the acknowledgement that comes back.

MLLP (HL7 version 3 transport, release 1): VT, the message, FS, CR, both ways. The address is judged
and pinned as for every other question, and beyond this machine TLS is needed.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from typing import Final

import httpcore

from pathology.errors import IntranetError
from pathology.intranet.addresses import Resolver, resolve
from pathology.intranet.answers import translated
from pathology.intranet.door import never
from pathology.intranet.pinned import Patience, PinnedNetwork, Route, tls_context
from pathology.records.settings.llm import IntranetSettings, LimitSettings

BEGIN: Final = b"\x0b"
END: Final = b"\x1c\r"
PIECE: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpPlace:
    """A receiver of messages; errors carry its name and nothing else of it."""

    name: str
    host: str
    port: int
    tls: bool
    ca_file: str  # PEM of the house's authority; empty: the system's
    limits: LimitSettings
    intranet: IntranetSettings


def send_mllp(place: MllpPlace, message: bytes, *, resolver: Resolver = resolve) -> bytes:
    """Send ``message`` (segments, without framing) once; the answer, without framing.

    Never tries again by itself: whether a message that may have arrived is sent again is for the
    caller to say, who knows its control id.

    Raises
    ------
    IntranetError
        ``away``, ``slow``, ``cut-off``, ``refused-address``, ``plain-text``, ``wrong-certificate``;
        ``wrong-answer`` for bytes that are no frame, ``too-large`` for more than ``answer_bytes``.
    """
    limits = place.limits
    patience = Patience(
        until=time.monotonic() + limits.total_s,
        connect_s=limits.connect_s,
        read_s=limits.read_s,
        total_s=limits.total_s,
        cancelled=never,
    )
    route = Route(
        subject=place.name,
        resolver=resolver,
        named_hosts=place.intranet.named_hosts,
        tls=place.tls,
    )
    with translated(place.name, limits):
        stream = PinnedNetwork(route, patience).connect_tcp(place.host, place.port)
        try:
            if place.tls:
                stream = stream.start_tls(_trust(place), place.host)
            stream.write(BEGIN + message + END)
            return _answer(stream, place)
        finally:
            stream.close()


def _trust(place: MllpPlace) -> ssl.SSLContext:
    try:
        return tls_context(place.ca_file)
    except OSError as cause:
        facts = {"detail": "ca_file cannot be read as certificates"}
        raise IntranetError(place.name, "wrong-certificate", facts) from cause


def _answer(stream: httpcore.NetworkStream, place: MllpPlace) -> bytes:
    """The first frame; what follows it is not read."""
    data = b""
    while END not in data:
        piece = stream.read(PIECE)
        if not piece:
            raise IntranetError(place.name, "cut-off")
        data += piece
        if len(data) > place.limits.answer_bytes:
            raise IntranetError(place.name, "too-large", {"most_bytes": place.limits.answer_bytes})
        if not data.startswith(BEGIN):
            raise IntranetError(place.name, "wrong-answer", {"detail": "no MLLP frame"})
    return data[len(BEGIN) : data.index(END)]
