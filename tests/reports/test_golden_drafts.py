from __future__ import annotations

import pytest

from tests.reports.golden_drafts import GOLDEN, texts


@pytest.mark.parametrize("name", sorted(p.name for p in GOLDEN.glob("*.txt")))
def test_a_golden_draft_is_as_it_was(name: str) -> None:
    """``scripts/golden-drafts`` makes them anew; look at the difference first."""
    assert texts()[name] == (GOLDEN / name).read_text("utf-8")


def test_every_golden_draft_is_kept() -> None:
    assert {p.name for p in GOLDEN.glob("*.txt")} == texts().keys()
