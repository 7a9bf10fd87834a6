"""Whether a database's schema is that of the tables, and how it is moved from version to version in tests."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ordering import database, tables
from ordering.database.connection import MIGRATIONS


def differences(db: database.Database, metadata: sa.MetaData = tables.metadata) -> list[Any]:
    """What the schema of the database and the tables do not have in common."""
    with db.engine.connect() as connection:

        def belongs(thing: Any, _name: str | None, kind: str, reflected: bool, _compared: Any) -> bool:
            only = getattr(thing, "_ddl_if", None)  # an index of one dialect alone
            return reflected or kind != "index" or only is None or only.dialect == connection.dialect.name

        return compare_metadata(MigrationContext.configure(connection, opts={"include_object": belongs}), metadata)


def migrate(db: database.Database, to: str, *, down: bool = False) -> None:
    """Bring the schema up or down to a version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.connect() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, to)


def versions() -> list[str]:
    """Every version of the schema, the oldest first."""
    return [script.revision for script in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))]
