"""Why a slide that was sent through the page was not taken, in both languages.

No file name belongs in a fact: it may be a patient's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.records.reasons import Reason, Wording


def _reason(en: tuple[str, str], zh: tuple[str, str]) -> Reason:
    return Reason(en=Wording(*en), zh=Wording(*zh))


UPLOAD_REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "no-folder": _reason(
            ("this site watches no folder", "An operator names one: [sources] of nightly.toml."),
            ("本站点未设置监视文件夹", "请操作员在 nightly.toml 的 [sources] 中设置。"),
        ),
        "name": _reason(
            (
                "the file's name cannot be used: empty, too long, or one that copying programs use "
                "for unfinished files, labels or overviews",
                "Rename the file, then send it again.",
            ),
            (
                "文件名不可用:为空、过长,或属于未完成文件、标签图、概览图的命名",
                "请重命名后重新上传。",
            ),
        ),
        "kind": _reason(
            (
                "its content is no slide in one file (SVS, TIFF, NDPI, SCN, BIF, CZI, KFB, TMAP)",
                "Export it from the scanner's program as one of these.",
            ),
            (
                "文件内容不是单文件切片(SVS、TIFF、NDPI、SCN、BIF、CZI、KFB、TMAP)",
                "请从扫描软件导出为上述格式之一。",
            ),
        ),
        "many-files": _reason(
            (
                "slides of this format (MRXS, DICOM, VMS, OME-Zarr) are many files that belong "
                "together; sent one by one they would be half a slide for a while",
                "Copy all of them into the watched folder, or export the slide as one file.",
            ),
            (
                "该格式(MRXS、DICOM、VMS、OME-Zarr)的切片由多个文件组成;逐个上传时切片会不完整",
                "请将全部文件复制到监视文件夹,或导出为单个文件。",
            ),
        ),
        "picture": _reason(
            (
                "it is a plain picture, not a scan: it states no scale",
                "Run it with pathology run --mpp, or export the scan itself.",
            ),
            (
                "这是普通图片而非扫描切片,没有比例尺",
                "请用 pathology run --mpp,或导出原始扫描文件。",
            ),
        ),
        "size": _reason(
            ("it is empty, or larger than {most} GiB", "Copy it into the watched folder instead."),
            ("文件为空,或大于 {most} GiB", "请直接复制到监视文件夹。"),
        ),
        "room": _reason(
            ("the disk of the watched folder has no room for it", "Tell the operator."),
            ("监视文件夹所在磁盘空间不足", "请联系操作员。"),
        ),
        "there": _reason(
            (
                "a file of this name is in the watched folder already",
                "Look whether it is the same slide; else rename this one.",
            ),
            ("监视文件夹中已有同名文件", "请确认是否为同一切片;如不是,请重命名。"),
        ),
        "busy": _reason(
            ("{number} slides are on their way already", "Send it when one of them is there."),
            ("已有 {number} 张切片正在上传", "请稍后再传。"),
        ),
        "often": _reason(
            ("your account has sent {number} slides within an hour", "Go on later."),
            ("您的账户一小时内已上传 {number} 张切片", "请稍后继续。"),
        ),
        "cut": _reason(
            ("it did not arrive whole", "Send it again."),
            ("文件未完整到达", "请重新上传。"),
        ),
        "unknown": _reason(
            ("this upload is over, or was never begun", "Begin it again."),
            ("该上传已结束或从未开始", "请重新开始。"),
        ),
    }
)
