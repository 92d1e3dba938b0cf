"""The way in before its script has come: nothing that was typed gets into an address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.access import PASSWORD
from tests.review.conftest import serving
from tests.review.painted_desk import PaintedDesk
from tests.review.real_desk import real_desk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(painted_desk: PaintedDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("door")
    with real_desk(painted_desk, folder) as real, serving(real.desk()) as address:
        yield address


def typed(tab: Any, url: str) -> None:
    tab.goto(f"{url}/sign-in")
    tab.fill("#name", "reader")
    tab.fill("#password", PASSWORD)


def test_without_its_script_it_sends_nothing(browser: Any, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    typed(tab, url)
    assert tab.locator("#enter").is_disabled()
    tab.press("#password", "Enter")
    tab.wait_for_timeout(500)
    assert tab.url == f"{url}/sign-in"


def test_the_browser_may_send_no_form_by_itself(browser: Any, url: str) -> None:
    """Not even where a button could be pressed: the policy of every page forbids it."""
    context = browser.new_context()
    tab = context.new_page()
    asked: list[str] = []
    typed(tab, url)
    tab.wait_for_selector("body[data-ready=true]")
    tab.on("request", lambda request: asked.append(request.url))
    tab.evaluate("document.querySelector('#entry').submit()")
    tab.wait_for_timeout(500)
    assert (tab.url, asked) == (f"{url}/sign-in", [])


def test_a_slow_script_loses_no_click(browser: Any, url: str) -> None:
    """Somebody quick waits for the button, and is then let in or told why not."""
    context = browser.new_context()
    tab = context.new_page()
    tab.route("**/sign-in.js*", lambda route: (tab.wait_for_timeout(800), route.continue_()))
    tab.goto(f"{url}/sign-in", wait_until="commit")
    tab.fill("#name", "nobody")
    tab.fill("#password", "not a password")
    tab.click("#enter")
    tab.wait_for_selector("#told:not([hidden])")
    assert tab.url == f"{url}/sign-in"
