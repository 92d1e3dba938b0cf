"""Alembic's entry: runs the changes on the connection that ``schema`` hands over."""

from __future__ import annotations

from alembic import context

from pathology.ledger.tables import Archive

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Archive.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
