"""Every sentence the command line says, English and Chinese."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.records.reasons import Language

VARIABLE = "PATHOLOGY_LANG"

SENTENCES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "program": (
            "Whole-slide pathology: from scan to numbers that explain themselves. "
            "A physician verifies every result before use.",
            "全切片病理:从扫描到可解释的数字。任何结果使用前须经医师核实。",
        ),
        "main-epilog": (
            "pathology COMMAND --help says more. 中文: PATHOLOGY_LANG=zh",
            "详情:pathology COMMAND --help。English: PATHOLOGY_LANG=en",
        ),
        "interrupted": (
            "Stopped. Finished results are whole; run the same command again to go on.",
            "已停止。已完成的结果是完整的;再次运行同一命令即可继续。",
        ),
        "bug": (
            "The program failed in a way nobody foresaw: {kind}: {detail}. This is our fault; "
            "please report it with the command you typed.",
            "程序发生未预料的错误:{kind}:{detail}。这是软件缺陷,请连同所用命令一起报告。",
        ),
        "done": ("done    {slide}  {answer}", "完成    {slide}  {answer}"),
        "kept": (
            "kept    {slide}  {answer} (analysed before; --force does it again)",
            "已有    {slide}  {answer}(此前已分析;--force 可重做)",
        ),
        "failed": ("FAILED  {slide}  {reason}", "失败    {slide}  {reason}"),
        "summary": (
            "{done} of {all} done, {failed} failed. Summary: {path}",
            "共 {all} 张,完成 {done} 张,失败 {failed} 张。汇总:{path}",
        ),
        "not-measurable": ("not measurable: {reason}", "不可测量:{reason}"),
        "look-at": ("Look at  {path}", "请查看  {path}"),
        "numbers-in": ("Numbers  {path}", "数据    {path}"),
        "demo-what": (
            "The photograph is an FHL2 stain in colon, shipped with scikit-image. It is not Ki-67 "
            "and states no scale: {mpp:g} µm/px is assumed, and the result says so on its face. "
            "FHL2 stains cytoplasm too, and the close-ups show what that does to a count.",
            "照片为 scikit-image 自带的结肠 FHL2 染色,不是 Ki-67,也没有比例尺:"
            "此处假定 {mpp:g} µm/px,结果上已注明。FHL2 也染细胞质,局部放大图显示其对计数的影响。",
        ),
        "whole-run": ("slides", "切片"),
        "yes": ("yes", "是"),
        "no": ("no", "否"),
        "remedy": (". {remedy}", "。{remedy}"),
    }
)


def speak() -> Language:
    """The language to speak: ``PATHOLOGY_LANG``, else the locale's, else English."""
    for name in (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name, ""):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def say(sentence: str, **facts: object) -> str:
    """A sentence of the table in the language spoken; KeyError for one that is not there."""
    en, zh = SENTENCES[sentence]
    return (zh if speak() == "zh" else en).format(**facts)
