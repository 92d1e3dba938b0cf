"""A correction made in a real browser: by hand and by keys, foreseen, undone, reloaded, kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pathology.review.serve import Address, server_of
from tests.review.conftest import Served, free_port
from tests.review.painted_desk import PaintedDesk
from tests.review.screen import Page, opened
from tests.review.sessions import ACTS, TwoSessions

CORNERS = [(303.5, 203.5), (1003.5, 203.5), (1003.5, 803.5), (303.5, 803.5)]


@pytest.fixture(scope="module")
def own(painted_desk: PaintedDesk, tmp_path_factory: pytest.TempPathFactory) -> PaintedDesk:
    return painted_desk.copied(tmp_path_factory.mktemp("corrected"))


@pytest.fixture(scope="module")
def desk(own: PaintedDesk, gate: TwoSessions) -> Iterator[Served]:
    port = free_port()
    server = server_of(own.desk(gate), Address(host="127.0.0.1", port=port))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield Served(url=f"http://127.0.0.1:{port}", token=gate.reader)
    server.should_exit = True
    thread.join(timeout=20)


def foreseen(page: Page, name: str = "ki67.global") -> str:
    """What the table says of a finding after the correction."""
    page.tab.wait_for_selector("#foreseen")
    return page.text(f"#foreseen [data-finding='{name}'] td:last-child")


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def held_by(own: PaintedDesk, page: Page) -> Any:
    """Painted nuclei in the one drawn region."""
    (ring,) = page.desk("desk.correct.parts.edits.now.areas[0].polygons[0]")
    (left, top), (right, bottom) = np.min(ring, axis=0), np.max(ring, axis=0)
    x, y = own.painting.centres_px.T
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def test_a_correction_from_the_first_corner_to_the_new_result(
    browser: Any, desk: Served, own: PaintedDesk, shots: Path | None
) -> None:
    brown = own.painting.brown
    address = own.address.replace("/results/", "/slides/")
    with opened(browser, desk, address) as page:
        page.press("e", "a")
        for corner in CORNERS:
            page.click(*corner)
        page.press("Enter")
        held = held_by(own, page)
        assert foreseen(page).startswith(percent((held & brown).sum(), held.sum()))

        # The right edge, by its two corners, by hand: dragged to the left.
        page.press(".", ".")
        start, end = page.at(*CORNERS[1]), page.at(853.5, 203.5)
        page.tab.mouse.move(*start)
        page.tab.mouse.down()
        page.tab.mouse.move(*end, steps=4)
        page.tab.mouse.up()
        page.rest()
        ring = page.desk("desk.correct.parts.edits.now.areas[0].polygons[0][0]")
        assert np.hypot(*(np.array(ring[1]) - (853.5, 203.5))) < 3
        page.press("z")
        ring = page.desk("desk.correct.parts.edits.now.areas[0].polygons[0][0]")
        assert np.hypot(*(np.array(ring[1]) - CORNERS[1])) < 3
        assert foreseen(page).startswith(percent((held & brown).sum(), held.sum()))

        # All of it, by keys.
        before = np.array(ring)
        page.press("Escape", "j", "Shift+ArrowRight", "Shift+ArrowDown")
        moved = np.array(page.desk("desk.correct.parts.edits.now.areas[0].polygons[0][0]"))
        assert ((moved - before) > 1).all()
        page.press("z", "z")

        # A nucleus in the region, by a click and a key.
        n = int(np.flatnonzero(held & ~brown)[10])
        page.go(40, *own.painting.centres_px[n])
        page.click(*own.painting.centres_px[n])
        page.press("p", "Escape")
        wanted = percent((held & brown).sum() + 1, held.sum())
        assert foreseen(page).startswith(wanted)
        page.press("0")
        page.shot(shots, "correct-en")
        wide = "(e) => e.scrollWidth <= e.clientWidth"
        assert page.tab.locator("#correct").evaluate(wide), "nothing is cut off at the right"

        # A reload loses nothing, and asks before it happens.
        asked: list[str] = []
        page.tab.on("dialog", lambda d: (asked.append(d.type), d.accept()))
        page.tab.reload()
        page.tab.wait_for_selector("body[data-ready=true]")
        page.rest()
        assert asked == ["beforeunload"]
        assert page.tab.is_visible("#correct")
        assert foreseen(page).startswith(wanted)

        assert page.tab.is_disabled("#correct-keep")
        page.tab.select_option("#correct-why", "region")
        with page.tab.expect_navigation():
            page.tab.click("#correct-keep")
        page.tab.wait_for_selector("body[data-ready=true]")
        page.rest()
        assert address not in page.tab.url
        assert asked == ["beforeunload"], "what is kept is not warned of"
        assert wanted in page.text("#findings [data-finding='ki67.global'] .value")
        assert page.tab.evaluate("sessionStorage.length") == 0
        page.tab.goto(desk.url + address)
        page.tab.wait_for_selector("body[data-ready=true]")
        page.press("e")
        assert "reader" in page.text("#correct .warn")
        page.press("l")
        page.shot(shots, "correct-zh")


def test_a_lasso_and_a_moved_field(browser: Any, desk: Served, own: PaintedDesk) -> None:
    path = own.address.replace("/results/", "/slides/")
    with opened(browser, desk, path, expected=("422",)) as page:
        page.press("s")
        for corner in CORNERS:
            page.click(*corner)
        page.press("Enter")
        cells = page.desk("desk.correct.chosen.cells")
        x, y = own.painting.centres_px.T
        inside = (x > 306) & (x < 1001) & (y > 206) & (y < 801)
        assert set(np.flatnonzero(inside)) <= set(cells)
        blue = np.flatnonzero(inside & ~own.painting.brown)
        page.press("p")
        page.tab.wait_for_selector("#foreseen")
        at = page.screen(own.painting.centres_px[blue]).astype(int)
        points = page.overlay("points")[at[:, 1], at[:, 0], :3].astype(int)
        assert (np.abs(points - (213, 94, 0)).sum(axis=1) < 20).all(), "shown as they are called"

        page.tab.click("#edit-field-1")
        page.press("Shift+ArrowRight")
        assert "field-1" in page.desk("desk.correct.parts.edits.now.places")
        assert page.overlay("corrections").any()
        page.tab.wait_for_selector("#correct .warn")  # no tumour region was drawn yet
        page.press("z", "z")
        assert page.desk("desk.correct.parts.edits.dirty") is False


def test_who_may_not_correct_sees_no_such_tab(
    browser: Any, own: PaintedDesk, gate: TwoSessions, monkeypatch: pytest.MonkeyPatch, desk: Served
) -> None:
    monkeypatch.setitem(ACTS, "reader", ACTS["reader"] - {"correct-result"})
    with opened(
        browser, desk, own.address.replace("/results/", "/slides/"), expected=("404",)
    ) as page:
        assert not page.tab.is_visible("#tab-correct")
        page.press("e")
        assert page.tab.is_visible("#findings")
