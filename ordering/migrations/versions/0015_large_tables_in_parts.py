"""Order lines by week and large results by run, in parts on PostgreSQL; and the index by which a retailer's history is read."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SCHEMA = "internal"
LARGE = ("pair_estimates", "inflated", "suggestions", "substitutes", "allocation", "retailer_cells")
RESULTS = {f"run_{name}": "run_id" for name in LARGE}
KEYS = {
    "run_pair_estimates": "run_id, retailer_id, brand_id",
    "run_inflated": "run_id, order_id, brand_id",
    "run_suggestions": "run_id, retailer_id, brand_id, week",
    "run_substitutes": "run_id, retailer_id, brand_id, week, substitute_id",
    "run_allocation": "run_id, order_id, brand_id",
    "run_retailer_cells": "run_id, week, retailer_id",
}
ORDERS = f"""
CREATE FUNCTION {SCHEMA}.place_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {SCHEMA}.orders SELECT DISTINCT order_id, week FROM added
    ON CONFLICT (order_id) DO UPDATE SET week = excluded.week WHERE orders.week <> excluded.week;
    RETURN NULL;
END $$;
CREATE TRIGGER place_orders AFTER INSERT ON public.order_lines REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.place_orders()
"""
"""An order is of one week; that of a line which is asked for by its key is looked up here, not in the keys of every week."""


def upgrade() -> None:
    """Bring the schema up."""
    _confirmations_where_their_lines_are()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE SCHEMA {SCHEMA}")
        _divide("order_lines", "week", "order_id, brand_id, week")
        op.drop_index("ix_run_inflated_flagged", table_name="run_inflated")
        for table, column in RESULTS.items():
            _divide(table, column, KEYS[table])
        op.create_index(
            "ix_run_inflated_flagged", "run_inflated", ["run_id", "retailer_id", "brand_id"], postgresql_where=sa.text("flagged")
        )
        op.execute(f"CREATE TABLE {SCHEMA}.orders (order_id text PRIMARY KEY, week date NOT NULL)")
        op.execute(f"INSERT INTO {SCHEMA}.orders SELECT order_id, max(week) FROM public.order_lines GROUP BY order_id")
        op.execute(ORDERS)
        op.execute(f"CREATE TABLE {SCHEMA}.commits (token bigint PRIMARY KEY, committed_at timestamptz NOT NULL DEFAULT now())")
    op.create_index("ix_order_lines_retailer_id", "order_lines", ["retailer_id", "week"])


def downgrade() -> None:
    """Bring the schema down again."""
    op.drop_index("ix_order_lines_retailer_id", table_name="order_lines")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_run_inflated_flagged", table_name="run_inflated")
        for table in RESULTS:
            _unite(table, KEYS[table])
        op.create_index(
            "ix_run_inflated_flagged", "run_inflated", ["run_id", "retailer_id", "brand_id"], postgresql_where=sa.text("flagged")
        )
        _unite("order_lines", "order_id, brand_id")
        op.create_index("ix_order_lines_week", "order_lines", ["week"])
        op.execute(f"DROP FUNCTION {SCHEMA}.place_orders")
        op.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def _confirmations_where_their_lines_are() -> None:
    """A confirmed line that an import moved to another week left its confirmation in the old one."""
    done, lines = (sa.table(name, *map(sa.column, ("order_id", "brand_id", "week"))) for name in ("confirmations", "order_lines"))
    moved = sa.and_(lines.c.order_id == done.c.order_id, lines.c.brand_id == done.c.brand_id, lines.c.week != done.c.week)
    week = sa.select(lines.c.week).where(moved).scalar_subquery()
    op.execute(done.update().where(sa.exists().where(moved)).values(week=week))


def _divide(table: str, column: str, key: str) -> None:
    """A table in parts, one for each value of `column`, in the place of the plain one."""
    _put_aside(table)
    op.execute(f"CREATE TABLE public.{table} (LIKE public.{table}_before INCLUDING DEFAULTS) PARTITION BY LIST ({column})")
    for (value,) in op.get_bind().exec_driver_sql(f"SELECT DISTINCT {column} FROM public.{table}_before ORDER BY 1").all():
        name = f"{value:%Y%m%d}" if column == "week" else value
        op.execute(f"CREATE TABLE {SCHEMA}.{table}_{name} PARTITION OF public.{table} FOR VALUES IN ('{value}')")
    _take_over(table, key)


def _unite(table: str, key: str) -> None:
    """A plain table in the place of the one in parts."""
    _put_aside(table)
    op.execute(f"CREATE TABLE public.{table} (LIKE public.{table}_before INCLUDING DEFAULTS)")
    _take_over(table, key)


def _put_aside(table: str) -> None:
    op.execute(f"ALTER TABLE public.{table} RENAME TO {table}_before")


def _take_over(table: str, key: str) -> None:
    """The rows of the table put aside, and its key; it goes."""
    op.execute(f"INSERT INTO public.{table} SELECT * FROM public.{table}_before")
    op.execute(f"DROP TABLE public.{table}_before")
    op.execute(f"ALTER TABLE public.{table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({key})")
    op.execute(f"ANALYZE public.{table}")
