"""Runs the migrations on the connection that `worker.store.engine` hands over."""

from alembic import context

from worker.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
