"""Nothing listens beyond this machine without TLS, and the log holds no names."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import ssl
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pathology.errors import UsageError
from pathology.review.serve import Address, NoDetail, TlsFiles, server_of
from tests.review.conftest import Served, free_port
from tests.review.painted_desk import PaintedDesk
from tests.review.sessions import TwoSessions

EVERYWHERE = ".".join("0000")


@pytest.mark.parametrize(
    "host", [EVERYWHERE, "::", "192.0.2.7", "10.0.0.1", "desk.example", "127.0.0.1.example", ""]
)
def test_beyond_this_machine_tls_is_needed(
    host: str, painted_desk: PaintedDesk, gate: TwoSessions
) -> None:
    with pytest.raises(UsageError, match="certificate"):
        server_of(painted_desk.desk(gate), Address(host=host, port=8443))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_on_this_machine_it_is_not(host: str) -> None:
    assert Address(host=host, port=0).on_this_machine


def test_a_port_is_a_port() -> None:
    with pytest.raises(UsageError):
        Address(host="127.0.0.1", port=70_000)


def test_wrong_certificates_are_said(
    painted_desk: PaintedDesk, gate: TwoSessions, tmp_path: Path
) -> None:
    files = TlsFiles(certificate=tmp_path / "none.pem", key=tmp_path / "none.pem")
    with pytest.raises(UsageError, match="cannot be read"):
        server_of(painted_desk.desk(gate), Address(host=EVERYWHERE, port=8443), files)
    (tmp_path / "bad.pem").write_text("no certificate")
    bad = TlsFiles(certificate=tmp_path / "bad.pem", key=tmp_path / "bad.pem")
    with pytest.raises(UsageError, match="cannot be read"):
        server_of(painted_desk.desk(gate), Address(host=EVERYWHERE, port=8443), bad)


def certificate(folder: Path) -> TlsFiles:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = TlsFiles(certificate=folder / "cert.pem", key=folder / "key.pem")
    files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return files


def test_with_tls_it_serves_and_says_so(
    painted_desk: PaintedDesk, gate: TwoSessions, tmp_path: Path
) -> None:
    port = free_port()
    files = certificate(tmp_path)
    server = server_of(painted_desk.desk(gate), Address(host="127.0.0.1", port=port), files)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    trust = ssl.create_default_context(cafile=files.certificate)
    try:
        with urllib.request.urlopen(
            f"https://127.0.0.1:{port}/page/page.css", context=trust
        ) as answer:
            assert answer.headers["strict-transport-security"].startswith("max-age")
            assert answer.headers["server"] is None
    finally:
        server.should_exit = True
        thread.join(timeout=20)


def test_the_server_refuses_strangers(served: Served) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{served.url}/results")  # noqa: S310 - http, on loopback
    assert refusal.value.code == 401
    refusal.value.close()


def test_errors_are_logged_without_their_text(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("pathology.test.no-detail")
    log.addFilter(NoDetail())
    try:
        Path("/scans/Mrs Example.svs").read_bytes()
    except FileNotFoundError:
        log.exception("it failed: %s", "/scans/Mrs Example.svs")
    assert "Example" not in caplog.text
    assert "FileNotFoundError at open" in caplog.text
