"""What the tables of every module here share: the metadata, the names of constraints, and the types of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ordering import frames
from ordering.frames import Kind

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMING)

SQL_TYPES: Mapping[Kind, type[sa.types.TypeEngine[Any]]] = {
    Kind.ID: sa.Text,
    Kind.TEXT: sa.Text,
    Kind.CHOICE: sa.Text,
    Kind.MONTH: sa.Text,
    Kind.COUNT: sa.Integer,
    Kind.SIGNED: sa.BigInteger,
    Kind.NUMBER: sa.Double,
    Kind.DATE: sa.Date,
    Kind.WEEK: sa.Date,
    Kind.BOOL: sa.Boolean,
}


def columns(table: frames.Table) -> list[sa.Column[Any]]:
    """The columns of a described table, its key as primary key."""
    return [sa.Column(c.name, SQL_TYPES[c.kind], primary_key=c.name in table.key, nullable=c.nullable) for c in table.columns]
