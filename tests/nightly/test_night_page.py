"""The summary: one page, both languages, nothing fetched, nothing run, nothing cut in the JSON."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pathology.exchange.documents import faults
from pathology.nightly.document import night_document
from pathology.nightly.page import MOST, page, reason_of
from pathology.nightly.page_words import INCIDENTS, LABELS, SENTENCES, STATES, WHY
from pathology.pipeline.night_files import forget_old_nights, write_night
from pathology.records.drafting import DraftCounts, DraftNamed
from pathology.records.night_summary import (
    Drift,
    Incident,
    Named,
    NightSummary,
    NotBegun,
    StageTime,
    Try,
)
from pathology.records.reasons import REASONS

T = datetime(2026, 11, 25, 12, tzinfo=UTC)


def named(number: int, code: str = "damaged-file", **facts: str) -> Named:
    return Named(
        name=f"S{number:016x}", analysis="ki67", priority="urgent", reason_code=code, facts=facts
    )


def unmade(trouble: str, detail: str) -> DraftNamed:
    return DraftNamed(case_id="C" + "0" * 16, trouble=trouble, detail=detail, tries=3)


def worst() -> NightSummary:
    """A night on which all went wrong that can."""
    tries = tuple(
        Try(
            number=n,
            started_utc=T,
            seconds=None if n == 2 else 61.0,
            reason_code="worker-died",
            facts={"detail": "out of memory"},
        )
        for n in (1, 2, 3, 4)
    )
    whys = ("too-late", "too-long", "no-room", "pausing", "place-away", "elsewhere", "night-ended")
    return NightSummary(
        shift_id=12,
        night=date(2026, 11, 25),
        zone="Asia/Shanghai",
        actor="night",
        began_utc=T,
        ended_utc=T + timedelta(hours=10),
        window_ends_utc=T + timedelta(hours=10),
        expected_end_utc=T + timedelta(hours=9),
        end="window",
        done=2913,
        kept=12,
        failed=tuple(named(i, code) for i, code in enumerate([*REASONS] * 3)),
        set_aside=tuple(replace(named(500 + i, "worker-died"), story=tries) for i in range(30)),
        stopped=tuple(
            named(900 + i, "identity-disagrees", detail="block: a ≠ b") for i in range(9)
        ),
        not_begun=tuple(
            NotBegun(name=f"S{i:016x}", analysis="ki67", priority="stat", why=whys[i % 7])
            for i in range(500)
        ),
        drafts=DraftCounts(
            made=812,
            by_template=40,
            waiting=3,
            incomplete=21,
            refused=(unmade("results", "2 results of ki67 (S1, S2). Name one in the case data"),)
            * 9,
            set_aside=(unmade("output", "report-v1.html: cannot be written (no room)"),) * 5,
        ),
        stages=tuple(
            StageTime(stage=s, slides=2913, median_s=9, p95_s=20, total_s=9e4)
            for s in ("survey", "models", "samples", "tiles", "findings", "write")
        ),
        drift=tuple(
            Drift(
                scanner=f"Vendor {i}",
                analysis="ki67",
                measure="glass_red",
                tonight_n=40,
                before_n=900,
                tonight=240.0,
                before=244.0,
                spread=1.5,
                state="drifted",
            )
            for i in range(20)
        ),
        incidents=tuple(
            Incident(
                at_utc=T,
                code=code,
                facts=dict.fromkeys(("seconds", "number", "detail", "source"), "3"),
            )
            for code in INCIDENTS
        ),
        counts={"waiting": 500, "done": 30_000},
        free_gib=412.0,
        reserve_gib=20.0,
        tissue_mm2=6e5,
    )


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows, self.seen, self.attributes = 0, set[str](), list[tuple[str, str | None]]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += attrs
        self.rows += tag == "tr"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_worst_night_is_one_page_without_scripts_or_links(language: str) -> None:
    text = page(worst(), language)
    tags = Tags()
    tags.feed(text)
    assert tags.seen.isdisjoint({"script", "link", "img", "iframe", "a", "form"})
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "src"]
    assert "url(" not in text
    # Each part has its most; looked at as a picture, so many rows are one page of A4.
    assert tags.rows <= sum(MOST.values()) + 7 + 6 + 4
    assert ("夜间运行" in text) == (language == "zh")


def test_drafts_are_told_beside_the_slides_in_both_languages() -> None:
    english, chinese = page(worst(), "en"), page(worst(), "zh")
    assert "812 drafts made (not verified by a physician), 40 of them by the template" in english
    assert "9 cannot be drafted" in english
    assert "and 8 more" in english
    assert "5 份多次失败后搁置" in chinese
    assert "Draft reports" not in page(replace(worst(), drafts=None), "en")


def test_what_a_fact_says_is_text_and_never_markup() -> None:
    facts = {"detail": "<script>alert(1)</script>"}
    text = page(replace(worst(), failed=(named(1, "not-a-slide", **facts),)), "en")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_every_reason_is_worded_whatever_its_facts_lack() -> None:
    for code in REASONS:
        for language in ("en", "zh"):
            told = reason_of(named(1, code), language)
            assert told
            assert "{" not in told


def test_numbers_of_stored_facts_keep_the_form_of_their_wording() -> None:
    told = reason_of(named(1, "scale-not-credible", mpp_x="0.250000", mpp_y="7"), "en")
    assert "0.25 x 7 µm/px" in told


@pytest.mark.parametrize("table", [LABELS, SENTENCES, STATES, WHY, INCIDENTS])
def test_both_languages_name_the_same_facts(table: dict[str, tuple[str, str]]) -> None:
    for key, (en, zh) in table.items():
        assert en, key
        assert zh, key
        places = [set(re.findall(r"\{(\w+)", words)) for words in (en, zh)]
        assert places[0] == places[1], key


def test_the_document_keeps_to_its_schema_and_cuts_nothing(tmp_path: Path) -> None:
    document = night_document(worst())
    assert faults(document, "night-1") == ()
    assert len(document["failed"]) == 3 * len(REASONS)
    write_night(tmp_path, "night-2026-11-25-12", document, {"en": "page", "zh": "页"})
    assert {p.name for p in tmp_path.iterdir()} == {
        "night-2026-11-25-12.json",
        "night-2026-11-25-12.en.html",
        "night-2026-11-25-12.zh.html",
    }
    other = tmp_path / "notes.html"
    other.write_text("a person's")
    assert forget_old_nights(tmp_path, days=1) == 0
    assert forget_old_nights(tmp_path, days=-1) == 3
    assert other.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"failed": (named(1),)}, 1),
        ({"set_aside": (named(1),)}, 1),
        ({"stopped": (named(1),)}, 1),
        ({"end": "broken"}, 1),
        ({"kept": 3, "drift": worst().drift, "incidents": worst().incidents}, 0),
    ],
)
def test_the_exit_code_is_true(changes: dict[str, object], code: int) -> None:
    clean = replace(worst(), failed=(), set_aside=(), stopped=(), not_begun=())
    assert replace(clean, **changes).exit_code == code
