"""Every query and every write. Nobody else speaks SQL."""

from ordering.database.answers import read_answers, read_flags, read_revisions
from ordering.database.bulk import Reader
from ordering.database.connection import Database, Transaction, Unreachable, check_schema, connect, has_no_schema, migrate
from ordering.database.folders import Stored, store
from ordering.database.ratings import read_imported, read_levels, read_ratings
from ordering.database.reads import (
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
    "Transaction",
    "Unreachable",
    "check_schema",
    "connect",
    "has_no_schema",
    "known_weeks",
    "migrate",
    "read_answers",
    "read_confirmed",
    "read_flags",
    "read_imported",
    "read_levels",
    "read_lines",
    "read_ratings",
    "read_revisions",
    "read_table",
    "read_week_levels",
    "store",
    "weeks_with_orders",
]
