"""Accounts of the desk, made and changed by an administrator at the command line."""

from __future__ import annotations

from pathology.errors import UsageError
from pathology.ledger.open import utc_now
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.actor import Actor, Role
from pathology.records.entrance import AccountTold
from pathology.records.settings.run import RunSettings


def add_account(settings: RunSettings, account: Actor, *, os_user: str | None = None) -> str | None:
    """A new account; a person's one-time password, None for a service.

    Raises
    ------
    NotAllowed
        The system user's account may not manage users.
    UsageError
        The name is taken or impossible, or its roles do not go together.
    """
    with opened_ledger(settings.ledger, make=False) as (ledger, by):
        now = utc_now()
        ledger.accounts.add(account, by, now, os_user=os_user)
        if account.kind == "service":
            return None
        return ledger.entrance(settings.access).one_time(account.name, by, now)


def add_tied_account(settings: RunSettings, account: Actor, subject: str) -> None:
    """A new account of a person of the single sign-on; it has no password.

    Raises
    ------
    NotAllowed, UsageError
        As ``add_account`` and ``tie_account``.
    """
    issuer = _issuer(settings)
    with opened_ledger(settings.ledger, make=False) as (ledger, by):
        now = utc_now()
        ledger.accounts.add(account, by, now)
        ledger.entrance(settings.access).tie(account.name, (issuer, subject), by, now)


def tie_account(settings: RunSettings, name: str, subject: str) -> None:
    """Say who an account is to the site's single sign-on.

    Raises
    ------
    NotAllowed
        The system user's account may not manage users, or there is no such open account.
    UsageError
        The site has no single sign-on, or account or person are tied already.
    """
    issuer = _issuer(settings)
    with opened_ledger(settings.ledger, make=False) as (ledger, by):
        ledger.accounts.require(by, "manage-users")
        ledger.entrance(settings.access).tie(name, (issuer, subject), by, utc_now())


def untie_account(settings: RunSettings, name: str) -> None:
    """An account that no single sign-on opens any more; its sessions end."""
    with opened_ledger(settings.ledger, make=False) as (ledger, by):
        ledger.accounts.require(by, "manage-users")
        ledger.entrance(settings.access).untie(name, by, utc_now())


def _issuer(settings: RunSettings) -> str:
    if settings.access.single_sign_on is None:
        raise UsageError("the site has no single sign-on: write [single_sign_on] in access.toml")
    return settings.access.single_sign_on.issuer


def set_roles(settings: RunSettings, name: str, roles: frozenset[Role]) -> None:
    """Other roles; the account's sessions end. The errors of ``add_account``."""
    with opened_ledger(settings.ledger, make=False) as (ledger, by):
        ledger.accounts.set_roles(name, roles, by, utc_now())


def close_account(settings: RunSettings, name: str, why: str) -> None:
    """An account that may do nothing from now on; its sessions end."""
    with opened_ledger(settings.ledger, make=False) as (ledger, by):
        ledger.accounts.close(name, by, utc_now(), why)


def list_accounts(settings: RunSettings) -> list[AccountTold]:
    """All accounts, for an administrator."""
    with opened_ledger(settings.ledger, make=False) as (ledger, by):
        ledger.accounts.require(by, "manage-users")
        return ledger.accounts.listed()


def fresh_password(settings: RunSettings, name: str) -> str:
    """A one-time password for an account that has forgotten its own; its sessions end."""
    with opened_ledger(settings.ledger, make=False) as (ledger, by):
        ledger.accounts.require(by, "manage-users")
        return ledger.entrance(settings.access).one_time(name, by, utc_now())
