"""Signing in by a provider that really runs, and everything that it may not get past us."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.testclient import TestClient

from pathology.review.app import review_app
from tests.access import PASSWORD
from tests.oidc_provider import (
    CLIENT,
    SECRET,
    OidcProvider,
    hang_up,
    oidc_provider,
    page_of_html,
    redirect,
)
from tests.review.painted_desk import PaintedDesk
from tests.review.real_desk import RealDesk, real_desk

PAGE = "http://127.0.0.1:8460"


@pytest.fixture
def desk(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[RealDesk]:
    with real_desk(painted_desk, tmp_path) as opened:
        opened.person("reader", "pathologist")
        yield opened


@pytest.fixture
def provider(desk: RealDesk) -> Iterator[OidcProvider]:
    """The reader is Lin there."""
    with oidc_provider(clock=lambda: desk.clock.now.timestamp()) as running:
        set_up(desk, running)
        who = (running.issuer, "subject-lin")
        desk.ledger.entrance(desk.rules).tie("reader", who, desk.admin, desk.clock.now)
        yield running


def set_up(desk: RealDesk, provider: OidcProvider, **told: Any) -> None:
    desk.rules = replace(desk.rules, single_sign_on=provider.settings(PAGE, **told))


@pytest.fixture
def browser(desk: RealDesk, provider: OidcProvider) -> Iterator[TestClient]:
    with browser_of(desk) as opened:
        yield opened


def browser_of(desk: RealDesk) -> TestClient:
    return TestClient(review_app(desk.desk()), base_url=PAGE, headers={"Origin": PAGE})


def left(browser: TestClient) -> str:
    answer = browser.post("/sign-in/outside", json={})
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["url"]
    return url


def entered(browser: TestClient, provider: OidcProvider, who: str = "lin") -> Any:
    return browser.post("/sign-in/back", json=provider.come_back(left(browser), who))


def turned_away(answer: Any) -> bool:
    """With the one plain message, and no session."""
    cookies = [c for c in answer.headers.get_list("set-cookie") if not c.startswith("attempt=")]
    return (answer.status_code, answer.json(), cookies) == (
        401,
        {"code": "entry.outside", "detail": ""},
        [],
    )


def whys(desk: RealDesk) -> list[object]:
    lines = [line for line in desk.ledger.audit.lines() if line.act == "sign-in-failed"]
    return [line.after.get("why") for line in lines]


def test_the_way_there_and_back(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    assert browser.get("/sign-in/ways").json() == {"single_sign_on": True}
    answer = entered(browser, provider)
    assert answer.json() == {"back": "/", "proved": False}
    session, attempt = answer.headers.get_list("set-cookie")
    assert session.startswith("session=")
    assert "HttpOnly" in session
    assert "SameSite=strict" in session
    assert "Max-Age=0" in attempt
    told = browser.get("/me").json()
    assert (told["account"], told["method"]) == ("reader", "oidc")
    line = [line for line in desk.ledger.audit.lines() if line.act == "sign-in"][-1]
    assert (line.actor, line.after["method"]) == ("reader", "oidc")
    assert "subject-lin" not in repr(list(desk.ledger.audit.lines()))


def test_what_the_provider_is_asked(browser: TestClient, provider: OidcProvider) -> None:
    url = left(browser)
    granted = provider.codes[provider.come_back(url)["code"]]
    asked = granted.asked
    assert asked["response_type"] == "code"
    assert asked["scope"] == "openid"
    assert asked["redirect_uri"] == f"{PAGE}/sign-in/back"
    assert asked["code_challenge_method"] == "S256"
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert min(len(asked[n]) for n in ("state", "nonce", "code_challenge")) == 43
    other = provider.codes[provider.come_back(left(browser))["code"]].asked
    assert all(asked[n] != other[n] for n in ("state", "nonce", "code_challenge"))


def test_a_stranger_and_a_closed_account_get_the_same_plain_message(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    stranger = entered(browser, provider, "stranger")
    desk.ledger.accounts.close("reader", desk.admin, desk.clock.now, "left")
    closed = entered(browser, provider)
    assert turned_away(stranger)
    assert stranger.content == closed.content
    assert len(desk.ledger.accounts.listed()) == 2, "nobody is made by signing in"
    assert desk.acts().count("sign-in-failed") == 2


def test_who_is_untied_gets_in_no_more(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    assert entered(browser, provider).status_code == 200
    desk.ledger.entrance(desk.rules).untie("reader", desk.admin, desk.clock.now)
    assert browser.get("/me").status_code == 401
    assert turned_away(entered(browser, provider))


def at(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.__setitem__(name, value)


def later(name: str, seconds: float) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.__setitem__(name, claims[name] + seconds)


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.pop(name)


SPOILED: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "another issuer": ("issuer", at("iss", "http://localhost:1/other")),
    "issuer with a slash": ("issuer", lambda c: c.update(iss=c["iss"] + "/")),
    "no issuer": ("issuer", without("iss")),
    "for another": ("audience", at("aud", "billing")),
    "for us and another": ("audience", at("aud", [CLIENT, "billing"])),
    "for nobody": ("audience", without("aud")),
    "asked for by another": ("audience", at("azp", "billing")),
    "expired": ("expired", later("exp", -361)),
    "no end": ("exp", without("exp")),
    "an end that is a text": ("exp", at("exp", "never")),
    "an end beyond numbers": ("exp", at("exp", 1e300)),
    "kept by somebody": ("issued", later("iat", -661)),
    "from the future": ("issued", later("iat", 61)),
    "no birth": ("iat", without("iat")),
    "not yet": ("not-yet", lambda c: c.update(nbf=c["iat"] + 61)),
    "another nonce": ("nonce", at("nonce", "x" * 43)),
    "no nonce": ("nonce", without("nonce")),
    "a nonce that is none": ("nonce", at("nonce", ["x"])),
    "no subject": ("subject", without("sub")),
    "an empty subject": ("subject", at("sub", "")),
    "an endless subject": ("subject", at("sub", "s" * 256)),
    "a subject that is a number": ("subject", at("sub", 7)),
    "never asked": ("auth_time", without("auth_time")),
    "asked before": ("asked-before", later("auth_time", -61)),
    "asked in the future": ("asked-before", later("auth_time", 61)),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_token_that_says_something_else_lets_nobody_in(
    name: str, browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    why, provider.alter = SPOILED[name]
    assert turned_away(entered(browser, provider))
    assert whys(desk) == [why]


BOUNDS: dict[str, Callable[[dict[str, Any]], None]] = {
    "just ended": later("exp", -359),
    "the clocks differ": later("iat", 59),
    "a little old": later("iat", -650),
    "a list of one": at("aud", [CLIENT]),
    "asked for by us": at("azp", CLIENT),
    "a longest subject": at("unknown", {"deep": [1]}),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_what_the_standard_allows_is_let_in(
    name: str, browser: TestClient, provider: OidcProvider
) -> None:
    provider.alter = BOUNDS[name]
    assert entered(browser, provider).status_code == 200


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _by(key: Any, header: dict[str, Any]) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode(header, claims, key, [header["alg"]])


def _unsigned(alg: str) -> Callable[[dict[str, Any]], str]:
    head = _b64(json.dumps({"alg": alg, "kid": "k1"}).encode())
    return lambda claims: f"{head}.{_b64(json.dumps(claims).encode())}."


OTHER_KEY = RSAKey.generate_key(2048, {"kid": "k1"})


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "RS256"])
def test_a_token_that_nobody_signed_lets_nobody_in(
    alg: str, browser: TestClient, provider: OidcProvider
) -> None:
    provider.sign = _unsigned(alg)
    assert turned_away(entered(browser, provider))


def test_another_key_under_the_same_name_lets_nobody_in(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    provider.sign = _by(OTHER_KEY, {"alg": "RS256", "kid": "k1"})
    assert turned_away(entered(browser, provider))
    assert whys(desk) == ["signature"]


def test_a_key_that_the_token_itself_brings_is_not_believed(
    browser: TestClient, provider: OidcProvider
) -> None:
    own = OTHER_KEY.as_dict(private=False)
    for kid in ("k1", "k9"):
        header = {"alg": "RS256", "kid": kid, "jwk": own, "jku": "http://localhost:9/keys"}
        provider.sign = _by(OTHER_KEY, header)
        assert turned_away(entered(browser, provider))
    assert OTHER_KEY.as_dict(private=False)["n"] != provider.public_keys()["keys"][0]["n"]


def test_the_public_key_is_no_shared_secret(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    """RFC 8725, section 2.1: HS256 with the public key, which everybody knows."""
    pem = provider.keys[0].as_pem(private=False)

    def forged(claims: dict[str, Any]) -> str:
        head = _b64(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
        body = f"{head}.{_b64(json.dumps(claims).encode())}"
        return f"{body}.{_b64(hmac.digest(pem, body.encode(), 'sha256'))}"

    provider.sign = forged
    assert turned_away(entered(browser, provider))
    assert whys(desk) == ["algorithm"]


def test_an_algorithm_that_the_site_did_not_list_is_refused(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    provider.sign = _by(provider.keys[0], {"alg": "RS512", "kid": "k1"})
    assert turned_away(entered(browser, provider))
    assert whys(desk) == ["algorithm"]


def test_a_signature_that_was_changed_in_one_bit(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    def bent(claims: dict[str, Any]) -> str:
        head, body, signature = provider.signed(claims).split(".")
        raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
        raw[7] ^= 1
        return f"{head}.{body}.{_b64(bytes(raw))}"

    provider.sign = bent
    assert turned_away(entered(browser, provider))
    assert whys(desk) == ["signature"]


@pytest.mark.parametrize(
    "token", ["", "a.b.c", "a.b", "é.é.é", "." * 3, "x" * 40_000, "W10.W10.W10", "e30.e30.e30"]
)
def test_what_is_no_token_lets_nobody_in(
    token: str, browser: TestClient, provider: OidcProvider
) -> None:
    provider.sign = lambda claims: token
    assert turned_away(entered(browser, provider))


def test_a_short_key_and_a_key_for_something_else_are_refused(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    with pytest.warns(match="size"):
        provider.keys = [RSAKey.generate_key(1024, {"kid": "short"})]
    with pytest.warns(match="size"):
        assert turned_away(entered(browser, provider))
    assert whys(desk) == ["key-short"]
    provider.keys = [RSAKey.generate_key(2048, {"kid": "locks", "use": "enc"})]
    provider.sign = _by(OTHER_KEY, {"alg": "RS256", "kid": "locks"})
    assert turned_away(entered(browser, provider))


def test_an_elliptic_key_is_as_good(browser: TestClient, provider: OidcProvider) -> None:
    provider.keys = [ECKey.generate_key("P-256", {"kid": "e1"})]
    assert entered(browser, provider).status_code == 200


def test_a_rotated_key_is_asked_for(
    browser: TestClient, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert entered(browser, provider).status_code == 200
    before = provider.asked.count("keys")
    assert entered(browser, provider).status_code == 200
    assert provider.asked.count("keys") == before, "keys are kept for a while"
    provider.rotate()
    monkeypatch.setattr("pathology.review.provider.KEYS_AGAIN_S", 0.0)
    assert entered(browser, provider).status_code == 200
    assert provider.asked.count("keys") == before + 1


def test_tokens_of_unknown_keys_do_not_make_us_hammer_the_provider(
    browser: TestClient, provider: OidcProvider
) -> None:
    assert entered(browser, provider).status_code == 200
    before = provider.asked.count("keys")
    provider.sign = _by(OTHER_KEY, {"alg": "RS256", "kid": "unknown"})
    for _ in range(5):
        assert turned_away(entered(browser, provider))
    assert provider.asked.count("keys") == before


def test_without_a_name_the_only_key_of_its_kind_is_meant(
    browser: TestClient, provider: OidcProvider
) -> None:
    provider.sign = _by(provider.keys[0], {"alg": "RS256"})
    assert entered(browser, provider).status_code == 200
    provider.keys = [*provider.keys, OTHER_KEY]
    with browser_of_fresh(browser) as other:
        assert turned_away(entered(other, provider))


def browser_of_fresh(browser: TestClient) -> TestClient:
    """Another page over the same desk: it has kept no keys."""
    desk = browser.app.state.room.desk  # type: ignore[attr-defined]
    lodge = type(desk.lodge)(desk.lodge.ledger, desk.lodge.rules, desk.lodge.clock)
    app = review_app(replace(desk, lodge=lodge, gate=lodge))
    return TestClient(app, base_url=PAGE, headers={"Origin": PAGE})


def test_what_was_used_once_is_good_for_nothing(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    brought = provider.come_back(left(browser))
    kept = browser.cookies["attempt"]
    assert browser.post("/sign-in/back", json=brought).status_code == 200
    browser.cookies.clear()
    browser.cookies.set("attempt", kept)
    assert turned_away(browser.post("/sign-in/back", json=brought))
    assert whys(desk) == ["state"]


def test_the_code_and_state_of_another_browser_are_good_for_nothing(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    """A stranger leads somebody to the page with what was made for the stranger (RFC 9700)."""
    with browser_of(desk) as other:
        brought = provider.come_back(left(other), "mallory")
        assert turned_away(browser.post("/sign-in/back", json=brought))
        left(browser)
        assert turned_away(browser.post("/sign-in/back", json=brought))
    assert whys(desk) == ["state", "state"]


def test_a_wrong_state_spoils_the_attempt(browser: TestClient, provider: OidcProvider) -> None:
    brought = provider.come_back(left(browser))
    kept = browser.cookies["attempt"]
    assert turned_away(browser.post("/sign-in/back", json={**brought, "state": "ü"}))
    browser.cookies.set("attempt", kept)
    assert turned_away(browser.post("/sign-in/back", json=brought))


def test_an_answer_of_another_provider_is_refused(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    """RFC 9207, section 2.4."""
    brought = provider.come_back(left(browser))
    mixed = {**brought, "iss": "https://evil.example"}
    assert turned_away(browser.post("/sign-in/back", json=mixed))
    assert whys(desk) == ["issuer"]


def test_a_code_of_nobody_and_one_of_another_attempt(
    browser: TestClient, provider: OidcProvider, desk: RealDesk
) -> None:
    brought = provider.come_back(left(browser))
    assert turned_away(browser.post("/sign-in/back", json={**brought, "code": "guess"}))
    other = provider.come_back(left(browser))["code"]
    mine = provider.come_back(left(browser))
    assert turned_away(browser.post("/sign-in/back", json={**mine, "code": other})), "PKCE"
    assert whys(desk) == ["code", "code"]


def test_an_attempt_has_its_time(
    browser: TestClient, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = provider.come_back(left(browser))
    real = time.monotonic
    monkeypatch.setattr("pathology.review.attempts.time.monotonic", lambda: real() + 301)
    assert turned_away(browser.post("/sign-in/back", json=brought))


BROKEN = {"redirect": redirect, "html": page_of_html, "hangs up": hang_up}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("part", ["openid-configuration", "token", "keys"])
def test_a_provider_that_does_not_answer_lets_nobody_in(
    part: str, how: str, browser: TestClient, provider: OidcProvider
) -> None:
    if part != "openid-configuration":
        brought = provider.come_back(left(browser))
    provider.spoiled[part] = BROKEN[how]
    if part == "openid-configuration":
        answer = browser.post("/sign-in/outside", json={})
    else:
        answer = browser.post("/sign-in/back", json=brought)
    assert (answer.status_code, answer.json()["code"]) == (503, "entry.provider-away")
    assert answer.json()["detail"] == ""
    assert browser.get("/me").status_code == 401
    provider.spoiled.clear()
    assert entered(browser, provider).status_code == 200, "it is back"


def test_a_provider_that_is_down_keeps_nobody_from_the_password(
    desk: RealDesk, provider: OidcProvider
) -> None:
    gone = replace(provider, port=9)
    set_up(desk, gone)
    with browser_of(desk) as browser:
        answer = browser.post("/sign-in/outside", json={})
        assert (answer.status_code, answer.json()["code"]) == (503, "entry.provider-away")
        entry = {"name": "reader", "password": PASSWORD}
        assert browser.post("/sign-in", json=entry).status_code == 200
        assert browser.get("/me").json()["method"] == "password"


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": "http://localhost:1/other"},
        {"code_challenge_methods_supported": ["plain"]},
        {"token_endpoint": None},
        {"token_endpoint": "http://clinic.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://clinic.example:port/keys"},
        {"token_endpoint": "https://clinic.example/to ken"},
        {"token_endpoint": "https://[clinic.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_a_provider_that_says_what_we_cannot_trust(
    told: dict[str, Any], browser: TestClient, provider: OidcProvider
) -> None:
    provider.told = told
    answer = browser.post("/sign-in/outside", json={})
    assert (answer.status_code, answer.json()["code"]) == (503, "entry.provider-away")


@pytest.mark.parametrize("how", ["basic", "post"])
def test_our_own_secret_is_told_to_the_provider_alone(
    how: str, desk: RealDesk, provider: OidcProvider, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET.replace(" ", "_"))
    file.chmod(0o600)
    provider.secret = SECRET.replace(" ", "_")
    set_up(desk, provider, client_proof=how, secret_file=str(file))
    with browser_of(desk) as browser:
        assert entered(browser, provider).status_code == 200
        file.chmod(0o644)
        answer = entered(browser, provider)
        assert (answer.status_code, answer.json()["code"]) == (503, "entry.provider-away")
    lines = repr(list(desk.ledger.audit.lines()))
    assert provider.secret not in lines


def test_another_address_of_the_page_is_told_the_right_one(
    desk: RealDesk, provider: OidcProvider
) -> None:
    host = "http://localhost:8460"
    app = review_app(desk.desk())
    with TestClient(app, base_url=host, headers={"Origin": host}) as browser:
        answer = browser.post("/sign-in/outside", json={})
    assert (answer.status_code, answer.json()) == (
        400,
        {"code": "entry.other-address", "detail": PAGE},
    )


def test_tries_have_their_pace(desk: RealDesk, provider: OidcProvider) -> None:
    desk.rules = replace(desk.rules, pace=replace(desk.rules.pace, entries_a_minute=3))
    with browser_of(desk) as browser:
        codes = [browser.post("/sign-in/outside", json={}).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]


def test_who_was_known_at_the_provider_may_get_in_unasked_where_the_site_says_so(
    desk: RealDesk, provider: OidcProvider
) -> None:
    set_up(desk, provider, every_time=False)
    with browser_of(desk) as browser:
        url = left(browser)
        assert "prompt" not in url
        assert "max_age" not in url
        answer = browser.post("/sign-in/back", json=provider.come_back(url))
    assert answer.status_code == 200


def test_a_desk_without_single_sign_on_has_none(desk: RealDesk) -> None:
    with browser_of(desk) as browser:
        assert browser.get("/sign-in/ways").json() == {"single_sign_on": False}
        assert browser.post("/sign-in/outside", json={}).status_code == 404
        brought = {"code": "a", "state": "b", "iss": ""}
        assert browser.post("/sign-in/back", json=brought).status_code == 404
