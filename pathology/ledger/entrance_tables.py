"""Tables of who gets in. No password and no token of a session can be read from them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pathology.ledger.tables import Archive


class PasswordRow(Archive):
    """An account's password as Argon2id left it, and what failed since it last fitted."""

    __tablename__ = "passwords"
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), primary_key=True)
    hashed: Mapped[str] = mapped_column(Text)
    set_utc: Mapped[datetime]
    one_time_until_utc: Mapped[datetime | None]  # set: it must be changed, and by then
    failures: Mapped[int] = mapped_column(Integer)
    shut_until_utc: Mapped[datetime | None]


class SessionRow(Archive):
    """A session, by the hash of its token. One that ended is gone; the chain tells of it."""

    __tablename__ = "sessions"
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(16))  # as lines of the chain call it
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), index=True)
    method: Mapped[str] = mapped_column(String(20))
    begun_utc: Mapped[datetime]
    seen_utc: Mapped[datetime]
    proved_utc: Mapped[datetime | None]  # when it was proved again who sits there, elsewhere
    proof_id: Mapped[str | None] = mapped_column(String(64))


class OutsideNameRow(Archive):
    """Who an account is to the site's single sign-on."""

    __tablename__ = "outside_names"
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), index=True)


class BrokenGlassRow(Archive):
    """A case that somebody looked into in need; the reason stands in the chain."""

    __tablename__ = "broken_glass"
    glass_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), index=True)
    case_key: Mapped[str] = mapped_column(String(40), index=True)
    since_utc: Mapped[datetime]
    until_utc: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
