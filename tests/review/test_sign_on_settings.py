"""The single sign-on as an administrator sets it up: settings, accounts by command, the doctor."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pathology.cli.main import main
from pathology.config import shipped_configs
from pathology.errors import ConfigError
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.settings import load_settings
from pathology.review.doctor import examine_sign_on
from tests.oidc_provider import OidcProvider, hang_up, oidc_provider, page_of_html, redirect

GOOD = {
    "source": "tests",
    "issuer": "https://sso.clinic.example/realms/clinic",
    "client_id": "pathology",
    "page": "https://pathology.clinic.example:8460",
    "algorithms": ["RS256"],
}


def site(folder: Path, **table: Any) -> Path:
    """A folder of settings with this single sign-on."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]
    shipped = (shipped_configs() / "access.toml").read_text("utf-8")
    text = "\n".join([shipped, "[single_sign_on]", *lines, ""])
    (folder / "access.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_settings_have_none() -> None:
    assert load_settings().access.single_sign_on is None


def test_settings_are_read(tmp_path: Path) -> None:
    settings = load_settings(site(tmp_path, **GOOD)).access.single_sign_on
    assert settings is not None
    assert settings.callback == "https://pathology.clinic.example:8460/sign-in/back"
    assert settings.every_time, "on a desk of many persons the provider asks each time"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"issuers": "https://a"}, "unknown keys"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": []}, "one or more"),
        ({"algorithms": ["RS256", "RS256"]}, "once"),
        ({"issuer": "http://sso.clinic.example"}, "beyond this machine"),
        ({"issuer": "https://sso.clinic.example?x=1"}, "no query"),
        ({"issuer": "https://u:p@sso.clinic.example"}, "no user"),
        ({"issuer": "sso.clinic.example"}, "https://host"),
        ({"issuer": "https://sso.clinic.example:port"}, "[Pp]ort"),
        ({"issuer": "https://sso clinic.example"}, "ASCII"),
        ({"issuer": "https://[sso.clinic.example"}, "IPv6"),
        ({"page": "https://pathology.clinic.example/"}, "small letters"),
        ({"page": "https://Pathology.clinic.example"}, "small letters"),
        ({"page": "http://pathology.clinic.example"}, "beyond this machine"),
        ({"client_id": ""}, "client_id"),
        ({"client_proof": "basic"}, "secret_file"),
        ({"secret_file": "/etc/secret"}, "client_proof"),
        ({"client_proof": "jwt"}, "client_proof"),
        ({"client_proof": "basic", "secret_file": "secret"}, "absolute"),
        ({"ca_file": "ca.pem"}, "absolute"),
        ({"leeway_s": 3600}, "leeway_s"),
        ({"attempt_s": 1}, "attempt_s"),
        ({"every_time": "yes"}, "every_time"),
    ],
)
def test_a_wrong_setting_is_an_error(wrong: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        load_settings(site(tmp_path, **(GOOD | wrong)))


@pytest.mark.parametrize("name", ["issuer", "client_id", "page", "algorithms", "source"])
def test_a_missing_setting_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=name):
        load_settings(site(tmp_path, **{k: v for k, v in GOOD.items() if k != name}))


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with oidc_provider() as running:
        yield running


def told_by_doctor(folder: Path, provider: OidcProvider, **more: Any) -> Any:
    here = {"issuer": provider.issuer, "page": "http://127.0.0.1:8460"}
    (check,) = examine_sign_on(site(folder, **(GOOD | here | more)))
    return check


def test_the_doctor_asks_the_provider(provider: OidcProvider, tmp_path: Path) -> None:
    check = told_by_doctor(tmp_path, provider)
    assert check.state == "good"
    assert "http://127.0.0.1:8460/sign-in/back" in check.detail
    assert examine_sign_on(None) == ()


@pytest.mark.parametrize(
    ("spoil", "part", "told"),
    [
        (redirect, "openid-configuration", "redirect"),
        (page_of_html, "keys", "text/html"),
        (hang_up, "openid-configuration", "broke off"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_it(
    spoil: Any, part: str, told: str, provider: OidcProvider, tmp_path: Path
) -> None:
    provider.spoiled[part] = spoil
    try:
        check = told_by_doctor(tmp_path, provider)
    finally:
        provider.spoiled.clear()
    assert check.state == "bad"
    assert told in check.detail
    assert "access.toml" in check.remedy
    assert "llm.toml" not in check.remedy + check.detail


def test_the_doctor_misses_keys_and_a_private_secret(
    provider: OidcProvider, tmp_path: Path
) -> None:
    check = told_by_doctor(tmp_path, provider, algorithms=["ES256"])
    assert (check.state, "ES256" in check.detail) == ("bad", True)
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o644)
    more = {"client_proof": "basic", "secret_file": str(secret)}
    check = told_by_doctor(tmp_path, provider, **more)
    assert (check.state, "others than its owner" in check.detail) == ("bad", True)
    assert "s3cret" not in check.detail


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["review", "users", *words])
    return code, out.getvalue(), err.getvalue()


def test_accounts_are_tied_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PATHOLOGY_LANG", "en")
    (folder := tmp_path / "settings").mkdir()
    own = ("--settings", str(site(folder, **GOOD)), "--json")
    with opened_ledger(load_settings(folder).ledger):
        pass  # made, with this user as its administrator
    code, said, _ = run("add", "lin", "--roles", "pathologist", "--subject", "s-1", *own)
    assert code == 0
    assert json.loads(said) == {"schema": "pathology.users/1", "account": "lin", "tied": True}
    accounts = json.loads(run("list", *own)[1])["accounts"]
    (lin,) = [a for a in accounts if a["name"] == "lin"]
    assert (lin["tied"], lin["password"]) == (True, "none")
    assert "single sign-on" in run("list", *own[:2])[1]
    assert run("tie", "lin", "--subject", "s-2", *own)[0] == 2, "it is somebody's already"
    assert run("tie", "lin", *own)[0] == 2
    assert run("untie", "lin", *own)[0] == 0
    assert run("tie", "lin", "--subject", "s-2", *own)[0] == 0
    code, _, problem = run("tie", "lin", "--subject", "s-2")
    assert (code, "access.toml" in problem) == (2, True), "the shipped settings have none"
