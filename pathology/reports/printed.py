"""The page as PDF, with its own letters inside; nothing is fetched, from no address."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Final

from PIL import ImageFile

from pathology.errors import OutputError

FONTS: Final = (
    ("Report Latin", "normal", "report-latin.ttf"),
    ("Report Latin", "bold", "report-latin-bold.ttf"),
    ("Report Chinese", "normal", "report-chinese.ttf"),
)
ABSENT: Final = (
    "a PDF needs the library Pango, which is not installed. On Debian: apt-get install "
    "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0. Or ask for no PDF: --no-pdf"
)


def pdf_page(html: str) -> bytes:
    """``html`` of ``page.html_page`` as PDF.

    Raises
    ------
    OutputError
        The library that sets text is not installed.
    """
    weasyprint = _typesetter()
    inside = weasyprint.urls.URLFetcher(
        allowed_protocols=("data",), allow_redirects=False, fail_on_errors=True
    )
    fonts = weasyprint.text.fonts.FontConfiguration()
    style = weasyprint.CSS(string=_faces(), font_config=fonts, url_fetcher=inside)
    page = weasyprint.HTML(string=html, url_fetcher=inside)
    made: bytes = page.write_pdf(stylesheets=[style], font_config=fonts)
    return made


@cache
def _typesetter() -> ModuleType:
    """The library, which tells Pillow on loading to fill in what damaged pictures lack.

    That would hold for every picture the process reads afterwards: half an image would be
    measured as if it were whole. So it is taken back.
    """
    as_it_was = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint
        import weasyprint.text.fonts
        import weasyprint.urls
    except OSError as cause:  # what ctypes says of a missing library
        raise OutputError(ABSENT) from cause
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = as_it_was
    loaded: ModuleType = weasyprint
    return loaded


@cache
def _faces() -> str:
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; '
        f'src: url("data:font/ttf;base64,{_letters(name)}"); }}'
        for family, weight, name in FONTS
    )


def _letters(name: str) -> str:
    data = files("pathology.reports").joinpath("fonts", name).read_bytes()
    return base64.b64encode(data).decode("ascii")
