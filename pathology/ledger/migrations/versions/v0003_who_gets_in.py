"""Who gets in: passwords, sessions, names at the single sign-on, broken glass."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Four tables."""
    _passwords()
    _sessions()
    _outside_names()
    _broken_glass()


def _account(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_account_accounts")
    return (
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name=name),
    )


def _passwords() -> None:
    op.create_table(
        "passwords",
        *_account("passwords"),
        sa.Column("hashed", sa.Text(), nullable=False),
        sa.Column("set_utc", TIME, nullable=False),
        sa.Column("one_time_until_utc", TIME, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("shut_until_utc", TIME, nullable=True),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_passwords")),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        *_account("sessions"),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("begun_utc", TIME, nullable=False),
        sa.Column("seen_utc", TIME, nullable=False),
        sa.Column("proved_utc", TIME, nullable=True),
        sa.Column("proof_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_account"), "sessions", ["account"])


def _outside_names() -> None:
    op.create_table(
        "outside_names",
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        *_account("outside_names"),
        sa.PrimaryKeyConstraint("subject", "issuer", name=op.f("pk_outside_names")),
    )
    op.create_index(op.f("ix_outside_names_account"), "outside_names", ["account"])


def _broken_glass() -> None:
    op.create_table(
        "broken_glass",
        sa.Column("glass_id", NUMBER, autoincrement=False, nullable=False),
        *_account("broken_glass"),
        sa.Column("case_key", sa.String(length=40), nullable=False),
        sa.Column("since_utc", TIME, nullable=False),
        sa.Column("until_utc", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("glass_id", name=op.f("pk_broken_glass")),
    )
    for column in ("account", "case_key"):
        op.create_index(op.f(f"ix_broken_glass_{column}"), "broken_glass", [column])
