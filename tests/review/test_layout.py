"""Every page on a small and on a large screen, in both languages: nothing overlaps, nothing is cut.

With ``PATHOLOGY_PICTURES`` (scripts/pictures) the pictures of the guides are made on the way.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pathology.nightly.at_the_page import NightAtPage
from pathology.nightly.options import load_night_settings
from tests.oidc_provider import oidc_provider
from tests.review.case_desk import READER, SECOND, DraftedDesk, drafted_desk
from tests.review.conftest import SHOTS, free_port, serving
from tests.review.layout import faults
from tests.review.painted_desk import PaintedDesk
from tests.review.test_case_page import decide_everything, kept, open_overlays, tab_of, until

SCREENS = ((1366, 768), (3840, 2160))
LANGUAGES = {"en": "en", "zh": "zh-Hans"}
PICTURES = "PATHOLOGY_PICTURES"
pytestmark = pytest.mark.slow


def keep_picture(tab: Any, name: str) -> None:
    """A picture of the small screen for the guides, in few colours: a fourth of the bytes."""
    folder = os.environ.get(PICTURES)
    if folder is not None:
        picture = Image.open(io.BytesIO(tab.screenshot(full_page=True))).convert("RGB")
        few = picture.quantize(64, dither=Image.Dither.NONE)
        few.save(Path(folder) / f"{name}.png", optimize=True)


def looked_at(tab: Any, name: str, *, picture: bool = True) -> list[str]:
    """Faults of what is shown now, on each screen in each language."""
    found = []
    for language, tag in LANGUAGES.items():
        speak(tab, tag)
        for width, height in reversed(SCREENS):
            tab.set_viewport_size({"width": width, "height": height})
            settle(tab)
            found += [f"{name} {language} {width}: {fault}" for fault in faults(tab)]
            if shots := os.environ.get(SHOTS):
                tab.screenshot(path=f"{shots}/{name}-{language}-{width}.png")
        if picture:
            keep_picture(tab, f"{name}-{language}")
    speak(tab, LANGUAGES["en"])
    return found


def speak(tab: Any, tag: str) -> None:
    if tab.evaluate("document.documentElement.lang") != tag:
        tab.evaluate("document.querySelector('#language').click()")  # a dialog may lie over it
        until(tab, "document.documentElement.lang === given", tag)


def settle(tab: Any) -> None:
    """Two frames after the size changed, and the slide at rest where there is one."""
    tab.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    if tab.locator("#scan").count():
        until(tab, "window.pathologyDesk.scan.settled()")


@pytest.fixture(scope="module")
def clinic(
    painted_desk: PaintedDesk, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, DraftedDesk]]:
    """A desk with a case, a night and a single sign-on, served."""
    port = free_port()
    folder = tmp_path_factory.mktemp("layout")
    with drafted_desk(painted_desk, folder) as drafted, oidc_provider() as provider:
        real = drafted.real
        real.person("auditor", "auditor")
        told = provider.settings(f"http://127.0.0.1:{port}")
        real.rules = replace(real.rules, single_sign_on=told)
        real.more["night"] = NightAtPage(settings=load_night_settings(), ledger=real.ledger)
        with serving(real.desk(), port) as url:
            yield url, drafted


@contextmanager
def tab_on(browser: Any, url: str, name: str) -> Iterator[Any]:
    tab = tab_of(browser, url, name)
    yield tab
    tab.context.close()


def ready(tab: Any) -> None:
    tab.wait_for_selector("body[data-ready=true]")


def test_the_way_in(clinic: tuple[str, DraftedDesk], browser: Any) -> None:
    url, _ = clinic
    context = browser.new_context(locale="en-GB")
    tab = context.new_page()
    tab.goto(f"{url}/sign-in")
    ready(tab)
    found = looked_at(tab, "sign-in")
    tab.fill("#name", "nobody")
    tab.fill("#password", "not a password")
    tab.click("#enter")
    tab.wait_for_selector("#told:not([hidden])")
    found += looked_at(tab, "turned-away", picture=False)
    context.close()
    assert found == []


def test_from_the_worklist_to_the_signature(clinic: tuple[str, DraftedDesk], browser: Any) -> None:
    url, drafted = clinic
    with tab_on(browser, url, READER) as tab:
        tab.wait_for_selector("#cases a")
        found = looked_at(tab, "worklist")
        tab.goto(f"{url}/night")
        ready(tab)
        found += looked_at(tab, "night", picture=False)
        tab.goto(f"{url}/cases/{drafted.case}")
        ready(tab)
        found += looked_at(tab, "case-new", picture=False)
        kept(tab, "#claim")
        row = tab.locator("tr[data-finding]").first
        row.locator("select").select_option("override")
        found += looked_at(tab, "case-override", picture=False)
        row.locator("select").select_option("accept")
        decide_everything(tab)
        if tab.locator("button.confirm").count():
            kept(tab, "button.confirm")
        open_overlays(tab)
        until(tab, "document.querySelector('#unready').children.length === 0")
        found += looked_at(tab, "case")
    assert found == []


@pytest.mark.parametrize("tab_name", ["findings", "layers", "excluded", "assist", "correct"])
def test_the_slide(tab_name: str, clinic: tuple[str, DraftedDesk], browser: Any) -> None:
    url, drafted = clinic
    with tab_on(browser, url, READER) as tab:
        tab.goto(url + drafted.real.painted.address.replace("/results/", "/slides/"))
        ready(tab)
        tab.click(f"#tab-{tab_name}")
        found = looked_at(tab, f"slide-{tab_name}", picture=tab_name == "findings")
    assert found == []


def test_broken_glass(clinic: tuple[str, DraftedDesk], browser: Any) -> None:
    url, drafted = clinic
    lodge = drafted.real.desk().lodge
    assert lodge is not None
    with tab_on(browser, url, "auditor") as tab:
        tab.goto(f"{url}/glass/broken")
        ready(tab)
        found = looked_at(tab, "glass-none", picture=False)
        reason = "frozen section tonight, the colleague in charge is away and cannot be reached"
        actor = drafted.real.ledger.accounts.actor(SECOND)
        lodge.cases.break_glass(actor, ("case-1", ""), reason, drafted.real.clock())
        tab.reload()
        ready(tab)
        found += looked_at(tab, "glass")
    assert found == []


def test_a_page_that_is_wrong_is_found_to_be(clinic: tuple[str, DraftedDesk], browser: Any) -> None:
    """The check itself: it sees what lies on one another, is cut, or is beyond the screen."""
    url, _ = clinic
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    tab = context.new_page()
    tab.goto(f"{url}/sign-in")
    ready(tab)
    assert faults(tab) == []
    spoils = {
        "on one another": "#enter { position: relative; top: -30px }",
        "beyond the screen": "#leave { position: relative; left: 700px }",
        "cut": "h2 { width: 20px; overflow: hidden; white-space: nowrap }",
        "wider than the screen": ".entry form { width: 2000px }",
    }
    for word, css in spoils.items():
        tab.evaluate(
            "(css) => { const s = new CSSStyleSheet(); s.replaceSync(css);"
            " document.adoptedStyleSheets = [s]; }",
            css,
        )
        assert any(word in fault for fault in faults(tab)), word
    context.close()
