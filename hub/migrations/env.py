"""Alembic runs this for every command; the connection and its transaction come from hub.migrations.run."""

from __future__ import annotations

from alembic import context

from hub.migrations.metadata import load_metadata
from hub.migrations.rendering import add_triggers, render_item

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=load_metadata(),
    render_as_batch=True,  # SQLite changes a table by making it anew
    render_item=render_item,
    process_revision_directives=add_triggers,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
