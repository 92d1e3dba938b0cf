"""Doctor's look at the single sign-on: does the provider answer, and can its tokens be checked."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pathology.errors import ConfigError, IntranetError
from pathology.pipeline.check import Check
from pathology.pipeline.settings import load_settings
from pathology.records.intranet_reasons import INTRANET_REASONS
from pathology.records.reasons import worded
from pathology.review.provider import NAME, Provider
from pathology.vault.id_token import fitting_keys

FILE: Final = ("Mend [single_sign_on] in access.toml", "请修正 access.toml 中的 [single_sign_on]")


def examine_sign_on(folder: Path | None) -> tuple[Check, ...]:
    """One check where the site has a single sign-on, none where it has not."""
    try:
        settings = load_settings(folder).access.single_sign_on
    except ConfigError:  # the settings' own check tells
        return ()
    if settings is None:
        return ()
    provider = Provider(settings)
    try:
        provider.own_proof()
        keys = provider.keys()
    except IntranetError as problem:
        why = worded(problem.code, problem.facts, "en", table=INTRANET_REASONS).problem
        return (_check("bad", f"the provider: {why}"),)
    found = fitting_keys(keys, settings.algorithms)
    if not found:
        names = ", ".join(settings.algorithms)
        return (_check("bad", f"the provider answers, and has no key for {names}"),)
    told = f"the provider answers with {found} key(s); browsers come back to {settings.callback}"
    return (_check("good", told),)


def _check(state: Literal["good", "bad"], detail: str) -> Check:
    if state == "good":
        return Check(name=NAME, state=state, detail=detail)
    en, zh = FILE
    return Check(
        name=NAME,
        state=state,
        detail=detail,
        remedy=f"{en}, or the provider. Until then only passwords let anybody in.",
        remedy_zh=f"{zh},或检查单点登录服务。在此之前只能用密码登录。",
    )
