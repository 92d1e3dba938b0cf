"""A model that a site brings itself: read carefully, tried out, its hash pinned, then installed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import timm
from torch import Tensor

from pathology.errors import ModelRefused
from pathology.models.build import Facts, Parsed, channels_of
from pathology.models.card_toml import card_text
from pathology.models.catalogue import Installed, check_not_shipped, load_catalogue, read_card
from pathology.models.smoke import check_sees
from pathology.models.tile_encoder import FACT, EncoderFacts
from pathology.models.weights import network_of, parsed, weights_bytes
from pathology.models.weights_file import write_whole
from pathology.records.model import SUFFIXES, ModelCard

NOT_YET: Final = "0" * 64
"""In a card that is to be imported: the hash is not known yet and will be pinned."""
STATE_DICTS: Final = (".pth", ".pt", ".bin")
CONVERTER: Final = (sys.executable, "-I", "-m", "pathology.models.convert_pth")
CONVERTER_SECONDS: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a site wants to install."""

    file: Path  # weights, or the folder of an encoder and its head
    card: Path
    folder: Path  # the site's own models
    allowed_torchscript: Collection[str] = ()


def import_model(offer: Offer) -> Installed:
    """Check an offered model and install it: card and weights, or nothing.

    Raises
    ------
    ModelRefused
        The card or the weights are wrong, do not fit, or fail on painted pictures; or there is a
        model of this name already.
    OutputError
        The folder cannot be written.
    """
    card = read_card(offer.card)
    _check_free(card, offer.folder)
    data = _weights(card, offer)
    pinned = replace(
        card,
        weights=replace(
            card.weights,
            file=card.name + _suffix(card),
            sha256=hashlib.sha256(data).hexdigest(),
        ),
    )
    check_sees(pinned, network_of(pinned, data, offer.allowed_torchscript))
    installed = Installed(card=pinned, folder=offer.folder, shipped=False)
    _install(installed, data)
    return installed


def _check_free(card: ModelCard, folder: Path) -> None:
    """Refuse a name that is taken: a model is never replaced under the results that name it."""
    if not folder.is_dir():
        raise ModelRefused(f"{folder.name}: there is no such folder of models. Make it first")
    check_not_shipped(card.name, load_catalogue())
    if any((folder / f"{card.name}{end}").exists() for end in (".toml", _suffix(card))):
        raise ModelRefused(
            f"{card.name}: a model of this name is there already. Give the new one another name"
        )


def _suffix(card: ModelCard) -> str:
    return SUFFIXES.get(card.network.form, ".safetensors")


def _weights(card: ModelCard, offer: Offer) -> bytes:
    """The bytes to install. A hash in the offered card is that of the offered file."""
    path = offer.file
    if path.is_dir():
        return _of_folder(card, path)
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise ModelRefused(f"{path.name}: cannot be read ({cause.strerror})") from cause
    seen = hashlib.sha256(data).hexdigest()
    if card.weights.sha256 not in (NOT_YET, seen):
        raise ModelRefused(
            f"{path.name}: is not the file of this card: its sha256 is {seen}, the card says "
            f"{card.weights.sha256}. Get the right file, or write 64 zeros to pin this one"
        )
    if card.network.form in SUFFIXES:
        _check_suffix(card, path)
        return data
    if path.suffix == ".safetensors":
        read = parsed(card.name, data)
    elif path.suffix in STATE_DICTS:
        _check_no_script(path)
        read = parsed(card.name, _converted(path.name, data))
    else:
        raise ModelRefused(
            f"{path.name}: weights are .safetensors, .pt2, .pth, .pt or .bin, or the folder of an "
            "encoder"
        )
    if card.network.form == "tile-encoder" and FACT not in read.facts:
        read = _classifier(card, read)
    return weights_bytes(read.tensors, card.name, read.facts)


def state_dict_in(name: str, data: bytes) -> Mapping[str, Tensor]:
    """Tensors of a state dict saved by torch, read by a process that is locked up first.

    Raises
    ------
    ModelRefused
        It holds more than tensors, or this machine cannot lock a process up.
    """
    return parsed(name, _converted(name, data)).tensors


def _check_suffix(card: ModelCard, path: Path) -> None:
    wanted = SUFFIXES[card.network.form]
    if path.suffix != wanted:
        raise ModelRefused(f"{path.name}: form {card.network.form} wants a {wanted} file")


def _check_no_script(path: Path) -> None:
    """Name TorchScript for what it is; the converter would refuse it with worse words."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any("/code/" in name for name in archive.namelist()):
                raise ModelRefused(
                    f"{path.name}: is TorchScript, which runs as a program; only form instanseg "
                    "takes one. Save the network's state dict, or export it with torch.export"
                )


def _converted(name: str, data: bytes) -> bytes:
    """A state dict as safetensors, read by a process that is locked up first.

    What is converted are the bytes that were hashed, not what lies in the file by then.
    """
    with tempfile.TemporaryDirectory(prefix="pathology-") as folder:
        source, target = Path(folder) / "given", Path(folder) / "converted.safetensors"
        source.write_bytes(data)
        try:
            done = subprocess.run(  # noqa: S603 - our own module, no shell
                (*CONVERTER, str(source), str(target)),
                cwd=folder,
                env={"OMP_NUM_THREADS": "1", "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=CONVERTER_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as cause:
            raise ModelRefused(
                f"{name}: reading it took too long. Save it as safetensors"
            ) from cause
        if done.returncode != 0 or not target.exists():
            raise ModelRefused(f"{name}: {_told(done.stdout)}. Save it as safetensors")
        return target.read_bytes()


def _told(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, LookupError, TypeError):
        return "the process that read it ended without a word"


def _classifier(card: ModelCard, read: Parsed) -> Parsed:
    """A timm network that ends in classes, in the form of a tile classifier."""
    name = card.network.encoder
    if not name or name not in timm.list_models():
        raise ModelRefused(f"{card.name}: encoder {name!r} is no network that timm knows")
    normal = timm.get_pretrained_cfg(name)
    if normal is None:
        raise ModelRefused(f"{card.name}: timm does not say how {name} wants its pictures")
    facts = EncoderFacts(
        architecture=name,
        arguments={"num_classes": channels_of(card)},
        mean=tuple(normal.mean),
        std=tuple(normal.std),
    )
    tensors = {f"encoder.{key}": tensor for key, tensor in read.tensors.items()}
    return Parsed(tensors, {FACT: facts.text()})


def _of_folder(card: ModelCard, folder: Path) -> bytes:
    """``config.json``, ``model.safetensors`` and ``head.safetensors`` as one file."""
    if card.network.form != "tile-encoder":
        raise ModelRefused(f"{folder.name}: only form tile-encoder takes a folder")
    try:
        config: Mapping[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        facts = EncoderFacts.of_config(
            {**config, "model_args": {**(config.get("model_args") or {}), "num_classes": 0}}
        )
        encoder = parsed(card.name, (folder / "model.safetensors").read_bytes()).tensors
        head = parsed(card.name, (folder / "head.safetensors").read_bytes()).tensors
    except (OSError, LookupError, TypeError, AttributeError, ValueError) as cause:
        raise ModelRefused(
            f"{folder.name}: an encoder's folder holds timm's config.json, model.safetensors and "
            f"head.safetensors ({cause})"
        ) from cause
    tensors: dict[str, Tensor] = {f"encoder.{key}": tensor for key, tensor in encoder.items()}
    tensors |= {f"head.{key.removeprefix('head.')}": tensor for key, tensor in head.items()}
    own: Facts = {FACT: facts.text()}
    return weights_bytes(tensors, card.name, own)


def _install(installed: Installed, data: bytes) -> None:
    """Weights first: without a card nothing sees them; they go again if it cannot be written."""
    write_whole(installed.weights_path, data)
    done = False
    try:
        card_path = installed.folder / f"{installed.card.name}.toml"
        write_whole(card_path, card_text(installed.card).encode())
        done = True
    finally:
        if not done:
            installed.weights_path.unlink(missing_ok=True)
