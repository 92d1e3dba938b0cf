"""Doctor's look at language models: is there one, does it answer, and in the form asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Final, Literal

from pathology.errors import IntranetError
from pathology.intranet.door import Door
from pathology.pipeline.authors import models_at, stated
from pathology.pipeline.check import Check
from pathology.records.intranet_reasons import INTRANET_REASONS
from pathology.records.reasons import worded
from pathology.records.settings.llm import EMBEDDED, TEMPLATE, LimitSettings, LlmSettings
from pathology.reports.embedded_model import LICENCE, MODEL, EmbeddedModel
from pathology.reports.language_model import LanguageModel

NAME: Final = "language model"
PATIENCE_S: Final = 30.0
"""A person waits for the answer; a draft may take longer."""


def examine_models(settings: LlmSettings) -> Iterator[Check]:
    """Who words drafts, and whether each server that the site names can be asked.

    What is wrong with the chosen one is "bad", with another a "note"; the template stands in for
    either.
    """
    quick = replace(settings, limits=_quick(settings.limits))
    if settings.writer.chosen == TEMPLATE:
        told = "drafts are worded by the template; no language model is asked"
        yield Check(name=NAME, state="good", detail=told)
    if settings.writer.chosen == EMBEDDED:
        yield _embedded(quick)
    for name in sorted(settings.endpoints):
        yield _endpoint(quick, name, "bad" if name == settings.writer.chosen else "note")


def _quick(limits: LimitSettings) -> LimitSettings:
    most = min(PATIENCE_S, limits.total_s)
    return replace(
        limits,
        total_s=most,
        read_s=min(most, limits.read_s),
        connect_s=min(most, limits.connect_s),
        tries=1,
    )


def _embedded(settings: LlmSettings) -> Check:
    with ExitStack() as stack:
        try:
            door = stack.enter_context(EmbeddedModel(settings.limits))
            dialect = LanguageModel(door, settings.writer).dialect()
        except IntranetError as problem:
            return _wrong(EMBEDDED, problem, "bad")
    return Check(
        name=NAME,
        state="note",
        detail=f"{EMBEDDED}: {MODEL} ({LICENCE}), bound by {dialect}; it is no author",
        remedy="Most drafts will come from the template. Name the site's own server in llm.toml.",
        remedy_zh="多数草稿将由模板撰写。请在 llm.toml 中填写本单位自己的模型服务。",
    )


def _endpoint(settings: LlmSettings, name: str, wrong: Literal["bad", "note"]) -> Check:
    endpoint = settings.endpoints[name]
    door = Door(settings.destination(name))
    try:
        served = models_at(door)
        dialect = LanguageModel(door, settings.writer).dialect()
    except IntranetError as problem:
        return _wrong(name, problem, wrong)
    if served and endpoint.model not in served:
        return Check(
            name=NAME,
            state=wrong,
            detail=f"{name}: the server has no model {endpoint.model!r}, but {', '.join(served)}",
            remedy="Mend model in llm.toml.",
            remedy_zh="请修正 llm.toml 中的 model。",
        )
    told = stated(endpoint) or "version and licence are not stated in llm.toml"
    if dialect == "plain":
        return Check(
            name=NAME,
            state="note",
            detail=f"{name}: {endpoint.model} answers, and nothing binds its answers to a form",
            remedy="More drafts will be rejected. Use a server that knows structured outputs.",
            remedy_zh="被退回的草稿会增多。请使用支持结构化输出的服务。",
        )
    detail = f"{name}: {endpoint.model} answers, bound by {dialect}; {told}"
    return Check(name=NAME, state="good", detail=detail)


def _wrong(name: str, problem: IntranetError, state: Literal["bad", "note"]) -> Check:
    en, zh = (
        worded(problem.code, problem.facts, language, table=INTRANET_REASONS)
        for language in ("en", "zh")
    )
    return Check(
        name=NAME,
        state=state,
        detail=f"{name}: {en.problem}",
        remedy=f"{en.remedy} Until then drafts come from the template.",
        remedy_zh=f"{zh.remedy} 在此之前草稿由模板撰写。",
    )
