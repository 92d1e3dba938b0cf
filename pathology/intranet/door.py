"""Questions to one server of the house, and every way in which its answer can be none."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlencode

import httpx

from pathology import __version__
from pathology.errors import IntranetError
from pathology.intranet.addresses import Resolver, resolve
from pathology.intranet.answers import (
    EVENTS,
    checked_status,
    events,
    in_bounds,
    object_of,
    translated,
)
from pathology.intranet.key import key_of
from pathology.intranet.pinned import (
    GLANCE_S,
    Patience,
    PinnedNetwork,
    PinnedTransport,
    Route,
    tls_context,
)
from pathology.records.settings.llm import Destination

TRANSIENT: Final = frozenset({"away", "cut-off"})
BUSY: Final = frozenset({429, 502, 503, 504})
LONGEST_PAUSE_S: Final = 30.0


def never() -> bool:
    """Nobody cancels."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request; ``body`` is sent as JSON, ``form`` as a form, and neither asks with GET."""

    path: str  # after the endpoint's url, with its slash: "/chat/completions"
    body: Mapping[str, object] | None = None
    form: Mapping[str, str] | None = field(default=None, repr=False)  # may hold a secret
    authorization: str = field(default="", repr=False)  # the header, instead of the key's
    cancelled: Callable[[], bool] = never

    @property
    def method(self) -> Literal["GET", "POST"]:
        """POST what has a body."""
        return "GET" if self.content is None else "POST"

    @property
    def content(self) -> bytes | None:
        """What is sent, as bytes."""
        if self.form is not None:
            return urlencode(self.form).encode()
        return None if self.body is None else _as_json(self.body)

    @property
    def media(self) -> str:
        """What is sent, as a header says it."""
        return "application/json" if self.form is None else "application/x-www-form-urlencoded"


class Door:
    """The way to one endpoint. May be shared by threads; ``at_once`` counts them together.

    Parameters
    ----------
    destination
        Errors carry its name, and nothing else of it.
    resolver
        Name -> numeric addresses, the system's by default. What it answers is judged each time.
    key
        Where the API key comes from instead of the endpoint's file or variable.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        resolver: Resolver = resolve,
        key: Callable[[], str] | None = None,
    ) -> None:
        endpoint = destination.endpoint
        self.name, self.model = destination.name, endpoint.model
        self._limits, self._ca_file = destination.limits, endpoint.ca_file
        self._key = key or (lambda: key_of(destination.name, endpoint))
        self._url = endpoint.url.rstrip("/")
        self._route = Route(
            subject=self.name,
            resolver=resolver,
            named_hosts=destination.intranet.named_hosts,
            tls=self._url.lower().startswith("https:"),
        )
        self._places = threading.BoundedSemaphore(self._limits.at_once)

    def ask(self, question: Question) -> dict[str, Any]:
        """The answer, a JSON object.

        Raises
        ------
        IntranetError
            ``code`` is a key of ``records.intranet_reasons``. What passes by itself (``away``,
            ``cut-off``, a busy server) was tried again before.
        """
        patience = self._patience(question)

        def once() -> dict[str, Any]:
            with self._opened(question, patience) as answer:
                return object_of(self.name, in_bounds(self.name, answer, self._limits), answer)

        with self._place(patience):
            return self._tried(once, patience)

    def stream(self, question: Question) -> Iterator[dict[str, Any]]:
        """The events of a streamed answer, each a JSON object, as they come.

        An answer that ends without its mark of the end (``[DONE]``) is ``cut-off``. Only what
        fails before the first event is tried again: events that were given out cannot be taken
        back.
        """
        patience = self._patience(question)
        with self._place(patience):
            given: list[bool] = []
            for attempt in range(self._limits.tries):
                try:
                    for event in self._streamed_once(question, patience):
                        given.append(True)
                        yield event
                except IntranetError as problem:
                    if given or not self._worth_another(problem, attempt):
                        raise
                    patience.pause(self.name, self._pause_s(problem, attempt))
                else:
                    return

    def _streamed_once(self, question: Question, patience: Patience) -> Iterator[dict[str, Any]]:
        with self._opened(question, patience) as answer:
            yield from events(self.name, in_bounds(self.name, answer, self._limits), answer)

    def _patience(self, question: Question) -> Patience:
        limits = self._limits
        return Patience(
            until=time.monotonic() + limits.total_s,
            connect_s=limits.connect_s,
            read_s=limits.read_s,
            total_s=limits.total_s,
            cancelled=question.cancelled,
        )

    @contextmanager
    def _place(self, patience: Patience) -> Iterator[None]:
        while not self._places.acquire(timeout=GLANCE_S):
            patience.check(self.name)
        try:
            yield
        finally:
            self._places.release()

    def _tried(self, once: Callable[[], dict[str, Any]], patience: Patience) -> dict[str, Any]:
        attempt = 0
        while True:
            try:
                return once()
            except IntranetError as problem:
                if not self._worth_another(problem, attempt):
                    raise
                patience.pause(self.name, self._pause_s(problem, attempt))
            attempt += 1

    def _worth_another(self, problem: IntranetError, attempt: int) -> bool:
        passes = problem.code in TRANSIENT or problem.facts.get("status") in BUSY
        return passes and attempt + 1 < self._limits.tries

    def _pause_s(self, problem: IntranetError, attempt: int) -> float:
        """Twice as long each time, scattered so that workers do not come back all at once."""
        scatter = random.SystemRandom().uniform(0.75, 1.25)
        asked = problem.facts.get("retry_after_s", 0.0)
        wanted = max(self._limits.pause_s * 2.0**attempt * scatter, float(str(asked)))
        return min(wanted, LONGEST_PAUSE_S)

    @contextmanager
    def _opened(self, question: Question, patience: Patience) -> Iterator[httpx.Response]:
        tls = self._tls() if self._route.tls else None
        network = PinnedNetwork(self._route, patience)
        with (
            translated(self.name, self._limits),
            httpx.Client(
                transport=PinnedTransport(network, tls), trust_env=False, follow_redirects=False
            ) as client,
            client.stream(
                question.method,
                self._url + question.path,
                content=question.content,
                headers=self._headers(question),
            ) as answer,
        ):
            checked_status(self.name, answer)
            yield answer

    def _headers(self, question: Question) -> dict[str, str]:
        streaming = bool((question.body or {}).get("stream"))
        headers = {
            "Accept": EVENTS if streaming else "application/json",
            "Accept-Encoding": "identity",  # no small answer that unpacks into a large one
            "Content-Type": question.media,
            "User-Agent": f"pathology/{__version__}",
            "Connection": "close",
        }
        if question.authorization:
            headers["Authorization"] = question.authorization
        elif key := self._key():
            headers["Authorization"] = f"Bearer {key}"
        return headers

    def _tls(self) -> Any:
        try:
            return tls_context(self._ca_file)
        except OSError as cause:
            facts = {"detail": "ca_file cannot be read as certificates"}
            raise IntranetError(self.name, "wrong-certificate", facts) from cause


def _as_json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
