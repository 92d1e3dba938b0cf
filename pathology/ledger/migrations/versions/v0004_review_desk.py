"""The review desk: cases, what happened to them, signed versions, what leaves, models withdrawn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Six tables; two of them are only ever added to."""
    _cases()
    _entries()
    _signed()
    _outbox()
    _withdrawn()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_FRESH if sqlite else (REFUSE,):
        op.execute(statement)
    for table in ("case_entries", "signed_versions"):
        for trigger in SQLITE_TRIGGERS if sqlite else POSTGRESQL_TRIGGERS:
            op.execute(trigger.format(table=table))


def _cases() -> None:
    op.create_table(
        "review_cases",
        sa.Column("case_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("deadline_utc", TIME, nullable=True),
        sa.Column("opened_utc", TIME, nullable=False),
        sa.Column("assignee", sa.String(length=64), nullable=True),
        sa.Column("second_reader", sa.String(length=64), nullable=True),
        sa.Column("needs_second", sa.Boolean(), nullable=False),
        sa.Column("discrepancy", sa.Boolean(), nullable=False),
        sa.Column("slides", sa.Integer(), nullable=False),
        sa.Column("analyses", sa.String(length=100), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("changed_utc", TIME, nullable=False),
        sa.Column("legal_hold", sa.Boolean(), nullable=False),
        sa.Column("purge_asked_by", sa.String(length=64), nullable=True),
        sa.Column("purged_utc", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.case_id"], name=op.f("fk_review_cases_case_id_cases")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_review_cases")),
    )
    op.create_index(op.f("ix_review_cases_state"), "review_cases", ["state"], unique=False)
    op.create_index(op.f("ix_review_cases_assignee"), "review_cases", ["assignee"], unique=False)


def _entries() -> None:
    op.create_table(
        "case_entries",
        sa.Column("entry_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("case_id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at_utc", TIME, nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=False),
        _of_case("case_entries"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_case_entries")),
        sa.UniqueConstraint("request_id", name=op.f("uq_case_entries_request_id")),
    )
    op.create_index(op.f("ix_case_entries_case_id"), "case_entries", ["case_id"], unique=False)
    op.create_index(op.f("ix_case_entries_actor"), "case_entries", ["actor"], unique=False)
    op.create_table(
        "case_models",
        sa.Column("case_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        _of_case("case_models"),
        sa.PrimaryKeyConstraint("case_id", "name", "weights_sha256", name=op.f("pk_case_models")),
    )


def _signed() -> None:
    op.create_table(
        "signed_versions",
        sa.Column("case_id", NUMBER, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("signer", sa.String(length=64), nullable=False),
        sa.Column("signed_utc", TIME, nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("proof_id", sa.String(length=64), nullable=False),
        sa.Column("sealed_content", sa.LargeBinary(), nullable=False),
        _of_case("signed_versions"),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_signed_versions")),
        sa.UniqueConstraint("proof_id", name=op.f("uq_signed_versions_proof_id")),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("item_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("case_id", NUMBER, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=20), nullable=False),
        sa.Column("destination", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("not_before_utc", TIME, nullable=False),
        sa.Column("last_problem", sa.Text(), nullable=False),
        _of_case("outbox"),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_case_id"), "outbox", ["case_id"], unique=False)
    op.create_index(op.f("ix_outbox_state"), "outbox", ["state"], unique=False)


def _withdrawn() -> None:
    op.create_table(
        "withdrawn_models",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_utc", TIME, nullable=False),
        sa.Column("restored_by", sa.String(length=64), nullable=True),
        sa.Column("restored_utc", TIME, nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_withdrawn_models")),
    )
    op.create_index(op.f("ix_withdrawn_models_name"), "withdrawn_models", ["name"], unique=False)


def _of_case(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["case_id"], ["review_cases.case_id"], name=op.f(f"fk_{table}_case_id_review_cases")
    )


SQLITE_FRESH = (
    # REPLACE deletes without firing triggers on DELETE: a row that is there is refused before.
    """CREATE TRIGGER case_entries_fresh BEFORE INSERT ON case_entries
    WHEN EXISTS (SELECT 1 FROM case_entries
                 WHERE entry_id = NEW.entry_id OR request_id = NEW.request_id)
    BEGIN SELECT RAISE(ABORT, 'case_entries is only added to'); END""",
    """CREATE TRIGGER signed_versions_fresh BEFORE INSERT ON signed_versions
    WHEN EXISTS (SELECT 1 FROM signed_versions WHERE proof_id = NEW.proof_id
                 OR (case_id = NEW.case_id AND number = NEW.number))
    BEGIN SELECT RAISE(ABORT, 'signed_versions is only added to'); END""",
)
SQLITE_TRIGGERS = (
    """CREATE TRIGGER {table}_update BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END""",
    """CREATE TRIGGER {table}_delete BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END""",
)
REFUSE = """CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% is only added to', TG_TABLE_NAME; END $$"""
POSTGRESQL_TRIGGERS = (
    """CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION only_added_to()""",
    """CREATE TRIGGER {table}_keep_all BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION only_added_to()""",
)
