"""The U-Net of TIAToolbox: tensors of its names and shapes load, and mean what they mean there.

The truth is written out a second time, on torchvision's ResNet-50 and plain functions: the
published network was built on that encoder, and its file has that encoder's names.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import safetensors.torch
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from pathology.errors import ModelRefused
from pathology.models.weights import network_of
from pathology.records.model import ModelCard
from tests.tiny_models import tiny_card

WIDTHS = ((1024, 512), (512, 256), (256, 64), (64, 64))
"""Channels into and out of each decoder stage."""
CHANNELS = ("tumour", "stroma", "stroma", "other", "normal")


def bcss_card() -> ModelCard:
    """Its five classes (tumour, stroma, inflammatory, necrosis, others) as a site may map them."""
    card = tiny_card("tissue", name="bcss")
    return replace(
        card,
        classes=("tumour", "stroma", "other", "normal"),
        channels=CHANNELS,
        network=replace(card.network, form="tiatoolbox", encoder="", stages=0, decoder=()),
        input=replace(card.input, mpp=0.25, finest_mpp=0.2, coarsest_mpp=0.3, step_px=32),
    )


@pytest.fixture(scope="module")
def encoder() -> nn.Module:
    torch.manual_seed(3)
    return torchvision.models.resnet50(weights=None).eval()


@pytest.fixture(scope="module")
def tensors(encoder: nn.Module) -> dict[str, Tensor]:
    state = {f"backbone.{key}": t.clone() for key, t in encoder.state_dict().items()}
    state["conv1x1.weight"] = torch.randn(1024, 2048, 1, 1) / 45
    for stage, (inputs, outputs) in enumerate(WIDTHS):
        for norm, kernel, width in ((0, 2, inputs), (3, 5, outputs)):
            place = f"uplist.{stage}"
            state[f"{place}.{norm}.weight"] = torch.rand(width) + 0.5
            state[f"{place}.{norm}.bias"] = torch.rand(width)
            state[f"{place}.{norm}.running_mean"] = torch.rand(width)
            state[f"{place}.{norm}.running_var"] = torch.rand(width) + 0.5
            state[f"{place}.{norm}.num_batches_tracked"] = torch.tensor(9)
            state[f"{place}.{kernel}.weight"] = torch.randn(outputs, width, 3, 3) / width**0.5 / 3
    state["clf.weight"] = torch.randn(5, 64, 1, 1) / 8
    state["clf.bias"] = torch.randn(5)
    state["upsample2x.unpool_mat"] = torch.ones(2, 2)
    return {key: t.half() if t.is_floating_point() else t for key, t in state.items()}


def reference(encoder: nn.Module, tensors: dict[str, Tensor], pictures: Tensor) -> Tensor:
    """Logits of five classes at half the scale."""
    exact = {key: t.float() for key, t in tensors.items()}
    own = {k.removeprefix("backbone."): t for k, t in exact.items() if k.startswith("backbone.")}
    encoder.load_state_dict(own)
    e = encoder
    features = [e.relu(e.bn1(e.conv1(pictures)))]
    seen = e.maxpool(features[0])
    for layer in (e.layer1, e.layer2, e.layer3, e.layer4):
        seen = layer(seen)
        features.append(seen)
    seen = functional.conv2d(features.pop(), exact["conv1x1.weight"])
    for stage in range(4):
        seen = functional.interpolate(seen, scale_factor=2, mode="nearest") + features.pop()
        for norm, kernel in ((0, 2), (3, 5)):
            place = f"uplist.{stage}.{norm}"
            seen = functional.batch_norm(
                seen,
                exact[f"{place}.running_mean"],
                exact[f"{place}.running_var"],
                exact[f"{place}.weight"],
                exact[f"{place}.bias"],
            ).relu()
            seen = functional.conv2d(seen, exact[f"uplist.{stage}.{kernel}.weight"], padding=1)
    return functional.conv2d(seen, exact["clf.weight"], exact["clf.bias"])


def test_the_published_layout_loads_and_means_the_same(
    encoder: nn.Module, tensors: dict[str, Tensor]
) -> None:
    network = network_of(bcss_card(), safetensors.torch.save(tensors))
    pictures = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        seen = network(pictures)
        five = reference(encoder, tensors, pictures).softmax(dim=1)
    assert seen.shape == (2, 4, 32, 48)
    four = torch.stack([five[:, 0], five[:, 1] + five[:, 2], five[:, 3], five[:, 4]], dim=1)
    torch.testing.assert_close(seen.softmax(dim=1), four, rtol=1e-3, atol=1e-4)


def test_a_layout_that_differs_is_refused(tensors: dict[str, Tensor]) -> None:
    short = {key: t for key, t in tensors.items() if not key.startswith("uplist.3.5")}
    with pytest.raises(ModelRefused, match=r"tensors are missing: uplist\.3\.5\.weight"):
        network_of(bcss_card(), safetensors.torch.save(short))
    fewer = replace(bcss_card(), channels=("tumour", "stroma", "other", "normal"))
    with pytest.raises(ModelRefused, match=r"clf\.(weight|bias) is \(5,.*not \(4,"):
        network_of(fewer, safetensors.torch.save(tensors))
