"""The slide page in a real browser: waits for states, never for seconds; reads pixels back."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.review.conftest import Served
from tests.review.sessions import COOKIE

PATIENCE_MS = 120_000
NO_DESK = "/saw"  # the gate of two sessions knows no cases, so that nobody opens overlays for one
REST = """async () => {
  const {scan, open} = window.pathologyDesk;
  const state = () => {
    const done = [...document.images].every((i) => i.complete);
    return scan.settled() && open.number === 0 && done ? scan.paints : null;
  };
  for (let same = 0, last = null; same < 5;) {
    await new Promise(requestAnimationFrame);
    const now = state();
    same = now !== null && now === last ? same + 1 : 0;
    last = now;
  }
}"""


@dataclass(frozen=True)
class Page:
    """One tab on the slide view."""

    tab: Any  # playwright's

    def rest(self) -> None:
        """Until five frames in a row bring nothing new: no tile, answer or movement is awaited."""
        self.tab.evaluate(REST)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)
        self.rest()

    def desk(self, expression: str, given: Any = None) -> Any:
        """What an expression of the page's parts gives."""
        parts = "const desk = window.pathologyDesk; const {scan, layers, nuclei} = desk;"
        return self.tab.evaluate(f"(given) => {{ {parts} return ({expression}); }}", given)

    def go(self, power: float, x_px0: float, y_px0: float, *, turned: float = 0) -> None:
        """A magnification around a place of the slide."""
        self.tab.evaluate(
            """([power, x, y, turned]) => {
              const {scan} = window.pathologyDesk; const view = scan.viewer.viewport;
              view.setRotation(turned, true);
              scan.magnify(power);
              view.panTo(scan.viewer.world.getItemAt(0).imageToViewportCoordinates(x, y), true);
              view.zoomTo(view.getZoom(), null, true);
            }""",
            [power, x_px0, y_px0, turned],
        )
        self.rest()

    def screen(self, points_px0: NDArray[np.float64]) -> NDArray[np.float64]:
        """CSS px of the stage (n, 2) of places of the slide."""
        told = self.desk(
            "given.map(([x, y]) => { const p = scan.frame().screen(x, y); return [p.x, p.y]; })",
            points_px0.tolist(),
        )
        return np.array(told).reshape(-1, 2)

    def at(self, x_px0: float, y_px0: float) -> tuple[float, float]:
        """Place on the screen, CSS px, of a place of the slide."""
        box = self.tab.locator("#scan").bounding_box()
        ((x, y),) = self.screen(np.array([[x_px0, y_px0]]))
        return box["x"] + x, box["y"] + y

    def click(self, x_px0: float, y_px0: float) -> None:
        self.tab.mouse.click(*self.at(x_px0, y_px0))
        self.rest()

    def overlay(self, name: str) -> NDArray[np.uint8]:
        """Pixels (rows, columns, 4) of an overlay in device px; 0 where it is not shown."""
        url = self.tab.evaluate(
            """(name) => {
              const canvas = document.querySelector(`#scan canvas[data-overlay=${name}]`);
              return canvas.hidden ? "" : canvas.toDataURL("image/png");
            }""",
            name,
        )
        if not url:
            width, height, dense = self.desk(
                "[scan.frame().width, scan.frame().height, scan.frame().dense]"
            )
            return np.zeros((round(height * dense), round(width * dense), 4), np.uint8)
        return picture(base64.b64decode(url.partition(",")[2]), "RGBA")

    def seen(self) -> NDArray[np.uint8]:
        """What is on the stage, (rows, columns, 3) in device px."""
        return picture(self.tab.locator("#scan").screenshot(), "RGB")

    def size(self) -> tuple[float, float]:
        """Of the stage, CSS px."""
        width, height = self.desk("[scan.frame().width, scan.frame().height]")
        return width, height

    def covered(self) -> NDArray[np.float64]:
        """Boxes (n, 4) of the stage that something stands on: left, top, right, bottom, CSS px."""
        told = self.tab.evaluate(
            """() => {
              const stage = document.querySelector("#scan").getBoundingClientRect();
              return [...document.querySelectorAll(".ruler, .navigator, #nucleus-box")]
                .map((e) => e.getBoundingClientRect()).filter((r) => r.width)
                .map((r) => [r.left - stage.left, r.top - stage.top,
                             r.right - stage.left, r.bottom - stage.top]);
            }"""
        )
        return np.array(told).reshape(-1, 4)

    def text(self, selector: str) -> str:
        found: str = self.tab.locator(selector).inner_text()
        return found

    def shot(self, folder: Path | None, name: str) -> None:
        if folder is not None:
            self.tab.screenshot(path=folder / f"{name}.png")


def told_by(message: Any) -> str:
    """A line of the console and what it is about."""
    return f"{message.text} {message.location.get('url', '')}"


def picture(content: bytes, mode: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)).convert(mode))


@contextmanager
def opened(
    browser: Any,
    served: Served,
    path: str,
    *,
    language: str = "en",
    expected: tuple[str, ...] = (),
    **profile: Any,
) -> Iterator[Page]:
    """A tab of its own on a page of the server; any error of the page's scripts fails the test,
    but those that hold a word of ``expected``."""
    size = {"viewport": {"width": 1366, "height": 768}, "locale": language}
    context = browser.new_context(**(size | profile))
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([{"name": COOKIE, "value": served.token, "url": served.url}])
    tab = context.new_page()
    problems: list[str] = []
    tab.on("pageerror", lambda problem: problems.append(str(problem)))
    tab.on("console", lambda m: problems.append(told_by(m)) if m.type == "error" else None)
    try:
        tab.goto(served.url + path)
        tab.wait_for_selector("body[data-ready=true]")
        page = Page(tab)
        page.rest()
        yield page
        known = (*expected, NO_DESK)
        assert [p for p in problems if not any(word in p for word in known)] == []
    finally:
        context.close()
