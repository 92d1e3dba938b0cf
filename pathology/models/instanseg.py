"""InstanSeg's networks, for a TorchScript file that a site holds and its administrator allowed.

TorchScript is a program: running it is trusting it as one trusts an installed package. So its very
hash must stand in ``allowed_torchscript_sha256`` of site.toml, whatever its card says. InstanSeg
(Goldsborough et al., arXiv:2408.15954; Apache 2.0) takes pictures normalised by their own 0.1 and
99.9 percentiles and gives labelled nuclei, without classes. The published file was not at hand when
this was written: tests use a small script that is called the same way.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection
from typing import Final, Protocol

import torch
from torch import Tensor, nn

from pathology.errors import ModelRefused
from pathology.records.model import ModelCard

LOW, HIGH = 0.001, 0.999
LEAST_SPREAD: Final = 1e-3
"""Of a channel; less is glass, and would be blown up to noise."""
SCALE_TOLERANCE: Final = 0.02


class InstanceLabels(Protocol):
    """What predictions call where a network gives nuclei themselves, not maps to find them in.

    Pictures (b, 3, h, w) of 0..1 -> int32 labels (b, h, w): 0 is no nucleus, and within a picture
    every nucleus has one positive number of its own. There are no classes: each nucleus gets the
    one class that the card names. A model's form, ``instanseg``, says that it is one of these.
    """

    def __call__(self, pictures: Tensor) -> Tensor:
        """See the class."""
        ...


class InstanSegNetwork(nn.Module):
    """``InstanceLabels`` of a script called as InstanSeg's are."""

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.script = script
        both = bool(getattr(script, "cells_and_nuclei", False))
        wanted = torch.tensor([1, 0] if both else [1, 1])  # nuclei only, where cells come as well
        self.wanted: Tensor
        self.register_buffer("wanted", wanted, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """See ``InstanceLabels``; one picture at a time, so that none depends on its neighbours."""
        return torch.cat([self._labelled(picture) for picture in torch.split(pictures, 1)])

    def _labelled(self, picture: Tensor) -> Tensor:
        labels = self.script(normalised(picture), target_segmentation=self.wanted)
        if labels.ndim != 4 or labels.shape[:2] != (1, 1):
            raise ValueError(f"labels of shape {tuple(labels.shape)}, not (1, 1, h, w)")
        nuclei: Tensor = labels[:, 0].round().to(torch.int32)
        return nuclei


def normalised(picture: Tensor) -> Tensor:
    """Each channel of (1, 3, h, w) shifted and scaled by its 0.1 and 99.9 percentiles."""
    flat = picture.flatten(2).sort(dim=2).values
    last = flat.shape[2] - 1
    low, high = (flat[..., round(last * share), None, None] for share in (LOW, HIGH))
    return (picture - low) / (high - low).clamp_min(LEAST_SPREAD)


def check_allowed(name: str, sha256: str, allowed: Collection[str]) -> None:
    """Refuse a script that the administrator has not named by its hash."""
    if sha256 not in allowed:
        raise ModelRefused(
            f"{name}: TorchScript runs as a program, and this one is not allowed here. If you "
            f"trust it, write its sha256 {sha256} into allowed_torchscript_sha256 of site.toml"
        )


def scripted_network(card: ModelCard, data: bytes) -> nn.Module:
    """The network of an allowed script; ``ModelRefused`` where it is none, or of another scale."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # that scripting has none
            script = torch.jit.load(io.BytesIO(data), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, EOFError) as cause:
        raise ModelRefused(
            f"{card.name}: the file is no TorchScript, or cut short. Get the whole file again"
        ) from cause
    own_mpp = float(getattr(script, "pixel_size", 0) or 0)
    if own_mpp and abs(own_mpp / card.input.mpp - 1) > SCALE_TOLERANCE:
        raise ModelRefused(
            f"{card.name}: the network was made for {own_mpp:g} µm/px, the card says "
            f"{card.input.mpp:g}. Mend mpp of the card"
        )
    return InstanSegNetwork(script).eval()
