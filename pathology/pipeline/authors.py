"""Who words a draft: the template, the model inside this program, or a server of the house.

Whatever keeps a model from being asked is kept for the moment of asking, so that the template
stands in then and the draft says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathology.config import load_record, shipped_configs
from pathology.errors import ConfigError, IntranetError, UsageError
from pathology.intranet.door import Door, Question
from pathology.records.answer import ModelAnswer
from pathology.records.report import DraftWriter, WritingTask
from pathology.records.settings.llm import (
    EMBEDDED,
    TEMPLATE,
    Destination,
    EndpointSettings,
    LlmSettings,
    PriceSettings,
)
from pathology.reports.embedded_model import LICENCE, SHA256, EmbeddedModel
from pathology.reports.language_model import LanguageModel
from pathology.reports.model_writer import ModelWriter, unheard

FILE: Final = "llm.toml"
MODELS: Final = "/models"
BY_HAND: Final = "by-hand"
"""Name of an endpoint whose address was given on the command line."""
UNSTATED: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who words drafts. ``writer`` is None where the template does."""

    name: str  # as in the settings: fit for logs
    writer: DraftWriter | None = None
    version: str = UNSTATED  # hash, version or licence, as the site or this program states them
    price: PriceSettings | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """A model that could not be had: whoever asks it is told why."""

    why: IntranetError

    def write(self, task: WritingTask, *, complaint: str | None = None) -> ModelAnswer:
        """Raise the reason; see ``DraftWriter``."""
        raise self.why


def load_llm(folder: Path | None = None) -> LlmSettings:
    """``llm.toml`` of the site's folder, the shipped one where it has none.

    Raises
    ------
    ConfigError
        The file is wrong, see ``config.load_record``.
    """
    own = None if folder is None else folder / FILE
    return load_record(own if own and own.is_file() else shipped_configs() / FILE, LlmSettings)


@contextmanager
def author_of(
    settings: LlmSettings,
    asked: str | None = None,
    on_text: Callable[[str], None] = unheard,
) -> Iterator[Author]:
    """The author that the settings choose, or that was ``asked`` for, until the block ends.

    ``asked`` is "template", "embedded", the name of an endpoint, or an address: the url of an
    OpenAI-compatible server, with ``#model`` where it serves several. ``on_text`` hears each piece
    of an answer as it comes.

    Raises
    ------
    UsageError
        There is no such endpoint; the address is none, or serves several models and none is named.
    """
    name = asked or settings.writer.chosen
    with ExitStack() as stack:
        if name == TEMPLATE:
            yield Author(name=TEMPLATE)
        elif name == EMBEDDED:
            yield _embedded(settings, stack, on_text)
        else:
            yield _server(settings, name, on_text)


def _embedded(settings: LlmSettings, stack: ExitStack, on_text: Callable[[str], None]) -> Author:
    version = f"sha256 {SHA256}, {LICENCE}"
    try:
        door = stack.enter_context(EmbeddedModel(settings.limits))
    except IntranetError as why:
        return Author(name=EMBEDDED, writer=Absent(why), version=version)
    writer = ModelWriter(LanguageModel(door, settings.writer), on_text)
    return Author(name=EMBEDDED, writer=writer, version=version)


def _server(settings: LlmSettings, asked: str, on_text: Callable[[str], None]) -> Author:
    try:
        place = destination_of(settings, asked)
    except IntranetError as why:
        return Author(name=BY_HAND, writer=Absent(why))
    return Author(
        name=place.name,
        writer=ModelWriter(LanguageModel(Door(place), settings.writer), on_text),
        version=stated(place.endpoint),
        price=place.endpoint.price,
    )


def destination_of(settings: LlmSettings, asked: str) -> Destination:
    """The way to an endpoint of the settings, or to an address given by hand.

    Raises
    ------
    UsageError
        See ``author_of``.
    IntranetError
        The server at an address cannot be asked which models it has.
    """
    if "://" not in asked:
        if asked not in settings.endpoints:
            known = ", ".join((TEMPLATE, EMBEDDED, *sorted(settings.endpoints)))
            raise UsageError(
                f"no model is called {asked!r}; there are {known} (llm.toml), or give the address "
                "of a server: http://127.0.0.1:11434/v1"
            )
        return settings.destination(asked)
    url, _, model = asked.partition("#")
    place = _at(settings, url, model or "-")
    return place if model else _at(settings, url, _only_model(place))


def _at(settings: LlmSettings, url: str, model: str) -> Destination:
    try:
        endpoint = EndpointSettings(source="the command line", url=url, model=model)
    except (ValueError, ConfigError) as problem:
        raise UsageError(f"--model: {problem}") from None  # its cause may quote a password
    return Destination(
        name=BY_HAND, endpoint=endpoint, limits=settings.limits, intranet=settings.intranet
    )


def _only_model(place: Destination) -> str:
    served = models_at(Door(place))
    if len(served) == 1:
        return served[0]
    names = ", ".join(served) or "none"
    raise UsageError(
        f"--model: the server has {len(served)} models ({names}). Name one after the address: "
        f"{place.endpoint.url}#NAME"
    )


def models_at(door: Door) -> tuple[str, ...]:
    """Ids of the models that a server says it has.

    Raises
    ------
    IntranetError
        It cannot be asked, or says something else.
    """
    told = door.ask(Question(path=MODELS)).get("data")
    if not isinstance(told, list):
        raise IntranetError(door.name, "wrong-answer", {"detail": "no list of models"})
    ids = (entry.get("id") for entry in told if isinstance(entry, Mapping))
    return tuple(i for i in ids if isinstance(i, str) and i)


def stated(endpoint: EndpointSettings) -> str:
    """Version and licence as the site states them; empty where it states neither."""
    return ", ".join(filter(None, (endpoint.version, endpoint.licence)))
