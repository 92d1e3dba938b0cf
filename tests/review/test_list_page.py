"""The list of results in a real browser: what speaks against a result, in the reader's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.review.conftest import serving
from tests.review.painted_desk import PaintedDesk
from tests.review.sessions import COOKIE, TwoSessions

pytestmark = pytest.mark.slow
FLAGS = ["excluded-out_of_focus", "research-weights"]
WORDED = {"en-GB": ["left out: out of focus", "research weights"], "zh-CN": ["已排除：失焦"]}


@pytest.mark.parametrize("language", WORDED)
def test_what_was_left_out_is_named(
    language: str, tmp_path: Path, painted_desk: PaintedDesk, gate: TwoSessions, browser: Any
) -> None:
    desk = painted_desk.copied(tmp_path)
    file = desk.folder / "findings.json"
    told = json.loads(file.read_text("utf-8"))
    told["quality"]["flags"] = FLAGS
    file.write_text(json.dumps(told), "utf-8")
    context = browser.new_context(locale=language)
    with serving(desk.desk(gate)) as url:
        context.add_cookies([{"name": COOKIE, "value": gate.reader, "url": url}])
        tab = context.new_page()
        tab.goto(url)
        tab.wait_for_selector("body[data-ready=true]")
        row = tab.inner_text("#rows")
    assert all(words in row for words in WORDED[language])
    assert "_" not in row
