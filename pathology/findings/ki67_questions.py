"""What the Ki-67 findings are called, and the protocol that each follows."""

from __future__ import annotations

from typing import Final, NamedTuple


class Question(NamedTuple):
    """What a finding answers."""

    id: str
    name: str
    protocol: str


GLOBAL: Final = Question("f1", "ki67.global", "WSI_GLOBAL")
UNWEIGHTED: Final = Question("f2", "ki67.global_unweighted", "IKWG_GLOBAL_UNWEIGHTED")
WEIGHTED: Final = Question("f3", "ki67.global_weighted", "IKWG_GLOBAL_WEIGHTED")
HOTSPOT: Final = Question("f4", "ki67.hotspot", "IKWG_HOTSPOT")
NET_HOTSPOT: Final = Question("f5", "ki67.net_hotspot", "NET_HOTSPOT")
QUESTIONS: Final = (GLOBAL, UNWEIGHTED, WEIGHTED, HOTSPOT, NET_HOTSPOT)
OTHER_MARKER: Final = Question("f2", "labelling_index.global", "WSI_GLOBAL")
