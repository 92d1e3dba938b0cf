"""Sentences about what leaves the house and what comes back, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LEAVING: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "deidentified": (
            "done    {slide}  {levels} levels, {tiles:,} tiles as they were; left out: {left}. "
            "Look at the copy before it leaves: words in the picture itself stay.",
            "完成    {slide}  {levels} 层,{tiles:,} 个图块保持原样;未复制:{left}。"
            "发出前请查看副本:图像本身中的文字不会被删除。",
        ),
    }
)
