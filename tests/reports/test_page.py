from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pathology.errors import OutputError
from pathology.records.report import BANNER, Worded
from pathology.reports.page import Extras, Picture, html_page
from pathology.reports.plain_text import plain_text
from pathology.reports.printed import pdf_page
from tests.reports.drafting import draft_of, facts_for
from tests.reports.injections import attacked_case

CAPTION = Worded(en="What was measured", zh="测量内容")
DRAFT = draft_of(facts_for(*attacked_case()))


def picture(folder: Path) -> Picture:
    path = folder / "overlay.png"
    Image.new("RGB", (400, 300), (200, 120, 160)).save(path)
    return Picture(path=path, caption=CAPTION)


def test_what_people_wrote_is_shown_and_never_run() -> None:
    note = "<script>alert(1)</script> \u202e {{ki67.global.value}} & 左乳"
    page = html_page(DRAFT, Extras(note=note))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "{{ki67.global.value}}" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_the_page_holds_both_languages_and_what_must_be_filled_in() -> None:
    page = html_page(DRAFT)
    for text in (BANNER.en, BANNER.zh, "25.2 %", "全切片 Ki-67 指数为", "to be filled in"):
        assert text in page
    assert "http://" not in page
    assert "https://" not in page


def test_only_pictures_are_put_into_a_page(tmp_path: Path) -> None:
    assert "data:image/png;base64," in html_page(DRAFT, Extras(pictures=[picture(tmp_path)]))
    fake = tmp_path / "fake.png"
    fake.write_bytes(b"<svg onload=alert(1)>")
    with pytest.raises(OutputError, match="no PNG"):
        html_page(DRAFT, Extras(pictures=[Picture(path=fake, caption=CAPTION)]))
    absent = Picture(path=tmp_path / "absent.png", caption=CAPTION)
    with pytest.raises(OutputError, match="cannot be read"):
        html_page(DRAFT, Extras(pictures=[absent]))


def test_the_pdf_has_its_letters_inside_and_the_banner_on_every_page(tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("poppler-utils is not installed")
    file = tmp_path / "report.pdf"
    file.write_bytes(pdf_page(html_page(DRAFT, Extras(pictures=[picture(tmp_path)]))))
    text = subprocess.run(
        ["pdftotext", "-layout", file, "-"], check=True, capture_output=True, text=True
    ).stdout
    pages = text.rstrip("\f").split("\f")
    assert len(pages) >= 2
    assert all(BANNER.en in page and "未经医师核实" in page for page in pages)
    assert "管腔" in text or "中间" in text
    fonts = subprocess.run(["pdffonts", file], check=True, capture_output=True, text=True).stdout
    rows = fonts.splitlines()[2:]
    assert rows
    assert all("Report" in row and " yes yes yes" in row for row in rows)


def test_a_page_fetches_nothing() -> None:
    page = html_page(DRAFT).replace(
        "</body>", '<img src="http://127.0.0.1:9/x.png"><img src="file:///etc/hostname"></body>'
    )
    with pytest.raises(BaseException, match="Error fetching"):
        pdf_page(page)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_plain_text_begins_and_ends_with_the_banner(language: str) -> None:
    lines = plain_text(DRAFT, language).splitlines()
    banner = f"*** {BANNER.told(language)} ***"
    assert lines[0] == lines[-1] == banner


def test_every_letter_of_the_wording_is_in_the_fonts() -> None:
    from importlib.resources import files

    from PIL import ImageFont

    from pathology.config import shipped_configs

    place = files("pathology.reports") / "fonts"
    chinese = ImageFont.truetype(str(place / "report-chinese.ttf"), 20)
    absent = chinese.getmask("\u4e02").getbbox()  # not in GB 2312: the box for what is missing
    text = "".join(p.read_text("utf-8") for p in (shipped_configs() / "reports").rglob("*.toml"))
    han = sorted({c for c in text if "\u4e00" <= c <= "\u9fff"})
    boxes = [c for c in han if bytes(chinese.getmask(c)) == bytes(chinese.getmask("\u4e02"))]
    assert absent is not None
    assert not boxes


HALF = """
import io, sys
from PIL import Image
from pathology.reports.printed import pdf_page

stored = io.BytesIO()
Image.effect_noise((64, 64), 50).save(stored, "png")
pdf_page("<p>A page</p>")
try:
    Image.open(io.BytesIO(stored.getvalue()[: len(stored.getvalue()) // 2])).load()
except OSError:
    sys.exit(0)
sys.exit("half an image was read as a whole one")
"""


def test_after_a_page_is_set_half_an_image_is_still_refused() -> None:
    done = subprocess.run([sys.executable, "-c", HALF], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
