"""The page as an administrator starts it: a real process, a first password, accounts by command."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from pathology.cli.main import main
from tests.access import OTHER, PASSWORD
from tests.review.conftest import free_port
from tests.review.painted_desk import PaintedDesk


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("state")
    own = {"XDG_STATE_HOME": str(folder), "PATHOLOGY_LANG": "en"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        yield {**os.environ, **own}


def run(state: dict[str, str], *words: str) -> SimpleNamespace:
    """A command in this process: another one than the server's, and it starts at once."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["review", *words])
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


@contextmanager
def serving(state: dict[str, str], painted: PaintedDesk) -> Iterator[tuple[int, str]]:
    """A started server: its port, and what it said until it told its address."""
    port = free_port()
    folders = ("--results", str(painted.results), "--slides", str(painted.slide.parent))
    words = [sys.executable, "-m", "pathology", "review", "serve", *folders, "--port", str(port)]
    with subprocess.Popen(words, env=state, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "http://" in line:
                break
        try:
            yield port, said
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def ask(port: int, path: str, body: object = None, cookie: str = "") -> tuple[int, Any, str]:
    """Status, document and cookie of one request; the server may still be about to listen."""
    headers = {"Origin": f"http://127.0.0.1:{port}", "Cookie": cookie}
    sent = None if body is None else json.dumps(body)
    if sent is not None:
        headers["Content-Type"] = "application/json"
    with contextlib.closing(listening(port)) as connection:
        connection.request("GET" if sent is None else "POST", path, sent, headers)
        answer = connection.getresponse()
        content = answer.read()
    given = answer.headers.get("Set-Cookie", "").partition(";")[0]
    is_json = answer.headers.get("Content-Type", "") == "application/json"
    return answer.status, json.loads(content) if is_json else content, given


def listening(port: int) -> http.client.HTTPConnection:
    for _ in range(600):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.suppress(ConnectionRefusedError):
            connection.connect()
            return connection
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


def test_from_the_first_start_to_a_tile(state: dict[str, str], painted_desk: PaintedDesk) -> None:
    with serving(state, painted_desk) as (port, said):
        found = re.search(r"Account: (\S+)   one-time password: (\S+)", said)
        assert found is not None, said
        name, first = found.groups()
        entry = {"name": name, "password": first}
        assert ask(port, "/sign-in", entry)[1]["code"] == "entry.must-change"
        status, _, cookie = ask(port, "/password", {**entry, "new": PASSWORD})
        assert status == 200
        status, told, _ = ask(port, "/me", cookie=cookie)
        assert (status, told["roles"]) == (200, ["administrator", "operator", "technician"])
        status, tile, _ = ask(port, f"{painted_desk.address}/tiles/0/0/0", cookie=cookie)
        assert (status, tile[:2]) == (200, b"\xff\xd8")
    with serving(state, painted_desk) as (port, said):
        assert "one-time" not in said  # told once
        assert ask(port, "/sign-in", {"name": name, "password": PASSWORD})[0] == 200


def test_accounts_by_command(state: dict[str, str], painted_desk: PaintedDesk) -> None:
    made = json.loads(
        run(state, "users", "add", "reader", "--roles", "pathologist", "--json").stdout
    )
    with serving(state, painted_desk) as (port, _):
        entry = {"name": "reader", "password": made["one_time_password"], "new": PASSWORD}
        status, _, cookie = ask(port, "/password", entry)
        assert status == 200
        assert ask(port, "/me", cookie=cookie)[1]["roles"] == ["pathologist"]
        assert run(state, "users", "roles", "reader", "--roles", "technician").returncode == 0
        assert ask(port, "/me", cookie=cookie)[0] == 401  # another process ended it, at once
        again = json.loads(run(state, "users", "password", "reader", "--json").stdout)
        assert ask(port, "/sign-in", {"name": "reader", "password": PASSWORD})[0] == 401
        changed = {"name": "reader", "password": again["one_time_password"], "new": OTHER}
        status, _, cookie = ask(port, "/password", changed)
        assert status == 200
        assert run(state, "users", "close", "reader", "--why", "left the house").returncode == 0
        assert ask(port, "/me", cookie=cookie)[0] == 401
    told = json.loads(run(state, "users", "list", "--json").stdout)
    reader = next(a for a in told["accounts"] if a["name"] == "reader")
    assert (reader["closed"], reader["sessions"]) == (True, 0)
    assert "reader" in run(state, "users", "list").stdout
    assert run(state, "audit", "--verify").returncode == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("users", "add", "x"), "needs --roles"),
        (("users", "add", "x", "--roles", "administrator,pathologist"), "cannot be"),
        (("users", "add", "x", "--roles", "surgeon"), "no roles"),
        (("users", "close"), "needs a NAME"),
        (("serve", "--results", "/nowhere/at/all"), "no folder of results"),
        (("serve", "--results", ".", "--host", "192.0.2.7"), "certificate"),
        (("serve", "--results", ".", "--key", "k.pem"), "go together"),
    ],
)
def test_what_cannot_be_is_said(state: dict[str, str], words: tuple[str, ...], why: str) -> None:
    done = run(state, *words)
    assert done.returncode == 2
    assert why in done.stderr


def test_a_ledger_of_today_needs_no_migration(state: dict[str, str]) -> None:
    assert json.loads(run(state, "migrate", "--json").stdout)["migrated"] is True
