"""A link to a view of a slide: the same place again, after signing in, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.access import PASSWORD
from tests.review.case_desk import READER, SECOND, DraftedDesk, drafted_desk
from tests.review.conftest import serving
from tests.review.painted_desk import PaintedDesk
from tests.review.test_case_page import shot, tab_of, until

PATIENCE_MS = 120_000


@pytest.fixture
def drafted(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[DraftedDesk]:
    with drafted_desk(painted_desk, tmp_path) as opened:
        yield opened


def slide_of(drafted: DraftedDesk) -> str:
    return drafted.real.painted.address.replace("/results/", "/slides/", 1)


def place(tab: Any) -> tuple[float, float, float, float]:
    """Centre in µm, power and rotation, from the page's own frame."""
    until(tab, "window.pathologyDesk && window.pathologyDesk.scan.settled()")
    told = tab.evaluate(
        """() => {
          const {scan} = window.pathologyDesk, view = scan.viewer.viewport;
          const item = scan.viewer.world.getItemAt(0), {mpp} = scan.slide;
          const at = item.viewportToImageCoordinates(view.getCenter(true));
          return [at.x * mpp, at.y * mpp, scan.power(scan.frame()), view.getRotation()];
        }"""
    )
    return tuple(told)  # type: ignore[return-value]


def test_a_link_opens_at_its_place_after_signing_in(drafted: DraftedDesk, browser: Any) -> None:
    with serving(drafted.desk) as url:
        first = tab_of(browser, url, READER)
        first.goto(f"{url}{slide_of(drafted)}#x=300&y=200&power=20&turn=90")
        first.wait_for_selector("body[data-ready=true]")
        assert place(first) == pytest.approx((300, 200, 20, 90), abs=0.6)
        first.evaluate(
            """() => {
              const {viewer, slide: {mpp}} = window.pathologyDesk.scan;
              const item = viewer.world.getItemAt(0);
              viewer.viewport.panTo(item.imageToViewportCoordinates(250 / mpp, 350 / mpp), true);
            }"""
        )
        there = place(first)
        assert there == pytest.approx((250, 350, 20, 90), abs=0.6)
        first.click("#link")
        until(first, "document.querySelector('#status').textContent !== ''")
        link = first.url
        assert "#x=" in link
        other = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        other.set_default_timeout(PATIENCE_MS)
        other.goto(link)
        other.wait_for_selector("#name")
        assert "/sign-in?to=" in other.url, "the page without its place: a # is sent to no server"
        assert "#x=" in other.url, "the browser keeps it"
        other.fill("#name", READER)
        other.fill("#password", PASSWORD)
        other.click("button[type=submit]")
        other.wait_for_selector("body[data-ready=true] #scan")
        assert place(other) == pytest.approx(there, abs=0.6)


@pytest.mark.parametrize(
    "hash_", ["x=1&y=2", "x=a&y=2&power=1", "x=1e999&y=1&power=1", "x=1&y=1&power=0", "region=no"]
)
def test_a_link_to_nowhere_shows_the_slide(drafted: DraftedDesk, browser: Any, hash_: str) -> None:
    with serving(drafted.desk) as url:
        tab = tab_of(browser, url, READER)
        tab.goto(f"{url}{slide_of(drafted)}")
        tab.wait_for_selector("body[data-ready=true]")
        home = place(tab)
        tab.goto(f"{url}/")
        tab.goto(f"{url}{slide_of(drafted)}#{hash_}")
        tab.wait_for_selector("body[data-ready=true]")
        assert place(tab) == pytest.approx(home, abs=0.6)


def test_a_place_far_off_the_slide_is_brought_to_its_edge(
    drafted: DraftedDesk, browser: Any
) -> None:
    with serving(drafted.desk) as url:
        tab = tab_of(browser, url, READER)
        tab.goto(f"{url}{slide_of(drafted)}#x=-900&y=9e9&power=20")
        tab.wait_for_selector("body[data-ready=true]")
        x, y, _, _ = place(tab)
        assert -1 <= x <= 1
        assert y <= 551


@pytest.mark.parametrize(
    "to", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "/sign-out"]
)
def test_signing_in_leads_to_no_other_place(drafted: DraftedDesk, browser: Any, to: str) -> None:
    with serving(drafted.desk) as url:
        tab = browser.new_context().new_page()
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto(f"{url}/sign-in?to={quote(to, safe='')}")
        tab.fill("#name", READER)
        tab.fill("#password", PASSWORD)
        tab.click("button[type=submit]")
        tab.wait_for_url(f"{url}/")


def test_a_note_on_a_view_is_read_by_a_colleague_at_its_place(
    drafted: DraftedDesk, browser: Any, shots: Path | None
) -> None:
    with serving(drafted.desk) as url:
        tab = tab_of(browser, url, READER)
        tab.goto(f"{url}/cases/{drafted.case}")  # looking puts it on the desk
        tab.wait_for_selector("body[data-ready=true]")
        tab.goto(f"{url}{slide_of(drafted)}#x=300&y=200&power=40")
        tab.wait_for_selector("body[data-ready=true]")
        there = place(tab)
        tab.click("#note")
        tab.fill("#note-text", "Look at this gland. 请看此腺体。")
        shot(tab, shots, "note-en")
        tab.locator("dialog.note button[type=submit]").click()
        tab.wait_for_selector("dialog.note", state="detached")
        other = tab_of(browser, url, SECOND)
        other.goto(f"{url}/cases/{drafted.case}")
        other.wait_for_selector("#notes li")
        assert "Look at this gland. 请看此腺体。" in other.inner_text("#notes")
        shot(other, shots, "notes-on-case-en")
        other.locator("#notes a").click()
        other.wait_for_selector("body[data-ready=true] #scan")
        assert place(other)[:2] == pytest.approx(there[:2], abs=2)
