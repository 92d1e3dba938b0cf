"""A transport that connects to the address it has judged, within a time, and until cancelled.

httpx would ask the resolver by itself, and a name can lead elsewhere from one question to the next.
Here the resolver is asked once a connection, inside the step that connects; the name is used for
the certificate and the Host header only. One transport serves one request: there is no second look
at an address that was judged long ago.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import httpcore
import httpx

from pathology.errors import IntranetError
from pathology.intranet.addresses import (
    WORDS,
    Address,
    Resolver,
    kind_of,
    refused_kind,
    resolve_within,
)

GLANCE_S: Final = 0.2
"""How often a waiting request looks whether it was cancelled or ran out of time."""
STAGES: Final = MappingProxyType(
    {
        "name": ("asking for its address", "查询地址"),
        "connect": ("connecting", "连接"),
        "answer": ("waiting for the next part of the answer", "等待后续应答"),
        "total": ("in all", "总时间"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one request may take, and who may end it."""

    until: float  # on time.monotonic's clock
    connect_s: float
    read_s: float
    total_s: float
    cancelled: Callable[[], bool]

    @property
    def left_s(self) -> float:
        """Time left; never below zero."""
        return max(self.until - time.monotonic(), 0.0)

    def check(self, subject: str) -> None:
        """Raise ``IntranetError`` when cancelled or out of time."""
        if self.cancelled():
            raise IntranetError(subject, "cancelled")
        if not self.left_s:
            raise IntranetError(subject, "slow", stage_facts("total", self.total_s))

    def pause(self, subject: str, seconds: float) -> None:
        """Sleep for ``seconds``, or raise as ``check`` does."""
        wake = time.monotonic() + seconds
        while (rest := wake - time.monotonic()) > 0:
            self.check(subject)
            time.sleep(min(rest, GLANCE_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where one request may go."""

    subject: str  # the endpoint's name, for errors
    resolver: Resolver
    named_hosts: Sequence[str]
    tls: bool

    def addresses(self, host: str, patience: Patience) -> list[Address]:
        """The addresses of ``host``, all of them judged.

        Raises
        ------
        IntranetError
            One of them may not be asked, so none is: a name that leads into the house and out of
            it is somebody's trick or mistake. Or there is none, or plain HTTP would leave this
            machine.
        """
        seconds = min(patience.connect_s, patience.left_s)
        try:
            found = resolve_within(self.resolver, host, seconds)
        except TimeoutError as cause:
            facts = stage_facts("name", patience.connect_s)
            raise IntranetError(self.subject, "slow", facts) from cause
        except OSError as cause:
            raise IntranetError(self.subject, "away", {"detail": "no such name"}) from cause
        for address in found:
            if kind := refused_kind(address, host, self.named_hosts):
                en, zh = WORDS[kind]
                facts = {"kind": en, "kind_zh": zh}
                raise IntranetError(self.subject, "refused-address", facts)
            if not self.tls and kind_of(address) != "loopback":
                raise IntranetError(self.subject, "plain-text")
        return found


class PinnedNetwork(httpcore.NetworkBackend):
    """httpcore's network, with the name resolved and judged where the connection is made."""

    def __init__(self, route: Route, patience: Patience) -> None:
        self._route, self._patience = route, patience
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the judged addresses that answers."""
        refusal: httpcore.ConnectError | None = None
        for address in self._route.addresses(host, self._patience):
            self._patience.check(self._route.subject)
            seconds = min(self._patience.connect_s, self._patience.left_s)
            try:
                stream = self._network.connect_tcp(
                    str(address), port, seconds, local_address, socket_options
                )
            except httpcore.ConnectError as cause:
                refusal = cause
            else:
                return PatientStream(stream, self._route.subject, self._patience)
        raise refusal or httpcore.ConnectError("no address")

    def connect_unix_socket(self, path: str, *given: Any, **named: Any) -> httpcore.NetworkStream:
        """Never: a socket of this machine has no address that could be judged."""
        raise httpcore.UnsupportedProtocol("no sockets of files")


class PatientStream(httpcore.NetworkStream):
    """A connection whose every wait ends when time is up or somebody cancels."""

    def __init__(self, stream: httpcore.NetworkStream, subject: str, patience: Patience) -> None:
        self._stream, self._subject, self._patience = stream, subject, patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Up to ``max_bytes``; waits ``read_s`` at most, in short glances."""
        patience, last = self._patience, time.monotonic() + self._patience.read_s
        while True:
            patience.check(self._subject)
            left_s = min(GLANCE_S, patience.left_s, last - time.monotonic())
            if left_s <= 0:
                raise httpcore.ReadTimeout
            try:
                return self._stream.read(max_bytes, max(left_s, 0.001))
            except httpcore.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of ``buffer`` within ``read_s``."""
        self._patience.check(self._subject)
        self._stream.write(buffer, max(min(self._patience.read_s, self._patience.left_s), 0.001))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """TLS for the name that was asked for, not for the address."""
        self._patience.check(self._subject)
        seconds = max(min(self._patience.connect_s, self._patience.left_s), 0.001)
        stream = self._stream.start_tls(ssl_context, server_hostname, seconds)
        return PatientStream(stream, self._subject, self._patience)

    def get_extra_info(self, info: str) -> Any:
        """What the connection below knows."""
        return self._stream.get_extra_info(info)


class PinnedTransport(httpx.BaseTransport):
    """One connection for one request, by ``PinnedNetwork``. No proxy, no HTTP/2, no repeats."""

    def __init__(self, network: PinnedNetwork, tls: ssl.SSLContext | None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls, max_connections=1, max_keepalive_connections=0, network_backend=network
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it; errors are httpcore's own or ``IntranetError``."""
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def stage_facts(
    stage: Literal["name", "connect", "answer", "total"], seconds: float
) -> dict[str, object]:
    """Facts of the reason ``slow``: what was waited for, in both languages, and how long."""
    en, zh = STAGES[stage]
    return {"seconds": seconds, "stage": en, "stage_zh": zh}


def tls_context(ca_file: str) -> ssl.SSLContext:
    """TLS 1.2 or newer, name and certificate checked, by ``ca_file`` alone if given.

    Made by hand: ``ssl.create_default_context`` would write session keys where SSLKEYLOGFILE says.

    Raises
    ------
    OSError
        The file cannot be read, or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(ca_file)
    else:
        context.load_default_certs()
    return context
