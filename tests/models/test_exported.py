"""Exported networks: the same numbers as the network itself, and nothing in the file ever runs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from pathology.errors import ModelRefused
from pathology.models.catalogue import Installed
from pathology.models.exported import exported_network
from pathology.models.exported_operators import ATEN, operator_of
from pathology.models.weights import read_network
from pathology.records.model import ModelCard
from tests.tiny_models import tiny_card, tiny_network

STEP_PX = 32


def exported_card() -> ModelCard:
    card = tiny_card("tissue", name="exported")
    return replace(
        card,
        network=replace(card.network, form="exported", encoder="", stages=0, decoder=()),
        weights=replace(card.weights, file="exported.pt2"),
        input=replace(card.input, step_px=STEP_PX),
    )


def export(network: nn.Module, *, free: bool = True) -> bytes:
    side = torch.export.Dim.AUTO
    sizes = ({0: side, 2: side, 3: side},) if free else None
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, about its own future
        program = torch.export.export(network, (torch.rand(2, 3, 96, 64),), dynamic_shapes=sizes)
        torch.export.save(program, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return tiny_network(tiny_card("tissue"))


@pytest.fixture(scope="module")
def data(network: nn.Module) -> bytes:
    return export(network)


def members(data: bytes) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            yield info, archive.read(info)


def rewritten(data: bytes, end: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with the member whose name ends so changed; the test fails if there is none."""
    file, hits = io.BytesIO(), 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for info, content in members(data):
            hit = info.filename.endswith(end)
            hits += hit
            archive.writestr(info.filename, change(content) if hit else content)
    assert hits == 1
    return file.getvalue()


def with_json(data: bytes, end: str, change: Callable[[Any], object]) -> bytes:
    def changed(content: bytes) -> bytes:
        read = json.loads(content)
        change(read)
        return json.dumps(read).encode()

    return rewritten(data, end, changed)


def test_it_sees_what_the_network_sees_at_any_size(
    tmp_path: Path, network: nn.Module, data: bytes
) -> None:
    card = exported_card()
    (tmp_path / "exported.pt2").write_bytes(data)
    weights = replace(card.weights, sha256=hashlib.sha256(data).hexdigest())
    model = Installed(card=replace(card, weights=weights), folder=tmp_path, shipped=False)
    read = read_network(model)
    with torch.inference_mode():
        for batch, height, width in ((1, 96, 96), (3, 64, 160)):
            pictures = torch.rand(batch, 3, height, width)
            torch.testing.assert_close(read(pictures), network(pictures))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "convnext_atto", "vit_tiny_patch16_224"])
def test_common_networks_need_only_operators_of_the_list(name: str) -> None:
    network = timm.create_model(name, num_classes=3, img_size=64) if "vit" in name else None
    network = (network or timm.create_model(name, num_classes=3)).eval()
    pictures = torch.rand(2, 3, 64, 64)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(network, (pictures,)), file)
    read = exported_network(exported_card(), file.getvalue())
    with torch.inference_mode():
        torch.testing.assert_close(read(pictures), network(pictures))


def test_every_operator_of_the_list_exists() -> None:
    for name in sorted(ATEN):
        packet = getattr(torch.ops.aten, name)
        overloads = [o for o in packet.overloads() if not o.endswith("out")]
        assert overloads
        assert all(operator_of(f"torch.ops.aten.{name}.{o}") for o in overloads)


def test_no_operator_of_the_list_takes_a_path() -> None:
    """What an operator may be told in words is a way of rounding or padding, never a file."""
    told = {
        argument.name
        for name in ATEN
        for overload in getattr(torch.ops.aten, name).overloads()
        for argument in getattr(getattr(torch.ops.aten, name), overload)._schema.arguments
        if "str" in str(argument.type)
    }
    modes = {"approximate", "rounding_mode", "equation", "mode", "indexing", "padding"}
    texts = {"a", "b", "self", "string", "substr", "el", "separator", "assert_msg"}
    assert told <= modes | texts


@pytest.mark.parametrize(
    "target",
    [
        "torch.os.system",
        "torch.load",
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.add.out",
        "torch.ops.higher_order.cond",
        "torch.ops.aten.relu.default.__class__",
        "torch.ops.aten.relu.__setattr__",
        "torch.ops.aten.relu.__getattr__",
        "torch.ops.aten.relu.__getattribute__",
        "torch.ops.aten.relu.__call__",
        "torch.ops.aten.relu.__class__",
        "torch.ops.aten.relu._op",
        "_operator.attrgetter",
        "builtins.exec",
        "#extension:op",
        "",
    ],
)
def test_an_operator_that_is_not_on_the_list_is_refused(data: bytes, target: str) -> None:
    def change(model: Any) -> None:
        model["graph_module"]["graph"]["nodes"][3]["target"] = target

    with pytest.raises(ModelRefused, match="is not on the list"):
        exported_network(exported_card(), with_json(data, "models/model.json", change))


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


def test_pickles_in_it_are_never_opened(tmp_path: Path, network: nn.Module, data: bytes) -> None:
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    sprung = rewritten(data, "data/sample_inputs/model.pt", lambda _: trap)
    pictures = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        seen = exported_network(exported_card(), sprung)(pictures)
        torch.testing.assert_close(seen, network(pictures))

    def pickled(config: Any) -> None:
        config["config"]["head.bias"]["use_pickle"] = True

    with pytest.raises(ModelRefused, match=r"tensor head\.bias is pickled"):
        exported_network(exported_card(), with_json(sprung, "model_weights_config.json", pickled))
    assert not (tmp_path / "sprung").exists()


def test_python_in_sizes_guards_and_names_is_never_run(
    tmp_path: Path, network: nn.Module, data: bytes
) -> None:
    code = f"__import__('os').mkdir({str(tmp_path / 'sprung')!r})"

    def poison(model: Any) -> None:
        model["guards_code"] = [code]
        model["range_constraints"] = {code: {"min_val": 1, "max_val": 2}}
        graph = model["graph_module"]["graph"]
        for value in graph["sym_int_values"].values():
            if "as_expr" in value:
                value["as_expr"]["expr_str"] = code
        for node in graph["nodes"]:
            node["name"] = code
            node["metadata"] = {"stack_trace": code, "nn_module_stack": code}

    poisoned = with_json(data, "models/model.json", poison)
    pictures = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        seen = exported_network(exported_card(), poisoned)(pictures)
        torch.testing.assert_close(seen, network(pictures))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_cut_short_is_refused(data: bytes, share: float) -> None:
    with pytest.raises(ModelRefused, match="the exported network cannot be used"):
        exported_network(exported_card(), data[: int(len(data) * share)])


def test_weights_that_are_not_finite_are_refused(data: bytes) -> None:
    spoilt = rewritten(data, "data/weights/weight_0", lambda c: b"\xff" * len(c))
    with pytest.raises(ModelRefused, match="is not finite"):
        exported_network(exported_card(), spoilt)


def test_another_layout_is_refused(data: bytes) -> None:
    later = with_json(data, "models/model.json", lambda m: m["schema_version"].update(major=9))
    with pytest.raises(ModelRefused, match="its layout has version 9, known is 8"):
        exported_network(exported_card(), later)


def test_a_packed_archive_is_refused(data: bytes) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in members(data):
            archive.writestr(info.filename, content)
    with pytest.raises(ModelRefused, match="is packed"):
        exported_network(exported_card(), file.getvalue())


def test_a_network_that_changes_its_weights_is_refused() -> None:
    class Learner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", torch.zeros(1))

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            self.seen += 1
            return pictures * self.seen

    with pytest.raises(ModelRefused, match="cannot be used"):
        exported_network(exported_card(), export(Learner()))
