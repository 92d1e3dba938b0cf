"""Networks of ``torch.export`` files, run from their graph without torch's own loader.

``torch.export.load`` is not safe for files of others: it unpickles constants and sample inputs,
evaluates symbolic sizes as Python, compiles guards and names of nodes as Python, and resolves an
operator by any dotted path below ``torch``. A file holds all that is needed as JSON and plain
numbers, so that is what is read here: the nodes of one graph, in order, each an operator of a list,
and the tensors they use. Whatever else a file may hold is refused or never looked at.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from pathology.errors import ModelRefused
from pathology.models.exported_arguments import (
    DTYPES,
    argument,
    check_argument,
    outputs_of,
    single,
)
from pathology.models.exported_operators import changes_its_first, operator_of
from pathology.records.model import ModelCard

SCHEMA: Final = 8
"""Major version of the graph's layout; another one may mean something else."""
LARGEST_JSON: Final = 64 * 2**20
KEYWORD: Final = 2
"""Kind of an argument that is given by name."""
Value = Any
"""What flows along the graph: a tensor, a number, or a list of tensors."""


class Node(NamedTuple):
    """One step."""

    operator: Any
    given: Sequence[tuple[str, Mapping[str, Any], bool]]  # name, argument, whether by keyword
    makes: Sequence[str]  # names of its results
    makes_list: bool


class ExportedNetwork(nn.Module):
    """Pictures (b, 3, h, w) of 0..1 -> what the graph makes of them."""

    def __init__(self, graph: Graph, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.nodes, self.pictures, self.result = graph.nodes, graph.pictures, graph.result
        self.places = {name: f"tensor_{i}" for i, name in enumerate(sorted(tensors))}
        for name, place in self.places.items():
            self.register_buffer(place, tensors[name])

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        known: dict[str, Value] = {n: getattr(self, place) for n, place in self.places.items()}
        known[self.pictures] = pictures
        for node in self.nodes:
            values = [
                (name, argument(arg, known, pictures.device), keyword)
                for name, arg, keyword in node.given
            ]
            made = node.operator(
                *(value for _, value, keyword in values if not keyword),
                **{name: value for name, value, keyword in values if keyword},
            )
            several = node.makes_list or len(node.makes) > 1
            known.update(zip(node.makes, made if several else (made,), strict=True))
        result: Tensor = known[self.result]
        return result


class Graph(NamedTuple):
    """Steps from pictures to one result."""

    nodes: tuple[Node, ...]
    pictures: str
    result: str
    weights: Mapping[str, str]  # name in the graph -> name in the file


def exported_network(card: ModelCard, data: bytes) -> nn.Module:
    """The network of a ``.pt2`` file.

    Raises
    ------
    ModelRefused
        The file is cut short or of another layout, needs pickle, or its graph has an operator or
        an argument that is not on the list.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = _files(archive)
            model = json.loads(_small(archive, files, "models/model.json"))
            graph = _graph(model)
            tensors = _tensors(archive, files, graph)
    except (
        zipfile.BadZipFile,
        EOFError,
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        RuntimeError,
        OverflowError,
        RecursionError,
        NotImplementedError,
    ) as cause:
        raise ModelRefused(
            f"{card.name}: the exported network cannot be used ({cause}). Export it again with "
            "torch.export in eval mode, its batch and sides dynamic, and torch 2.8 or newer"
        ) from cause
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ModelRefused(f"{card.name}: tensor {name} is not finite. The weights are spoilt")
    return ExportedNetwork(graph, tensors).eval()


def _files(archive: zipfile.ZipFile) -> Mapping[str, zipfile.ZipInfo]:
    """Members by their path below the archive's one folder; none may be packed."""
    files = {info.filename.partition("/")[2]: info for info in archive.infolist()}
    if packed := [n for n, i in files.items() if i.compress_type != zipfile.ZIP_STORED]:
        raise ValueError(f"{packed[0]} is packed, which torch never does")
    return files


def _small(archive: zipfile.ZipFile, files: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    if files[name].file_size > LARGEST_JSON:
        raise ValueError(f"{name} is too long")
    return archive.read(files[name])


def _graph(model: Mapping[str, Any]) -> Graph:
    major = model["schema_version"]["major"]
    if major != SCHEMA:
        raise ValueError(f"its layout has version {major}, known is {SCHEMA}")
    graph, signature = model["graph_module"]["graph"], model["graph_module"]["signature"]
    weights: dict[str, str] = {}
    pictures: list[str] = []
    for spec in signature["input_specs"]:
        kind, body = single(spec)
        if kind in ("parameter", "buffer", "tensor_constant"):
            weights[body["arg"]["name"]] = body[f"{kind}_name"]
        elif kind == "user_input":
            pictures.append(body["arg"]["as_tensor"]["name"])
        else:
            raise ValueError(f"it takes a {kind}")
    results = [single(spec) for spec in signature["output_specs"]]
    if len(pictures) != 1 or len(results) != 1 or results[0][0] != "user_output":
        raise ValueError("it must make one tensor from one tensor, and change no other")
    nodes = tuple(_node(node, weights) for node in graph["nodes"])
    return Graph(nodes, pictures[0], results[0][1]["arg"]["as_tensor"]["name"], weights)


def _node(node: Mapping[str, Any], weights: Mapping[str, str]) -> Node:
    target = node["target"]
    operator = operator_of(target)
    given = [(a["name"], a["arg"], a["kind"] == KEYWORD) for a in node["inputs"]]
    for _, arg, _ in given:
        check_argument(arg)
    first = given[0][1].get("as_tensor", {}).get("name") if given else None
    if changes_its_first(target) and first in weights:
        raise ValueError(f"{target} would change the weights")
    makes, makes_list = outputs_of(node["outputs"])
    return Node(operator, given, makes, makes_list)


def _tensors(
    archive: zipfile.ZipFile, files: Mapping[str, zipfile.ZipInfo], graph: Graph
) -> dict[str, Tensor]:
    """Tensors by their name in the graph."""
    stored: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for folder in ("weights", "constants"):
        config = json.loads(_small(archive, files, f"data/{folder}/model_{folder}_config.json"))
        stored |= {name: (folder, payload) for name, payload in config["config"].items()}
    return {name: _tensor(archive, files, *stored[own], own) for name, own in graph.weights.items()}


def _tensor(
    archive: zipfile.ZipFile,
    files: Mapping[str, zipfile.ZipInfo],
    folder: str,
    payload: Mapping[str, Any],
    name: str,
) -> Tensor:
    if payload["use_pickle"]:
        raise ValueError(f"tensor {name} is pickled")
    meta = payload["tensor_meta"]
    flat = torch.frombuffer(
        bytearray(archive.read(files[f"data/{folder}/{payload['path_name']}"])),
        dtype=DTYPES[meta["dtype"]],
    )
    sizes, strides = ([single(n)[1] for n in meta[key]] for key in ("sizes", "strides"))
    return flat.as_strided(sizes, strides, single(meta["storage_offset"])[1]).clone()
