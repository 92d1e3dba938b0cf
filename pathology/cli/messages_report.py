"""What ``report`` says, English and Chinese; part of the table in ``messages``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REPORT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "report-drafted": ("done    {case}  {path}", "完成    {case}  {path}"),
        "report-similar": (
            "{number} similar past cases are on the page: other patients, not this patient",
            "页面附 {number} 例相似既往病例:其他患者,并非本患者",
        ),
        "report-no-knowledge": (
            "The knowledge base was not asked: {reason}",
            "未能查询知识库:{reason}",
        ),
        "compare-step": ("{model}  {done} of {of}", "{model}  {done}/{of}"),
        "compare-title": ("{cases} cases, the same for each model", "{cases} 个病例,各模型相同"),
        "compare-model": ("model", "模型"),
        "compare-first": ("accepted at once", "首次通过"),
        "compare-retried": ("after a retry", "重写后通过"),
        "compare-fell-back": ("by the template", "由模板代替"),
        "compare-unanswered": ("tries without answer", "无应答次数"),
        "compare-omissions": ("omissions", "遗漏"),
        "compare-tokens": ("tokens a draft", "每份 token 数"),
        "compare-seconds": ("s a draft, median (slowest)", "每份秒数,中位(最慢)"),
        "compare-cost": ("cost a draft", "每份费用"),
        "compare-reasons": ("{model}, rejected for: {reasons}", "{model} 退回原因:{reasons}"),
        "compare-skipped": ("left out  {case}  {why}", "已跳过  {case}  {why}"),
        "compare-note": (
            "Accepted means that the machine's check found nothing. It does not mean that a "
            "sentence is well put: read some drafts of each model.",
            "通过仅表示机器检查未发现问题,不代表语句得当:请阅读各模型的若干草稿。",
        ),
        "report-asking": (
            "The language model writes: {letters} letters (Ctrl-C stops; nothing is kept of it)",
            "语言模型正在撰写:{letters} 个字符(Ctrl-C 可停止,不保留内容)",
        ),
    }
)
