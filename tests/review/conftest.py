"""One painted desk, one server on loopback and one browser for all tests of the page."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pathology.review.app import review_app
from pathology.review.desk import Desk
from pathology.review.serve import Address, server_of
from tests.review.painted_desk import PaintedDesk, paint_desk
from tests.review.sessions import COOKIE, TwoSessions

FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",  # WebGL without a card
    "--use-angle=swiftshader-webgl",
    "--disable-gpu-compositing",  # all else drawn by the processor itself: a sixth of the work
    "--force-color-profile=srgb",
)
ORIGIN = "http://testserver"
SHOTS = "PATHOLOGY_SCREENSHOTS"
"""Folder for pictures of the page, for people to look at; none are kept without it."""


@pytest.fixture(scope="session")
def painted_desk(tmp_path_factory: pytest.TempPathFactory) -> PaintedDesk:
    return paint_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="session")
def gate() -> TwoSessions:
    return TwoSessions()


@pytest.fixture(scope="session")
def client(painted_desk: PaintedDesk, gate: TwoSessions) -> Iterator[TestClient]:
    """The application as a signed-in reader sees it."""
    app = review_app(painted_desk.desk(gate))
    with TestClient(app, cookies={COOKIE: gate.reader}, headers={"Origin": ORIGIN}) as found:
        yield found


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running server, and a token that it knows."""

    url: str
    token: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(desk: Desk, port: int | None = None) -> Iterator[str]:
    """The address of a desk that is served on loopback."""
    port = free_port() if port is None else port
    server = server_of(desk, Address(host="127.0.0.1", port=port))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(600):
        if server.started:
            break
        time.sleep(0.05)
    assert server.started
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=20)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def served(painted_desk: PaintedDesk, gate: TwoSessions) -> Iterator[Served]:
    with serving(painted_desk.desk(gate)) as url:
        yield Served(url=url, token=gate.reader)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Debian's chromium is not installed (scripts/test installs it)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """The browser without the tabs of earlier tests: they would go on drawing beside later ones."""
    kept = list(chromium.contexts)
    yield chromium
    for context in chromium.contexts:
        if context not in kept:
            context.close()


@pytest.fixture
def shots() -> Path | None:
    """Where pictures of the page go, if anywhere."""
    folder = os.environ.get(SHOTS)
    if folder is None:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)
