"""A draft as one HTML page: both languages, pictures inside, nothing fetched from anywhere.

Everything that comes from a case, a model or a guideline is escaped by the template.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import jinja2

from pathology.errors import OutputError
from pathology.records.knowledge import Hit
from pathology.records.report import Draft, Worded
from pathology.reports.plain_text import HEADINGS, authorship, cited

PNG: Final = b"\x89PNG\r\n\x1a\n"
LARGEST_PICTURE: Final = 20 * 2**20
LONGEST_NOTE: Final = 4000
LONGEST_CASE: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of a result, with what it shows."""

    path: Path = field(repr=False)
    caption: Worded


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a page shows beside the draft."""

    pictures: Sequence[Picture] = ()
    note: str | None = field(default=None, repr=False)  # free text of the request, quoted
    similar: Sequence[Hit] = ()  # past cases, to look at on the screen; no part of the report
    lacking: Worded | None = None  # what is said of pictures that are not there


def html_page(draft: Draft, extras: Extras | None = None) -> str:
    """The whole page.

    Raises
    ------
    OutputError
        A picture cannot be read, is no PNG or is too large.
    """
    extras = extras or Extras()
    pictures = [(_embedded(p.path), p.caption) for p in extras.pictures]
    return _template().render(
        draft=draft,
        headings=HEADINGS,
        authorship=authorship(draft),
        cited=[(n, draft.citations[n - 1]) for n in cited(draft)],
        pictures=pictures,
        lacking=extras.lacking,
        note=None if extras.note is None else shown(extras.note),
        similar=[(hit.passage, shown(hit.passage.text)[:LONGEST_CASE]) for hit in extras.similar],
    )


def shown(text: str) -> str:
    """Free text as it may be shown: no control, hidden or direction-changing characters."""
    kept = (c if c == "\n" or unicodedata.category(c)[0] != "C" else "\ufffd" for c in text)
    return "".join(kept)[:LONGEST_NOTE]


@cache
def _template() -> jinja2.Template:
    place = jinja2.PackageLoader("pathology.reports", "pages")
    house = jinja2.Environment(
        loader=place, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return house.get_template("report.html.jinja")


def _embedded(path: Path) -> str:
    """The picture as a data address."""
    try:
        if path.stat().st_size > LARGEST_PICTURE:
            raise OutputError(
                f"{path.name}: a picture of more than 20 MiB is not put into a report"
            )
        data = path.read_bytes()
    except OSError as cause:
        raise OutputError(f"{path.name}: cannot be read ({cause.strerror})") from cause
    if not data.startswith(PNG):
        raise OutputError(f"{path.name}: is no PNG picture")
    return f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
