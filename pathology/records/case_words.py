"""The contract's names in refusals of the desk, as a reader says them in either language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.records.case_reasons import CASE_REASONS
from pathology.records.reasons import Language, Wording, worded

Names = Mapping[str, Mapping[Language, str]]

LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
NAMED: Final = ("state", "event", "who", "findings", "overlays")
"""Facts that are, or list, names of the contract."""


def _names(**words: tuple[str, str]) -> Names:
    return MappingProxyType(
        {name: dict(zip(LANGUAGES, w, strict=True)) for name, w in words.items()}
    )


SPOKEN: Final[Names] = MappingProxyType(
    {
        **_names(
            AI_DRAFT=("an AI draft", "AI 草稿"),
            IN_REVIEW=("in review", "审阅中"),
            CORRECTED=("corrected", "已修改"),
            SIGNED=("signed", "已签发"),
            AMENDED=("amended", "已修订"),
            REJECTED=("rejected", "已拒绝"),
            take=("claiming it", "认领"),
            renew=("making it anew", "重新生成"),
            correct=("correcting it", "修改"),
            sign=("signing it", "签发"),
            amend=("signing an amendment", "签发修订"),
            reject=("rejecting it", "拒绝"),
            reopen=("opening it again", "重新打开"),
            ki67=("Ki-67", "Ki-67"),
            infiltration=("tumour infiltration", "肿瘤浸润"),
            regions=("regions", "区域"),
            nuclei=("nuclei", "细胞核"),
        ),
        "drop-to-signed": {"en": "giving up the amendment", "zh": "放弃修订"},
        "drop-to-amended": {"en": "giving up the amendment", "zh": "放弃修订"},
        "map:tissue_class": {"en": "map of tissue", "zh": "组织分类图"},
        "map:ki67_density": {"en": "map of positive nuclei", "zh": "阳性细胞核密度图"},
        "map:nucleus_density": {"en": "map of nuclei", "zh": "细胞核密度图"},
        "-": {"en": "nobody", "zh": "无人"},
    }
)
"""States, events, analyses and overlays; a name that is not here stands as it is."""


def case_worded(
    code: str, facts: Mapping[str, object], language: Language, more: Names = MappingProxyType({})
) -> Wording:
    """A reason of the desk; ``more`` are names of findings by what the contract calls them."""
    names = {**SPOKEN, **more}
    said = {
        fact: _said(str(told), names, language) if fact in NAMED else told
        for fact, told in facts.items()
    }
    return worded(code, said, language, table=CASE_REASONS)


def _said(told: str, names: Names, language: Language) -> str:
    """Parts of a list, and of "analysis: overlay", each by its name."""
    parts = re.split(r"(, |: )", told)
    return "".join(names[part][language] if part in names else part for part in parts)
