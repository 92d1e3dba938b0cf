"""The site's OpenID provider: what it says of itself, its keys, and whom it vouches for.

All of it comes through the intranet's door: the judged address, TLS beyond this machine, no
redirect, nothing but a JSON object of bounded size.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from pathology.errors import IntranetError
from pathology.intranet.addresses import Resolver, resolve
from pathology.intranet.door import Door, Question
from pathology.intranet.key import secret_of_file
from pathology.records.settings.llm import (
    Destination,
    EndpointSettings,
    IntranetSettings,
    LimitSettings,
)
from pathology.records.settings.sign_on import SignOnSettings, check_https
from pathology.vault.id_token import Expected, KeyUnknown, TokenRefused, Vouched, check_id_token

NAME: Final = "single sign-on"
WELL_KNOWN: Final = "/.well-known/openid-configuration"
ANSWER_BYTES: Final = 262_144
TOLD_FOR_S: Final = 600.0
"""A key that the provider withdrew is believed that long at the most."""
KEYS_AGAIN_S: Final = 10.0
"""Tokens of unknown keys make us ask for keys that often at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTold:
    """What the provider says of itself."""

    authorization_url: str
    token_url: str
    keys_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A browser that came back: the provider's code, and what only this attempt knows."""

    code: str
    verifier: str
    nonce: str
    asked_after_s: float | None  # Unix time; None: whenever the person was asked


class Provider:
    """Questions to the provider. Safe to share between threads.

    ``now_s`` is Unix time; ``resolver`` turns names into addresses, the system's by default.
    """

    def __init__(
        self,
        settings: SignOnSettings,
        *,
        now_s: Callable[[], float] = time.time,
        resolver: Resolver = resolve,
    ) -> None:
        self.settings, self._now_s, self._resolver = settings, now_s, resolver
        self._lock = threading.Lock()
        self._told: tuple[float, ProviderTold] | None = None
        self._keys: tuple[float, Mapping[str, Any]] | None = None

    def told(self) -> ProviderTold:
        """Its addresses, asked for again after ten minutes.

        Raises
        ------
        IntranetError
            It cannot be asked, or speaks for another issuer.
        """
        with self._lock:
            kept = self._told
            if kept is None or time.monotonic() - kept[0] > TOLD_FOR_S:
                url = self.settings.issuer.rstrip("/") + WELL_KNOWN
                kept = (time.monotonic(), _checked(self._get(url), self.settings))
                self._told = kept
            return kept[1]

    def keys(self, *, fresh: bool = False) -> Mapping[str, Any]:
        """Its key set; ``fresh``: not one of before, unless that is seconds old. IntranetError."""
        url = self.told().keys_url
        with self._lock:
            kept, longest = self._keys, KEYS_AGAIN_S if fresh else TOLD_FOR_S
            if kept is None or time.monotonic() - kept[0] > longest:
                kept = self._keys = (time.monotonic(), self._get(url))
            return kept[1]

    def address(self, state: str, nonce: str, verifier: str, *, ask: bool) -> str:
        """Where a browser is sent to; ``ask``: the person is to prove who it is, again."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        asked = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.callback,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if ask else {}),
        }
        url = self.told().authorization_url
        return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}"

    def vouched(self, back: Returned) -> Vouched:
        """Whom the provider vouches for in exchange for a code.

        Raises
        ------
        IntranetError
            It cannot be asked, or its answer is no answer.
        TokenRefused
            It refuses the code, or its token proves nothing.
        """
        token = self._token(back)
        expected = Expected(
            issuer=self.settings.issuer,
            client_id=self.settings.client_id,
            nonce=back.nonce,
            algorithms=self.settings.algorithms,
            now_s=self._now_s(),
            leeway_s=self.settings.leeway_s,
            asked_after_s=back.asked_after_s,
        )
        try:
            return check_id_token(token, self.keys(), expected)
        except KeyUnknown:
            return check_id_token(token, self.keys(fresh=True), expected)

    def _token(self, back: Returned) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": back.code,
            "redirect_uri": self.settings.callback,
            "code_verifier": back.verifier,
        }
        own, authorization = self.own_proof()
        question = Question(path="", form={**form, **own}, authorization=authorization)
        try:
            answer = self._door(self.told().token_url).ask(question)
        except IntranetError as problem:
            if problem.facts.get("status") == 400:  # RFC 6749, section 5.2
                raise TokenRefused("code") from problem
            raise
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise TokenRefused("no-token")
        return token

    def own_proof(self) -> tuple[dict[str, str], str]:
        """What the form says of us, and the header (RFC 6749, section 2.3.1).

        Raises
        ------
        IntranetError
            The secret cannot be read, or others than its owner may read it.
        """
        client, how = self.settings.client_id, self.settings.client_proof
        if how == "none":
            return {"client_id": client}, ""
        secret = secret_of_file(NAME, Path(self.settings.secret_file))
        if how == "post":
            return {"client_id": client, "client_secret": secret}, ""
        pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
        return {}, f"Basic {base64.b64encode(pair).decode()}"

    def _get(self, url: str) -> dict[str, Any]:
        return self._door(url).ask(Question(path=""))

    def _door(self, url: str) -> Door:
        """A code is good for one try; the person presses the button again."""
        wait = self.settings.answer_s
        destination = Destination(
            name=NAME,
            endpoint=EndpointSettings(
                source=NAME, url=url, model="", ca_file=self.settings.ca_file
            ),
            limits=LimitSettings(
                source=NAME,
                connect_s=wait,
                read_s=wait,
                total_s=wait,
                answer_bytes=ANSWER_BYTES,
                tries=1,
                pause_s=1.0,
                at_once=4,
            ),
            intranet=IntranetSettings(source=NAME, named_hosts=self.settings.named_hosts),
        )
        return Door(destination, resolver=self._resolver)


def _checked(document: Mapping[str, Any], settings: SignOnSettings) -> ProviderTold:
    """Its addresses, if it is this provider and speaks what we need; IntranetError."""
    if document.get("issuer") != settings.issuer:
        raise _wrong("its issuer is another than that in access.toml")
    methods = document.get("code_challenge_methods_supported")
    if methods is not None and (not isinstance(methods, list) or "S256" not in methods):
        raise _wrong("it knows no PKCE with S256")
    authorization_url, token_url, keys_url = (
        _address(document, name)
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    )
    return ProviderTold(authorization_url=authorization_url, token_url=token_url, keys_url=keys_url)


def _address(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str):
        raise _wrong(f"{name} is missing")
    # The browser's alone may carry a query of its own (RFC 6749, section 3.1).
    checked = url.partition("?")[0] if name == "authorization_endpoint" else url
    try:
        check_https(name, checked)
    except ValueError as cause:
        raise _wrong(f"{name} is no https address") from cause
    return url


def _wrong(detail: str) -> IntranetError:
    return IntranetError(NAME, "wrong-answer", {"detail": detail})
