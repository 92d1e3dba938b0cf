"""The pictures of a report: overlays of the results it rests on, where those are at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathology.errors import UsageError
from pathology.exchange.stored_result import read_result
from pathology.records.report import Draft, Worded
from pathology.records.result import StoredResult
from pathology.reports.page import Extras, Picture

OVERLAY: Final = "overlay.png"
PLAIN_ID: Final = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
"""Of a result: slide and analysis with key, which is where it lies. A document may say anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A result and the folder that it lies in."""

    result: StoredResult
    folder: Path


def pictures_of(used: Sequence[Folded]) -> tuple[Picture, ...]:
    """The overlays of results, each with what it shows."""
    return tuple(
        Picture(
            path=f.folder / OVERLAY,
            caption=Worded(
                en=f"What was measured: {f.result.analysis}, {f.result.slide_id}",
                zh=f"测量内容：{f.result.analysis}，{f.result.slide_id}",
            ),
        )
        for f in used
        if (f.folder / OVERLAY).is_file()
    )


def pictures_again(draft: Draft, results: Path) -> Extras:
    """Pictures of a draft that was made before, and which of them are not there any more."""
    pictures = pictures_of(list(_still_there(draft, results)))
    lacking = len(draft.facts.results) - len(pictures)
    if not lacking:
        return Extras(pictures=pictures)
    said = Worded(
        en=f"Pictures of {lacking} of {len(draft.facts.results)} results are not at hand here.",
        zh=f"{len(draft.facts.results)} 份结果中有 {lacking} 份的图片不在此处。",
    )
    return Extras(pictures=pictures, lacking=said)


def _still_there(draft: Draft, results: Path) -> Iterator[Folded]:
    for result_id in draft.facts.results:
        folder = results / result_id
        if not PLAIN_ID.fullmatch(result_id) or not folder.is_dir():
            continue
        try:
            result = read_result(folder)
        except UsageError:
            continue
        if result.result_id == result_id:
            yield Folded(result=result, folder=folder)
