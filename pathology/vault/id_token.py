"""ID tokens of a single sign-on: whose signature it is, for whom, and from when.

OpenID Connect Core 1.0, section 3.1.3.7, with RFC 8725 (best practice for tokens): the algorithm is
one of the site's list and never the token's choice, the key comes from the provider's list and
never from the token. joserfc checks signatures; what the claims must say is said here.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

LONGEST: Final = 32_768
LONGEST_NAME: Final = 255
LEAST_RSA_BITS: Final = 2048
MOST_KEYS: Final = 64
OLDEST_S: Final = 600.0
"""A token is made while we wait for it: one that is older was kept by somebody."""


class TokenRefused(Exception):
    """The token proves nothing; ``why`` is one word that holds nothing of it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class KeyUnknown(TokenRefused):
    """No key of this list can have signed it: the provider may have changed keys since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must say."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: Sequence[str]
    now_s: float  # Unix time
    leeway_s: float
    asked_after_s: float | None = None  # the person was asked for it then or later; None: whenever


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Whom the provider vouches for."""

    issuer: str
    subject: str


def check_id_token(token: str, keys: Mapping[str, Any], expected: Expected) -> Vouched:
    """Whom a token vouches for.

    Parameters
    ----------
    token
        As the token endpoint gave it, three parts in base64url.
    keys
        The provider's JSON Web Key Set.
    expected
        What it must say.

    Raises
    ------
    KeyUnknown
        The keys hold none that fits; fresh ones may.
    TokenRefused
        Signature, issuer, audience, times, nonce or subject are not what they must be.
    """
    if len(token) > LONGEST or token.count(".") != 2:
        raise TokenRefused("form")
    claims = _signed(token, keys, expected)
    _check_party(claims, expected)
    _check_times(claims, expected)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(errors="replace"), expected.nonce.encode()
    ):
        raise TokenRefused("nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_NAME:
        raise TokenRefused("subject")
    return Vouched(issuer=expected.issuer, subject=subject)


def fitting_keys(keys: Mapping[str, Any], algorithms: Sequence[str]) -> int:
    """How many of a JSON Web Key Set's keys can sign by one of the algorithms."""
    listed = keys.get("keys")
    if not isinstance(listed, list):
        return 0
    return sum(any(_may_sign(k, _kind(a), {"alg": a}) for a in algorithms) for k in listed)


def _signed(token: str, keys: Mapping[str, Any], expected: Expected) -> dict[str, Any]:
    """The claims, signed by one of the keys by one of the algorithms."""
    registry = jws.JWSRegistry(algorithms=list(expected.algorithms), strict_check_header=False)
    try:
        header = jws.extract_compact(token.encode("ascii"), registry=registry).headers()
    except (JoseError, ValueError) as cause:  # bytes that are no header are ValueError
        raise TokenRefused("form") from cause
    if header.get("alg") not in expected.algorithms or header.get("typ", "JWT") != "JWT":
        raise TokenRefused("algorithm")
    key = _key_of(header, keys)
    try:
        return dict(jwt.decode(token, key, list(expected.algorithms), registry=registry).claims)
    except (JoseError, ValueError) as cause:
        raise TokenRefused("signature") from cause


def _key_of(header: Mapping[str, Any], keys: Mapping[str, Any]) -> jwk.Key:
    """The one key that may have signed: by its id, or the only one of its kind."""
    listed = keys.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise KeyUnknown("keys")
    fits = [k for k in listed if _may_sign(k, _kind(header["alg"]), header)]
    if len(fits) != 1:
        raise KeyUnknown("key")
    try:
        key = jwk.import_key({**fits[0], "alg": header["alg"]})
    except (JoseError, ValueError, TypeError) as cause:
        raise KeyUnknown("key") from cause
    if isinstance(key, jwk.RSAKey) and key.raw_value.key_size < LEAST_RSA_BITS:
        raise TokenRefused("key-short")
    return key


def _kind(algorithm: str) -> str:
    return "EC" if algorithm.startswith("ES") else "RSA"


def _may_sign(key: Any, kind: str, header: Mapping[str, Any]) -> bool:
    if not isinstance(key, dict) or key.get("kty") != kind or key.get("use", "sig") != "sig":
        return False
    if key.get("alg", header["alg"]) != header["alg"]:
        return False
    return "kid" not in header or key.get("kid") == header["kid"]


def _check_party(claims: Mapping[str, Any], expected: Expected) -> None:
    """From the provider, to us, and to nobody else."""
    if claims.get("iss") != expected.issuer:
        raise TokenRefused("issuer")
    audience = claims.get("aud")
    if audience not in (expected.client_id, [expected.client_id]):
        raise TokenRefused("audience")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise TokenRefused("audience")


def _check_times(claims: Mapping[str, Any], expected: Expected) -> None:
    now, leeway = expected.now_s, expected.leeway_s
    if _time(claims, "exp") <= now - leeway:
        raise TokenRefused("expired")
    issued = _time(claims, "iat")
    if not now - leeway - OLDEST_S <= issued <= now + leeway:
        raise TokenRefused("issued")
    if "nbf" in claims and _time(claims, "nbf") > now + leeway:
        raise TokenRefused("not-yet")
    if expected.asked_after_s is not None:
        asked = _time(claims, "auth_time")
        if not expected.asked_after_s - leeway <= asked <= now + leeway:
            raise TokenRefused("asked-before")


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:
        raise TokenRefused(name)
    return float(value)
