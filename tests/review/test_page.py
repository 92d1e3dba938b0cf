"""The page as a person uses it, in headless Chromium. Pixels are read back, not only numbers."""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.review.desk import Desk
from pathology.review.serve import Address, server_of
from tests.review.conftest import Served, free_port
from tests.review.painted_desk import SITE, PaintedDesk
from tests.review.sessions import COOKIE, TwoSessions

SMALL, LARGE = (1366, 768), (3840, 2160)
DESK = "window.pathologyDesk"


@dataclass
class Page:
    """A tab, and what its console said."""

    tab: Any
    said: list[str]

    def run(self, script: str, *given: Any) -> Any:
        return self.tab.evaluate(script, *given)

    def pixels(self) -> NDArray[np.uint8]:
        """The slide's part of the page, without what lies over the stage."""
        shot = self.tab.locator("#scan").screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def rest(self) -> None:
        """Until the view stands still and everything in sight was drawn."""
        self.tab.wait_for_function(
            f"""() => {{
                const {{scan}} = {DESK}; const item = scan.viewer.world.getItemAt(0);
                return item.getFullyLoaded() && !scan.viewer.isAnimating?.();
            }}"""
        )
        self.run(f"() => {{ {DESK}.scan.paint(); {DESK}.scan.rest(); }}")
        self.tab.wait_for_timeout(400)


@pytest.fixture
def open_page(browser: Any, served: Served) -> Iterator[Callable[..., Page]]:
    """Opens a page in a fresh profile; at the end its console must have been silent."""
    pages: list[tuple[Any, Page]] = []

    def opened(
        path: str,
        *,
        size: tuple[int, int] = SMALL,
        language: str = "en",
        looks: str = "light",
        dense: float = 1,
        at: Served = served,
    ) -> Page:
        profile = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="zh-CN" if language == "zh" else "en-GB",
            color_scheme=looks,
            device_scale_factor=dense,
            reduced_motion="reduce",
        )
        profile.set_default_timeout(90_000)
        profile.add_cookies([{"name": COOKIE, "value": at.token, "url": at.url}])
        tab = profile.new_page()
        page = Page(tab=tab, said=[])
        tab.on("console", lambda m: page.said.append(f"{m.type}: {m.text}"))
        tab.on("pageerror", lambda e: page.said.append(f"error: {e}"))
        tab.on("dialog", lambda d: (page.said.append(f"dialog: {d.message}"), d.dismiss()))
        pages.append((profile, page))
        tab.goto(at.url + path)
        tab.wait_for_selector("body[data-ready=true]")
        return page

    yield opened
    for profile, page in pages:
        profile.close()
        loud = [s for s in page.said if s.startswith(("error", "dialog"))]
        assert not loud


@pytest.fixture
def slide_path(painted_desk: PaintedDesk) -> str:
    return painted_desk.address.replace("/results/", "/slides/")


def stand(page: Page, *, power: float, turned: float, centre: tuple[float, float]) -> None:
    """Look at a place, at once."""
    page.run(
        f"""([power, turned, x, y]) => {{
            const {{scan}} = {DESK}; const view = scan.viewer.viewport;
            const item = scan.viewer.world.getItemAt(0);
            view.setRotation(turned, true);
            const scale = power * scan.slide.mpp / 10 / devicePixelRatio;
            view.zoomTo(scale * scan.slide.width_px0 / view.getContainerSize().x, null, true);
            view.panTo(item.imageToViewportCoordinates(x, y), true);
        }}""",
        [power, turned, *centre],
    )
    page.rest()


def show_only(page: Page, *layers: str, tiles: bool = True) -> None:
    """Some layers and no other, over the tiles or over nothing."""
    page.run(
        f"""([shown, tiles]) => {{
            const {{scan, layers}} = {DESK};
            for (const [name, state] of layers.states) state.shown = shown.includes(name);
            scan.viewer.world.getItemAt(0).setOpacity(tiles ? 1 : 0);
            document.querySelector("[data-overlay=below]").hidden = !tiles;
            scan.viewer.navigator.element.style.display = "none";
            document.querySelector(".ruler").style.visibility = "hidden";
        }}""",
        [list(layers), tiles],
    )
    page.rest()


def blobs(mask: NDArray[np.bool_], least: int = 9) -> NDArray[np.float64]:
    """Middles (n, 2) x, y of what is whole in the picture and has ``least`` px, holes filled."""
    labels, number = ndimage.label(ndimage.binary_fill_holes(mask))
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    sizes = ndimage.sum_labels(mask, labels, range(1, number + 1))
    whole = [n for n in range(1, number + 1) if n not in edge and sizes[n - 1] >= least]
    middles = ndimage.center_of_mass(np.ones_like(labels), labels, whole)
    return np.array(middles, np.float64).reshape(-1, 2)[:, ::-1]


@pytest.mark.parametrize(
    ("power", "turned", "dense"),
    [(11, 0, 1), (11, 37, 1), (15, 90, 1), (30, 0, 1), (40, 37, 1), (24, 200, 2)],
)
def test_every_overlay_nucleus_lies_on_its_nucleus(
    power: float, turned: float, dense: float, open_page: Callable[..., Page], slide_path: str
) -> None:
    """Near to, outlines are drawn; from afar, points. Both within a pixel of the painted cells."""
    page = open_page(slide_path, dense=dense)
    show_only(page)
    stand(page, power=power, turned=turned, centre=(760, 540))
    slide = page.pixels().astype(int)
    painted = blobs(slide[:, :, 1] < 165)  # both dyes are darker in green than the ground is
    show_only(page, "nuclei", tiles=False)
    overlay = page.pixels().astype(int)
    drawn = blobs(np.abs(overlay - overlay[2, 2]).sum(axis=2) > 60, least=3)  # specks are small
    assert len(painted) > 20
    near, _ = cKDTree(drawn).query(painted)
    # Cells at the border may be cut in one picture and whole in the other.
    inner = np.all((painted > 25) & (painted < np.array(slide.shape[1::-1]) - 25), axis=1)
    assert near[inner].max() < 1.0
    assert np.median(near[inner]) < 0.5
    assert abs(len(drawn) - len(painted)) <= 0.15 * len(painted)


def test_classes_have_their_colours(
    open_page: Callable[..., Page], painted_desk: PaintedDesk
) -> None:
    page = open_page(painted_desk.address.replace("/results/", "/slides/"))
    stand(page, power=14, turned=0, centre=(700, 500))
    show_only(page, "nuclei", tiles=False)
    seen = page.pixels().astype(int)
    truth = painted_desk.painting
    at = np.array(
        page.run(
            f"points => points.map(([x, y]) => {{ const p = {DESK}.scan.frame().screen(x, y);"
            " return [p.x, p.y]; })",
            truth.centres_px.tolist(),
        )
    )
    height, width = seen.shape[:2]
    inside = (at > 20).all(axis=1) & (at[:, 0] < width - 20) & (at[:, 1] < height - 20)
    counted = inside & (truth.centres_px[:, 0] < 1500 - 160)
    for brown, hue in ((True, [213, 94, 0]), (False, [0, 114, 178])):
        chosen = counted & (truth.brown == brown)
        column, row = at[chosen].round().astype(int).T
        there = np.stack(
            [seen[row + dy, column + dx] for dy in range(-4, 5) for dx in range(-4, 5)], axis=1
        )
        off = np.abs(there - hue).sum(axis=2).min(axis=1)
        assert chosen.sum() > 50
        assert (off < 30).all()


def test_regions_and_maps_lie_where_they_are_told(
    open_page: Callable[..., Page], slide_path: str
) -> None:
    page = open_page(slide_path)
    stand(page, power=9, turned=0, centre=(750, 550))
    show_only(page, "field", tiles=False)
    page.run(f"() => {{ {DESK}.ground.names = null; {DESK}.ground.above.canvas.hidden = true; }}")
    seen = page.pixels().astype(int)
    blue = np.abs(seen - [0, 114, 178]).sum(axis=2) < 60
    rows, columns = np.nonzero(blue)
    told = page.run(
        f"""() => {{
            const {{scan, ground}} = {DESK}; const item = scan.viewer.world.getItemAt(0);
            const boxes = ground.regions.filter(r => r.kind === "field").map(r => r.bounds);
            const at = (x, y) =>
                item.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y));
            const a = at(Math.min(...boxes.map(b => b[0])), Math.min(...boxes.map(b => b[1])));
            const b = at(Math.max(...boxes.map(b => b[2])), Math.max(...boxes.map(b => b[3])));
            return [a.x, a.y, b.x, b.y];
        }}"""
    )
    drawn = [columns.min(), rows.min(), columns.max(), rows.max()]
    assert np.abs(np.array(drawn) - told).max() < 3  # the line is 3 px wide
    show_only(page, "tissue_class", tiles=False)
    page.tab.wait_for_timeout(500)
    page.rest()
    seen = page.pixels().astype(int)
    coloured = np.abs(seen - seen[2, 2]).sum(axis=2) > 30
    rows, columns = np.nonzero(coloured)
    told = page.run(
        f"""async () => {{
            const {{scan, ground}} = {DESK}; const item = scan.viewer.world.getItemAt(0);
            const map = ground.maps.find(m => m.name === "tissue_class");
            const canvas = new OffscreenCanvas(map.width, map.height);
            const c = canvas.getContext("2d");
            c.drawImage(ground.pictures.get("tissue_class"), 0, 0);
            const data = c.getImageData(0, 0, map.width, map.height).data;
            let [l, t, r, b] = [1e9, 1e9, 0, 0];
            for (let i = 0; i < map.width * map.height; i++) if (data[4 * i + 3]) {{
                const x = i % map.width, y = Math.floor(i / map.width);
                l = Math.min(l, x); r = Math.max(r, x + 1);
                t = Math.min(t, y); b = Math.max(b, y + 1);
            }}
            const at = (x, y) => item.imageToViewerElementCoordinates(
                new OpenSeadragon.Point(x * map.px0, y * map.px0));
            const p = at(l, t), q = at(r, b); return [p.x, p.y, q.x, q.y];
        }}"""
    )
    drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(np.array(drawn) - told).max() < 1.5


def test_the_scale_bar_measures_the_slide(
    open_page: Callable[..., Page], painted_desk: PaintedDesk, slide_path: str
) -> None:
    """Against the painting: cells of known places, found again in the picture."""
    page = open_page(slide_path)
    for power in (8, 20, 40):
        stand(page, power=power, turned=0, centre=(700, 500))
        width, um = page.run(
            "() => [document.getElementById('bar').getBoundingClientRect().width,"
            " Number(document.getElementById('bar').dataset.um)]"
        )
        assert um / width == pytest.approx(10 / power, rel=0.02)
        label = page.tab.locator("#bar-label").inner_text()
        assert label == f"{um:g} µm"
        assert page.tab.locator("#power").inner_text() == f"{power}×"


def test_a_click_says_what_is_known_of_a_nucleus(
    open_page: Callable[..., Page], painted_desk: PaintedDesk, slide_path: str
) -> None:
    page = open_page(slide_path)
    truth = painted_desk.painting
    number = int(np.flatnonzero(truth.brown & (np.abs(truth.centres_px[:, 0] - 700) < 60))[0])
    x, y = truth.centres_px[number].tolist()
    stand(page, power=30, turned=20, centre=(x, y))
    box = page.tab.locator("#scan").bounding_box()
    page.tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    text = page.tab.locator("#nucleus dl").inner_text()
    for told in ("tumour or other epithelium", "87.5 %", "positive", "0.5", "yes", str(number)):
        assert told in text
    left_out = int(np.flatnonzero(truth.centres_px[:, 0] > 1500 - 150)[0])
    x, y = truth.centres_px[left_out].tolist()
    stand(page, power=30, turned=0, centre=(x, y))
    page.tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.tab.wait_for_function(
        "n => document.querySelector('#nucleus')?.innerText.includes(n)", arg=str(left_out)
    )
    assert "no: out of focus" in page.tab.locator("#nucleus dl").inner_text()


def test_a_drawn_region_is_counted_as_it_was_painted(
    open_page: Callable[..., Page], painted_desk: PaintedDesk, slide_path: str, shots: Path | None
) -> None:
    page = open_page(slide_path)
    stand(page, power=10, turned=0, centre=(700, 500))
    page.tab.keyboard.press("d")
    box = page.tab.locator("#scan").bounding_box()
    for x, y in ((200, 120), (700, 150), (720, 520), (240, 560)):
        page.tab.mouse.click(box["x"] + x, box["y"] + y)
        page.tab.wait_for_timeout(350)
    page.tab.keyboard.press("Enter")
    text = page.tab.locator("#assist .finding").inner_text()
    outline = shapely.Polygon(page.run(f"() => {DESK}.drawing.outline"))
    truth = painted_desk.painting
    inside = shapely.contains_xy(outline, *truth.centres_px.T)
    part, whole = int((inside & truth.brown).sum()), int(inside.sum())
    assert whole > 200
    assert f"{part} of {whole} nuclei" in text
    assert "nothing is kept" in page.tab.locator("#assist").inner_text()
    if shots:
        page.tab.screenshot(path=shots / "counted.png")


def test_numbers_stand_with_their_intervals_and_limits(
    open_page: Callable[..., Page], painted_desk: PaintedDesk, slide_path: str
) -> None:
    page = open_page(slide_path)
    told = json.loads((painted_desk.folder / "findings.json").read_text())
    panel = page.tab.locator("#findings")
    assert "PROVISIONAL" in panel.inner_text()
    for finding in told["findings"]:
        card = panel.locator(f"[data-finding='{finding['name']}']")
        text = card.inner_text()
        if "value" in finding:
            assert f"{100 * finding['value']:.1f} %" in text
            assert f"{100 * finding['low']:.1f} % – {100 * finding['high']:.1f} %" in text
            assert "no category" in text
        else:
            assert "NOT MEASURABLE" in text
            assert finding["not_measurable"] in text
        card.locator("summary", has_text="How it was counted").click()
        for caveat in finding["caveats"]:
            assert caveat in card.inner_text()
    before = page.run(f"() => {DESK}.scan.frame().scale")
    panel.get_by_role("button", name="field 2").first.click()
    page.rest()
    assert page.run(f"() => {DESK}.scan.frame(false).scale") > before
    panel.get_by_role("button", name="Classical image analysis").click()
    assert "no network" in page.tab.locator("dialog.card").inner_text()


def test_everything_can_be_done_with_keys(open_page: Callable[..., Page], slide_path: str) -> None:
    page = open_page(slide_path)
    press = page.tab.keyboard.press
    press("3")
    page.tab.wait_for_timeout(900)
    assert page.run(f"() => Math.round({DESK}.scan.power({DESK}.scan.frame(false)))") == 20
    press("r")
    assert page.run(f"() => {DESK}.scan.viewer.viewport.getRotation(true)") == 90
    press("u")
    assert page.run(f"() => {DESK}.scan.viewer.viewport.getRotation(true)") == 0
    before = page.run(f"() => {DESK}.scan.frame(false).origin.x")
    press("ArrowRight")
    assert page.run(f"() => {DESK}.scan.frame(false).origin.x") < before
    press("n")
    assert page.run(f"() => {DESK}.layers.of('nuclei').shown") is False
    press("n")
    press("o")
    assert page.run(f"() => {DESK}.layers.of('nuclei').shown") is False
    press("o")
    press("[")
    assert page.run(f"() => {DESK}.layers.of('nuclei').opacity") == 0.9
    press("v")
    page.tab.locator("#assist .finding").wait_for()
    press("?")
    page.tab.locator("dialog.help").wait_for()
    press("Escape")
    page.tab.locator("#tab-findings").focus()
    press("ArrowRight")
    assert page.tab.locator("#tab-layers").get_attribute("aria-selected") == "true"


def test_both_languages_show_the_same_numbers(
    open_page: Callable[..., Page], slide_path: str
) -> None:
    import re

    page = open_page(slide_path)
    numbers = re.compile(r"\d[\d,.]*")

    def cards() -> list[list[str]]:
        found: list[str] = page.run(
            "() => [...document.querySelectorAll('#findings .finding')].map(c =>"
            " [...c.querySelectorAll('.value, .interval, td')].map(e => e.innerText).join(' '))"
        )
        return [sorted(numbers.findall(text)) for text in found]

    assert page.tab.locator(".banner").inner_text() == BANNER_EN
    english = cards()
    page.tab.keyboard.press("l")
    page.tab.wait_for_function("() => document.documentElement.lang === 'zh-Hans'")
    assert page.tab.locator(".banner").inner_text() == BANNER_ZH
    assert cards() == english
    assert any(english)
    page.tab.reload()
    page.tab.wait_for_selector("body[data-ready=true]")
    assert page.tab.locator(".banner").inner_text() == BANNER_ZH


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["1366", "4k"])
@pytest.mark.parametrize(("language", "looks"), [("en", "light"), ("zh", "dark")])
def test_the_page_fits_the_screen(
    size: tuple[int, int],
    language: str,
    looks: str,
    open_page: Callable[..., Page],
    slide_path: str,
    shots: Path | None,
) -> None:
    page = open_page(slide_path, size=size, language=language, looks=looks)
    wide, high = page.run("() => [document.body.scrollWidth, document.body.scrollHeight]")
    assert (wide, high) <= size
    cut = page.run(
        "() => [...document.querySelectorAll('button, h3, .value, label')].filter(e =>"
        " e.offsetParent && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert cut == []
    unnamed = page.run(
        "() => [...document.querySelectorAll('button, a, input, [role]')].filter(e =>"
        " !(e.ariaLabel || e.textContent.trim() || e.labels?.length ||"
        " e.getAttribute('aria-labelledby'))).map(e => e.outerHTML.slice(0, 80))"
    )
    assert unnamed == []
    if shots:
        page.rest()
        name = f"{size[0]}-{language}-{looks}"
        page.tab.screenshot(path=shots / f"slide-{name}.png")
        for tab in ("layers", "excluded"):
            page.tab.locator(f"#tab-{tab}").click()
            page.tab.screenshot(path=shots / f"{tab}-{name}.png")


def test_the_list_leads_to_the_slide(
    open_page: Callable[..., Page], painted_desk: PaintedDesk, shots: Path | None
) -> None:
    page = open_page("/", language="zh")
    row = page.tab.locator("tbody tr")
    assert row.count() == 1
    assert "暂定" in row.inner_text()
    if shots:
        page.tab.screenshot(path=shots / "list.png")
    page.tab.get_by_role("link", name=painted_desk.slide_id).click()
    page.tab.wait_for_selector("body.slide[data-ready=true]")


HOSTILE = (
    "<img src=x onerror=\"window.hacked=1;alert('x')\">{{7*7}}</script><script>alert(1)</script>"
)


@contextmanager
def serving(desk: Desk, token: str) -> Iterator[Served]:
    port = free_port()
    server = server_of(desk, Address(host="127.0.0.1", port=port))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield Served(url=f"http://127.0.0.1:{port}", token=token)
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture
def hostile(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[tuple[Served, str]]:
    """A result whose every free text is an attack."""
    folder = tmp_path / "out" / "hostile-00000000" / painted_desk.folder.name
    shutil.copytree(painted_desk.folder, folder)
    told = json.loads((folder / "findings.json").read_text())
    told["case_id"] = told["slide"]["marker"] = told["author"] = HOSTILE
    told["slide"]["file"] = HOSTILE + ".svs"
    told["quality"]["flags"] = [HOSTILE]
    for finding in told["findings"]:
        finding["caveats"] = [HOSTILE]
        finding["protocol"] = finding["formula"] = HOSTILE
        finding["exclusions"] = {HOSTILE: 3}
        finding["regions"] = [HOSTILE[:60]]
        if "not_measurable" in finding:
            finding["not_measurable"] = HOSTILE
    for model in told["provenance"]["models"]:
        model["name"] = model["licence"] = HOSTILE
    (folder / "findings.json").write_text(json.dumps(told))
    regions = json.loads((folder / "regions.geojson").read_text())
    regions["features"][0]["properties"]["region_id"] = HOSTILE[:60]
    regions["features"][0]["properties"]["kind"] = "field"
    (folder / "regions.geojson").write_text(json.dumps(regions))
    evil = tmp_path / "out" / "<img src=x onerror=alert(1)>" / painted_desk.folder.name
    shutil.copytree(painted_desk.folder, evil)
    gate = TwoSessions()
    desk = Desk(
        results=tmp_path / "out", slide_of=lambda _: painted_desk.slide, settings=SITE, gate=gate
    )
    with serving(desk, gate.reader) as at:
        yield at, f"/slides/hostile-00000000/{folder.name}"


def test_hostile_names_stay_text(
    hostile: tuple[Served, str], open_page: Callable[..., Page]
) -> None:
    at, path = hostile
    page = open_page(path, at=at)
    assert HOSTILE in page.run("() => document.body.textContent")
    for tab in ("layers", "excluded", "assist"):
        page.tab.locator(f"#tab-{tab}").click()
    page.tab.keyboard.press("l")
    page.tab.wait_for_function("() => document.documentElement.lang === 'zh-Hans'")
    assert page.run("() => window.hacked") is None
    assert page.run("() => document.querySelectorAll('img[src=x], script:not([src])').length") == 0
    page.tab.goto(at.url + "/")
    page.tab.wait_for_selector("body[data-ready=true]")
    assert page.tab.locator("tbody tr").count() == 1  # a folder of such a name is no result
    assert HOSTILE in page.run("() => document.body.textContent")
    assert page.run("() => window.hacked") is None


def test_markup_is_refused_by_the_browser_itself(
    open_page: Callable[..., Page], slide_path: str
) -> None:
    """Should a slip ever turn text into markup, the policy of trusted types stops it."""
    page = open_page(slide_path)
    refused = page.run(
        "() => { try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); return false; }"
        " catch (e) { return e instanceof TypeError; } }"
    )
    assert refused is True
    page.said.clear()  # the console tells of the refusal
