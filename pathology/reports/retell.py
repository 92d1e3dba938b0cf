"""What the analysis says in English, told in both languages; what is not known is quoted."""

from __future__ import annotations

import re

from pathology.records.report import Worded
from pathology.records.settings.reports import ReportWording


def retold(text: str, wording: ReportWording) -> Worded:
    """``text`` of a caveat or a refusal in both languages."""
    for known in wording.retold:
        if match := re.fullmatch(known.pattern, text):
            return Worded(en=text, zh=known.zh.format_map(match.groupdict()))
    return Worded(en=text, zh=wording.sayings["retold"].zh.format(text=text))


def saying(wording: ReportWording, name: str, /, **facts: Worded | str) -> Worded:
    """A fixed sentence of the program, its facts put in, each in its language."""
    pattern = wording.sayings[name]
    return Worded(
        en=pattern.en.format_map(
            {k: v.en if isinstance(v, Worded) else v for k, v in facts.items()}
        ),
        zh=pattern.zh.format_map(
            {k: v.zh if isinstance(v, Worded) else v for k, v in facts.items()}
        ),
    )
