"""Numbered changes of the tables (Alembic); shipped in the package."""
