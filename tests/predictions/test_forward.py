"""The loop that runs networks: exactness, batches, and what can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pathology.errors import SlideError
from pathology.predictions.classical import classical_eyes
from pathology.predictions.devices import Device, Lost, device_for
from pathology.predictions.forward import Network
from pathology.predictions.instances import decode
from pathology.predictions.network_eyes import NetworkEyes
from pathology.predictions.network_tissue import reduction_for
from pathology.records.geometry import Mpp
from tests.painted import paint_nuclei
from tests.painted_networks import AddsNan, SeesDiscs, colour_card, disc_card
from tests.predictions.cutting import SETTINGS, cut, learned
from tests.tiny_models import tiny_card, tiny_network

EXACT = Device(kind="cpu", name="cpu", bf16=False)
QUICK = replace(EXACT, bf16=True)
PICTURE = paint_nuclei(width=320, height=256, margin_um=10).pixels
MEAN_TOLERANCE, MOST_TOLERANCE = 0.005, 0.03
"""Of bf16 against fp32, as a share of a map's largest value."""


@pytest.fixture
def gpu_found() -> Iterator[None]:
    yield
    Lost.gpu = False


def maps(network: Network, *pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    return [pending.maps().astype(np.float32) for pending in network.forward(pictures)]


@pytest.mark.parametrize("task", ["nuclei", "tissue"])
def test_what_comes_out_is_what_the_plain_network_says(task: str) -> None:
    """Convolution and normalisation made one, half precision on the way home: both are exact."""
    card = tiny_card(task)
    plain = tiny_network(card)
    with torch.inference_mode():
        pictures = torch.from_numpy(PICTURE)[None].permute(0, 3, 1, 2).float() / 255
        wanted = plain(pictures)[0]
    if task == "tissue":
        wanted = wanted.softmax(dim=0)
    (told,) = maps(Network(card, tiny_network(card), EXACT), PICTURE)
    np.testing.assert_allclose(told, wanted.numpy(), atol=2e-3 * float(wanted.abs().max()))


@pytest.mark.parametrize("task", ["nuclei", "tissue"])
def test_bf16_stays_within_the_tolerance_of_fp32(task: str) -> None:
    card = tiny_card(task)
    (exact,) = maps(Network(card, tiny_network(card), EXACT), PICTURE)
    network = Network(card, tiny_network(card), QUICK)
    assert network.precision == "bf16"
    (quick,) = maps(network, PICTURE)
    for one, other in zip(exact, quick, strict=True):
        off = np.abs(one - other) / max(float(np.abs(one).max()), 0.1)
        assert off.mean() < MEAN_TOLERANCE
        assert off.max() < MOST_TOLERANCE


def test_bf16_finds_the_nuclei_of_fp32() -> None:
    found = []
    for device in (EXACT, QUICK):
        (told,) = maps(Network(disc_card(), SeesDiscs().eval(), device), PICTURE)
        found.append(decode(told, 0.5, disc_card().decoding))
    assert len(found[0].peaks_px) == len(found[1].peaks_px) > 20
    assert np.abs(found[0].peaks_px - found[1].peaks_px).max() <= 2
    both = (found[0].labels > 0) & (found[1].labels > 0)
    assert both.sum() > 0.97 * max((f.labels > 0).sum() for f in found)


@pytest.mark.parametrize("device", [EXACT, QUICK], ids=["fp32", "bf16"])
def test_the_answer_does_not_depend_on_the_batch(device: Device) -> None:
    network = Network(tiny_card(), tiny_network(tiny_card()), device)
    pictures = [PICTURE, PICTURE[::-1].copy(), PICTURE[:, ::-1].copy()]
    alone = maps(network, *pictures)
    network.batch = 3
    together = maps(network, *pictures)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=0.02 * float(np.abs(one).max()))


class _FullFor(nn.Module):
    """A GPU's memory is full for more than ``most`` pictures: scripted, no GPU is needed."""

    def __init__(self, most: int, error: RuntimeError | None = None) -> None:
        super().__init__()
        self.most = most
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        self.asked: list[int] = []

    def forward(self, pictures: Tensor) -> Tensor:
        self.asked.append(len(pictures))
        if len(pictures) > self.most:
            raise self.error
        return pictures


def scripted(module: nn.Module, batch: int = 1) -> Network:
    """A network of a form that is not traced; its device says "cpu", its batch is that of a GPU."""
    card = tiny_card()
    card = replace(card, network=replace(card.network, form="exported"), weights=_exported(card))
    network = Network(card, module, EXACT)
    network.batch = batch
    return network


def _exported(card):
    return replace(card.weights, file="weights.pt2")


def test_a_full_memory_halves_the_batch_and_the_work_goes_on() -> None:
    module = _FullFor(most=3)
    network = scripted(module, batch=8)
    pictures = [np.full((16, 16, 3), shade, np.uint8) for shade in range(0, 220, 20)]
    told = maps(network, *pictures)
    assert [round(float(one[0, 0, 0]) * 255) for one in told] == list(range(0, 220, 20))
    assert module.asked == [8, 4, 2, 2, 2, 2, 2, 1]
    assert (network.batch, network.memory_halvings) == (2, 2)
    maps(network, *pictures[:4])
    assert network.memory_halvings == 2  # the smaller batch is remembered


@pytest.mark.parametrize(
    "words", ["CUDA error: out of memory", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"]
)
@pytest.mark.usefixtures("gpu_found")
def test_memory_that_torch_does_not_count_is_memory_all_the_same(words: str) -> None:
    """Pinned pages and workspaces of CUDA's libraries raise a plain error, worded like this."""
    module = _FullFor(most=2, error=RuntimeError(words))
    network = scripted(module, batch=4)
    assert len(maps(network, *[PICTURE] * 4)) == 4
    assert (network.batch, network.memory_halvings, Lost.gpu) == (2, 1, False)


@pytest.mark.usefixtures("gpu_found")
def test_a_memory_too_small_for_the_network_itself_is_a_reason() -> None:
    class TooLarge(nn.Module):
        def to(self, *_: object, **__: object) -> nn.Module:
            raise RuntimeError("CUDA error: out of memory")

    with pytest.raises(SlideError) as problem:
        scripted(TooLarge())
    assert (problem.value.code, Lost.gpu) == ("gpu-memory", False)


def test_a_slide_is_not_told_of_the_memory_of_earlier_ones() -> None:
    network = scripted(_FullFor(most=1), batch=2)
    maps(network, PICTURE, PICTURE)
    stains, _ = learned(PICTURE, 0.5)
    classical = classical_eyes([PICTURE], Mpp(0.5), stains, SETTINGS)
    eyes = NetworkEyes(classical=classical, nuclei=network, tissue=None)
    assert network.memory_halvings == 1
    assert eyes.work is not None
    assert eyes.work.memory_halvings == 0


def test_a_memory_too_small_for_one_tile_is_a_reason() -> None:
    with pytest.raises(SlideError, match="too small for one tile") as problem:
        maps(scripted(_FullFor(most=0), batch=4), *[PICTURE] * 4)
    assert problem.value.code == "gpu-memory"


class _Breaks(nn.Module):
    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def forward(self, pictures: Tensor) -> Tensor:
        raise RuntimeError(self.message)


@pytest.mark.parametrize(
    "began",
    ["CUDA error: ", "CUDA driver error: ", "cuDNN Frontend error: ", "CUDNN_STATUS_BAD: "],
)
@pytest.mark.usefixtures("gpu_found")
def test_a_lost_gpu_is_named_and_the_processor_takes_over(began: str) -> None:
    """The error is scripted: it is worded as torch words it."""
    message = f"{began}an illegal memory access was encountered\nCUDA kernel errors might be"
    with pytest.raises(SlideError) as problem:
        maps(scripted(_Breaks(message)), PICTURE)
    assert problem.value.code == "gpu-lost"
    assert "illegal memory access" in problem.value.text("zh")
    assert device_for("auto").kind == "cpu"
    with pytest.raises(SlideError, match="earlier slide"):
        device_for("cuda")


@pytest.mark.parametrize(
    "words", ["size mismatch", "Could not run 'x' with arguments from the 'CUDA' backend"]
)
def test_any_other_error_is_no_lost_gpu(words: str) -> None:
    with pytest.raises(RuntimeError, match=words[:12]):
        maps(scripted(_Breaks(words)), PICTURE)
    assert not Lost.gpu


def test_a_gpu_that_is_not_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SlideError) as problem:
        device_for("cuda")
    assert problem.value.code == "gpu-absent"
    assert device_for("auto").kind == device_for("cpu").kind == "cpu"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_no_number_is_never_scored(value: float) -> None:
    class Spoils(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            answer = pictures.clone()
            answer[0, 1, 100, 200] = value
            return answer

    (pending,) = scripted(Spoils()).forward([PICTURE])
    with pytest.raises(SlideError) as problem:
        pending.maps()
    assert problem.value.code == "network-not-finite"


@pytest.mark.parametrize("part", ["nuclei", "tissue"])
def test_eyes_with_a_network_that_tells_nan_see_nothing(part: str) -> None:
    painting = paint_nuclei(width=512, height=384)
    stains, calibration = learned(painting.pixels, 0.5)
    card = (
        disc_card() if part == "nuclei" else replace(tiny_card("tissue"), input=colour_card().input)
    )
    spoilt = Network(card, AddsNan(SeesDiscs() if part == "nuclei" else tiny_network(card)), EXACT)
    eyes = NetworkEyes(
        classical=classical_eyes([painting.pixels], Mpp(0.5), stains, SETTINGS),
        nuclei=spoilt if part == "nuclei" else None,
        tissue=spoilt if part == "tissue" else None,
    )
    tiles = cut(painting.pixels, 0.5, 256)
    with closing(eyes.see(tiles, calibration)) as seen, pytest.raises(SlideError) as problem:
        list(seen)
    assert problem.value.code == "network-not-finite"


@pytest.mark.parametrize(
    ("mpp", "wanted"), [(0.5, 2), (0.45, 2), (0.3, 3), (1.0, 1), (0.55, 2), (1.1, 1), (2.0, None)]
)
def test_tiles_are_reduced_to_the_tissue_networks_scale(mpp: float, wanted: int | None) -> None:
    assert reduction_for(colour_card(), Mpp(mpp)) == wanted
