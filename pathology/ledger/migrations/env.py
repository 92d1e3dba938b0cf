"""Alembic's entry: runs the changes on the connection that ``schema`` hands over."""

from __future__ import annotations

from alembic import context

from pathology.ledger.case_tables import ReviewCaseRow

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=ReviewCaseRow.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
