"""``pathology review users``: who gets in, and as what."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Final, Literal, cast

from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.pipeline import desk_accounts
from pathology.pipeline.settings import load_settings
from pathology.records.actor import Actor, Role
from pathology.records.entrance import AccountTold
from pathology.records.settings.run import RunSettings

SCHEMA: Final = "pathology.users/1"


def users_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``review users``."""
    parser.add_argument("action", choices=ACTIONS, metavar="{" + ",".join(ACTIONS) + "}")
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--roles", default="", help="e.g. pathologist or technician,operator")
    parser.add_argument("--service", action="store_true", help="add: a program, not a person")
    parser.add_argument("--subject", help="tie, add: who the person is to the single sign-on")
    parser.add_argument("--os-user", help="add: the system user who acts at the command line")
    parser.add_argument("--why", default="", help="close: the reason; it is kept")


def call_users(given: argparse.Namespace) -> int:
    """0 done."""
    if given.action != "list" and not given.name:
        raise UsageError(f"users {given.action} needs a NAME")
    told, words = ACTIONS[given.action](given, load_settings(given.settings))
    print(json.dumps({"schema": SCHEMA, **told}) if given.json else words)
    return 0


def _add(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    kind: Literal["person", "service"] = "service" if given.service else "person"
    account = Actor(name=given.name, kind=kind, roles=_roles(given))
    if given.subject:
        if given.service or given.os_user:
            raise UsageError("--subject is for persons at the review page: no --service, --os-user")
        desk_accounts.add_tied_account(settings, account, given.subject)
        return {"account": given.name, "tied": True}, say("account-tied", account=given.name)
    password = desk_accounts.add_account(settings, account, os_user=given.os_user)
    told = {"account": given.name, "one_time_password": password}
    return told, _with_password(given.name, password)


def _set_roles(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    desk_accounts.set_roles(settings, given.name, _roles(given))
    told = {"account": given.name, "roles": sorted(_roles(given))}
    return told, say("roles-set", account=given.name, roles=given.roles)


def _close(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    if not given.why.strip():
        raise UsageError("users close needs --why: the reason stays in the chain")
    desk_accounts.close_account(settings, given.name, given.why)
    return {"account": given.name}, say("account-closed", account=given.name)


def _list(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    accounts = desk_accounts.list_accounts(settings)
    return {"accounts": [asdict(a) for a in accounts]}, "\n".join(_line(a) for a in accounts)


def _password(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    password = desk_accounts.fresh_password(settings, given.name)
    told: dict[str, object] = {"account": given.name, "one_time_password": password}
    return told, _with_password(given.name, password)


def _tie(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    if not given.subject:
        raise UsageError("users tie needs --subject: who the person is to the single sign-on")
    desk_accounts.tie_account(settings, given.name, given.subject)
    return {"account": given.name, "tied": True}, say("account-tied", account=given.name)


def _untie(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    desk_accounts.untie_account(settings, given.name)
    return {"account": given.name, "tied": False}, say("account-untied", account=given.name)


def _roles(given: argparse.Namespace) -> frozenset[Role]:
    """The roles as they were typed; the ledger refuses those that there are not."""
    names = [name.strip() for name in given.roles.split(",") if name.strip()]
    if not names:
        raise UsageError(f"users {given.action} needs --roles")
    return frozenset(cast(Role, name) for name in names)


def _with_password(account: str, password: str | None) -> str:
    if password is None:
        return say("service-added", account=account)
    return say("one-time", account=account, password=password)


def _line(account: AccountTold) -> str:
    closed = say("account-is-closed") if account.closed else ""
    roles = ", ".join(account.roles)
    state = say(f"password-{account.password}")
    tied = say("tied") if account.tied else ""
    told = f"{account.name:<24} {account.kind:<8} {roles:<40} {state}  {tied}  {closed}"
    return told.rstrip()


Action = Callable[[argparse.Namespace, RunSettings], tuple[dict[str, object], str]]
ACTIONS: Final[Mapping[str, Action]] = {
    "add": _add,
    "roles": _set_roles,
    "close": _close,
    "list": _list,
    "password": _password,
    "tie": _tie,
    "untie": _untie,
}
