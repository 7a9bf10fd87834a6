"""Every query and every write. Nobody else speaks SQL."""

from ordering.database.bulk import Reader
from ordering.database.connection import Database, check_schema, connect, has_no_schema, migrate
from ordering.database.folders import Stored, store
from ordering.database.reads import (
    first_and_last_week,
    is_empty,
    known_weeks,
    read_confirmed,
    read_lines,
    read_table,
    read_week_levels,
    weeks_with_orders,
)

__all__ = [
    "Database",
    "Reader",
    "Stored",
    "check_schema",
    "connect",
    "first_and_last_week",
    "has_no_schema",
    "is_empty",
    "known_weeks",
    "migrate",
    "read_confirmed",
    "read_lines",
    "read_table",
    "read_week_levels",
    "store",
    "weeks_with_orders",
]
