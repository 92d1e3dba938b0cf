"""Facts of a reason without what could name a patient."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from typing import Final

from pathology.records.work import WorkOrder

HIDDEN: Final = "…"
WORD: Final = re.compile(r"[^\W_]+")
SHORTEST: Final = 3
"""Letters of a word that is looked for; shorter ones stand in every sentence. A word of Chinese
says as much in two."""
PATH: Final = re.compile(r"(^|[\s'\"(:=])(/[^/\s]+/|[A-Za-z]:\\|\\\\)")
"""A path of Unix or Windows; units such as µm/px are none."""
OURS: Final = frozenset(
    [
        "analysis",
        "needed",
        "seen",
        "seconds",
        "times",
        "mpp_x",
        "mpp_y",
        "gpu",
        "model",
        "package",
        "extra",
    ]
)
"""Facts that this program's own tables fill."""
CJK: Final = re.compile(r"[\u3400-\u9fff]")


def redacted(facts: Mapping[str, str], order: WorkOrder) -> dict[str, str]:
    """The facts; one that repeats a part of the slide's path or identity becomes ``…`` whole.

    Facts are told by libraries too, and those like to name files.
    """
    secrets = set(_secrets(order))
    return {
        name: HIDDEN if name not in OURS and _tells(str(fact), secrets) else str(fact)
        for name, fact in facts.items()
    }


def _tells(fact: str, secrets: set[str]) -> bool:
    if PATH.search(fact):
        return True
    folded = fact.casefold()
    return any(secret in folded for secret in secrets)


def _secrets(order: WorkOrder) -> Iterator[str]:
    texts = list(order.path.parts[1:])
    texts += [str(value) for claim in order.said for value in astuple(claim.identity) if value]
    texts += [str(value) for value in astuple(order.identity) if value]
    if order.within is not None:
        texts.append(order.within.name)
    for text in texts:
        yield from _words(text.casefold())


def _words(text: str) -> Iterator[str]:
    for word in WORD.findall(text):
        if (
            len(word) >= SHORTEST or (len(word) >= 2 and CJK.search(word))
        ) and word not in ORDINARY:
            yield word


ORDINARY: Final = frozenset(
    [
        "data",
        "mnt",
        "media",
        "srv",
        "share",
        "shares",
        "home",
        "var",
        "tmp",
        "slides",
        "scans",
        "slide",
        "scan",
        "archive",
        "svs",
        "tif",
        "tiff",
        "ndpi",
        "mrxs",
        "dcm",
        "dicom",
        "zarr",
        "ome",
        "png",
        "jpg",
        "jpeg",
        "scn",
        "bif",
        "vms",
        "kfb",
        "tmap",
        "csv",
        "geojson",
        "the",
        "and",
        "for",
        "not",
        "with",
        "tile",
        "tiles",
        "level",
        "page",
        "file",
        "manifest",
        "label",
        "accession",
        "specimen",
        "block",
        "barcode",
        "order",
        "hl7",
        "fhir",
        "name",
    ]
)
"""Parts of paths that stand in many sentences and name nobody."""
