"""The site's single sign-on: who vouches for persons (OpenID Connect), and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pathology.records.settings.ranges import check_between, check_names

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Signatures that only the provider can make. ``none`` and those with a shared secret are none."""
ClientProof = Literal["none", "basic", "post"]
"""How this program proves who it is (OpenID Connect Core, section 9); ``none``: PKCE alone."""
CALLBACK: Final = "/sign-in/back"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOnSettings:
    """``[single_sign_on]`` of ``access.toml``; without the table there is none."""

    source: str
    issuer: str  # as the provider writes it in its tokens, to the letter
    client_id: str
    page: str  # the review page as browsers reach it, e.g. "https://pathology.clinic.example:8460"
    algorithms: tuple[Algorithm, ...]
    client_proof: ClientProof = "none"
    secret_file: str = ""  # readable by its owner only; for "basic" and "post"
    ca_file: str = ""  # PEM of the house's authority; empty: the authorities of the system
    named_hosts: tuple[str, ...] = ()  # of the provider, where they have public addresses
    every_time: bool = True  # the provider asks each time, whoever signed in there before
    leeway_s: float = 60.0  # by which the clocks may differ
    attempt_s: float = 300.0  # from leaving for the provider to coming back
    answer_s: float = 10.0  # one answer of the provider

    def __post_init__(self) -> None:
        check_names(self)
        for name in ("issuer", "page"):
            check_https(name, getattr(self, name))
        parts = urlsplit(self.page)
        if parts.path or self.page != self.page.lower():
            raise ValueError("page must be https://host or https://host:port, in small letters")
        if not self.client_id or not self.client_id.isprintable():
            raise ValueError("client_id must be what the provider calls this program")
        if not self.algorithms or len(set(self.algorithms)) != len(self.algorithms):
            raise ValueError("algorithms must name one or more, each once")
        if (self.client_proof == "none") != (self.secret_file == ""):
            raise ValueError('secret_file goes with client_proof "basic" or "post", and only there')
        for name in ("secret_file", "ca_file"):
            path = getattr(self, name)
            if path and not Path(path).is_absolute():
                raise ValueError(f"{name} must be an absolute path, or empty")
        check_between(self, 0, 300, "leeway_s")
        check_between(self, 30, 1800, "attempt_s")
        check_between(self, 1, 60, "answer_s")

    @property
    def callback(self) -> str:
        """Where the provider sends browsers back to; it must be registered there."""
        return self.page + CALLBACK


def check_https(name: str, url: str) -> None:
    """ValueError unless ``url`` is https, or http on this machine, and nothing but an address."""
    parts = urlsplit(url)
    if not (url.isascii() and url.isprintable()) or " " in url or parts.port == 0:
        raise ValueError(f"{name} must be an address of ASCII characters")  # .port may raise, too
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{name} must be https://host...")
    if parts.scheme == "http" and not _on_this_machine(parts.hostname):
        raise ValueError(f"{name} must be https:// beyond this machine")
    if parts.username is not None or parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ValueError(f"{name} must hold no user, no password, no query and no fragment")


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
