from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pathology.predictions.stain import DAB, HAEMATOXYLIN, estimate_stains, separate
from pathology.records.stain import Stains
from tests.painted import paint_nuclei
from tests.predictions.cutting import SETTINGS


def stained(vector: tuple[float, float, float], amount: float) -> np.ndarray:
    unit = np.asarray(vector) / np.linalg.norm(vector)
    return np.round(256 * 10 ** (-amount * unit) - 1).clip(0, 255).astype(np.uint8)


def textbook(kind: str = "ihc-dab") -> Stains:
    vectors = np.array([HAEMATOXYLIN, DAB])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Stains(kind=kind, vectors=vectors, white=np.full(3, 255.0), evidence="", estimated=False)


def test_pure_stains_are_separated_into_their_amounts() -> None:
    picture = np.stack([stained(HAEMATOXYLIN, 0.5), stained(DAB, 0.8)])[None]
    haematoxylin, dab = separate(picture, textbook())
    assert haematoxylin[0] == pytest.approx([0.5, 0.0], abs=0.02)
    assert dab[0] == pytest.approx([0.0, 0.8], abs=0.02)


def test_bare_glass_has_no_stain() -> None:
    glass = np.full((4, 4, 3), 255, np.uint8)
    assert max(channel.max() for channel in separate(glass, textbook())) == 0


@pytest.mark.parametrize("brown", [0.0, 0.02, 0.3, 1.0])
def test_dab_is_told_from_the_picture_with_any_share_of_positive_nuclei(brown: float) -> None:
    stains = estimate_stains([paint_nuclei(brown_share=brown).pixels], SETTINGS.stain)
    assert stains.kind == "ihc-dab"


def test_h_and_e_is_told_from_its_pink() -> None:
    stains = estimate_stains([paint_nuclei(stain="he", brown_share=0.0).pixels], SETTINGS.stain)
    assert stains.kind == "he"
    assert "pink" in stains.evidence


@pytest.mark.parametrize(
    "tint", [(255, 255, 255), (214, 228, 216), (225, 221, 212), (200, 199, 201)]
)
def test_the_tint_of_the_glass_does_not_change_the_stain(tint: tuple[int, int, int]) -> None:
    picture = paint_nuclei(brown_share=0.05).pixels.astype(float) / 243 * np.array(tint)
    stains = estimate_stains([picture.clip(0, 255).astype(np.uint8)], SETTINGS.stain)
    assert stains.kind == "ihc-dab"
    assert stains.white == pytest.approx(tint, abs=6)


@pytest.mark.parametrize(
    "picture",
    [
        np.full((64, 64, 3), 240, np.uint8),
        np.random.default_rng(0).integers(0, 255, (64, 64, 1), np.uint8).repeat(3, axis=2),
        np.zeros((0, 0, 3), np.uint8),
    ],
    ids=["glass", "grey", "nothing"],
)
def test_without_colour_the_stain_is_unknown(picture: np.ndarray) -> None:
    stains = estimate_stains([picture], SETTINGS.stain)
    assert (stains.kind, stains.estimated) == ("unknown", False)


def test_without_samples_the_stain_is_unknown() -> None:
    assert estimate_stains([], SETTINGS.stain).kind == "unknown"


def test_painted_vectors_are_recovered() -> None:
    stains = estimate_stains([paint_nuclei(brown_share=0.4).pixels], SETTINGS.stain)
    for found, colour in zip(stains.vectors, [(105, 110, 170), (120, 75, 45)], strict=True):
        density = -np.log10((np.array(colour) + 1) / 244)
        cosine = found @ density / np.linalg.norm(density)
        assert np.degrees(np.arccos(min(1.0, cosine))) < 6


@pytest.mark.real_data
@pytest.mark.parametrize("number", range(1, 7))
def test_fields_with_hardly_a_positive_nucleus_are_dab(real_data, number: int) -> None:
    with Image.open(real_data("ihc", "gepnet", f"{number}.png")) as image:
        stains = estimate_stains([np.asarray(image.convert("RGB"))], SETTINGS.stain)
    assert stains.kind == "ihc-dab"


@pytest.mark.real_data
def test_real_h_and_e_of_many_colours_is_h_and_e(real_data) -> None:
    folder = real_data("he", "wsss4luad_val")
    for path in sorted(folder.glob("*[0-9].png"))[::4]:
        with Image.open(path) as image:
            stains = estimate_stains([np.asarray(image.convert("RGB"))], SETTINGS.stain)
        assert stains.kind == "he", f"{path.name}: {stains.evidence}"
