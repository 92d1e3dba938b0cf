"""A certificate for one crew's processes on one machine: in memory, never in a file."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME: Final = "dask-internal"
BEFORE: Final = timedelta(days=30)
"""It is valid from so long ago: when a clock is set back, workers that begin afterwards must still
be let in. It protects by its key alone, which dies with the crew."""
AFTER: Final = timedelta(days=365)


def passing_certificate(now_utc: datetime) -> tuple[str, str]:
    """A certificate that is its own authority, and its key: PEM texts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now_utc - BEFORE)
        .not_valid_after(now_utc + AFTER)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        encoding=serialization.Encoding.PEM,
        format=serialization.PrivateFormat.PKCS8,
        encryption_algorithm=serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), secret.decode()
