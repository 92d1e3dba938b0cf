"""Every word that a picture of a result draws, in English and in Chinese; no drawing here.

One table a language, with the same keys. Names of findings are not here: ``configs/exchange.toml``
has them. ``scripts/font`` makes the shipped Chinese letters from the Chinese table and those names.
The Chinese is a draft for a Chinese pathologist to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.records.reasons import Language

ENGLISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "banner": BANNER_EN,
        "not-for-diagnosis": "Not for diagnosis without a physician",
        "slide": "slide {slide_id}",
        "region": "region {region_id}",
        "title.ki67": "Ki-67 labelling index",
        "title.infiltration": "Tumour infiltration",
        # values
        "not-measurable": "NOT MEASURABLE",
        "interval": "{percent} % interval",
        "interval.unnamed": "interval",
        "nuclei-counted": "{part} of {whole} nuclei",
        "area-counted": "{part} of {whole} mm²",
        "category": " ({name})",
        "category.borderline": " ({name}, borderline)",
        "category.low": "low",
        "category.intermediate": "intermediate",
        "category.high": "high",
        "by-chance": "; no hot spot beyond chance",
        "unit.mm2": "mm²",
        "unit.1/mm2": "per mm²",
        "unit.per_mm2": "per mm²",
        "unit./mm2": "per mm²",
        "unit.um": "µm",
        "unit.{nests}": "nests",
        "reason": "{reason}",
        # warnings
        "provisional": "PROVISIONAL: nobody has confirmed the automatic tumour region",
        "flag.not-ki67": "NOT Ki-67: the marker is {marker}",
        "flag.not-ki67.unstated": "NOT Ki-67: the marker is not stated",
        "scale-by": "scale {source}",
        "flag.scale-assumed": "scale assumed: areas and sizes are not to be trusted",
        "flag.scale-disagrees-with-magnification": "scale disagrees with the stated magnification",
        "flag.scale-disagrees-with-nucleus-size": "scale disagrees with the size of the nuclei",
        "flag.scale-overrides-file": "scale overrides file",
        "flag.research-weights": "research weights",
        "flag.organ-not-stated": "organ not stated",
        "flag.gpu-memory-was-full": "gpu memory was full",
        "flag.drawn-without-the-slide": "drawn without the slide",
        "flag.unreadable-tiles": "parts of the slide could not be read",
        # facts
        "stain.he": "H&E",
        "stain.ihc-dab": "IHC (DAB)",
        "stain.unknown": "stain unknown",
        "marker": ", {marker}",
        "scale": "scale {mpp} µm/px, {source}",
        "source.file": "from the file",
        "source.user": "given by the user",
        "source.manifest": "given in the manifest",
        "source.site": "from the site's settings",
        "source.assumed": "ASSUMED, nobody knows it",
        "analysed": "analysed {analysed} of {tissue} mm² tissue",
        # regions
        "by-person": "region drawn by a person",
        "kind.tissue": "tissue",
        "kind.tumour": "tumour",
        "kind.stroma": "stroma",
        "kind.tumour_bed": "tumour bed",
        "kind.front": "invasive front",
        "kind.margin": "invasive margin",
        "kind.field": "field",
        "kind.hotspot": "hot spot",
        "kind.out_of_focus": "out of focus",
        "kind.pen": "pen",
        "kind.bubble": "air bubble",
        "kind.fold": "fold",
        "kind.control_tissue": "control tissue",
        "kind.unreadable": "unreadable",
        "kind.necrosis": "necrosis",
        "kind.in_situ": "in situ",
        "kind.normal": "normal",
        "kind.artefact": "artefact",
        # legend
        "nuclei": "Nuclei (number)",
        "nuclei.here": "Nuclei (number here)",
        "mark.positive": "positive",
        "mark.negative": "negative",
        "mark.ambiguous": "ambiguous",
        "mark.inflammatory": "inflammatory",
        "mark.inflammatory-cell": "inflammatory cell",
        "mark.tumour": "tumour nucleus",
        "mark.left-out": "nucleus not counted",
        "tissue": "Tissue (area seen)",
        "tissue.here": "Tissue (area here)",
        "tissue.none": "not classified",
        "tissue.TUMOUR": "tumour-like epithelium",
        "tissue.STROMA": "stroma",
        "tissue.OTHER": "other",
        "tissue.NORMAL": "normal",
        "left-out": "Left out (area)",
        "left-out.here": "Left out",
        "left-out.none": "nothing",
        "unreadable-tiles": "unreadable tiles",
        "lines": "Lines",
        "lines-and-density": "Lines and density",
        "edge-of-tissue": "edge of tissue",
        "edge-of-tumour": "edge of tumour-like epithelium",
        "front.not-assessable": "front, not assessable",
        "density.ki67": "counted positive nuclei per mm²",
        "density.infiltration": "counted inflammatory cells per mm²",
        "density.range": "0 to {most}",
    }
)

CHINESE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "banner": BANNER_ZH,
        "not-for-diagnosis": BANNER_ZH,
        "slide": "切片 {slide_id}",
        "region": "区域 {region_id}",
        "title.ki67": "Ki-67 标记指数",
        "title.infiltration": "肿瘤炎细胞浸润",
        "not-measurable": "无法测量",
        "interval": "{percent} % 置信区间",
        "interval.unnamed": "区间",
        "nuclei-counted": "{part} / {whole} 个细胞核",
        "area-counted": "{part} / {whole} mm²",
        "category": "（{name}）",
        "category.borderline": "（{name}，临界）",
        "category.low": "低",
        "category.intermediate": "中",
        "category.high": "高",
        "by-chance": "；热点区未超出随机波动",
        "unit.mm2": "mm²",
        "unit.1/mm2": "个/mm²",
        "unit.per_mm2": "个/mm²",
        "unit./mm2": "个/mm²",
        "unit.um": "µm",
        "unit.{nests}": "个",
        "reason": "原因（英文）：{reason}",
        "provisional": "暂定结果：自动划定的肿瘤区域未经人工确认",
        "flag.not-ki67": "非 Ki-67：标记物为 {marker}",
        "flag.not-ki67.unstated": "非 Ki-67：未注明标记物",
        "scale-by": "比例尺{source}",
        "flag.scale-assumed": "比例尺为假定值：面积和大小不可信",
        "flag.scale-disagrees-with-magnification": "比例尺与标注的放大倍数不符",
        "flag.scale-disagrees-with-nucleus-size": "比例尺与细胞核大小不符",
        "flag.scale-overrides-file": "所用比例尺与文件中的不同",
        "flag.research-weights": "模型权重仅限研究使用",
        "flag.organ-not-stated": "未注明器官",
        "flag.gpu-memory-was-full": "运行中显存曾不足",
        "flag.drawn-without-the-slide": "绘制时没有切片图像",
        "flag.unreadable-tiles": "切片有部分区域无法读取",
        "stain.he": "苏木精-伊红（H&E）",
        "stain.ihc-dab": "免疫组化（DAB）",
        "stain.unknown": "染色未知",
        "marker": "，{marker}",
        "scale": "比例尺 {mpp} µm/px，{source}",
        "source.file": "取自文件",
        "source.user": "由用户给出",
        "source.manifest": "由清单给出",
        "source.site": "取自本单位设置",
        "source.assumed": "为假定值，真实值未知",
        "analysed": "已分析组织 {analysed} / {tissue} mm²",
        "by-person": "人工勾画区域",
        "kind.tissue": "组织",
        "kind.tumour": "肿瘤",
        "kind.stroma": "间质",
        "kind.tumour_bed": "瘤床",
        "kind.front": "浸润前沿",
        "kind.margin": "浸润边缘",
        "kind.field": "视野",
        "kind.hotspot": "热点区",
        "kind.out_of_focus": "失焦",
        "kind.pen": "笔迹",
        "kind.bubble": "气泡",
        "kind.fold": "褶皱",
        "kind.control_tissue": "对照组织",
        "kind.unreadable": "无法读取",
        "kind.necrosis": "坏死",
        "kind.in_situ": "原位癌",
        "kind.normal": "正常组织",
        "kind.artefact": "人工假象",
        "nuclei": "细胞核（个数）",
        "nuclei.here": "细胞核（图中个数）",
        "mark.positive": "阳性",
        "mark.negative": "阴性",
        "mark.ambiguous": "判读不明确",
        "mark.inflammatory": "炎细胞",
        "mark.inflammatory-cell": "炎细胞",
        "mark.tumour": "肿瘤细胞核",
        "mark.left-out": "未计数的细胞核",
        "tissue": "组织（所见面积）",
        "tissue.here": "组织（图中面积）",
        "tissue.none": "未分类",
        "tissue.TUMOUR": "肿瘤样上皮",
        "tissue.STROMA": "间质",
        "tissue.OTHER": "其他",
        "tissue.NORMAL": "正常组织",
        "left-out": "排除区域（面积）",
        "left-out.here": "排除区域",
        "left-out.none": "无",
        "unreadable-tiles": "无法读取的图块",
        "lines": "线条",
        "lines-and-density": "线条与密度",
        "edge-of-tissue": "组织边缘",
        "edge-of-tumour": "肿瘤样上皮边缘",
        "front.not-assessable": "前沿，不可评估",
        "density.ki67": "每 mm² 计数的阳性细胞核",
        "density.infiltration": "每 mm² 计数的炎细胞",
        "density.range": "0 至 {most}",
    }
)

LABELS: Final[Mapping[Language, Mapping[str, str]]] = MappingProxyType(
    {"en": ENGLISH, "zh": CHINESE}
)

REASONS_ZH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "damaged": "切片中无法读取的组织过多，请重新复制文件或重新扫描",
        "front-not-assessable": "可评估的浸润前沿过少：其余肿瘤边界靠近组织边缘",
        "marker-not-ki67": "标记物不是 Ki-67",
        "no-front": "肿瘤与其他组织之间没有边界",
        "no-window": "规定面积内的肿瘤细胞核数不足",
        "scale-too-coarse": "扫描分辨率过低，无法辨认细胞核",
        "too-few-blocks": "间质区块过少，无法估计比例的可靠程度",
        "too-few-fields": "视野数少于该方法的要求",
        "too-few-nuclei": "肿瘤细胞核数少于该方法的要求",
        "too-little-area": "可计数的面积过小",
    }
)
"""Why a finding has no value, by the code of ``NotMeasurable``, whose own reason is English."""

DRAWN_OTHERWISE: Final = "µ²—"
"""Not taken from the Chinese font: ``ink`` has its own way with them."""


def chinese_letters(names: Iterable[str] = ()) -> frozenset[str]:
    """Letters of the Chinese tables, and of the Chinese ``names`` of findings, beyond ASCII."""
    words = "".join([*CHINESE.values(), *REASONS_ZH.values(), *names])
    return frozenset(c for c in words if not c.isascii() and c not in DRAWN_OTHERWISE)
