"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Tables, the writer's row, and triggers that keep lines as they were written."""
    _keys()
    _accounts()
    _chain()
    _slides()
    _work()
    _protect_lines()


def _keys() -> None:
    """Locked data keys, which wrapping key locks what, proofs of the others."""
    op.create_table(
        "data_keys",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("wrapped_by", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_data_keys")),
    )
    op.create_index(op.f("ix_data_keys_wrapped_by"), "data_keys", ["wrapped_by"], unique=False)
    op.create_table(
        "key_proofs",
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("proof", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name=op.f("pk_key_proofs")),
    )
    op.create_table(
        "wrapping_keys",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since_utc", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_wrapping_keys")),
    )


def _accounts() -> None:
    """Accounts and their roles."""
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("os_user", sa.String(length=64), nullable=True),
        sa.Column("made_utc", TIME, nullable=False),
        sa.Column("closed_utc", TIME, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_accounts")),
        sa.UniqueConstraint("os_user", name=op.f("uq_accounts_os_user")),
    )
    op.create_table(
        "account_roles",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.name"], name=op.f("fk_account_roles_account_accounts")
        ),
        sa.PrimaryKeyConstraint("account", "role", name=op.f("pk_account_roles")),
    )


def _chain() -> None:
    """The audit chain, its writer's lock, its anchors."""
    op.create_table(
        "anchors",
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("since_sequence", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_anchors")),
    )
    op.create_table(
        "audit_lines",
        sa.Column("sequence", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at_utc", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("previous_mac", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_lines")),
    )
    op.create_table(
        "writer",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_writer")),
    )
    op.execute("INSERT INTO writer (row) VALUES (1)")


def _slides() -> None:
    """Cases and slides."""
    op.create_table(
        "cases",
        sa.Column("case_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("data_key", sa.String(length=40), nullable=False),
        sa.Column("sealed_accession", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["data_key"], ["data_keys.name"], name=op.f("fk_cases_data_key_data_keys")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
        sa.UniqueConstraint("name", name=op.f("uq_cases_name")),
    )
    op.create_table(
        "slides",
        sa.Column("slide_row", NUMBER, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("data_key", sa.String(length=40), nullable=False),
        sa.Column("sealed_path", sa.LargeBinary(), nullable=False),
        sa.Column("slide_id", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["data_key"], ["data_keys.name"], name=op.f("fk_slides_data_key_data_keys")
        ),
        sa.PrimaryKeyConstraint("slide_row", name=op.f("pk_slides")),
        sa.UniqueConstraint("name", name=op.f("uq_slides_name")),
    )
    op.create_index(op.f("ix_slides_slide_id"), "slides", ["slide_id"], unique=False)


def _work() -> None:
    """Items, leases, attempts, results."""
    op.create_table(
        "items",
        sa.Column("item_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("known_as", sa.String(length=40), nullable=False),
        sa.Column("slide_row", NUMBER, nullable=False),
        sa.Column("case_id", NUMBER, nullable=True),
        sa.Column("analysis", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("marker", sa.Text(), nullable=True),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("deadline_utc", TIME, nullable=True),
        sa.Column("mpp", sa.Double(), nullable=True),
        sa.Column("sealed_order", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("received_utc", TIME, nullable=False),
        sa.Column("not_before_utc", TIME, nullable=False),
        sa.Column("last_ended", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.case_id"], name=op.f("fk_items_case_id_cases")
        ),
        sa.ForeignKeyConstraint(
            ["slide_row"], ["slides.slide_row"], name=op.f("fk_items_slide_row_slides")
        ),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_items")),
        sa.UniqueConstraint("known_as", name=op.f("uq_items_known_as")),
    )
    op.create_index(op.f("ix_items_case_id"), "items", ["case_id"], unique=False)
    op.create_index(op.f("ix_items_slide_row"), "items", ["slide_row"], unique=False)
    op.create_index(
        "ix_items_state_not_before_utc", "items", ["state", "not_before_utc"], unique=False
    )
    op.create_table(
        "attempts",
        sa.Column("item_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("started_utc", TIME, nullable=False),
        sa.Column("ended_utc", TIME, nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=True),
        sa.Column("told", sa.Text(), nullable=True),
        sa.Column("sealed_rest", sa.LargeBinary(), nullable=True),
        sa.Column("retry_utc", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"], ["items.item_id"], name=op.f("fk_attempts_item_id_items")
        ),
        sa.PrimaryKeyConstraint("item_id", "number", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_ended_utc"), "attempts", ["ended_utc"], unique=False)
    op.create_table(
        "leases",
        sa.Column("item_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("since_utc", TIME, nullable=False),
        sa.Column("until_utc", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["items.item_id"], name=op.f("fk_leases_item_id_items")
        ),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_leases")),
    )
    op.create_table(
        "results",
        sa.Column("result_key", sa.Text(), nullable=False),
        sa.Column("result_id", sa.Text(), nullable=True),
        sa.Column("item_id", NUMBER, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("slide_id", sa.Text(), nullable=True),
        sa.Column("sealed_folder", sa.LargeBinary(), nullable=False),
        sa.Column("registered_utc", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["items.item_id"], name=op.f("fk_results_item_id_items")
        ),
        sa.PrimaryKeyConstraint("result_key", name=op.f("pk_results")),
    )
    op.create_index(op.f("ix_results_item_id"), "results", ["item_id"], unique=False)


SQLITE_TRIGGERS = (
    # REPLACE deletes without firing triggers on DELETE: a number that is not the next is refused.
    """CREATE TRIGGER audit_lines_next BEFORE INSERT ON audit_lines
    WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit_lines)
    BEGIN SELECT RAISE(ABORT, 'audit lines are written one after another'); END""",
    """CREATE TRIGGER audit_lines_update BEFORE UPDATE ON audit_lines
    BEGIN SELECT RAISE(ABORT, 'audit lines are never changed'); END""",
    """CREATE TRIGGER audit_lines_delete BEFORE DELETE ON audit_lines
    BEGIN SELECT RAISE(ABORT, 'audit lines are never removed'); END""",
)
POSTGRESQL_TRIGGERS = (
    """CREATE FUNCTION audit_lines_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'audit lines are never changed or removed'; END $$""",
    """CREATE FUNCTION audit_lines_next() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit_lines) THEN
            RAISE EXCEPTION 'audit lines are written one after another';
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER audit_lines_next BEFORE INSERT ON audit_lines
    FOR EACH ROW EXECUTE FUNCTION audit_lines_next()""",
    """CREATE TRIGGER audit_lines_keep BEFORE UPDATE OR DELETE ON audit_lines
    FOR EACH ROW EXECUTE FUNCTION audit_lines_refuse()""",
    """CREATE TRIGGER audit_lines_keep_all BEFORE TRUNCATE ON audit_lines
    FOR EACH STATEMENT EXECUTE FUNCTION audit_lines_refuse()""",
)


def _protect_lines() -> None:
    """No statement but INSERT of the next line; whoever may drop triggers meets the codes."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger in SQLITE_TRIGGERS if sqlite else POSTGRESQL_TRIGGERS:
        op.execute(trigger)
