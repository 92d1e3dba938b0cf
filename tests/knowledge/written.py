"""Cases and guidelines that nobody had, written for tests and measurements; seeds are fixed.

Each case is made from facts, so what answers a question is known by the facts and not by words. A
part of the wordings is not in the glossary, on purpose: real reports say things in ways that no
list foresees. Texts are still more alike than real ones: only orders of magnitude may be believed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True)
class Kind:
    """A diagnosis: its organ, its names, the findings and markers that reports of it give."""

    organ: str
    organ_zh: tuple[str, ...]
    organ_en: tuple[str, ...]
    zh: tuple[str, ...]
    en: tuple[str, ...]
    features: tuple[str, ...]
    markers: tuple[str, ...]


BREAST = ("breast", ("左乳", "右乳", "乳腺"), ("left breast", "right breast", "breast"))
LUNG = ("lung", ("左肺上叶", "右肺下叶", "肺"), ("left upper lobe of lung", "lung", "right lung"))
STOMACH = ("stomach", ("胃窦", "胃体", "胃"), ("gastric antrum", "stomach", "gastric body"))
COLON = ("colon", ("乙状结肠", "升结肠", "结肠"), ("sigmoid colon", "ascending colon", "colon"))
EPITHELIAL = ("lvi", "perineural", "necrosis", "node", "margin", "til", "budding")
KINDS = {
    "idc": Kind(
        *BREAST,
        ("浸润性导管癌", "浸润性癌,非特殊类型", "非特殊型浸润性乳腺癌"),
        ("invasive ductal carcinoma", "invasive carcinoma of no special type", "NST breast cancer"),
        ("lvi", "perineural", "necrosis", "node", "til", "dcis", "calcification"),
        ("er", "pr", "her2", "ki67"),
    ),
    "ilc": Kind(
        *BREAST,
        ("浸润性小叶癌", "小叶癌(经典型)"),
        ("invasive lobular carcinoma", "classic lobular carcinoma"),
        ("lvi", "node", "til", "margin", "perineural"),
        ("er", "her2", "ecadherin", "ki67"),
    ),
    "dcis": Kind(
        *BREAST,
        ("导管原位癌", "导管内癌"),
        ("ductal carcinoma in situ", "DCIS"),
        ("necrosis", "calcification", "margin", "til"),
        ("er", "pr", "ki67"),
    ),
    "breast_mucinous": Kind(
        *BREAST,
        ("黏液癌", "粘液癌"),
        ("mucinous carcinoma", "colloid carcinoma"),
        ("lvi", "node", "calcification", "margin"),
        ("er", "her2", "ki67"),
    ),
    "phyllodes": Kind(
        *BREAST,
        ("叶状肿瘤",),
        ("phyllodes tumour", "phyllodes tumor"),
        ("necrosis", "margin", "mitosis"),
        ("ki67", "cd34"),
    ),
    "lung_adeno": Kind(
        *LUNG,
        ("肺腺癌", "浸润性腺癌"),
        ("pulmonary adenocarcinoma", "invasive adenocarcinoma of the lung"),
        ("lvi", "necrosis", "pleura", "node", "til", "lepidic"),
        ("ttf1", "pdl1", "ki67", "alk"),
    ),
    "lung_squamous": Kind(
        *LUNG,
        ("鳞状细胞癌", "鳞癌"),
        ("squamous cell carcinoma", "squamous carcinoma"),
        ("necrosis", "keratin", "lvi", "pleura", "node"),
        ("p40", "pdl1", "ki67"),
    ),
    "lung_small": Kind(
        *LUNG,
        ("小细胞癌",),
        ("small cell carcinoma", "SCLC"),
        ("necrosis", "crush", "lvi", "node"),
        ("syn", "ttf1", "ki67"),
    ),
    "lung_carcinoid": Kind(
        *LUNG,
        ("典型类癌", "类癌"),
        ("typical carcinoid", "carcinoid tumour"),
        ("necrosis", "mitosis", "lvi", "node"),
        ("syn", "cga", "ki67"),
    ),
    "gastric_adeno": Kind(
        *STOMACH,
        ("胃腺癌", "管状腺癌"),
        ("gastric adenocarcinoma", "tubular adenocarcinoma of the stomach"),
        (*EPITHELIAL, "helicobacter", "metaplasia"),
        ("her2", "mmr", "ki67", "pdl1"),
    ),
    "signet": Kind(
        *STOMACH,
        ("印戒细胞癌",),
        ("signet ring cell carcinoma", "signet-ring carcinoma"),
        ("perineural", "lvi", "margin", "node", "helicobacter"),
        ("her2", "ecadherin", "ki67"),
    ),
    "gist": Kind(
        *STOMACH,
        ("胃肠道间质瘤", "间质瘤(GIST)"),
        ("gastrointestinal stromal tumour", "GIST"),
        ("necrosis", "mitosis", "margin"),
        ("cd117", "dog1", "cd34", "ki67"),
    ),
    "gastric_net": Kind(
        *STOMACH,
        ("神经内分泌瘤",),
        ("neuroendocrine tumour", "well differentiated neuroendocrine tumor"),
        ("lvi", "mitosis", "necrosis", "margin"),
        ("syn", "cga", "ki67"),
    ),
    "gastritis": Kind(
        *STOMACH,
        ("慢性萎缩性胃炎", "慢性胃炎"),
        ("chronic atrophic gastritis", "chronic gastritis"),
        ("helicobacter", "metaplasia", "dysplasia"),
        ("ki67",),
    ),
    "colon_adeno": Kind(
        *COLON,
        ("结肠腺癌", "中分化腺癌"),
        ("colonic adenocarcinoma", "adenocarcinoma of the large bowel"),
        (*EPITHELIAL,),
        ("mmr", "her2", "ki67"),
    ),
    "colon_mucinous": Kind(
        *COLON,
        ("黏液腺癌", "粘液腺癌"),
        ("mucinous adenocarcinoma",),
        ("lvi", "budding", "node", "margin", "perineural"),
        ("mmr", "ki67"),
    ),
    "colon_adenoma": Kind(
        *COLON,
        ("管状腺瘤", "绒毛状腺瘤"),
        ("tubular adenoma", "villous adenoma"),
        ("dysplasia", "margin"),
        ("ki67",),
    ),
    "prostate": Kind(
        "prostate",
        ("前列腺",),
        ("prostate", "left prostate"),
        ("前列腺腺泡腺癌", "腺泡腺癌"),
        ("acinar adenocarcinoma", "prostatic acinar adenocarcinoma"),
        ("perineural", "margin", "cribriform", "lvi"),
        ("psa", "p504s", "p63"),
    ),
    "thyroid": Kind(
        "thyroid",
        ("甲状腺左叶", "甲状腺"),
        ("left lobe of thyroid", "thyroid"),
        ("乳头状癌",),
        ("papillary carcinoma", "PTC"),
        ("capsule", "lvi", "node", "calcification"),
        ("braf", "ki67"),
    ),
    "renal": Kind(
        "kidney",
        ("左肾", "肾脏"),
        ("left kidney", "kidney"),
        ("透明细胞肾细胞癌", "肾透明细胞癌"),
        ("clear cell renal cell carcinoma", "ccRCC"),
        ("necrosis", "lvi", "margin", "haemorrhage"),
        ("pax8", "ki67"),
    ),
    "bladder": Kind(
        "bladder",
        ("膀胱",),
        ("urinary bladder", "bladder"),
        ("尿路上皮癌", "高级别尿路上皮癌"),
        ("urothelial carcinoma", "transitional cell carcinoma"),
        ("lvi", "muscle", "necrosis"),
        ("gata3", "ki67", "p53"),
    ),
    "serous": Kind(
        "ovary",
        ("左侧卵巢", "卵巢"),
        ("left ovary", "ovary"),
        ("高级别浆液性癌",),
        ("high grade serous carcinoma", "HGSC"),
        ("necrosis", "lvi", "omentum", "til"),
        ("p53", "wt1", "pax8", "ki67"),
    ),
    "endometrioid": Kind(
        "endometrium",
        ("子宫内膜",),
        ("endometrium",),
        ("子宫内膜样癌",),
        ("endometrioid carcinoma", "endometrioid adenocarcinoma"),
        ("lvi", "muscle", "necrosis", "til"),
        ("er", "pr", "mmr", "p53"),
    ),
    "melanoma": Kind(
        "skin",
        ("背部皮肤", "皮肤"),
        ("skin of back", "skin"),
        ("恶性黑色素瘤", "黑色素瘤"),
        ("malignant melanoma", "melanoma"),
        ("ulcer", "til", "lvi", "mitosis", "perineural"),
        ("s100", "hmb45", "sox10", "ki67"),
    ),
}
# finding: zh present, zh absent, en present, en absent; the last of each is in no glossary
FEATURES: dict[str, tuple[tuple[str, ...], ...]] = {
    "lvi": (
        ("可见脉管侵犯", "见脉管癌栓", "淋巴管内见瘤栓"),
        ("未见脉管侵犯", "脉管侵犯:阴性", "脉管内未见瘤栓"),
        ("lymphovascular invasion is present", "LVI seen", "tumour within vascular channels"),
        ("no lymphovascular invasion", "LVI not identified", "vascular channels are free"),
    ),
    "perineural": (
        ("可见神经侵犯", "侵犯神经", "癌细胞沿神经束膜蔓延"),
        ("未见神经侵犯", "神经侵犯(-)", "神经束未受累"),
        ("perineural invasion is present", "PNI seen", "tumour tracks along nerves"),
        ("no perineural invasion", "perineural invasion not seen", "nerves are spared"),
    ),
    "necrosis": (
        ("伴坏死", "可见大片坏死", "局部见无结构红染物"),
        ("未见坏死", "无坏死"),
        ("necrosis is present", "with extensive necrosis", "dead tumour is seen"),
        ("no necrosis", "without necrosis"),
    ),
    "node": (
        ("淋巴结转移(2/14)", "见淋巴结转移癌", "淋巴结内查见癌"),
        ("淋巴结未见转移", "未见淋巴结转移(0/12)"),
        ("lymph node metastasis in two nodes", "positive nodes", "nodal spread"),
        ("no lymph node metastasis", "nodes negative for metastasis"),
    ),
    "margin": (
        ("切缘见癌", "切缘阳性", "断端受累"),
        ("切缘未见癌", "切缘阴性"),
        ("resection margin involved", "positive margin", "tumour at ink"),
        ("margins are free", "negative margin"),
    ),
    "til": (
        ("间质浸润淋巴细胞丰富,约60%", "肿瘤浸润淋巴细胞明显增多", "间质内大量淋巴样细胞"),
        ("间质浸润淋巴细胞稀少", "未见肿瘤浸润淋巴细胞"),
        (
            "abundant stromal TILs, about 60 %",
            "dense tumour infiltrating lymphocytes",
            "lymphoid rich",
        ),
        ("sparse stromal TILs", "no tumour infiltrating lymphocytes"),
    ),
    "budding": (
        ("肿瘤出芽高级别", "可见肿瘤出芽", "浸润前沿见单个癌细胞团"),
        ("未见肿瘤出芽",),
        ("high tumour budding", "tumor budding present", "single cells at the edge"),
        ("no tumour budding",),
    ),
    "dcis": (
        ("伴导管原位癌成分", "周围见导管内癌"),
        ("未见导管原位癌",),
        ("with a ductal carcinoma in situ component", "DCIS around"),
        ("no ductal carcinoma in situ",),
    ),
    "calcification": (
        ("伴钙化", "可见微钙化", "见砂粒体"),
        ("未见钙化",),
        ("with calcifications", "microcalcification is seen", "psammoma bodies"),
        ("no calcification",),
    ),
    "mitosis": (
        ("核分裂象多见,8/10HPF", "核分裂活跃"),
        ("核分裂象罕见", "未见核分裂象"),
        ("mitoses are frequent, 8/10 HPF", "brisk mitotic rate"),
        ("mitotic figures are rare", "no mitoses"),
    ),
    "pleura": (
        ("侵犯脏层胸膜", "胸膜受侵"),
        ("未侵犯胸膜", "胸膜未受累"),
        ("invades the visceral pleura", "pleural invasion"),
        ("no pleural invasion", "pleura not involved"),
    ),
    "lepidic": (
        ("以贴壁型生长为主", "贴壁成分约40%"),
        ("未见贴壁成分",),
        ("predominantly lepidic", "lepidic component about 40 %"),
        ("no lepidic component",),
    ),
    "keratin": (
        ("可见角化珠", "见角化及细胞间桥"),
        ("未见角化",),
        ("keratin pearls", "keratinisation and bridges"),
        ("no keratinisation",),
    ),
    "crush": (
        ("挤压伪影明显", "细胞挤压变形"),
        ("未见挤压",),
        ("marked crush artefact", "crush artifact"),
        ("no crush artefact",),
    ),
    "helicobacter": (
        ("幽门螺杆菌(+)", "见幽门螺杆菌"),
        ("未见幽门螺杆菌", "幽门螺杆菌阴性"),
        ("Helicobacter pylori present", "H. pylori seen"),
        ("no Helicobacter pylori", "Helicobacter pylori not seen"),
    ),
    "metaplasia": (
        ("伴肠上皮化生", "肠化(++)"),
        ("未见肠上皮化生",),
        ("with intestinal metaplasia", "intestinal metaplasia, moderate"),
        ("no intestinal metaplasia",),
    ),
    "dysplasia": (
        ("伴高级别上皮内瘤变", "伴异型增生"),
        ("未见异型增生",),
        ("with high grade dysplasia", "dysplasia present"),
        ("no dysplasia",),
    ),
    "cribriform": (
        ("见筛状结构", "筛孔状腺体"),
        ("未见筛状结构",),
        ("cribriform glands", "cribriform pattern present"),
        ("no cribriform pattern",),
    ),
    "capsule": (
        ("侵犯包膜", "见包膜侵犯"),
        ("未见包膜侵犯",),
        ("capsular invasion is present", "invades the capsule"),
        ("no capsular invasion",),
    ),
    "haemorrhage": (
        ("伴出血", "见灶性出血"),
        ("未见出血",),
        ("with haemorrhage", "focal hemorrhage"),
        ("no haemorrhage",),
    ),
    "muscle": (
        ("侵犯固有肌层", "肌层受侵"),
        ("未侵犯肌层", "未见固有肌层侵犯"),
        ("invades the muscularis propria", "muscularis propria is involved"),
        ("muscularis propria not involved", "no invasion of muscularis propria"),
    ),
    "omentum": (
        ("大网膜见癌结节", "网膜受累"),
        ("大网膜未见癌",),
        ("omental deposits", "omentum is involved"),
        ("omentum free of tumour",),
    ),
    "ulcer": (
        ("伴溃疡形成",),
        ("未见溃疡",),
        ("ulcerated", "ulceration is present"),
        ("no ulceration",),
    ),
}
MARKERS = {
    "er": "ER",
    "pr": "PR",
    "her2": "HER2",
    "ki67": "Ki-67",
    "ecadherin": "E-cadherin",
    "cd34": "CD34",
    "ttf1": "TTF-1",
    "pdl1": "PD-L1",
    "alk": "ALK",
    "p40": "P40",
    "syn": "Syn",
    "cga": "CgA",
    "mmr": "MMR",
    "cd117": "CD117",
    "dog1": "DOG1",
    "psa": "PSA",
    "p504s": "P504S",
    "p63": "P63",
    "braf": "BRAF",
    "pax8": "PAX8",
    "gata3": "GATA3",
    "p53": "P53",
    "wt1": "WT1",
    "s100": "S-100",
    "hmb45": "HMB45",
    "sox10": "SOX10",
}
GRADES = {
    "zh": (("1级", "高分化"), ("2级", "中分化"), ("3级", "低分化")),
    "en": (
        ("grade 1", "well differentiated"),
        ("grade 2", "moderately differentiated"),
        ("grade 3", "poorly differentiated"),
    ),
}
SPECIMENS = {
    "zh": ("穿刺活检", "切除标本", "根治标本", "局部切除"),
    "en": ("core needle biopsy", "excision", "resection", "local excision"),
}


@dataclass(frozen=True)
class WrittenCase:
    """The facts of a case, and the row that a curator would bring."""

    kind: str
    language: Language
    grade: int
    findings: dict[str, bool]
    row: dict[str, str]


def written_cases(count: int, *, seed: int = 1) -> list[WrittenCase]:
    """``count`` cases, half of them Chinese."""
    chance = random.Random(seed)  # noqa: S311 -- a fixed seed is wanted
    return [_case(chance, "zh" if number % 2 else "en", number) for number in range(count)]


def _case(chance: random.Random, language: Language, number: int) -> WrittenCase:
    name = chance.choice(list(KINDS))
    kind, grade = KINDS[name], chance.randrange(3)
    some = chance.sample(kind.features, min(len(kind.features), chance.randint(2, 4)))
    findings = {feature: chance.random() < 0.5 for feature in some}
    organ = chance.choice(kind.organ_zh if language == "zh" else kind.organ_en)
    diagnosis = chance.choice(kind.zh if language == "zh" else kind.en)
    specimen = chance.choice(SPECIMENS[language])
    told = [_finding(chance, language, feature, there) for feature, there in findings.items()]
    graded = chance.choice(GRADES[language][grade])
    markers = _markers(chance, kind, language)
    if language == "zh":
        text = f"({organ}){specimen}:{diagnosis},{graded}。{','.join(told)}。免疫组化:{markers}。"
    else:
        sentences = ". ".join(part[0].upper() + part[1:] for part in told)
        text = (
            f"{organ.capitalize()}, {specimen}: {diagnosis}, {graded}. {sentences}. IHC: {markers}."
        )
    row = {"text": text, "language": language, "year": str(chance.randint(2015, 2024))}
    row["pseudonym"] = f"{number:016x}"
    if chance.random() < 0.7:  # older systems have no structured part
        row |= {"organ": organ, "diagnosis": diagnosis, "specimen": specimen}
    return WrittenCase(name, language, grade, findings, row)


def _finding(chance: random.Random, language: Language, feature: str, there: bool) -> str:
    place = (0 if there else 1) + (0 if language == "zh" else 2)
    return chance.choice(FEATURES[feature][place])


def _markers(chance: random.Random, kind: Kind, language: Language) -> str:
    told = []
    for marker in kind.markers:
        if marker == "ki67":
            told.append(f"Ki-67 {'约' if language == 'zh' else 'about '}{chance.randint(1, 90)}%")
        else:
            positive = chance.random() < 0.6
            said = ("阳性", "阴性") if language == "zh" else (" positive", " negative")
            told.append(f"{MARKERS[marker]}{said[0 if positive else 1]}")
    return (",").join(told) if language == "zh" else ", ".join(told)


@dataclass(frozen=True)
class Asked:
    """A question, and which cases answer it."""

    text: str
    language: Language
    kind: str
    feature: str
    there: bool
    half: Literal["weighing", "judging"]

    def answered_by(self, case: WrittenCase) -> bool:
        return case.kind == self.kind and case.findings.get(self.feature) is self.there

    def near(self, case: WrittenCase) -> bool:
        """The same diagnosis in the same organ, whatever the finding."""
        return case.kind == self.kind


def written_questions(*, seed: int = 2) -> list[Asked]:
    """One question a diagnosis, language and of two findings; halves share no diagnosis."""
    chance = random.Random(seed)  # noqa: S311 -- a fixed seed is wanted
    questions = []
    for index, (name, kind) in enumerate(KINDS.items()):
        for feature in chance.sample(kind.features, min(2, len(kind.features))):
            there = chance.random() < 0.5
            for language in ("zh", "en"):
                organ = (kind.organ_zh if language == "zh" else kind.organ_en)[-1]
                names = kind.zh if language == "zh" else kind.en
                said = FEATURES[feature][(0 if there else 1) + (0 if language == "zh" else 2)][0]
                joint = " " if language == "zh" else ", "
                text = joint.join((organ, names[0], said))
                half = "weighing" if index % 2 else "judging"
                questions.append(Asked(text, language, name, feature, there, half))
    return questions
