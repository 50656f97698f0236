"""Alembic's entry: runs the migrations on the connection that `canonical.store.migrations.migrate` hands in."""

from alembic import context

from canonical.store.tables import Row

context.configure(connection=context.config.attributes["connection"], target_metadata=Row.metadata)
with context.begin_transaction():
    context.run_migrations()
