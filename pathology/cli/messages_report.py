"""What ``report`` says, English and Chinese; part of the table in ``messages``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REPORT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "report-drafted": ("done    {case}  {path}", "完成    {case}  {path}"),
        "report-asking": (
            "The language model writes: {letters} letters (Ctrl-C stops; nothing is kept of it)",
            "语言模型正在撰写:{letters} 个字符(Ctrl-C 可停止,不保留内容)",
        ),
    }
)
