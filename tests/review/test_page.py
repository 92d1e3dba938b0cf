"""The slide view in a real browser: what lies over the slide is where it belongs, to the pixel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pathology.review.page_files import PAGE
from tests.review.conftest import Served
from tests.review.painted_desk import PaintedDesk
from tests.review.screen import Page, opened

WORDS = {lang: json.loads((PAGE / f"words.{lang}.json").read_text()) for lang in ("en", "zh")}
MIDDLE = (750.0, 550.0)


def slides_of(desk: PaintedDesk) -> str:
    return desk.address.replace("/results/", "/slides/")


@pytest.fixture(scope="module")
def page(chromium: Any, served: Served, painted_desk: PaintedDesk) -> Iterator[Page]:
    """One tab for all tests that leave it as it was."""
    with opened(chromium, served, slides_of(painted_desk)) as found:
        yield found


@pytest.fixture
def fresh(page: Page) -> Page:
    """The tab, the whole slide upright in sight, nothing chosen."""
    page.press("Escape", "u", "0")
    return page


def centroids(
    weight: NDArray[np.floating], around: NDArray[np.float64], reach: float
) -> NDArray[np.float64]:
    """Weighted centre (n, 2) of what lies within ``reach`` of places (n, 2), x and y in px.

    The middle of the first pixel is (0.5, 0.5). NaN where there is nothing.
    """
    found = np.full(around.shape, np.nan)
    for n, (x, y) in enumerate(around):
        top, left = int(y - reach), int(x - reach)
        part = weight[top : int(y + reach) + 1, left : int(x + reach) + 1]
        row, column = np.mgrid[: part.shape[0], : part.shape[1]] + 0.5
        near = np.hypot(column + left - x, row + top - y) <= reach
        total = part[near].sum()
        if total > 0:
            found[n] = (
                (column[near] * part[near]).sum() / total + left,
                (row[near] * part[near]).sum() / total + top,
            )
    return found


def in_sight(page: Page, desk: PaintedDesk, margin: float, dense: float) -> NDArray[np.float64]:
    """Device px (n, 2) of counted painted nuclei that lie wholly on the stage."""
    counted = desk.painting.centres_px[:, 0] <= 1500 - 160
    at = page.screen(desk.painting.centres_px[counted]) * dense
    width, height = page.size()
    inside = (at > margin).all(axis=1) & (at < dense * np.array([width, height]) - margin).all(
        axis=1
    )
    for left, top, right, bottom in page.covered() * dense:
        (x, y) = at.T
        hidden = (
            (x > left - margin) & (x < right + margin) & (y > top - margin) & (y < bottom + margin)
        )
        inside &= ~hidden
    return np.asarray(at[inside])


@pytest.mark.parametrize(
    ("power", "turned", "dense"),
    [(11, 0, 1), (15, 37, 1), (40, 200, 1), (15, 90, 2)],
)
def test_nuclei_lie_where_they_are_on_the_slide(
    power: float,
    turned: float,
    dense: int,
    browser: Any,
    served: Served,
    painted_desk: PaintedDesk,
    page: Page,
) -> None:
    if dense == 1:
        aligned(page, painted_desk, power, turned, dense)
        return
    with opened(browser, served, slides_of(painted_desk), device_scale_factor=dense) as other:
        aligned(other, painted_desk, power, turned, dense)


def aligned(page: Page, desk: PaintedDesk, power: float, turned: float, dense: int) -> None:
    """The overlay and the slide's own pixels have the same middle, nucleus by nucleus."""
    page.go(power, *MIDDLE, turned=turned)
    radius = desk.painting.radius_um / desk.painting.mpp * page.desk("scan.frame().scale") * dense
    at = in_sight(page, desk, 2 * radius + 4, dense)
    assert len(at) > 20
    cover = page.overlay("points")[..., 3].astype(float) + page.overlay("outlines")[..., 3]
    drawn = centroids(cover, at, 1.3 * radius + 0.5)
    page.press("o")
    dark = np.clip(190.0 - page.seen().astype(float)[..., 0], 0, None)
    page.press("o")
    own = centroids(dark, at, 1.3 * radius + 0.5)
    off = np.hypot(*(drawn - own).T)
    assert np.isfinite(off).all(), "a nucleus is not drawn"
    assert np.median(off) < 0.5
    assert off.max() < 1.0


def close_to(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    """How many pixels (rows, columns, 3) have a colour, nearly."""
    return int((np.abs(pixels.astype(int) - colour).sum(axis=2) < 20).sum())


BLUE = (0, 114, 178)  # of a field


def test_hidden_overlays_are_gone_from_the_screen(fresh: Page) -> None:
    """A browser may leave the old picture where a frame does nothing but clear."""
    fresh.go(15, *MIDDLE, turned=37)
    assert close_to(fresh.seen(), BLUE) > 1000
    fresh.press("o")
    hidden = fresh.seen()
    fresh.press("o")
    assert close_to(hidden, BLUE) == 0


def test_opacity_and_legend_are_those_of_the_layer(fresh: Page) -> None:
    fresh.tab.click("#tab-layers")
    assert "1,260" not in fresh.text("#layers")  # 1,100 or so are counted, the others left out
    colours = fresh.tab.evaluate(
        "[...document.querySelectorAll('#layers .swatch')].map((s) => "
        "getComputedStyle(s).getPropertyValue('--colour'))"
    )
    assert "rgb(213 94 0)" in colours
    full = fresh.overlay("points")[..., 3].max()
    slider = fresh.tab.locator("section.layer", has=fresh.tab.locator("#layer-nuclei"))
    slider.locator("input[type=range]").fill("40")
    fresh.rest()
    faint = fresh.overlay("points")[..., 3].max()
    slider.locator("input[type=range]").fill("100")
    fresh.rest()
    assert full == 255
    assert faint == pytest.approx(0.4 * 255, abs=2)
    fresh.tab.click("label[for=layer-nuclei]")
    fresh.rest()
    assert not fresh.overlay("points").any()
    fresh.tab.click("label[for=layer-nuclei]")
    fresh.tab.click("#tab-findings")
    fresh.rest()
    assert fresh.overlay("points").any()


def test_a_density_lies_where_positive_nuclei_are(fresh: Page) -> None:
    fresh.press("h")
    ground = fresh.overlay("ground")
    fresh.press("h")
    ((x, y),) = fresh.screen(np.array([MIDDLE])).astype(int)
    assert ground[y, x, 3] == pytest.approx(0.6 * 255, abs=2)
    assert fresh.overlay("ground")[y, x, 3] == 0


def test_a_click_tells_the_nucleus(fresh: Page, painted_desk: PaintedDesk) -> None:
    truth = painted_desk.painting
    n = int(np.hypot(*(truth.centres_px - MIDDLE).T).argmin())
    fresh.go(40, *truth.centres_px[n])
    fresh.click(*truth.centres_px[n])
    said = fresh.text("#nucleus")
    assert "87.5 %" in said
    assert ("positive" if truth.brown[n] else "negative") in said
    assert ("0.5" if truth.brown[n] else "0.05") in said
    assert f"Number\n{n}" in said
    fresh.press("Escape")
    assert not fresh.tab.is_visible("#nucleus-box")


def test_a_drawn_region_is_counted(fresh: Page, painted_desk: PaintedDesk) -> None:
    corners = [(303.5, 203.5), (1003.5, 203.5), (1003.5, 803.5), (303.5, 803.5)]
    fresh.press("d")
    for corner in corners:
        fresh.click(*corner)
    fresh.press("Enter")
    fresh.tab.wait_for_selector("#assist article")
    drawn = np.array(fresh.desk("desk.drawing.outline"))
    assert np.abs(drawn - corners).max() < 2  # half a screen pixel is a slide's pixel here
    x, y = painted_desk.painting.centres_px.T
    (left, top), (right, bottom) = drawn.min(axis=0), drawn.max(axis=0)
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    brown = (inside & painted_desk.painting.brown).sum()
    assert f"{brown} of {inside.sum()} nuclei" in fresh.text("#assist")
    assert fresh.overlay("drawing").any()
    fresh.press("Escape")
    assert fresh.desk("desk.drawing.outline") == []


def test_everything_is_said_in_the_language_of_the_reader(fresh: Page, shots: Path | None) -> None:
    fresh.shot(shots, "slide-en")
    for tab in ("findings", "layers", "excluded", "assist"):
        fresh.tab.click(f"#tab-{tab}")
        assert WORDS["en"][f"tab.{tab}"] == fresh.text(f"#tab-{tab}")
    fresh.press("l")
    try:
        for tab in ("assist", "excluded", "layers", "findings"):
            fresh.tab.click(f"#tab-{tab}")
            assert WORDS["zh"][f"tab.{tab}"] == fresh.text(f"#tab-{tab}")
        assert WORDS["zh"]["provisional"] in fresh.text("#findings")
        assert fresh.tab.get_attribute("html", "lang") == "zh-Hans"
        fresh.shot(shots, "slide-zh")
    finally:
        fresh.press("l")
    assert WORDS["en"]["provisional"] in fresh.text("#findings")


def test_light_and_dark(fresh: Page, shots: Path | None) -> None:
    def ground() -> str:
        found: str = fresh.tab.evaluate("getComputedStyle(document.body).backgroundColor")
        return found

    light = ground()
    fresh.press("k")
    fresh.shot(shots, "slide-dark")
    dark = ground()
    fresh.press("k")
    assert (light, dark, ground()) == ("rgb(244, 245, 247)", "rgb(21, 24, 28)", light)


def laid_out(page: Page) -> None:
    """Nothing sticks out of the window, and no tool lies over another."""
    told = page.tab.evaluate(
        """() => ({
          wide: document.documentElement.scrollWidth, high: document.documentElement.scrollHeight,
          width: innerWidth, height: innerHeight,
          tools: [...document.querySelectorAll(".tools button")]
            .map((b) => b.getBoundingClientRect()).map((r) => [r.left, r.top, r.right, r.bottom]),
          stage: document.querySelector("#scan").getBoundingClientRect().width,
        })"""
    )
    assert (told["wide"], told["high"]) == (told["width"], told["height"])
    assert told["stage"] > 0.6 * told["width"]
    for (_, _, right, _), (left, top, _, bottom) in zip(
        told["tools"], told["tools"][1:], strict=False
    ):
        assert right <= left + 0.5
        assert 0 < top < bottom


def test_it_fits_a_small_screen(fresh: Page) -> None:
    laid_out(fresh)


@pytest.mark.slow
def test_it_fits_a_large_screen(
    browser: Any, served: Served, painted_desk: PaintedDesk, shots: Path | None
) -> None:
    size = {"width": 3840, "height": 2160}
    with opened(browser, served, slides_of(painted_desk), language="zh-CN", viewport=size) as page:
        laid_out(page)
        assert WORDS["zh"]["provisional"] in page.text("#findings")
        page.shot(shots, "slide-4k")
