"""Runs as chains of steps: who runs them, how far they are, what they had to tell, and what keeps a step's result."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

RUNS: tuple[tuple[str, Any, bool, Any], ...] = (
    ("attempt", sa.Integer(), False, "1"), ("host", sa.Text(), False, ""), ("process", sa.Integer(), True, None),
    ("started_by", sa.Text(), False, ""), ("heartbeat_at", sa.DateTime(), True, None), ("given_hash", sa.Text(), True, None),
    ("superseded_by", sa.Integer(), True, None), ("error", sa.Text(), False, ""), ("cancelled_at", sa.DateTime(), True, None),
    ("cancelled_by", sa.Text(), True, None), ("cancelled_why", sa.Text(), True, None),
)  # fmt: skip
STEPS: tuple[tuple[str, Any, bool, Any], ...] = (
    ("state", sa.Text(), False, "done"), ("attempts", sa.Integer(), False, "1"), ("started_at", sa.DateTime(), True, None),
    ("finished_at", sa.DateTime(), True, None), ("progress_done", sa.Integer(), False, "0"), ("progress_total", sa.Integer(), False, "0"),
    ("content_hash", sa.Text(), True, None),
)  # fmt: skip
RUNNING: Any = sa.text("status = 'running'")


def upgrade() -> None:
    """Bring the schema up. Runs that were cut off before it count as failed: nothing of them was kept."""
    op.execute("UPDATE runs SET status = 'failed' WHERE status = 'running'")
    _add("runs", RUNS)
    _add("run_steps", STEPS)
    where = dict.fromkeys(("sqlite_where", "postgresql_where"), RUNNING)
    op.create_index("ix_runs_one_running", "runs", ["job", "business_date"], unique=True, **where)
    op.create_table(
        "run_log",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "line", name=op.f("pk_run_log")),
    )


def downgrade() -> None:
    """Bring the schema down again. Runs that wait or were cancelled count as failed; steps that were not done go."""
    op.drop_table("run_log")
    op.drop_index("ix_runs_one_running", table_name="runs")
    op.execute("UPDATE runs SET status = 'failed' WHERE status IN ('waiting', 'running', 'cancelled')")
    op.execute("DELETE FROM run_steps WHERE state <> 'done'")
    _drop("run_steps", STEPS)
    _drop("runs", RUNS)


def _add(table: str, columns: tuple[tuple[str, Any, bool, Any], ...]) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        for name, kind, nullable, default in columns:
            batch_op.add_column(sa.Column(name, kind, nullable=nullable, server_default=default))


def _drop(table: str, columns: tuple[tuple[str, Any, bool, Any], ...]) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        for name, *_ in reversed(columns):
            batch_op.drop_column(name)
