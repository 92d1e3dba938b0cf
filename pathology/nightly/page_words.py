"""Every word of the summary page and of incidents, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.records.reasons import Language

Pair = tuple[str, str]

LABELS: Final[Mapping[str, Pair]] = MappingProxyType(
    {
        "lang": ("en", "zh-CN"),
        "title": ("Night of", "夜间运行"),
        "incidents": ("What happened to the site", "站点事件"),
        "stopped": ("Stopped: identities disagree", "已停止:身份信息不一致"),
        "stopped_do": (
            "Look at the glass and the order. Nothing of these slides was analysed.",
            "请核对玻片与申请单。这些切片未做任何分析。",
        ),
        "failed": ("Failed", "失败"),
        "set_aside": ("Set aside after repeated failures", "多次失败后搁置"),
        "set_aside_do": (
            "Each attempt in order. `pathology nightly status` names what helps.",
            "按顺序列出每次尝试。处理方法见 pathology nightly status。",
        ),
        "not_begun": ("Not begun", "未开始"),
        "slides": ("slides", "切片数"),
        "reason": ("reason and remedy", "原因与处理"),
        "why": ("why", "原因"),
        "which": ("which", "切片"),
        "stages": ("Time per stage", "各阶段用时"),
        "stage": ("stage", "阶段"),
        "median_s": ("median s", "中位数(秒)"),
        "p95_s": ("95 % s", "95 %(秒)"),
        "total_h": ("all, h", "合计(小时)"),
        "no_stages": ("No slide was analysed.", "没有分析任何切片。"),
        "storage": ("Storage", "存储"),
        "ledger": ("The whole worklist now", "当前全部工作列表"),
        "drift": ("Stain and focus by scanner", "各扫描仪的染色与对焦"),
        "scanner": ("scanner, analysis", "扫描仪、分析"),
        "measure": ("measure", "指标"),
        "tonight": ("tonight", "今夜"),
        "before": ("before", "此前"),
        "spread": ("spread", "离散度"),
        "foot": (
            "Slides are named by pseudonyms; only the ledger links them. Medians; spread is 1.4826 "
            "times the median absolute deviation between slides. Every result is provisional until "
            "a physician has verified it.",
            "切片以假名表示,仅台账可还原。数值为中位数;离散度为切片间绝对中位差的 1.4826 倍。"
            "所有结果在医师核实前均为临时结果。",
        ),
    }
)

SENTENCES: Final[Mapping[str, Pair]] = MappingProxyType(
    {
        "good": ("Everything done: {done} of {all}.", "全部完成:{done}/{all}。"),
        "nothing": ("There was nothing to do.", "没有待处理的切片。"),
        "bad": (
            "{done} of {all} done. {not_done} need somebody: {what}.",
            "完成 {done}/{all}。{not_done} 张需要处理:{what}。",
        ),
        "broken": (
            "The night could not go on; see below. {done} of {all} done.",
            "夜间运行未能继续,见下文。完成 {done}/{all}。",
        ),
        "running": (
            "Still running. {done} of {all} done so far.",
            "仍在运行。目前完成 {done}/{all}。",
        ),
        "times": (
            "Began {began}, ended {ended} ({zone}). Expected end: {expected}. {end}.",
            "开始 {began},结束 {ended}({zone})。预计结束:{expected}。{end}。",
        ),
        "unknown": ("not foreseen", "未预计"),
        "not_yet": ("not yet", "尚未"),
        "end-running": ("The night goes on", "夜间运行仍在继续"),
        "end-all-done": ("Nothing was left to begin", "没有可开始的切片"),
        "end-window": ("The night's time was over", "夜间时段已结束"),
        "end-hard-limit": (
            "What still ran long after the night's end was ended with it",
            "超出夜间时段过久的任务已被终止",
        ),
        "end-asked": ("It was asked to stop", "按要求停止"),
        "end-broken": ("It could not go on", "无法继续"),
        "box-done": ("done", "完成"),
        "box-failed": ("failed", "失败"),
        "box-set-aside": ("set aside", "搁置"),
        "box-stopped": ("identities disagree", "身份不一致"),
        "box-not-begun": ("not begun", "未开始"),
        "box-area": ("mm² of tissue", "组织面积 mm²"),
        "shift": ("shift {shift} by {actor}", "班次 {shift},账户 {actor}"),
        "storage": (
            "{free:.1f} GiB free where results lie; {reserve:.0f} GiB are kept in reserve.",
            "结果磁盘剩余 {free:.1f} GiB;保留 {reserve:.0f} GiB。",
        ),
        "storage-unknown": (
            "The disk of the results could not be asked.",
            "无法查询结果磁盘。",
        ),
        "kept": (
            "{kept} of the results were there before and whole.",
            "其中 {kept} 份结果此前已完整存在。",
        ),
        "more-slides": ("and {number} more", "另有 {number} 张"),
        "more-reasons": (
            "{number} more slides, with other reasons: they stand in the JSON file.",
            "另有 {number} 张切片,原因不同:见 JSON 文件。",
        ),
        "more-rows": (
            "{number} more: they stand in the JSON file.",
            "另有 {number} 条:见 JSON 文件。",
        ),
        "try": ("attempt {number}: {reason} ({seconds})", "第 {number} 次:{reason}({seconds})"),
        "try-lost": ("its process was lost", "进程中断"),
        "try-seconds": ("{seconds:.0f} s", "{seconds:.0f} 秒"),
        "drift-steady": ("Steady: {number} measures.", "稳定:{number} 项指标。"),
        "drift-few": (
            "Not enough slides to tell: {number} measures.",
            "切片不足,无法判断:{number} 项指标。",
        ),
        "drift-none": ("Nothing was measured tonight.", "今夜没有测量数据。"),
        "scanner-unnamed": ("unnamed scanner", "未命名扫描仪"),
    }
)

STATES: Final[Mapping[str, Pair]] = MappingProxyType(
    {
        "waiting": ("waiting", "等待"),
        "leased": ("at work", "处理中"),
        "done": ("done", "完成"),
        "failed": ("failed", "失败"),
        "set-aside": ("set aside", "搁置"),
        "stopped": ("stopped", "停止"),
    }
)

STAGES: Final[Mapping[str, Pair]] = MappingProxyType(
    {
        "survey": ("survey", "概览"),
        "models": ("load networks", "加载网络"),
        "samples": ("samples", "取样"),
        "tiles": ("tiles", "图块"),
        "findings": ("findings", "计算结果"),
        "write": ("write", "写入"),
    }
)
"""Stages of a slide; one that is not here is told by its own name."""

WHY: Final[Mapping[str, Pair]] = MappingProxyType(
    {
        "too-late": (
            "would have ended after the night: first in line next time",
            "预计超出夜间时段:下次优先处理",
        ),
        "too-long": (
            "longer than a whole night: run it by day with `pathology nightly run --now`",
            "超过整夜时长:请在白天用 pathology nightly run --now 运行",
        ),
        "no-room": (
            "the disk of the results is near its reserve: make room",
            "结果磁盘接近保留空间:请清理",
        ),
        "pausing": ("waits for another attempt after a failure", "失败后等待再次尝试"),
        "place-away": (
            "its share or folder was not to be seen: is it mounted?",
            "所在共享或文件夹不可见:请检查是否已挂载",
        ),
        "elsewhere": ("another operator works on it", "另一操作端正在处理"),
        "night-ended": ("the night ended before its turn", "轮到之前夜间运行已结束"),
    }
)

INCIDENTS: Final[Mapping[str, Pair]] = MappingProxyType(
    {
        "ledger-away": (
            "The ledger's database could not be reached for {seconds} s; work went on and was "
            "entered afterwards",
            "台账数据库 {seconds} 秒无法访问;工作继续进行,之后已补录",
        ),
        "ledger-away-end": (
            "The ledger's database was still away when the night ended: {number} outcomes were not "
            "entered. The results are whole; the next night finds them",
            "夜间结束时台账数据库仍无法访问:{number} 条结果未录入。结果文件完整,下一夜会自动识别",
        ),
        "ledger-refused": (
            "The ledger refused to go on ({detail}). `pathology doctor` says what to do",
            "台账拒绝继续({detail})。请运行 pathology doctor",
        ),
        "model-withdrawn": (
            "A model was taken out of use, and the night ended early; what waits keeps waiting: "
            "{detail}",
            "有模型被停用,夜间运行提前结束;未处理的切片继续等待:{detail}",
        ),
        "disk-full": (
            "The disk of the results was full, or not to be written; nothing new was begun until "
            "there was room again",
            "结果磁盘已满或不可写;恢复前未开始新的切片",
        ),
        "disk-short": (
            "The disk of the results is near its reserve: slides wait for room",
            "结果磁盘接近保留空间:切片等待空间",
        ),
        "disk-back": ("There was room on the disk again", "磁盘空间已恢复"),
        "place-away": (
            "A share or folder with slides was not to be seen: {number} slides wait for it",
            "切片所在共享或文件夹不可见:{number} 张切片等待",
        ),
        "place-back": ("It was there again", "共享或文件夹已恢复"),
        "source-away": (
            "A source of orders could not be read ({source}); the rest went on",
            "申请来源无法读取({source});其余继续",
        ),
        "source-back": ("The source could be read again ({source})", "来源已恢复({source})"),
        "clock-stepped": (
            "The clock was set by {seconds} s; the night went on by elapsed time",
            "系统时钟被调整 {seconds} 秒;夜间运行按实际经过时间继续",
        ),
        "crew-lost": (
            "The cluster could not be had again ({detail})",
            "计算集群无法恢复({detail})",
        ),
        "taken-over": (
            "{number} slides were taken over from a process that had died",
            "接管了已终止进程的 {number} 张切片",
        ),
        "lease-lost": (
            "The lease of {number} slides was lost to another operator, whose outcome counts",
            "{number} 张切片的租约已转给另一操作端,以其结果为准",
        ),
        "order-refused": (
            "{number} orders could not be used; the folder of refused orders says why",
            "{number} 份申请无法使用;原因见被拒申请文件夹",
        ),
    }
)


def phrase(table: Mapping[str, Pair], key: str, language: Language, **facts: object) -> str:
    """An entry of a table in a language; KeyError for one that is not there."""
    en, zh = table[key]
    return (zh if language == "zh" else en).format(**facts)
