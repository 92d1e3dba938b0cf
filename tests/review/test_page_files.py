"""The page's own files: words in both languages, nothing from elsewhere, what npm gave by hash."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pathology.exchange.picture_labels import CHINESE, ENGLISH, REASONS_ZH
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.records.prediction import CellClass
from pathology.records.region import PERSON_EXCLUDES
from pathology.review.page_files import FILES, PAGE

ROOT = Path(__file__).parents[2]
MODULES = sorted(p for p in PAGE.glob("*.js"))
PAGES = sorted(PAGE.glob("*.html"))
WORDS = {lang: json.loads((PAGE / f"words.{lang}.json").read_text()) for lang in ("en", "zh")}
SENTENCES = json.loads((PAGE / "sentences.zh.json").read_text())
PLACE = re.compile(r"\{(\w+)\}")
BUILT = (  # keys that are put together, by what goes into them
    "assist.name.",
    "author.",
    "by.",
    "category.",
    "class.",
    "correct.why.",
    "decision.",
    "evidence.",
    "excluded.",
    "flag.",
    "kind.",
    "layer.",
    "mark.",
    "meaning.",
    "model.",
    "night.state.",
    "priority.",
    "reason.",
    "refused.",
    "region.",
    "report.",
    "role.",
    "scale.",
    "source.",
    "stain.",
    "tissue.",
    "title.",
    "upload.",
    "verdict.",
    "unit.",
    "why.",
)


def said() -> set[str]:
    """Keys that a module or a page names in full."""
    found: set[str] = set()
    for module in MODULES:
        text = module.read_text()
        found |= set(re.findall(r"\bsay(?:Or)?\(\s*\"([^\"]+)\"", text))
        found |= set(re.findall(r"\bsay: \"([^\"]+)\"", text))
        found |= set(re.findall(r"\? \"([a-z.-]+\.[a-z.-]+)\"", text))
        found |= set(re.findall(r": \"([a-z-]+\.[a-z.-]+)\"", text))
        found |= set(re.findall(r"\[\"([a-z]+\.[a-z]+)\",", text))
        found |= {a or b for a, b in re.findall(r"button\(\"([^\"]+)\"|list\(\"([^\"]+)\"", text)}
        found |= set(re.findall(r"press\(\"[^\"]+\", \"([^\"]+)\"", text))
        found |= set(re.findall(r"tell\(\w+, \"([^\"]+)\"", text))
        found |= set(re.findall(r"valueField\(\w+, \"([^\"]+)\"", text))
    for page in PAGES:
        found |= set(re.findall(r"data-say(?:-label)?=\"([^\"]+)\"", page.read_text()))
    return found


def test_both_languages_have_the_same_words_with_the_same_facts() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, english in WORDS["en"].items():
        assert set(PLACE.findall(english)) == set(PLACE.findall(WORDS["zh"][key])), key
        assert WORDS["zh"][key], key


def test_every_key_that_is_said_has_words() -> None:
    assert said() <= WORDS["en"].keys()
    assert len(said()) > 100


def test_no_words_are_left_unsaid() -> None:
    unsaid = {k for k in WORDS["en"].keys() - said() if not k.startswith(BUILT)}
    assert unsaid == set()


def test_the_page_calls_things_as_the_picture_does() -> None:
    """One vocabulary: a reader sees the picture of a result and the page side by side."""
    for key in WORDS["en"].keys() & ENGLISH.keys():
        facts = set(PLACE.findall(ENGLISH[key]))
        if facts == set(PLACE.findall(WORDS["en"][key])) and key not in (
            "region",
            "finding",
            "category.borderline",
        ):
            assert (WORDS["en"][key], WORDS["zh"][key]) == (ENGLISH[key], CHINESE[key]), key
    assert {f"reason.{k}": v for k, v in REASONS_ZH.items()} == {
        k: v for k, v in WORDS["zh"].items() if k.startswith("reason.")
    }
    assert (WORDS["en"]["banner"], WORDS["zh"]["banner"]) == (BANNER_EN, BANNER_ZH)


def test_every_kind_and_class_has_words() -> None:
    words = WORDS["en"].keys()
    kinds = {k.removeprefix("kind.") for k in ENGLISH if k.startswith("kind.")}
    assert {f"kind.{k}" for k in kinds} <= words
    assert {f"why.{k}" for k in PERSON_EXCLUDES} <= words
    assert {f"class.{c.name.lower()}" for c in CellClass} <= words
    drawn = set(re.findall(r"^  (\w+): \{ layer:", (PAGE / "styles_of.js").read_text(), re.M))
    assert drawn == kinds


def constants() -> list[str]:
    """Every text in the modules that write caveats, and the cards with their limits."""
    texts: list[str] = []
    for path in (ROOT / "pathology").rglob("*.py"):
        if path.parent.name in ("findings", "pipeline"):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            texts += [
                n.value for n in nodes if isinstance(n, ast.Constant) and type(n.value) is str
            ]
    cards = (ROOT / "configs" / "models").glob("*.toml")
    return texts + [card.read_text(encoding="utf-8") for card in cards]


def test_every_translated_sentence_is_one_that_the_program_says() -> None:
    said_somewhere = "\n".join(constants())
    for english in SENTENCES["exact"]:
        assert english in said_somewhere, english
    for pattern, chinese in SENTENCES["pattern"]:
        groups = re.compile(pattern).groups
        assert set(PLACE.findall(chinese)) == {str(n + 1) for n in range(groups)}
        pieces = [p for p in re.split(r"\(.*?\)|\\.|: ", pattern) if len(p) > 4]
        assert all(p.strip(" %") in said_somewhere for p in pieces), pattern


def test_caveats_of_a_result_are_said_in_chinese(painted_desk) -> None:  # type: ignore[no-untyped-def]
    told = json.loads((painted_desk.folder / "findings.json").read_text())
    caveats = {c for f in told["findings"] for c in f["caveats"]}
    assert caveats
    for caveat in caveats:
        known = caveat in SENTENCES["exact"] or any(
            re.fullmatch(pattern, caveat) for pattern, _ in SENTENCES["pattern"]
        )
        assert known, caveat


@pytest.mark.parametrize("path", [*MODULES, *PAGES, PAGE / "page.css"], ids=lambda p: p.name)
def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup(path: Path) -> None:
    text = path.read_text()
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
        "srcdoc",
        "javascript:",
        " style=",
        "onclick=",
        "onload=",
        "@import",
        "//cdn",
    ):
        assert forbidden not in text, forbidden
    addresses = set(re.findall(r"https?://[^\s\"')]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_what_npm_gave_is_what_the_lock_names() -> None:
    vendor = PAGE / "vendor"
    told = json.loads((vendor / "vendor.json").read_text())
    lock = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    held = lock[f"node_modules/{told['name']}"]
    assert (told["version"], told["integrity"]) == (held["version"], held["integrity"])
    wanted = json.loads((PAGE / "package.json").read_text())["dependencies"]
    assert wanted == {told["name"]: told["version"]}
    there = {p.name for p in vendor.iterdir()} - {"vendor.json"}
    assert there == told["files"].keys()
    for name, digest in told["files"].items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest
    assert any("LICENSE" in name for name in there)
    assert told["licence"] == "BSD-3-Clause"


def test_only_listed_files_are_served() -> None:
    assert "openseadragon.min.js" in FILES
    assert "slide.js" in FILES
    assert not {"package.json", "package-lock.json", "tsconfig.json", "vendor.json"} & FILES.keys()
    assert not any(name.endswith((".py", ".ts", ".html")) for name in FILES)


def test_modules_stay_human() -> None:
    for module in MODULES:
        assert module.read_text().count("\n") <= 300, module.name


@pytest.mark.slow
def test_the_modules_are_well_typed() -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed (Debian: apt-get install npm)")
    run = subprocess.run(
        ["bash", ROOT / "scripts" / "page", "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
