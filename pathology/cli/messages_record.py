"""Sentences on the record of the review desk, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RECORD: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "models-withdrawn": (
            "{name} is out of use. Cases that rest on it: {cases}",
            "{name} 已停用。涉及的病例数:{cases}",
        ),
        "models-restored": ("{name} is in use again.", "{name} 已恢复使用。"),
        "chain-content-changed": (
            "line {line}: the entry of a case that it tells of was changed or taken out",
            "第 {line} 行:其所述病例记录被修改或删除",
        ),
        "chain-content-added": (
            "an entry of a case has no line: it was put in behind the program's back",
            "有病例记录没有对应的审计行:系绕过程序写入",
        ),
        "audit-exported": (
            "{lines} lines written: {files}. Glass was broken {glass} times.",
            "已写出 {lines} 行:{files}。紧急访问 {glass} 次。",
        ),
        "glass-broken": (
            "line {line}, {at} UTC: {actor} broke the glass for {case}: {why}",
            "第 {line} 行,{at} UTC:{actor} 紧急访问 {case}:{why}",
        ),
        "retention-none": ("No case may be purged.", "没有可清除的病例。"),
        "retention-line": (
            "{case}  may go from {due} on  {notes}",
            "{case}  最早可于 {due} 清除  {notes}",
        ),
        "retention-held": ("legal hold", "法律保全"),
        "retention-asked": ("asked for by {who}", "{who} 已申请清除"),
        "retention-hold": ("{case} is held: nothing of it is purged.", "{case} 已保全:不得清除。"),
        "retention-lift": ("The hold on {case} is lifted.", "{case} 的保全已解除。"),
        "retention-ask": (
            "The purge of {case} is asked for; another person carries it out.",
            "已申请清除 {case};须由另一人执行。",
        ),
        "retention-purge": (
            "{case} is purged: its keys are destroyed, the chain stays whole. Files of its reports "
            "taken away: {files}. Backups still hold the locked keys until pathology review keys "
            "rotate, then forget.",
            "{case} 已清除:密钥已销毁,审计链保持完整。已删除报告文件 {files} 个。备份中仍有加锁的"
            "密钥,直至运行 pathology review keys rotate 和 forget。",
        ),
    }
)
