"""Listening: on this machine as it is, beyond it with TLS only."""

from __future__ import annotations

import ipaddress
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from pathology.errors import UsageError
from pathology.review.app import review_app
from pathology.review.desk import Desk

PATIENCE_S: Final = 5
OPEN_REQUESTS: Final = 512
"""Requests at one time; beyond that a browser is told to come again (503)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen: an IP address, or ``localhost``."""

    host: str
    port: int

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise UsageError(f"{self.port} is no port")

    @property
    def on_this_machine(self) -> bool:
        """Whether nobody else can reach it. A name may lead anywhere and does not count."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Certificate chain and key, PEM."""

    certificate: Path
    key: Path


class NoDetail(logging.Filter):
    """Errors in the log by their type and place alone: their text may hold names of files."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the error's text and its trace away; the line stays."""
        if record.exc_info:
            kind, _, trace = record.exc_info
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = "" if trace is None else f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
            record.msg, record.args = "%s at %s", (getattr(kind, "__name__", ""), place)
            record.exc_info, record.exc_text = None, None
        return True


def check_address(address: Address, tls: TlsFiles | None) -> None:
    """Refuse to listen beyond this machine without TLS, by UsageError."""
    if tls is None and not address.on_this_machine:
        raise UsageError(
            f"{address.host} can be reached from other machines: a certificate and its key are "
            "needed. Listen on 127.0.0.1, or give both"
        )


def server_of(desk: Desk, address: Address, tls: TlsFiles | None = None) -> uvicorn.Server:
    """The server, not yet listening.

    Raises
    ------
    UsageError
        The address can be reached from other machines and there is no TLS, or its files are wrong.
    """
    check_address(address, tls)
    config = uvicorn.Config(
        review_app(desk),
        host=address.host,
        port=address.port,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
        access_log=False,  # paths hold ids of slides
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # who asks is not a matter of what a header says
        limit_concurrency=OPEN_REQUESTS,
        timeout_graceful_shutdown=PATIENCE_S,
        ws="none",
    )
    logging.getLogger("uvicorn.error").addFilter(NoDetail())
    try:
        config.load()
    except (OSError, ssl.SSLError) as cause:
        raise UsageError("the certificate or its key cannot be read") from cause
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return uvicorn.Server(config)


def serve(desk: Desk, address: Address, tls: TlsFiles | None = None) -> None:
    """Serve a desk until the process is told to stop; raises as ``server_of``."""
    server_of(desk, address, tls).run()
