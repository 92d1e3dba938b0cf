"""Servers on loopback that behave as a test wants: honest, slow, broken, hostile."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pathology.records.settings.llm import (
    Destination,
    EndpointSettings,
    IntranetSettings,
    LimitSettings,
    PriceSettings,
)


def limits(**other: float) -> LimitSettings:
    given = {
        "connect_s": 1.0,
        "read_s": 1.0,
        "total_s": 3.0,
        "answer_bytes": 1 << 20,
        "tries": 3,
        "pause_s": 0.02,
        "at_once": 2,
        **other,
    }
    return LimitSettings(source="tests", **given)


def destination(url: str, *, named: tuple[str, ...] = (), **other: object) -> Destination:
    """A way to ``url``; the other arguments are an endpoint's or a limit's."""
    own = {k: v for k, v in other.items() if k in EndpointSettings.__dataclass_fields__}
    rest = {k: v for k, v in other.items() if k not in own}
    return Destination(
        name="stub",
        endpoint=EndpointSettings(source="tests", url=url, model="stub-model", **own),
        limits=limits(**rest),
        intranet=IntranetSettings(source="tests", named_hosts=named),
    )


PRICE = PriceSettings(source="tests", currency="CNY", prompt=2.0, answer=8.0)


@dataclass
class Stub:
    """A server that runs: its address, and what it was asked."""

    url: str
    port: int
    asked: list[dict[str, object]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0


Answering = Callable[[BaseHTTPRequestHandler, Stub], None]


@contextmanager
def http_server(answering: Answering, *, tls: ssl.SSLContext | None = None) -> Iterator[Stub]:
    """Calls ``answering`` for each request; the request's JSON is the last of ``stub.asked``."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            with lock:
                stub.asked.append(json.loads(body) if body else {})
                stub.headers.append({k.lower(): v for k, v in self.headers.items()})
                stub.in_flight += 1
                stub.most_in_flight = max(stub.most_in_flight, stub.in_flight)
            try:
                answering(self, stub)
            except OSError:
                pass  # the client left, as some tests want it to
            finally:
                with lock:
                    stub.in_flight -= 1
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a handshake that the client broke off

    server = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    port = server.server_address[1]
    stub = Stub(f"http{'s' if tls else ''}://127.0.0.1:{port}/v1", port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def raw_server(speak: Callable[[socket.socket], None]) -> Iterator[Stub]:
    """A server below HTTP: ``speak`` gets each connection after its request came."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.1)
    port = listening.getsockname()[1]
    stub = Stub(f"http://127.0.0.1:{port}/v1", port)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            stub.asked.append({})
            with connection:
                try:
                    connection.recv(65536)
                    speak(connection)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        over.set()
        thread.join(5)
        listening.close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """One whole answer; ``content_type="text/html"`` and the like are headers."""
    handler.send_response(status)
    for name, value in {"content_type": "application/json", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def send_json(handler: BaseHTTPRequestHandler, value: object) -> None:
    send(handler, 200, json.dumps(value).encode())


def send_events(handler: BaseHTTPRequestHandler, events: list[str], *, ends: bool = True) -> None:
    """A stream of ``data:`` events; with ``ends`` the mark of the end follows."""
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream; charset=utf-8")
    handler.send_header("connection", "close")
    handler.end_headers()
    for event in [*events, *(["[DONE]"] if ends else [])]:
        handler.wfile.write(f"data: {event}\n\n".encode())
        handler.wfile.flush()


@dataclass(frozen=True)
class Authority:
    """A certificate authority of one test, and certificates by it."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def server_context(self, host: str, *, days: int = 1) -> ssl.SSLContext:
        """TLS of a server that proves to be ``host``; a negative number of days is the past."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(host, key.public_key(), self, days=days)
        chain = self.folder / f"{host}.pem"
        chain.write_bytes(_pem(certificate) + _pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context


def authority(folder: Path) -> Authority:
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    made = Authority(folder, key, _certificate("test authority", key.public_key(), None, key=key))
    made.file.write_bytes(_pem(made.certificate))
    return made


def _certificate(
    name: str,
    public: ec.EllipticCurvePublicKey,
    by: Authority | None,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    days: int = 1,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    begun = now - datetime.timedelta(days=10)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    if by:
        try:
            general: x509.GeneralName = x509.IPAddress(ip_address(name))
        except ValueError:
            general = x509.DNSName(name)
        builder = builder.add_extension(x509.SubjectAlternativeName([general]), critical=False)
    signer = by.key if by else key
    return builder.sign(signer, hashes.SHA256())


def _pem(what: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(what, x509.Certificate):
        return what.public_bytes(serialization.Encoding.PEM)
    return what.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
