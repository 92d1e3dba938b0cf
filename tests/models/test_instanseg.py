"""A script called as InstanSeg's are: allowed by hash or not run at all."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pathology.errors import ModelRefused
from pathology.models.importing import Offer, import_model
from pathology.models.instanseg import InstanSegNetwork, normalised
from pathology.models.smoke import check_sees, painted
from pathology.models.weights import network_of, read_network
from pathology.records.model import ModelCard
from tests.tiny_models import tiny_card, write_card


class Script(nn.Module):
    """Each darker column of 24 px is a nucleus; of two kinds asked for, nuclei come first."""

    def __init__(self, *, pixel_size: float = 0.5, cells_and_nuclei: bool = True) -> None:
        super().__init__()
        self.pixel_size = pixel_size
        self.cells_and_nuclei = cells_and_nuclei

    def forward(
        self,
        x: Tensor,
        target_segmentation: Tensor = torch.tensor([1, 1]),  # noqa: B008
    ) -> Tensor:
        column = torch.arange(x.shape[3], device=x.device) // 24 + 1
        nuclei = (x.mean(dim=1, keepdim=True) < 0.5) * column
        if self.cells_and_nuclei and int(target_segmentation.sum()) == 2:
            return torch.cat([nuclei, nuclei + 1], dim=1).float()
        return nuclei.float()


def script_bytes(**arguments: object) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own: scripting has no future
        torch.jit.save(torch.jit.script(Script(**arguments)), file)  # type: ignore[arg-type]
    return file.getvalue()


def script_card() -> ModelCard:
    card = tiny_card(name="labels")
    return replace(
        card,
        classes=("other",),
        decoding=None,
        network=replace(card.network, form="instanseg", encoder="", stages=0, decoder=()),
        weights=replace(card.weights, file="labels.pt"),
    )


def allowed(data: bytes) -> tuple[str, ...]:
    return (hashlib.sha256(data).hexdigest(),)


@pytest.mark.parametrize("both", [True, False])
def test_an_allowed_script_labels_nuclei(both: bool) -> None:
    data = script_bytes(cells_and_nuclei=both)
    network = network_of(script_card(), data, allowed(data))
    assert isinstance(network, InstanSegNetwork)
    check_sees(script_card(), network)
    with torch.inference_mode():
        labels = network(painted(72, 96).repeat(2, 1, 1, 1))
    assert (labels.shape, labels.dtype) == ((2, 72, 96), torch.int32)
    assert labels.unique().tolist() == [0, 1, 2, 3, 4]


def test_a_script_that_is_not_allowed_is_not_even_loaded() -> None:
    data = script_bytes()
    wanted = hashlib.sha256(data).hexdigest()
    for others in ((), ("0" * 64,)):
        with pytest.raises(ModelRefused, match=f"not allowed here.*{wanted}"):
            network_of(script_card(), data, others)
    with pytest.raises(ModelRefused, match="not allowed here"):
        network_of(script_card(), b"anything at all")


def test_a_script_for_another_scale_is_refused() -> None:
    data = script_bytes(pixel_size=0.25)
    with pytest.raises(ModelRefused, match=r"made for 0\.25 µm/px, the card says 0\.5"):
        network_of(script_card(), data, allowed(data))


def test_an_import_takes_only_a_script_that_is_allowed(tmp_path: Path) -> None:
    data = script_bytes()
    (tmp_path / "given.pt").write_bytes(data)
    (tmp_path / "site").mkdir()
    what = Offer(
        file=tmp_path / "given.pt",
        card=write_card(tmp_path, script_card()),
        folder=tmp_path / "site",
    )
    with pytest.raises(ModelRefused, match="not allowed here"):
        import_model(what)
    assert not list((tmp_path / "site").iterdir())
    installed = import_model(replace(what, allowed_torchscript=allowed(data)))
    assert installed.weights_path.read_bytes() == data
    assert isinstance(read_network(installed, allowed(data)), InstanSegNetwork)
    with pytest.raises(ModelRefused, match="not allowed here"):
        read_network(installed)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_an_allowed_script_cut_short_is_refused(share: float) -> None:
    data = script_bytes()
    data = data[: int(share * len(data))]
    with pytest.raises(ModelRefused, match="no TorchScript, or cut short"):
        network_of(script_card(), data, allowed(data))


def test_the_card_names_one_class() -> None:
    with pytest.raises(ValueError, match="instanseg tells no classes apart"):
        replace(script_card(), classes=("tumour", "other"))


def test_pictures_are_normalised_by_their_own_percentiles() -> None:
    picture = torch.linspace(0.2, 0.6, 10_000).view(1, 1, 100, 100).repeat(1, 3, 1, 1)
    seen = normalised(picture)
    assert seen.min() == pytest.approx(-0.001, abs=2e-4)
    assert seen.max() == pytest.approx(1.001, abs=2e-4)
    assert normalised(torch.full((1, 3, 8, 8), 0.9)).abs().max() == 0  # glass stays glass
