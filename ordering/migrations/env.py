"""Runs the migrations on the connection that `database.migrate` hands over."""

from alembic import context

from ordering.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,  # SQLite can do it too, in transactions that begin as ours do
    transaction_per_migration=True,  # whoever was stopped in the middle goes on with the version that was not reached
)
with context.begin_transaction():
    context.run_migrations()
