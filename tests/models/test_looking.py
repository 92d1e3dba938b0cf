"""A picture seen in several looks: offsets turn and shrink with it, and every tile is alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from pathology.config import load_record
from pathology.models.card_toml import card_text
from pathology.models.looking import Looking, seen_by_looks
from pathology.models.network import NUCLEUS_MAPS
from pathology.predictions.devices import Device
from pathology.predictions.forward import Network
from pathology.records.model import Look, ModelCard
from tests.painted import paint_nuclei
from tests.painted_networks import SeesDiscs
from tests.tiny_models import tiny_card, tiny_network

ALL_SIDES = tuple(Look(quarters=quarters, enlarged=1.0) for quarters in range(4))
TWO_SCALES = (Look(quarters=0, enlarged=1.0), Look(quarters=1, enlarged=1.25))
PAINTED = paint_nuclei(width=384, height=256, margin_um=10).pixels
PICTURE = torch.from_numpy(PAINTED.copy()).permute(2, 0, 1)[None].float() / 255


def looking_card() -> ModelCard:
    """Of a network whose step is 8 px: 32 px are 5 of them, enlarged by a quarter."""
    card = tiny_card()
    return replace(card, input=replace(card.input, step_px=32), looks=TWO_SCALES)


class _Points(nn.Module):
    """Every pixel points to the right of the picture as it is shown, whatever it shows."""

    def forward(self, pictures: Tensor) -> Tensor:
        maps = torch.zeros(len(pictures), len(NUCLEUS_MAPS) + 1, *pictures.shape[-2:])
        maps[:, NUCLEUS_MAPS.index("offset_x")] = 1
        return maps


def test_what_has_no_direction_is_seen_alike_from_all_sides() -> None:
    """Fixed filters of round things: offsets must come back in the picture's own directions."""
    plain = SeesDiscs()
    with torch.inference_mode():
        once = plain(PICTURE)
        for look in ALL_SIDES:
            seen = Looking(plain, (look,))(PICTURE)
            torch.testing.assert_close(seen, once, atol=1e-4, rtol=1e-4)
    assert float(once[:, 2:4].abs().max()) > 0.2  # else a wrong sign would go unseen


@pytest.mark.parametrize(
    ("quarters", "wanted"), [(0, (1, 0)), (1, (0, 1)), (2, (-1, 0)), (3, (0, -1))]
)
@pytest.mark.parametrize("enlarged", [1.0, 1.25])
def test_an_offset_is_told_in_the_pictures_own_pixels(
    quarters: int, wanted: tuple[int, int], enlarged: float
) -> None:
    """To the right of a picture turned counter-clockwise is down in the picture itself."""
    seen = Looking(_Points(), (Look(quarters=quarters, enlarged=enlarged),))(PICTURE)
    told = seen[0, 2:4].mean(dim=(1, 2)) * enlarged
    torch.testing.assert_close(told, torch.tensor(wanted, dtype=torch.float32))


def test_all_quarter_turns_prefer_no_side() -> None:
    """A turned picture gives the turned maps, which one look alone does not."""
    network = tiny_network(tiny_card())
    with torch.inference_mode():
        for look, alike in ((Looking(network, ALL_SIDES), True), (network, False)):
            here, there = look(PICTURE), look(torch.rot90(PICTURE, 1, (2, 3)))
            off = (torch.rot90(there[:, 0], -1, (1, 2)) - here[:, 0]).abs().max()
            assert (float(off) < 1e-4 * float(here[:, 0].abs().max())) == alike


def test_the_maps_are_the_mean_of_the_looks() -> None:
    network = tiny_network(tiny_card())
    with torch.inference_mode():
        both = Looking(network, TWO_SCALES)(PICTURE)
        single = [Looking(network, (look,))(PICTURE) for look in TWO_SCALES]
    assert float((single[0] - single[1]).abs().max()) > 0.01
    torch.testing.assert_close(both, (single[0] + single[1]) / 2)


def test_a_pixel_is_seen_alike_in_every_tile_that_holds_it() -> None:
    """Cut at multiples of the card's step, far from edges."""
    look = Looking(tiny_network(looking_card()), TWO_SCALES)
    with torch.inference_mode():
        whole, part = look(PICTURE), look(PICTURE[:, :, :, 64:])
    inside = slice(96, 160)  # farther from the cut than the network sees
    off = (whole[:, :, inside, 64 + 160 : 64 + 224] - part[:, :, inside, 160:224]).abs().max()
    assert float(off) < 1e-3 * float(whole.abs().max())


def test_a_network_looks_as_its_card_says() -> None:
    card, device = looking_card(), Device(kind="cpu", name="cpu", bf16=False)
    (told,) = Network(card, tiny_network(card), device).forward([PAINTED])
    (once,) = Network(tiny_card(), tiny_network(card), device).forward([PAINTED])
    with torch.inference_mode():
        wanted = Looking(tiny_network(card), TWO_SCALES)(PICTURE)[0]
    atol = 2e-3 * float(wanted.abs().max())
    torch.testing.assert_close(told.answer.float(), wanted, atol=atol, rtol=0)
    assert float((told.answer.float() - once.answer.float()).abs().max()) > 3 * atol


def test_without_looks_it_is_the_network_itself() -> None:
    network = SeesDiscs()
    assert seen_by_looks(network, ()) is network


def test_a_card_with_looks_reads_back_equal(tmp_path) -> None:
    path = tmp_path / "card.toml"
    path.write_text(card_text(looking_card()), encoding="utf-8")
    assert load_record(path, ModelCard) == looking_card()


def test_looks_that_cannot_be_are_refused() -> None:
    card = looking_card()
    with pytest.raises(ValueError, match=r"makes 2\.5 steps of the network of step_px 16"):
        replace(card, input=replace(card.input, step_px=16))
    with pytest.raises(ValueError, match="looks belong to a nucleus-network"):
        replace(tiny_card("tissue"), looks=ALL_SIDES)
    for wrong in ({"quarters": 4}, {"quarters": -1}, {"enlarged": 0.9}, {"enlarged": 2.1}):
        with pytest.raises(ValueError, match="must be in"):
            replace(TWO_SCALES[0], **wrong)
