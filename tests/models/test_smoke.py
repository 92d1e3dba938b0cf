"""Networks that do not do what their card says, found on painted pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from pathology.errors import ModelRefused
from pathology.models.smoke import check_sees, painted
from tests.tiny_models import tiny_card, tiny_network


class Painter(nn.Module):
    """Gives what a function makes of pictures."""

    def __init__(self, paint: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.paint = paint

    def forward(self, pictures: Tensor) -> Tensor:
        return self.paint(pictures)


def five(pictures: Tensor) -> Tensor:
    """Five channels at a quarter of the scale."""
    return nn.functional.avg_pool2d(pictures, 4)[:, [0, 1, 2, 0, 1]]


def test_honest_networks_pass() -> None:
    for task in ("nuclei", "tissue"):
        card = tiny_card(task)  # type: ignore[arg-type]
        check_sees(card, tiny_network(card))
    check_sees(tiny_card("tissue"), Painter(five))


@pytest.mark.parametrize(
    ("paint", "why"),
    [
        (lambda p: five(p)[:, :4], "gives maps of .* the card names classes for"),
        (lambda p: five(p) * float("nan"), "gives nan or inf"),
        (lambda p: five(p) - five(p).mean(), "seen otherwise when another is beside it"),
        (lambda p: five(p)[..., :-1], "no whole part"),
        (lambda p: five(p)[..., ::2], "no whole part"),
        (lambda p: nn.functional.interpolate(five(p), (16, 16)), "no whole part"),
        (lambda p: five(p).reshape(p.shape[0], 5, 16, 16), "fails on a picture of 64x80"),
        (lambda p: five(p)[0], "gives maps of"),
    ],
)
def test_others_are_refused(paint: Callable[[Tensor], Tensor], why: str) -> None:
    with pytest.raises(ModelRefused, match=f"tiny: .*{why}"):
        check_sees(tiny_card("tissue"), Painter(paint))


def test_a_network_left_in_training_is_refused() -> None:
    card = tiny_card("tissue")
    with pytest.raises(ModelRefused, match="in eval mode"):
        check_sees(card, tiny_network(card).train())


def test_maps_of_nuclei_must_have_full_scale() -> None:
    card = replace(tiny_card(), classes=("tumour", "other"))
    coarse = Painter(lambda p: nn.functional.avg_pool2d(p, 2).repeat(1, 3, 1, 1)[:, :7])
    with pytest.raises(ModelRefused, match="as large as the picture"):
        check_sees(card, coarse)


def test_the_painted_picture_has_nuclei_on_tissue() -> None:
    picture = painted(64, 96)
    assert picture.shape == (1, 3, 64, 96)
    dark = (picture.mean(dim=1) < 0.6).float().mean()
    assert 0.1 < float(dark) < 0.5
    assert not torch.equal(picture, painted(64, 96, shift_px=8))
