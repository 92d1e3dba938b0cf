from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from pathology.records.geometry import Mpp
from pathology.tiles.focus import blurred_blocks, focus_block_px
from tests.painted import halved, paint_nuclei
from tests.tiles.array_slide import SETTINGS

HALF = Mpp(0.5)


def out_of_focus(pixels: np.ndarray, mpp: float, sigma_um: float) -> np.ndarray:
    """The field under a Gaussian, with the sensor's noise, which no lens blurs."""
    sigma = sigma_um / mpp
    seen = ndimage.gaussian_filter(pixels.astype(np.float32), (sigma, sigma, 0))
    seen += np.random.default_rng(2).normal(0, 1.5, seen.shape)
    return np.clip(seen, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("mpp", [0.23, 0.25, 0.45, 0.5, 0.55, 1.0])
def test_a_focus_block_divides_a_core_and_is_near_its_size(mpp: float) -> None:
    side = focus_block_px(Mpp(mpp), SETTINGS)
    assert SETTINGS.tiling.core_px % side == 0
    assert 45 <= side * mpp <= 91


@pytest.mark.parametrize("stain", ["he", "ihc-dab"])
@pytest.mark.parametrize("mpp", [0.25, 0.5, 1.0])
def test_painted_nuclei_are_sharp_and_blurred_ones_are_not(stain: str, mpp: float) -> None:
    side = 4 * focus_block_px(Mpp(mpp), SETTINGS)
    pixels = paint_nuclei(width=side, height=side, mpp=mpp, stain=stain, margin_um=0.0).pixels
    assert not blurred_blocks(pixels, Mpp(mpp), SETTINGS).any()
    assert blurred_blocks(out_of_focus(pixels, mpp, 2.5), Mpp(mpp), SETTINGS).mean() > 0.9


def test_only_the_blurred_half_is_named() -> None:
    pixels = paint_nuclei(width=1024, height=512, margin_um=0.0).pixels.copy()
    pixels[:, 512:] = out_of_focus(pixels, 0.5, 3.0)[:, 512:]
    blurred = blurred_blocks(pixels, HALF, SETTINGS)
    assert blurred.shape == (4, 8)
    assert not blurred[:, :4].any()
    assert blurred[:, 4:].all()


@pytest.mark.parametrize("level", [255, 243, 200])
def test_a_block_without_structure_is_not_judged(level: int) -> None:
    rng = np.random.default_rng(0)
    smooth = np.clip(level + rng.normal(0, 2, (512, 512, 3)), 0, 255).astype(np.uint8)
    assert not blurred_blocks(smooth, HALF, SETTINGS).any()


def test_cut_blocks_at_the_edge_are_judged_too() -> None:
    pixels = paint_nuclei(width=600, height=300, margin_um=0.0).pixels
    assert blurred_blocks(pixels, HALF, SETTINGS).shape == (3, 5)
    assert blurred_blocks(out_of_focus(pixels, 0.5, 3.0), HALF, SETTINGS)[:2, :4].all()
    assert blurred_blocks(pixels[:3, :2], HALF, SETTINGS).shape == (1, 1)


@settings(max_examples=10, deadline=None)
@given(row=st.integers(0, 3), column=st.integers(0, 3), sigma=st.sampled_from([0.0, 1.5, 2.0]))
def test_a_block_is_judged_alike_whatever_lies_around_it(
    row: int, column: int, sigma: float
) -> None:
    pixels = paint_nuclei(width=512, height=512, margin_um=0.0).pixels
    pixels = out_of_focus(pixels, 0.5, sigma) if sigma else pixels
    alone = pixels[row * 128 : (row + 1) * 128, column * 128 : (column + 1) * 128]
    whole = blurred_blocks(pixels, HALF, SETTINGS)
    assert blurred_blocks(alone, HALF, SETTINGS)[0, 0] == whole[row, column]


def real_fields(real_data: Callable[..., Path]) -> list[tuple[np.ndarray, float]]:
    def read(path: Path) -> np.ndarray:
        return np.asarray(Image.open(path).convert("RGB"))

    fields = [(read(real_data("ihc", "gepnet", f"{n}.png")), 0.48) for n in (1, 3, 6)]
    glioma = read(real_data("ihc", "glioma", "gliomaA_27.jpg"))[:1536, :2048]
    fields.append((halved(halved(glioma)), 0.44))
    monuseg = real_data("he", "monuseg_train")
    for name in ("21-5784", "CH-5767", "NH-A8F7", "B0-5698"):
        file = next(f for f in sorted(monuseg.glob(f"*{name}*.png")) if "_inst" not in f.name)
        fields.append((halved(read(file)), 0.5))
    luad = real_data("he", "wsss4luad_val")
    fields += [(read(luad / f"{n}.png"), 1.0) for n in ("00", "04", "13", "28")]
    return fields


@pytest.mark.real_data
def test_real_sharp_fields_are_sharp_and_the_same_fields_blurred_are_not(
    real_data: Callable[..., Path],
) -> None:
    shares: dict[float, list[np.ndarray]] = {0.0: [], 2.0: [], 4.0: []}
    for pixels, mpp in real_fields(real_data):
        for sigma, found in shares.items():
            seen = out_of_focus(pixels, mpp, sigma) if sigma else pixels
            found.append(blurred_blocks(seen, Mpp(mpp), SETTINGS).ravel())
    share = {sigma: np.concatenate(found).mean() for sigma, found in shares.items()}
    assert share[0.0] < 0.01
    assert share[2.0] > 0.8
    assert share[4.0] > 0.8
