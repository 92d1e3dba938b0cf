"""Every reason a slide is refused or fails, in the words people read, English and Chinese.

One literal table: code -> what is wrong, what to do. ``{name}`` are facts given when the error is
raised. Codes are stable: programs count failures by them. No file name belongs in a fact.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "zh"]


class Wording(NamedTuple):
    """A problem and its remedy in one language."""

    problem: str
    remedy: str


class Reason(NamedTuple):
    """One reason in both languages."""

    en: Wording
    zh: Wording


REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "not-found": Reason(
            en=Wording("there is no such file", "Check the path."),
            zh=Wording("文件不存在", "请检查路径。"),
        ),
        "empty-file": Reason(
            en=Wording("the file is empty (0 bytes)", "Copy it again from the scanner."),
            zh=Wording("文件为空(0 字节)", "请从扫描仪重新复制。"),
        ),
        "not-a-slide": Reason(
            en=Wording(
                "this is not a slide in a known format ({detail})",
                "See the list of formats in the technician's guide.",
            ),
            zh=Wording("不是已知格式的切片({detail})", "支持的格式见技术员指南。"),
        ),
        "damaged-file": Reason(
            en=Wording(
                "the file is damaged or cut short ({detail})",
                "Copy it again from the scanner, or scan the slide again.",
            ),
            zh=Wording("文件损坏或不完整({detail})", "请从扫描仪重新复制,或重新扫描。"),
        ),
        "unsupported-layout": Reason(
            en=Wording(
                "the file stores its pixels in a way that is not supported ({detail})",
                "Export it as SVS, OME-TIFF or DICOM.",
            ),
            zh=Wording("像素存储方式不受支持({detail})", "请导出为 SVS、OME-TIFF 或 DICOM。"),
        ),
        "fluorescence": Reason(
            en=Wording(
                "this is a fluorescence or multichannel image ({detail})",
                "Only brightfield slides (H&E, DAB) can be analysed.",
            ),
            zh=Wording("这是荧光或多通道图像({detail})", "仅可分析明场切片(H&E、DAB)。"),
        ),
        "scale-missing": Reason(
            en=Wording(
                "the file states no scale (µm/px)",
                "Give it with --mpp, or set it for this scanner in site.toml under "
                "[scale.by_scanner].",
            ),
            zh=Wording(
                "文件没有给出比例尺(µm/px)",
                "请用 --mpp 指定,或在 site.toml 的 [scale.by_scanner] 中按扫描仪设置。",
            ),
        ),
        "scale-not-credible": Reason(
            en=Wording(
                "the stated scale {mpp_x:g} x {mpp_y:g} µm/px is not credible",
                "Give the true one with --mpp, or set it for this scanner in site.toml under "
                "[scale.by_scanner].",
            ),
            zh=Wording(
                "给出的比例尺 {mpp_x:g} x {mpp_y:g} µm/px 不可信",
                "请用 --mpp 指定真实值,或在 site.toml 的 [scale.by_scanner] 中按扫描仪设置。",
            ),
        ),
        "reader-timeout": Reason(
            en=Wording(
                "reading did not end within {seconds:g} s and was stopped",
                "Copy the file again, or export it as SVS or DICOM.",
            ),
            zh=Wording(
                "读取在 {seconds:g} 秒内未结束,已终止", "请重新复制,或导出为 SVS 或 DICOM。"
            ),
        ),
        "reader-missing": Reason(
            en=Wording(
                "reading {format} needs the package {package}",
                "Install it with: pip install 'pathology[{extra}]'",
            ),
            zh=Wording(
                "读取 {format} 需要软件包 {package}", "请安装:pip install 'pathology[{extra}]'"
            ),
        ),
    }
)


def worded(code: str, facts: Mapping[str, object], language: Language = "en") -> Wording:
    """Problem and remedy of ``code`` with its facts filled in; KeyError for an unknown code."""
    reason = REASONS[code]
    wording = reason.zh if language == "zh" else reason.en
    return Wording(wording.problem.format_map(facts), wording.remedy.format_map(facts))
