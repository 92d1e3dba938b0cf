"""A handbook in two languages, written for tests; a topic has a paragraph in each.

The numbers are not from any guideline and guide nobody: they are there to be quoted right.
"""

from __future__ import annotations

TOPICS: dict[str, tuple[str, str, str, str]] = {
    # topic: paragraph zh, paragraph en, question zh, question en
    "ki67-denominator": (
        "计算Ki-67指数时,分母只包括浸润癌的细胞核。导管原位癌、间质细胞和淋巴细胞不计入。",
        "The denominator of the Ki-67 index holds nuclei of invasive carcinoma only. "
        "Ductal carcinoma "
        "in situ, stromal cells and lymphocytes are not counted.",
        "Ki67计数 分母 应排除哪些细胞",
        "which cells are excluded from the denominator of ki67",
    ),
    "ki67-hotspot": (
        "热点区的指数因挑选而偏高,报告时须写明是热点区还是全切片平均。",
        "An index of a hot spot is high by the search itself: state whether it is of a "
        "hot spot or an "
        "average of the whole section.",
        "Ki-67 热点区 与 平均 的区别",
        "ki-67 hot spot or global average",
    ),
    "ki67-minimum": (
        "增殖指数至少计数500个肿瘤细胞核;不足时注明实际数量。",
        "A proliferation index needs at least 500 tumour nuclei; with fewer, state how "
        "many there were.",
        "增殖指数 最少 计数 多少细胞核",
        "minimum number of nuclei for the proliferation index",
    ),
    "fixation": (
        "标本离体后尽快放入中性福尔马林,固定6至72小时。固定不足会降低核染色。",
        "Put the specimen into neutral formalin soon; fixation takes 6 to 72 hours. "
        "Short fixation "
        "weakens nuclear staining.",
        "福尔马林 固定 时间",
        "how long is formalin fixation",
    ),
    "ischaemia": (
        "冷缺血时间不超过1小时,并记录在申请单上。",
        "Cold ischaemia stays below 1 hour and is written on the request.",
        "冷缺血 要求",
        "cold ischemia time limit",
    ),
    "til-area": (
        "间质浸润淋巴细胞按面积评估:单个核炎细胞所占的间质面积除以肿瘤内间质总面积。",
        "Stromal tumour infiltrating lymphocytes are judged by area: stroma under "
        "mononuclear cells "
        "over all stroma within the tumour.",
        "间质TIL 如何 评估 面积",
        "how are stromal TILs scored by area",
    ),
    "til-exclude": (
        "评估TIL时不包括坏死、玻璃样变区域和穿刺活检部位周围的炎细胞。",
        "Leave out necrosis, hyalinised areas and inflammation around a biopsy site when "
        "TILs are "
        "scored.",
        "肿瘤浸润淋巴细胞 坏死 玻璃样变 排除",
        "exclude necrosis and hyalinisation when scoring TILs",
    ),
    "invasive-front": (
        "浸润前沿是肿瘤边界内外各500微米的带。距组织边缘太近的部分不评估。",
        "The invasive front is a band of 500 µm to either side of the border. Parts near "
        "the edge of "
        "the tissue are not assessed.",
        "浸润前沿 定义 宽度",
        "width of the invasive margin",
    ),
    "her2": (
        "HER2免疫组化2+须做荧光原位杂交,结果未出前不作结论。",
        "HER2 of 2+ by immunohistochemistry needs fluorescence in situ hybridisation; no "
        "conclusion is "
        "drawn before.",
        "HER2 2+ 是否 需要 FISH",
        "HER2 equivocal by IHC, is FISH needed",
    ),
    "er": (
        "雌激素受体1%以上的肿瘤细胞核着色即为阳性,内对照无着色时不作判断。",
        "Oestrogen receptor is positive from 1 % of tumour nuclei on; without a stained "
        "internal "
        "control nothing is said.",
        "雌激素受体 阳性 界值 内对照",
        "estrogen receptor cut-off and internal control",
    ),
    "net": (
        "神经内分泌瘤按核分裂象和Ki-67分级,两者不一致时取较高者。",
        "A neuroendocrine tumour is graded by mitoses and Ki-67; where they differ the "
        "higher one "
        "counts.",
        "神经内分泌肿瘤 分级 核分裂 Ki-67 不一致",
        "grade of neuroendocrine tumor when mitotic count and ki67 differ",
    ),
    "budding": (
        "肿瘤出芽在浸润前沿的一个热点视野内计数,分为低、中、高三级。",
        "Tumour budding is counted in one hot spot field of the front, in three tiers.",
        "结肠癌 肿瘤出芽 计数方法",
        "counting tumor budding in colon cancer",
    ),
    "nodes": (
        "结直肠癌根治标本至少检出12枚淋巴结。",
        "At least 12 lymph nodes are examined from a resection of colorectal carcinoma.",
        "结直肠癌 淋巴结 数目",
        "number of lymph nodes in colorectal resection",
    ),
    "margins": (
        "切缘按墨汁定向,报告肿瘤距最近切缘的毫米数。",
        "Margins are inked for orientation; report the distance to the nearest margin in "
        "millimetres.",
        "切缘 距离 报告",
        "how is the distance to the resection margin reported",
    ),
    "pdl1": (
        "PD-L1评分须有100个以上可评估的肿瘤细胞。",
        "A PD-L1 score needs 100 viable tumour cells or more.",
        "PD-L1 最少 肿瘤细胞",
        "viable tumour cells needed for PD-L1",
    ),
    "decalcification": (
        "脱钙会影响免疫组化,报告中须注明是否脱钙。",
        "Decalcification affects immunohistochemistry: say in the report whether it was done.",
        "脱钙 对 免疫组化 的影响",
        "effect of decalcification on immunohistochemistry",
    ),
}
VERSION = "2024"


def handbook(language: str) -> str:
    """The handbook as Markdown."""
    place = 0 if language == "zh" else 1
    title = "# 病理科手册" if language == "zh" else "# Handbook of the laboratory"
    parts = [f"## {number}\n\n{texts[place]}" for number, texts in enumerate(TOPICS.values(), 1)]
    return "\n\n".join([title, *parts]) + "\n"
