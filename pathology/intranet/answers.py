"""From the bytes of an answer to JSON, with every way in which they can be something else."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import httpcore
import httpx

from pathology.errors import IntranetError
from pathology.intranet.pinned import stage_facts
from pathology.records.settings.llm import LimitSettings

EVENTS: Final = "text/event-stream"
DONE: Final = "[DONE]"
BROKEN: Final = ("incomplete", "without sending", "without response")
"""What httpcore says of a connection that ended early; its other complaints are about no HTTP."""

REMEDIES: Final = {
    400: (
        "It does not understand the request; look at its version.",
        "服务不接受该请求;请检查其版本。",
    ),
    401: ("Give its key: key_file or key_variable in llm.toml.", "请在 llm.toml 中填写密钥。"),
    403: ("Its key is not allowed to do this.", "该密钥没有权限。"),
    404: ("Check url and model in llm.toml.", "请检查 llm.toml 的 url 和 model。"),
    429: ("It is busy; lower at_once in llm.toml.", "服务繁忙;请降低 llm.toml 的 at_once。"),
}
OTHER_REMEDY: Final = ("Look at the server's log.", "请查看服务器日志。")


@contextmanager
def translated(subject: str, limits: LimitSettings) -> Iterator[None]:
    """Turn the network's errors into ours. Their own texts are not kept: they may quote bytes."""
    try:
        yield
    except httpcore.ConnectTimeout as cause:
        raise IntranetError(subject, "slow", stage_facts("connect", limits.connect_s)) from cause
    except (httpcore.TimeoutException, httpx.TimeoutException) as cause:
        raise IntranetError(subject, "slow", stage_facts("answer", limits.read_s)) from cause
    except httpcore.ConnectError as cause:
        _raise_unconnected(subject, cause)
    except httpcore.RemoteProtocolError as cause:
        if any(word in str(cause) for word in BROKEN):
            raise IntranetError(subject, "cut-off") from cause
        raise IntranetError(subject, "not-json", _kind("no HTTP", "非 HTTP 数据")) from cause
    except (httpcore.NetworkError, httpx.TransportError) as cause:
        raise IntranetError(subject, "cut-off") from cause


def _raise_unconnected(subject: str, cause: Exception) -> NoReturn:
    seen: BaseException | None = cause
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            facts = {"detail": seen.verify_message}
            raise IntranetError(subject, "wrong-certificate", facts) from cause
        if isinstance(seen, ssl.SSLError):
            raise IntranetError(subject, "away", {"detail": "it speaks no TLS"}) from cause
        if isinstance(seen, OSError) and seen.strerror:
            raise IntranetError(subject, "away", {"detail": seen.strerror}) from cause
        seen = seen.__cause__ or seen.__context__
    raise IntranetError(subject, "away", {"detail": "no connection"}) from cause


def checked_status(subject: str, answer: httpx.Response) -> None:
    """Refuse all but 200: redirects are never followed, and an error's text is never kept."""
    status = answer.status_code
    if 300 <= status < 400:
        raise IntranetError(subject, "redirected", {"status": status})
    if status != 200:
        en, zh = REMEDIES.get(status, OTHER_REMEDY)
        facts: dict[str, object] = {"status": status, "remedy": en, "remedy_zh": zh}
        if re.fullmatch(r"\d{1,4}", wait := answer.headers.get("retry-after", "")):
            facts["retry_after_s"] = float(wait)
        raise IntranetError(subject, "http-status", facts)


def in_bounds(subject: str, answer: httpx.Response, limits: LimitSettings) -> Iterator[bytes]:
    """The bytes of ``answer`` as they come, ``answer_bytes`` of them at most."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise IntranetError(subject, "wrong-answer", {"detail": "it is packed, unasked"})
    total = 0
    for piece in answer.iter_raw():
        total += len(piece)
        if total > limits.answer_bytes:
            raise IntranetError(subject, "too-large", {"most_bytes": limits.answer_bytes})
        yield piece


def object_of(subject: str, pieces: Iterable[bytes], answer: httpx.Response) -> dict[str, Any]:
    """A whole answer as a JSON object."""
    return _parsed(subject, b"".join(pieces), answer)


def events(
    subject: str, pieces: Iterable[bytes], answer: httpx.Response
) -> Iterator[dict[str, Any]]:
    """The ``data`` of server-sent events, each parsed, up to ``[DONE]`` (and not an event less)."""
    if not answer.headers.get("content-type", "").lower().startswith(EVENTS):
        raise IntranetError(subject, "not-json", _media(answer))
    for data in _data_of(pieces):
        if data == DONE.encode():
            return
        event = _parsed(subject, data, answer)
        if "error" in event:
            raise IntranetError(subject, "wrong-answer", {"detail": "an error in the stream"})
        yield event
    raise IntranetError(subject, "cut-off")


def _data_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The data of each event; an event ends with an empty line (WHATWG HTML, section 9.2)."""
    lines: list[bytes] = []
    for line in _lines(pieces):
        field, _, value = line.partition(b":")
        if not line and lines:
            yield b"\n".join(lines)
            lines = []
        elif field == b"data":
            lines.append(value.removeprefix(b" "))


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends, as soon as each is whole; a last one without an end is no line."""
    rest: list[bytes] = []
    for piece in pieces:
        *whole, last = piece.split(b"\n")
        for line in whole:
            yield b"".join((*rest, line)).removesuffix(b"\r")
            rest = []
        rest.append(last)


def _parsed(subject: str, data: bytes, answer: httpx.Response) -> dict[str, Any]:
    try:
        parsed = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as cause:
        raise IntranetError(subject, "not-json", _media(answer)) from cause
    if not isinstance(parsed, dict):
        raise IntranetError(subject, "wrong-answer", {"detail": "no object"})
    return parsed


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


def _media(answer: httpx.Response) -> dict[str, object]:
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/json" or not re.fullmatch(
        r"[a-z0-9.+-]{1,30}/[a-z0-9.+-]{1,40}", media
    ):
        return _kind("something else", "其他内容")
    return _kind(media, media)


def _kind(en: str, zh: str) -> dict[str, object]:
    return {"kind": en, "kind_zh": zh}
