"""A card that training writes is the card that a run reads."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.config import load_record
from pathology.models.card_toml import card_text
from pathology.records.model import MeasuredResult, ModelCard, TrainedOn
from tests.tiny_models import tiny_card

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
lines = st.lists(words, max_size=3).map(tuple)
numbers = st.floats(allow_nan=False, allow_infinity=False)
results = st.builds(
    lambda bounds, **rest: MeasuredResult(low=min(bounds), high=max(bounds), **rest),
    bounds=st.tuples(numbers, numbers),
    data=words,
    measure=words,
    value=numbers,
    images=st.integers(1, 10**6),
    evidence=st.sampled_from(["held-out", "recipe", "seen"]),
    command=words,
)
training = st.builds(
    TrainedOn,
    data=st.lists(words, min_size=1, max_size=3).map(tuple),
    command=words,
    seed=st.integers(-(2**63), 2**63 - 1),
    steps=st.integers(0, 10**9),
    hours=numbers,
    date=st.dates().map(str),
)
cards = st.builds(
    lambda task, **parts: replace(tiny_card(task), **parts),
    task=st.sampled_from(["nuclei", "tissue"]),
    title=words,
    limits=lines,
    results=st.lists(results, max_size=3).map(tuple),
    training=training,
)


@given(cards)
@settings(max_examples=200, deadline=None)
def test_a_card_reads_back_equal(card: ModelCard) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "card.toml"
        file.write_bytes(card_text(card).encode())
        assert load_record(file, ModelCard) == card
