"""On what terms the public sets may be used, for the cards of what was trained on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTerms:
    """A public set: what it is called, what its licence says, whom to cite."""

    title: str
    licence: str
    citation: str


PUBLIC_LICENCE: Final = "CC-BY-NC-SA-4.0"
"""Of weights that any public set went into: the strictest of the sets' terms."""
_CONSEP: Final = SetTerms(
    title="CoNSeP",
    licence="research use",
    citation="Graham et al., Medical Image Analysis 2019",
)
_CRCHISTO: Final = SetTerms(
    title="CRCHisto",
    licence="research use, non-commercial",
    citation="Sirinukunwattana et al., IEEE Transactions on Medical Imaging 2016",
)
TERMS: Final[Mapping[str, SetTerms]] = {
    "consep-train": _CONSEP,
    "consep-test": _CONSEP,
    "crchisto-train": _CRCHISTO,
    "crchisto-validation": _CRCHISTO,
    "crchisto-test": _CRCHISTO,
    "monuseg": SetTerms(
        title="MoNuSeg",
        licence="CC BY-NC-SA 4.0",
        citation="Kumar et al., IEEE Transactions on Medical Imaging 2017 and 2020",
    ),
    "glioma": SetTerms(
        title="Ki-67 in glioblastoma",
        licence="MIT, as the package that carries it claims",
        citation="the package's author",
    ),
    "deepliif": SetTerms(
        title="DeepLIIF, Ki-67 in bladder and lung",
        licence="Apache-2.0 with Commons Clause, non-commercial",
        citation="Ghahremani et al., Nature Machine Intelligence 2022",
    ),
    "gepnet": SetTerms(
        title="Ki-67 in neuroendocrine tumours",
        licence="GPL-3.0, as the repository that carries it",
        citation="the repository's authors",
    ),
    "wsss4luad": SetTerms(
        title="WSSS4LUAD, validation part",
        licence="challenge data, non-commercial",
        citation="Han et al., arXiv:2204.06455",
    ),
    "glas": SetTerms(
        title="GlaS",
        licence="research use",
        citation="Sirinukunwattana et al., Medical Image Analysis 2017",
    ),
}
"""Of each set by the reader's name."""


def cited(name: str, images: int, held_out: int) -> str:
    """One line of a card's ``data`` about a public set."""
    terms = TERMS[name]
    kept_away = f", {held_out} more held out" if held_out else ""
    return f"{terms.title} ({name}), {images} images{kept_away}: {terms.licence}; {terms.citation}"
