"""Errors in the ways of saying that the check learnt last: pairs, labels, parts, bases."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from tests.reports.erring_writer import (
    Error,
    Language,
    Part,
    Sentence,
    Writing,
    rng_group,
    truth_of,
)

Piece = str | tuple[str, str]  # words; or the fact that is named, and the one that is written
FLIPPED = {"positive": ("negative", "阴性"), "negative": ("positive", "阳性")}


def _said(w: Writing, language: Language, pieces: Sequence[Piece]) -> bool:
    """Adds the sentence; False where a fact is missing or what is written is what is named."""
    facts = {f.id: f for f in w.facts.facts if f.state == "value"}
    names = [p for p in pieces if isinstance(p, tuple)]
    if any(n not in facts or f not in facts for n, f in names):
        return False
    if all(truth_of(facts[n]) == truth_of(facts[f]) for n, f in names):
        return False
    parts = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(Part(piece))
            continue
        named, put = piece
        text = facts[put].text
        numbers, unit, code = truth_of(facts[put])
        parts.append(Part(text.zh if language == "zh" else text.en, named, numbers, unit, code))
    w.sentences(language).append(Sentence(rng_group(w), language, parts))
    return True


def _error(en: Sequence[Sequence[Piece]], zh: Sequence[Sequence[Piece]]) -> Error:
    def make(w: Writing, language: Language, rng: random.Random) -> bool:
        return _said(w, language, rng.choice(zh if language == "zh" else en))

    return make


ER, PR = ("er.value", "pr.value"), ("pr.value", "er.value")
WHOLE, PART = (
    ("ki67.global.counted", "ki67.global.positive"),
    (
        "ki67.global.positive",
        "ki67.global.counted",
    ),
)
GLOBAL, SPOT = (
    ("ki67.global.value", "ki67.hotspot.value"),
    (
        "ki67.hotspot.value",
        "ki67.global.value",
    ),
)
STROMA, NESTS = (
    ("til.density_stroma.value", "til.density_tumour.value"),
    (
        "til.density_tumour.value",
        "til.density_stroma.value",
    ),
)


def flipped_in_a_list(w: Writing, language: Language, rng: random.Random) -> bool:
    facts = {f.id: f for f in w.facts.facts if f.state == "value"}
    if not {"er.status", "surrogate.subtype", "surrogate.rule"} <= facts.keys():
        return False
    if facts["er.status"].code not in FLIPPED:
        return False
    code = facts["er.status"].code
    words = FLIPPED[code][language == "zh"]
    subtype, rule = facts["surrogate.subtype"], facts["surrogate.rule"]
    er = Part(words, "er.status", None, "", "negative" if code == "positive" else "positive")
    if language == "zh":
        parts = [Part("ER "), er, Part(f",替代分型为{subtype.text.zh}({rule.text.zh})。")]
    else:
        parts = [
            Part("With ER "),
            er,
            Part(f", the surrogate subtype is {subtype.text.en} ({rule.text.en})."),
        ]
    w.sentences(language).append(Sentence(rng_group(w), language, parts))
    return True


WIDE: Mapping[str, tuple[str, Error]] = {
    "receptors paired the other way": (
        "numeral",
        _error(
            [
                ["ER and PR were scored at ", ER, " and ", PR, ", respectively."],
                ["The ER and PR percentages are, respectively, ", ER, " and ", PR, "."],
            ],
            [
                ["ER 和 PR 的阳性比例分别为 ", ER, " 和 ", PR, "。"],
                ["ER、PR 阳性率依次为 ", ER, "、", PR, "。"],
            ],
        ),
    ),
    "places paired the other way": (
        "numeral",
        _error(
            [
                ["Whole-slide and hot-spot Ki-67 are ", GLOBAL, " and ", SPOT, ", respectively."],
                [
                    "Inflammatory cells in the stroma and the tumor nests are ",
                    STROMA,
                    " and ",
                    NESTS,
                    ", respectively.",
                ],
            ],
            [
                ["全切片与热点区 Ki-67 指数分别为 ", GLOBAL, " 和 ", SPOT, "。"],
                ["间质和癌巢内炎细胞密度分别为 ", STROMA, " 和 ", NESTS, "。"],
            ],
        ),
    ),
    "labels of counts exchanged": (
        "numeral",
        _error(
            [
                ["Whole slide, Ki-67: counted nuclei: ", WHOLE, "; positive nuclei: ", PART, "."],
                ["Whole-slide Ki-67, total number: ", WHOLE, "; stained nuclei: ", PART, "."],
            ],
            [
                ["全切片 Ki-67 细胞总数:", WHOLE, " 个;阳性细胞核数:", PART, " 个。"],
                ["全切片 Ki-67 指数的分母为 ", WHOLE, ",分子为 ", PART, "。"],
            ],
        ),
    ),
    "part and whole exchanged": (
        "numeral",
        _error(
            [
                ["Out of ", WHOLE, " tumour nuclei on the whole slide, ", PART, " show Ki-67."],
                ["The whole slide has ", WHOLE, " tumour nuclei, ", PART, " of which Ki-67."],
            ],
            [
                ["全切片 ", WHOLE, " 个肿瘤细胞核中,Ki-67 着色者 ", PART, " 个。"],
                ["全切片计数 ", WHOLE, " 个细胞核,其中 ", PART, " 个 Ki-67 着色。"],
            ],
        ),
    ),
    "another place by its owner": (
        "numeral",
        _error(
            [
                ["The hot spot's Ki-67 index is ", SPOT, "."],
                ["Apart from the whole slide, the Ki-67 index of the hot spot is ", SPOT, "."],
                ["The tumor nests' inflammatory cells are ", NESTS, "."],
            ],
            [
                ["除全切片外,热点区 Ki-67 指数为 ", SPOT, "。"],
                ["瘤巢内炎症细胞为 ", NESTS, "。"],
            ],
        ),
    ),
    "flipped in a list of bases": ("category", flipped_in_a_list),
}
