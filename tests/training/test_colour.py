"""Colours in optical density: there and back again."""

from __future__ import annotations

import numpy as np
import pytest

from pathology.training.colour import (
    DABS,
    HAEMATOXYLINS,
    ColourRanges,
    between,
    density,
    lamp,
    pixels_of,
    recoloured,
    restained,
    unmixed,
)
from pathology.training.optics import blurred, compressed, sharpened, worn
from tests.training.own_data import small_field

WHITE = np.array([240.0, 236.0, 244.0])
VECTORS = np.array([HAEMATOXYLINS[0], DABS[0]])


def test_density_and_back_is_the_same_picture() -> None:
    values = np.arange(1, 237, dtype=np.uint8)
    pixels = np.stack([values, values[::-1], values], axis=-1)[None]
    np.testing.assert_allclose(pixels_of(density(pixels, WHITE), WHITE), pixels, atol=0.01)


def test_two_stains_and_the_rest_add_up_again() -> None:
    field = small_field(0)
    od = density(field.pixels, WHITE)
    first, second, rest = unmixed(od, VECTORS)
    assert min(first.min(), second.min()) >= 0
    again = first[..., None] * VECTORS[0] + second[..., None] * VECTORS[1] + rest
    np.testing.assert_allclose(again, od, atol=1e-5)


def test_painted_amounts_are_found_again() -> None:
    amounts = np.random.default_rng(0).uniform(0, 1, (20, 20, 2))
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    first, second, rest = unmixed((amounts @ unit).astype(np.float32), unit)
    np.testing.assert_allclose(np.stack([first, second], axis=-1), amounts, atol=1e-4)
    assert np.abs(rest).max() < 1e-4


def test_drawn_stains_are_directions() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        drawn = between(HAEMATOXYLINS, rng)
        assert np.linalg.norm(drawn) == pytest.approx(1)
        assert (drawn > 0).all()
        light = lamp(rng, ColourRanges())
        assert ((light > 200) & (light <= 255)).all()


def test_restaining_moves_colours_and_not_places() -> None:
    field = small_field(1)
    moved = restained(field.pixels, VECTORS, WHITE, "he", np.random.default_rng(2), ColourRanges())
    assert moved.shape == field.pixels.shape
    assert np.isfinite(moved).all()
    assert 0 <= moved.min() <= moved.max() <= 255
    assert np.abs(moved - field.pixels).mean() > 2
    before, after = field.pixels.mean(axis=2), moved.mean(axis=2)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.8


def test_without_brown_nothing_turns_brown() -> None:
    field = small_field(1)
    none = np.zeros(field.instances.shape, np.float32)
    all_brown = (field.instances > 0).astype(np.float32) * 1.5
    pale = recoloured(field.pixels, VECTORS, WHITE, none, np.random.default_rng(4))
    dark = recoloured(field.pixels, VECTORS, WHITE, all_brown, np.random.default_rng(4))
    nuclei = field.instances > 0
    assert dark[nuclei].mean() < pale[nuclei].mean() - 30
    np.testing.assert_allclose(dark[~nuclei], pale[~nuclei], atol=1e-3)


def test_a_worn_picture_is_still_the_picture() -> None:
    picture = small_field(0).pixels.astype(np.float32)
    for seed in range(10):
        seen = worn(picture, np.random.default_rng(seed))
        assert seen.dtype == np.uint8
        assert np.corrcoef(seen.ravel(), picture.ravel())[0, 1] > 0.8
    assert blurred(picture, 2).std() < picture.std() < sharpened(picture, 1, 1).std()
    assert not np.array_equal(compressed(small_field(0).pixels, 30), small_field(0).pixels)


def test_brown_that_fades_out_does_not_bleach_its_neighbours() -> None:
    """DAB is painted with soft edges; haematoxylin goes only as far as DAB covers it."""
    field = small_field(1)
    brown = np.zeros(field.instances.shape, np.float32)
    brown[:, :60], brown[:, 60:64] = 1.0, 1e-4
    for seed in range(6):
        none = recoloured(
            field.pixels, VECTORS, WHITE, np.zeros_like(brown), np.random.default_rng(seed)
        )
        some = recoloured(field.pixels, VECTORS, WHITE, brown, np.random.default_rng(seed))
        np.testing.assert_allclose(some[:, 60:], none[:, 60:], atol=0.5)
