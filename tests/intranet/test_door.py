"""One door to servers of the house: real HTTP on loopback, friendly and hostile."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from itertools import cycle
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from pathology.errors import IntranetError
from pathology.intranet.door import Door, Question
from pathology.records.intranet_reasons import INTRANET_REASONS
from tests.stub_servers import (
    Stub,
    authority,
    destination,
    http_server,
    raw_server,
    send,
    send_events,
    send_json,
)

HELLO = Question(path="/hello", body={"say": "癌"})
KEY = "sk-very-secret-0123456789"


def door(url: str, **other: object) -> Door:
    resolver = other.pop("resolver", None)
    made = destination(url, **other)
    return Door(made, resolver=resolver) if resolver else Door(made)


def refusal(asking: Callable[[], object]) -> IntranetError:
    """The error of ``asking``, which reads in both languages and holds no secret."""
    with pytest.raises(IntranetError) as caught:
        asking()
    error = caught.value
    assert error.text("en")
    assert error.text("zh") != error.text("en")
    assert KEY not in f"{error!r}{error}{error.facts}"
    return error


def answering_json(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    send_json(handler, {"heard": stub.asked[-1], "host": handler.headers["host"]})


def test_a_question_and_its_answer() -> None:
    with http_server(answering_json) as stub:
        answer = door(stub.url).ask(HELLO)
    assert answer == {"heard": {"say": "癌"}, "host": f"127.0.0.1:{stub.port}"}


def test_a_question_without_a_body_is_a_get() -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        send_json(handler, {"method": handler.command})

    with http_server(answering) as stub:
        assert door(stub.url).ask(Question(path="/models")) == {"method": "GET"}


def test_a_form_is_one_and_shows_no_secret() -> None:
    form = Question(path="/token", form={"code": "a&b=癌", "x": ""}, authorization=f"Basic {KEY}")
    assert KEY not in repr(form)
    assert "a&b" not in repr(form), "a code is a secret"
    assert (form.method, form.media) == ("POST", "application/x-www-form-urlencoded")
    assert form.content is not None
    sent = parse_qs(form.content.decode("ascii"), keep_blank_values=True)
    assert sent == {"code": ["a&b=癌"], "x": [""]}


def test_events_come_one_by_one() -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        send_events(handler, [json.dumps({"n": n, "text": "间质\n"}) for n in range(3)])

    with http_server(answering) as stub:
        events = list(door(stub.url).stream(HELLO))
    assert events == [{"n": n, "text": "间质\n"} for n in range(3)]


def test_events_arrive_before_the_stream_ends() -> None:
    go_on = threading.Event()

    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(b': a comment\r\ndata: {"n":\r\ndata: 1}\r\n\r\n')
        handler.wfile.flush()
        assert go_on.wait(3)
        handler.wfile.write(b"data: [DONE]\n\n")

    with http_server(answering) as stub:
        stream = door(stub.url).stream(HELLO)
        assert next(stream) == {"n": 1}
        go_on.set()
        assert list(stream) == []


# What servers do wrong.


def html(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    send(handler, 200, b"<html>Welcome to the router</html>", content_type="text/html")


def wrong_json(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    send(handler, 200, b'{"half": ')


def not_utf8(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    send(handler, 200, '{"a": "癌"}'.encode("gb18030"))


def no_number(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    send(handler, 200, b'{"a": NaN}')


def deep(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    send(handler, 200, b"[" * 500_000)


def a_list(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    send(handler, 200, b"[1, 2]")


def ten_megabytes(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    send(handler, 200, b'{"a": "' + b"x" * 10_000_000 + b'"}')


def packed_bomb(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    packed = gzip.compress(b'{"a": "' + b"x" * 10_000_000 + b'"}')
    send(handler, 200, packed, content_encoding="gzip")


def redirect(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    send(handler, 307, b"", location=f"http://127.0.0.1:{stub.port}/elsewhere")


def too_short(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"a":')


@pytest.mark.parametrize(
    ("answering", "code", "requests"),
    [
        (html, "not-json", 1),
        (wrong_json, "not-json", 1),
        (not_utf8, "not-json", 1),
        (no_number, "not-json", 1),
        (deep, "not-json", 1),
        (a_list, "wrong-answer", 1),
        (ten_megabytes, "too-large", 1),
        (packed_bomb, "wrong-answer", 1),
        (redirect, "redirected", 1),
        (too_short, "cut-off", 3),
    ],
)
def test_a_wrong_answer_has_its_code_and_only_what_passes_is_tried_again(
    answering: Callable[[BaseHTTPRequestHandler, Stub], None], code: str, requests: int
) -> None:
    with http_server(answering) as stub:
        assert refusal(lambda: door(stub.url).ask(HELLO)).code == code
        assert len(stub.asked) == requests


@pytest.mark.parametrize(("status", "requests"), [(400, 1), (401, 1), (404, 1), (500, 1), (503, 3)])
def test_a_status_is_told_and_a_busy_server_asked_again(status: int, requests: int) -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        send(handler, status, f"no, {KEY}, 患者姓名".encode())

    with http_server(answering) as stub:
        error = refusal(lambda: door(stub.url).ask(HELLO))
        assert (error.code, error.facts["status"]) == ("http-status", status)
        assert len(stub.asked) == requests
        assert "患者" not in repr(error)


def test_a_server_that_comes_back_is_answered_by() -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        if len(stub.asked) < 3:
            send(handler, 503, b"{}")
        else:
            send_json(handler, {"a": 1})

    with http_server(answering) as stub:
        assert door(stub.url).ask(HELLO) == {"a": 1}


def test_pauses_grow_and_a_servers_wish_is_respected() -> None:
    times: list[float] = []

    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        times.append(time.monotonic())
        send(handler, 429, b"{}", **({"retry_after": "1"} if len(times) == 2 else {}))

    with http_server(answering) as stub:
        refusal(lambda: door(stub.url, pause_s=0.1, total_s=5).ask(HELLO))
    first, second = times[1] - times[0], times[2] - times[1]
    assert 0.07 < first < 0.9
    assert second >= 1.0


def test_no_pause_outlives_the_time_allowed() -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        send(handler, 429, b"{}", retry_after="9999")

    with http_server(answering) as stub:
        began = time.monotonic()
        error = refusal(lambda: door(stub.url, total_s=1.2).ask(HELLO))
    assert error.code == "slow"
    assert time.monotonic() - began < 2.5


def test_a_server_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = refusal(lambda: door(f"http://127.0.0.1:{port}/v1").ask(HELLO))
    assert (error.code, error.facts["detail"]) == ("away", "Connection refused")


def test_a_name_that_nobody_knows() -> None:
    def nobody(host: str) -> list[str]:
        raise OSError("no such name")

    assert refusal(lambda: door("http://llm.house/v1", resolver=nobody).ask(HELLO)).code == "away"


def test_a_silent_server_is_waited_for_so_long_and_asked_once() -> None:
    with raw_server(lambda connection: time.sleep(1.5)) as stub:
        began = time.monotonic()
        error = refusal(lambda: door(stub.url, read_s=0.4).ask(HELLO))
        assert error.code == "slow"
        assert time.monotonic() - began < 1.4
        assert len(stub.asked) == 1


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"]
)
def test_a_server_that_drips_does_not_outlast_the_total(head: bytes) -> None:
    """A byte now and then keeps every single wait short, in the headers and in the body."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(head or b"HTTP/1.1 200 OK\r\nx-slow: ")
        for _ in range(30):
            connection.sendall(b"1")
            time.sleep(0.1)

    with raw_server(drip) as stub:
        began = time.monotonic()
        error = refusal(lambda: door(stub.url, total_s=1.0, read_s=0.5).ask(HELLO))
        assert (error.code, error.facts["seconds"]) == ("slow", 1.0)
        assert time.monotonic() - began < 2.5


def test_what_is_no_http_is_said_to_be_none() -> None:
    with raw_server(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")) as stub:
        assert refusal(lambda: door(stub.url).ask(HELLO)).code == "not-json"


def test_a_connection_that_is_dropped_is_cut_off() -> None:
    with raw_server(lambda connection: None) as stub:
        assert refusal(lambda: door(stub.url).ask(HELLO)).code == "cut-off"
        assert len(stub.asked) == 3


# Streams.


def test_half_a_stream_is_noticed() -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        send_events(handler, ['{"n": 1}'], ends=False)

    seen: list[object] = []
    with http_server(answering) as stub:
        error = refusal(lambda: seen.extend(door(stub.url).stream(HELLO)))
        assert (error.code, seen) == ("cut-off", [{"n": 1}])
        assert len(stub.asked) == 1, "events that were given out cannot be taken back"


def test_a_stream_that_breaks_before_its_first_event_is_asked_for_again() -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        send_events(handler, ['{"n": 1}'] * (len(stub.asked) == 2), ends=len(stub.asked) == 2)

    with http_server(answering) as stub:
        assert list(door(stub.url).stream(HELLO)) == [{"n": 1}]


@pytest.mark.parametrize(
    ("events", "code"),
    [
        (["no json"], "not-json"),
        (['{"error": {"message": "out of memory"}}'], "wrong-answer"),
        (['{"n": 1}', "x" * 2_000_000], "too-large"),
    ],
)
def test_a_wrong_event_ends_the_stream(events: list[str], code: str) -> None:
    with http_server(lambda handler, stub: send_events(handler, events)) as stub:
        assert refusal(lambda: list(door(stub.url).stream(HELLO))).code == code


def test_a_server_that_does_not_stream_is_told_from_one_that_does() -> None:
    with http_server(answering_json) as stub:
        assert refusal(lambda: list(door(stub.url).stream(HELLO))).code == "not-json"


# Cancelling, and many at once.


def test_a_cancelled_question_ends_soon_and_closes_its_connection() -> None:
    cancelled, closed = threading.Event(), threading.Event()

    def hang(connection: socket.socket) -> None:
        connection.settimeout(3)
        if connection.recv(1) == b"":
            closed.set()

    with raw_server(hang) as stub:
        threading.Timer(0.3, cancelled.set).start()
        began = time.monotonic()
        question = Question(path="/", body={}, cancelled=cancelled.is_set)
        error = refusal(lambda: door(stub.url, read_s=3).ask(question))
        assert error.code == "cancelled"
        assert time.monotonic() - began < 1.5
        assert closed.wait(2)


def test_leaving_a_stream_frees_its_place() -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        send_events(handler, ['{"n": 1}'] * 5)

    with http_server(answering) as stub:
        way = door(stub.url, at_once=1)
        for _ in range(3):
            stream = way.stream(HELLO)
            assert next(stream) == {"n": 1}
            stream.close()


def test_no_more_than_so_many_at_once() -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        time.sleep(0.1)
        send_json(handler, {})

    with http_server(answering) as stub:
        way = door(stub.url, at_once=2, total_s=10)
        threads = [threading.Thread(target=way.ask, args=(HELLO,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(stub.asked) == 8
        assert stub.most_in_flight == 2


def test_waiting_for_a_place_counts_as_waiting() -> None:
    with raw_server(lambda connection: time.sleep(1.5)) as stub:
        way = door(stub.url, at_once=1, total_s=1.0, read_s=1.0)
        codes: list[str] = []
        threads = [
            threading.Thread(target=lambda: codes.append(refusal(lambda: way.ask(HELLO)).code))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
    assert codes == ["slow", "slow"]


# Where it goes, and whom it trusts.


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "8.8.8.8", "224.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
)
def test_a_name_that_leads_out_of_the_house_is_not_followed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *given, **named: touched.append(given))
    way = door("https://llm.house/v1", resolver=lambda host: ["10.0.0.1", address])
    assert refusal(lambda: way.ask(HELLO)).code == "refused-address"
    assert not touched, "one wrong address among right ones refuses them all"


def test_a_name_that_is_turned_between_two_questions_is_noticed() -> None:
    """Rebinding: the first answer is checked, the second would be what is connected to."""
    answers = cycle([["127.0.0.1"], ["169.254.169.254"]])
    asked: list[str] = []

    def turning(host: str) -> list[str]:
        asked.append(host)
        return next(answers)

    with http_server(answering_json) as stub:
        way = door(f"http://llm.house:{stub.port}/v1", resolver=turning)
        assert way.ask(HELLO)["host"] == f"llm.house:{stub.port}"
        assert asked == ["llm.house"], "asked once: what was judged is what was connected to"
        assert refusal(lambda: way.ask(HELLO)).code == "refused-address"
        assert len(stub.asked) == 1


def test_the_next_address_is_tried_when_the_first_is_down() -> None:
    with http_server(answering_json) as stub:
        way = door(
            f"http://llm.house:{stub.port}/v1", resolver=lambda host: ["127.9.9.9", "127.0.0.1"]
        )
        assert way.ask(HELLO)["heard"] == {"say": "癌"}


def test_beyond_this_machine_plain_http_is_refused() -> None:
    way = door("http://llm.house/v1", resolver=lambda host: ["10.0.0.1"])
    assert refusal(lambda: way.ask(HELLO)).code == "plain-text"


def test_proxies_and_netrc_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with http_server(html) as proxy, http_server(answering_json) as stub:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        door(stub.url).ask(HELLO)
        assert not proxy.asked
        assert "authorization" not in stub.headers[0]


def test_tls_by_the_authority_of_the_house(tmp_path: Path) -> None:
    house = authority(tmp_path / "house")
    with http_server(answering_json, tls=house.server_context("llm.house")) as stub:
        way = door(
            f"https://llm.house:{stub.port}/v1",
            ca_file=str(house.file),
            resolver=lambda host: ["127.0.0.1"],
        )
        assert way.ask(HELLO)["host"] == f"llm.house:{stub.port}"


@pytest.mark.parametrize("wrong", ["name", "authority", "date", "unknown"])
def test_a_certificate_that_proves_nothing_is_refused(wrong: str, tmp_path: Path) -> None:
    house, other = authority(tmp_path / "house"), authority(tmp_path / "other")
    signer = other if wrong == "authority" else house
    host = "other.house" if wrong == "name" else "llm.house"
    context = signer.server_context(host, days=-1 if wrong == "date" else 1)
    with http_server(answering_json, tls=context) as stub:
        way = door(
            f"https://llm.house:{stub.port}/v1",
            ca_file="" if wrong == "unknown" else str(house.file),
            resolver=lambda host: ["127.0.0.1"],
        )
        assert refusal(lambda: way.ask(HELLO)).code == "wrong-certificate"
        assert not stub.asked


def test_a_server_without_tls_is_away_not_spoken_to(tmp_path: Path) -> None:
    house = authority(tmp_path)
    with http_server(answering_json) as stub:
        way = door(f"https://127.0.0.1:{stub.port}/v1", ca_file=str(house.file))
        assert refusal(lambda: way.ask(HELLO)).code == "away"


def test_a_file_of_authorities_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for file in (tmp_path / "ca.pem", tmp_path / "absent.pem"):
        way = door("https://127.0.0.1:1/v1", ca_file=str(file))
        assert refusal(lambda way=way: way.ask(HELLO)).code == "wrong-certificate"


# The key.


def test_the_key_goes_to_the_server_and_nowhere_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    caplog.set_level(logging.DEBUG)
    with http_server(answering_json) as stub:
        way = door(stub.url, key_file=str(file))
        way.ask(HELLO)
        assert stub.headers[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in caplog.text
    assert KEY not in repr(vars(way))


def test_the_key_may_come_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", KEY)
    with http_server(answering_json) as stub:
        door(stub.url, key_variable="OUR_KEY").ask(HELLO)
        assert stub.headers[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (KEY, 0o644),
        (KEY, 0o620),
        ("", 0o600),
        (f"{KEY}\r\nx: y", 0o600),
        ("密钥", 0o600),
        (None, 0),
    ],
)
def test_a_key_that_cannot_be_used_safely_is_refused(
    text: str | None, mode: int, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    if text is not None:
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
    with http_server(answering_json) as stub:
        error = refusal(lambda: door(stub.url, key_file=str(file)).ask(HELLO))
        assert error.code == "key-missing"
        assert str(tmp_path) not in str(error)
        assert not stub.asked


def test_every_reason_reads_in_both_languages_with_the_same_facts() -> None:
    import re

    for code, reason in INTRANET_REASONS.items():
        en = set(re.findall(r"{(\w+)", " ".join(reason.en)))
        zh = set(re.findall(r"{(\w+)", " ".join(reason.zh)))
        assert {name.removesuffix("_zh") for name in zh} == en, code
