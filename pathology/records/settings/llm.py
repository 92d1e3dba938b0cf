"""Which servers of the house may be asked, and how long, how much and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pathology.records.settings.ranges import check_names, check_positive

TEMPLATE: Final = "template"
EMBEDDED: Final = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What one request may take. Times in seconds; the total includes waiting and repeats."""

    source: str
    connect_s: float
    read_s: float  # between two pieces of an answer
    total_s: float
    answer_bytes: int
    tries: int  # 1: never again
    pause_s: float  # before the second try; twice as long before each further one
    at_once: int  # requests in flight from one process

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "connect_s", "read_s", "total_s", "answer_bytes", "tries", "pause_s")
        check_positive(self, "at_once")
        if self.connect_s > self.total_s or self.read_s > self.total_s:
            raise ValueError("total_s must not be below connect_s or read_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSettings:
    """What the owner of a server asks, per million tokens, to compare servers by cost."""

    source: str
    currency: str
    prompt: float
    answer: float

    def __post_init__(self) -> None:
        check_names(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """One OpenAI-compatible server: ``url`` ends where ``/chat/completions`` would follow."""

    source: str
    url: str
    model: str
    ca_file: str = ""  # PEM of the house's authority; empty: the authorities of the system
    key_file: str = ""  # the API key, readable by its owner only
    key_variable: str = ""  # or the environment variable that holds it
    version: str = ""  # of the model: a hash or a version; stands on every draft
    licence: str = ""  # of its weights
    price: PriceSettings | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must be http://host... or https://host...")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("url must hold no user, no password, no query and no fragment")
        if self.key_file and self.key_variable:
            raise ValueError("give key_file or key_variable, not both")
        for name in ("ca_file", "key_file"):
            path = getattr(self, name)
            if path and not Path(path).is_absolute():
                raise ValueError(f"{name} must be an absolute path, or empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterSettings:
    """Who writes the sentences of a draft."""

    source: str
    chosen: str  # "template", "embedded", or the name of an endpoint
    answer_tokens: int
    seed: int

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "answer_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntranetSettings:
    """Hosts beyond loopback and private addresses that the site allows by name."""

    source: str
    named_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One endpoint with all that decides how it may be asked."""

    name: str  # the endpoint's name in the settings: fit for logs
    endpoint: EndpointSettings
    limits: LimitSettings
    intranet: IntranetSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmSettings:
    """``llm.toml``."""

    intranet: IntranetSettings
    limits: LimitSettings
    writer: WriterSettings
    endpoints: Mapping[str, EndpointSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if reserved := sorted({TEMPLATE, EMBEDDED} & self.endpoints.keys()):
            raise ValueError(f"endpoints: {reserved} are words of this program, use other names")
        known = (TEMPLATE, EMBEDDED, *sorted(self.endpoints))
        if self.writer.chosen not in known:
            raise ValueError(f"writer: chosen is {self.writer.chosen!r}, and there are {known}")

    def destination(self, name: str) -> Destination:
        """The endpoint of this name; KeyError where there is none."""
        return Destination(
            name=name,
            endpoint=self.endpoints[name],
            limits=self.limits,
            intranet=self.intranet,
        )
