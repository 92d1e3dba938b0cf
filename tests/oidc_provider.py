"""A small OpenID provider on loopback: it follows the standard until a test spoils one thing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from pathology.records.settings.sign_on import SignOnSettings

CLIENT, SECRET = "pathology", "a secret of +/=&: the provider's"
FIRST_KEY = RSAKey.generate_key(2048, {"kid": "k1"})
LOGIN = """<!doctype html><html lang="en"><title>Clinic</title><h1>Clinic's sign-in</h1>
<form method="post"><input name="who" id="who" autofocus>
<button type="submit">Sign in</button>%s</form></html>"""


@dataclass
class Granted:
    """What a code stands for."""

    asked: dict[str, str]
    subject: str
    auth_time: float


@dataclass
class OidcProvider:
    """Persons are known by what they type; their subject is ``subject-`` and that."""

    port: int
    clock: Callable[[], float] = time.time
    secret: str | None = None  # None: a public client
    keys: list[Any] = field(default_factory=lambda: [FIRST_KEY])
    alter: Callable[[dict[str, Any]], None] = lambda claims: None
    sign: Callable[[dict[str, Any]], str] | None = None  # instead of its own signature
    spoiled: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)  # over what discovery says
    codes: dict[str, Granted] = field(default_factory=dict)
    visitors: dict[str, tuple[str, float]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # paths

    @property
    def issuer(self) -> str:
        """On another site than a page on 127.0.0.1, as in a clinic."""
        return f"http://localhost:{self.port}/clinic"

    def settings(self, page: str, **other: Any) -> SignOnSettings:
        given = {"algorithms": ("RS256", "ES256"), "answer_s": 2.0, **other}
        return SignOnSettings(
            source="tests", issuer=self.issuer, client_id=CLIENT, page=page, **given
        )

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            **self.told,
        }

    def public_keys(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) for key in self.keys]}

    def rotate(self) -> None:
        """Another key in the place of the one before."""
        self.keys = [RSAKey.generate_key(2048, {"kid": f"k{len(self.asked)}-new"})]

    def grant(self, asked: dict[str, str], subject: str, auth_time: float) -> str:
        code = secrets.token_urlsafe(16)
        self.codes[code] = Granted(asked, subject, auth_time)
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        granted = self.codes.pop(form.get("code", ""), None)
        if not self.knows_client(form, authorization):
            return 401, {"error": "invalid_client"}
        if granted is None or form.get("redirect_uri") != granted.asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != granted.asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        claims = self.claims(granted)
        self.alter(claims)
        token = (self.sign or self.signed)(claims)
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": token}

    def knows_client(self, form: dict[str, str], authorization: str) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT
        if form.get("client_secret") == self.secret:
            return form.get("client_id") == CLIENT
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        name, _, secret = pair.partition(":")
        return parse_qs(f"a={name}&b={secret}") == {"a": [CLIENT], "b": [self.secret]}

    def claims(self, granted: Granted) -> dict[str, Any]:
        now = self.clock()
        told = {
            "iss": self.issuer,
            "sub": granted.subject,
            "aud": CLIENT,
            "iat": int(now),
            "exp": int(now) + 300,
            "nonce": granted.asked["nonce"],
        }
        return told | ({"auth_time": granted.auth_time} if "max_age" in granted.asked else {})

    def signed(self, claims: dict[str, Any]) -> str:
        key = self.keys[-1]
        alg = "ES256" if isinstance(key, ECKey) else "RS256"
        return jwt.encode({"alg": alg, "kid": key.kid}, claims, key, [alg])

    def come_back(self, url: str, who: str = "lin") -> dict[str, str]:
        """What a browser brings back, that was sent to ``url``: by the form, as a person does."""
        answer = httpx.post(url, data={"who": who}, timeout=10)
        assert answer.status_code == 302, answer.text
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: query[name][0] for name in ("code", "state", "iss")}


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://localhost:9/elsewhere")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def page_of_html(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, 200, b"<!doctype html><p>Maintenance</p>", "text/html")


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, media: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", media)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _handler(found: list[OidcProvider]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.turn({})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            self.turn({k: v[0] for k, v in parse_qs(text, keep_blank_values=True).items()})

        def turn(self, form: dict[str, str]) -> None:
            (provider,) = found
            where = urlsplit(self.path)
            part = where.path.rpartition("/")[2]
            provider.asked.append(part)
            asked = {k: v[0] for k, v in parse_qs(where.query).items()}
            if spoil := provider.spoiled.get(part):
                spoil(self)
            elif part == "authorize":
                self.authorize(provider, asked, form.get("who"))
            elif part == "token":
                status, told = provider.token(form, self.headers.get("authorization", ""))
                answer(self, status, json.dumps(told).encode(), "application/json")
            else:
                told = provider.public_keys() if part == "keys" else provider.document()
                answer(self, 200, json.dumps(told).encode(), "application/json")

        def authorize(self, provider: OidcProvider, asked: dict[str, str], who: str | None) -> None:
            brought = SimpleCookie(self.headers.get("cookie", "")).get("clinic")
            known = provider.visitors.get(brought.value) if brought else None
            if who is not None:
                known = (f"subject-{who}", provider.clock())
            elif asked.get("prompt") == "login":
                known = None
            if known is None:
                prompt = html.escape(asked.get("prompt", "no prompt"))
                answer(self, 200, (LOGIN % f"<p>{prompt}</p>").encode(), "text/html")
                return
            visitor = secrets.token_urlsafe(8)
            provider.visitors[visitor] = known
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", provider.grant(asked, *known))
            self.send_header("Set-Cookie", f"clinic={visitor}; HttpOnly; Path=/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@contextmanager
def oidc_provider(**told: Any) -> Iterator[OidcProvider]:
    """A provider that runs."""
    found: list[OidcProvider] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(found))
    server.daemon_threads = True
    found.append(OidcProvider(port=server.server_address[1], **told))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found[0]
    finally:
        server.shutdown()
        server.server_close()
