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
        "cannot-read": Reason(
            en=Wording(
                "the file cannot be read ({detail})", "Check the right to read it, and the disk."
            ),
            zh=Wording("文件无法读取({detail})", "请检查读取权限和磁盘。"),
        ),
        "no-tissue": Reason(
            en=Wording(
                "there is no tissue to be seen on this slide",
                "Look at the glass: is it the right one, the right side up, in focus?",
            ),
            zh=Wording("切片上没有可见组织", "请检查玻片:是否正确、正面朝上、对焦清楚?"),
        ),
        "stain-mismatch": Reason(
            en=Wording(
                "{analysis} needs {needed}, and this slide is {seen} ({evidence})",
                "Check the order, or choose the other analysis.",
            ),
            zh=Wording(
                "{analysis} 需要 {needed} 染色,而本切片为 {seen}({evidence})",
                "请核对申请单,或选择另一种分析。",
            ),
        ),
        "stain-unknown": Reason(
            en=Wording(
                "{analysis} needs {needed}; the stain of this slide cannot be told ({evidence})",
                "Look at the slide; a pale or unusual stain has to be stained again.",
            ),
            zh=Wording(
                "{analysis} 需要 {needed} 染色,而本切片的染色无法判断({evidence})",
                "请查看切片;染色过淡或异常时需重新染色。",
            ),
        ),
        "outside-region": Reason(
            en=Wording(
                "the region given with --within holds no tissue of this slide",
                "Draw it on this very slide, in level-0 pixels, and export it again.",
            ),
            zh=Wording(
                "--within 给出的区域内没有本切片的组织",
                "请在本切片上以 0 级像素重新勾画并导出。",
            ),
        ),
        "wrong-region": Reason(
            en=Wording("the region cannot be used: {detail}", "Export it again as GeoJSON."),
            zh=Wording("区域文件无法使用:{detail}", "请重新导出为 GeoJSON。"),
        ),
        "output-failed": Reason(
            en=Wording("the result could not be written: {detail}", "Mend that and run again."),
            zh=Wording("结果无法写入:{detail}", "请解决后重新运行。"),
        ),
        "model-refused": Reason(
            en=Wording(
                "the model cannot be used: {detail}",
                "`pathology models verify` says more; install it again, or choose another in "
                "[models] of site.toml.",
            ),
            zh=Wording(
                "模型无法使用:{detail}",
                "运行 pathology models verify 查看详情;请重新安装,或在 site.toml 的 [models] 中"
                "选择其他模型。",
            ),
        ),
        "network-not-finite": Reason(
            en=Wording(
                "the network {model} gave values that are no numbers, so nothing was scored",
                "Run `pathology models verify`; if the model is sound, run with --device cpu.",
            ),
            zh=Wording(
                "神经网络 {model} 给出了非数值结果,因此未作评分",
                "请运行 pathology models verify;若模型无误,请使用 --device cpu 重新运行。",
            ),
        ),
        "night-died": Reason(
            en=Wording(
                "the program that ran the night ended while this slide was at work (killed, out of "
                "memory, or the power failed)",
                "If only this slide is named so again and again, run it alone by day; else "
                "`pathology nightly again NAME --why TEXT`.",
            ),
            zh=Wording(
                "处理该切片时夜间程序中断(被终止、内存不足或断电)",
                "若反复只有该切片出现此情况,请在白天单独运行;否则运行 "
                "pathology nightly again 名称 --why 原因。",
            ),
        ),
        "gpu-absent": Reason(
            en=Wording(
                "--device cuda was asked for and there is no CUDA GPU",
                "Install NVIDIA's driver and a CUDA build of torch, or leave --device out.",
            ),
            zh=Wording(
                "指定了 --device cuda,但没有 CUDA GPU",
                "请安装 NVIDIA 驱动和 CUDA 版 torch,或不使用 --device。",
            ),
        ),
        "gpu-lost": Reason(
            en=Wording(
                "the GPU failed while it worked ({detail})",
                "Check the driver and the card with nvidia-smi, then run again.",
            ),
            zh=Wording(
                "GPU 在工作中出现故障({detail})",
                "请用 nvidia-smi 检查驱动和显卡,然后重新运行。",
            ),
        ),
        "gpu-memory": Reason(
            en=Wording(
                "the memory of {gpu} is too small for one tile of {model}",
                "End other programs on the GPU, use fewer --workers, or --device cpu.",
            ),
            zh=Wording(
                "{gpu} 的显存不足以处理 {model} 的一个图块",
                "请关闭占用 GPU 的其他程序,减少 --workers,或使用 --device cpu。",
            ),
        ),
        "interrupted": Reason(
            en=Wording("stopped before its turn", "Run the same command again to go on."),
            zh=Wording("在轮到之前被中止", "请再次运行同一命令以继续。"),
        ),
        "worker-died": Reason(
            en=Wording(
                "the process that worked on it died ({detail})",
                "Run it alone with --workers 1; if it dies again, report it with the log.",
            ),
            zh=Wording(
                "处理进程异常退出({detail})",
                "请用 --workers 1 单独运行;若仍失败,请附日志报告。",
            ),
        ),
        "identity-disagrees": Reason(
            en=Wording(
                "it is not certain whose slide this is: {detail}",
                "Compare the glass, its label and the order; correct what is wrong, then "
                "`pathology nightly again NAME --why TEXT`.",
            ),
            zh=Wording(
                "无法确定切片属于谁:{detail}",
                "请核对玻片、标签和申请单,更正错误后运行 pathology nightly again 名称 --why 原因。",
            ),
        ),
        "identity-unproven": Reason(
            en=Wording(
                "nothing proves whose slide this is ({detail})",
                "Compare the glass and the order; send barcode, or accession, specimen and block, "
                "with both, or `pathology nightly again NAME --why TEXT`.",
            ),
            zh=Wording(
                "没有依据证明切片属于谁({detail})",
                "请核对玻片和申请单;两者均须有条码,或病理号、标本和蜡块;或运行 "
                "pathology nightly again 名称 --why 原因。",
            ),
        ),
        "orders-disagree": Reason(
            en=Wording(
                "two orders for this slide contradict each other: {detail}",
                "Ask who ordered it which is right, then `pathology nightly again NAME --why "
                "TEXT`.",
            ),
            zh=Wording(
                "本切片的两份申请相互矛盾:{detail}",
                "请向申请者核实,然后运行 pathology nightly again 名称 --why 原因。",
            ),
        ),
        "order-cancelled": Reason(
            en=Wording("its order was cancelled", "Order it again if that was wrong."),
            zh=Wording("申请已取消", "如系误操作,请重新申请。"),
        ),
        "time-limit": Reason(
            en=Wording(
                "it was not done within {seconds:g} s, and its process was ended",
                "Run it alone; if it takes as long again, copy the file again, or raise "
                "slide_limit_s in [running] of site.toml.",
            ),
            zh=Wording(
                "未在 {seconds:g} 秒内完成,处理进程已终止",
                "请单独运行;若仍超时,请重新复制文件,或调高 site.toml 的 [running] 中的 "
                "slide_limit_s。",
            ),
        ),
        "cluster-lost": Reason(
            en=Wording(
                "the scheduler was lost while it was at work",
                "Run again; if that happens often, look for what ends its process (memory?).",
            ),
            zh=Wording(
                "处理过程中调度程序中断", "请重新运行;若经常发生,请检查其进程为何终止(内存?)。"
            ),
        ),
        "slide-changed": Reason(
            en=Wording(
                "the file was changed or replaced while it was analysed",
                "Wait until it is copied whole, then run again.",
            ),
            zh=Wording("分析过程中文件被修改或替换", "请等待文件复制完成后重新运行。"),
        ),
        "identity-stays": Reason(
            en=Wording(
                "no copy without identity is made: {detail}",
                "Nothing was written. Export it anew by the scanner's program, or send a figure.",
            ),
            zh=Wording(
                "无法制作不含身份信息的副本:{detail}",
                "未写出任何文件。请用扫描软件重新导出,或改为发送图片。",
            ),
        ),
        "copy-differs": Reason(
            en=Wording(
                "the copy without identity did not stand the second look: {detail}",
                "It was thrown away. Report this slide's format with the message.",
            ),
            zh=Wording(
                "不含身份信息的副本未通过复核:{detail}",
                "副本已删除。请将本提示连同切片格式一起报告。",
            ),
        ),
        "bug": Reason(
            en=Wording(
                "the program failed in a way nobody foresaw ({detail})",
                "This is our fault: report it with the log of this run.",
            ),
            zh=Wording("程序发生未预料的错误({detail})", "这是软件缺陷,请附运行日志报告。"),
        ),
    }
)


def worded(
    code: str,
    facts: Mapping[str, object],
    language: Language = "en",
    *,
    table: Mapping[str, Reason] = REASONS,
) -> Wording:
    """Problem and remedy of ``code`` with its facts filled in; KeyError for an unknown code."""
    reason = table[code]
    wording = reason.zh if language == "zh" else reason.en
    return Wording(wording.problem.format_map(facts), wording.remedy.format_map(facts))
