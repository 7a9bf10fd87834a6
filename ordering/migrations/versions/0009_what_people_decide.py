"""Decisions on suggestions, acts that can be undone, proposals put aside, and cartons that come back.

The columns of decisions leave the suggestions of the runs: no command ever wrote them.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Columns = Sequence[tuple[str, Any, bool]]
DECISION: Columns = (
    ("retailer_id", sa.Text(), False), ("brand_id", sa.Text(), False), ("order_day", sa.Date(), False), ("week", sa.Date(), False),
    ("version", sa.Integer(), False), ("batch_id", sa.BigInteger(), True), ("decided_in", sa.BigInteger(), True),
    ("run_id", sa.Integer(), False), ("suggested", sa.Integer(), False), ("decision", sa.Text(), False), ("decided_qty", sa.Integer(), True),
    ("pending", sa.Boolean(), False), ("code", sa.Text(), False), ("note", sa.Text(), False),
)  # fmt: skip
CANCELLED: Columns = (
    ("order_id", sa.Text(), False), ("brand_id", sa.Text(), False), ("retailer_id", sa.Text(), False), ("order_date", sa.Date(), False),
    ("mode", sa.Text(), False), ("requested", sa.Integer(), False), ("allocated", sa.Integer(), True), ("week", sa.Date(), False),
    ("version", sa.Integer(), False), ("import_id", sa.Integer(), True), ("confirmed_run_id", sa.Integer(), True),
    ("confirmed_cap", sa.Integer(), True),
    *((f"confirmed_{limit}_left", sa.Integer(), True) for limit in ("cap", "demand", "quota", "band", "total", "day")),
    ("confirmed_held", sa.Boolean(), True), ("confirmed_pack_multiple", sa.Integer(), True), ("confirmed_min_lot", sa.Integer(), True),
    ("confirmed_taken", sa.Integer(), True), ("confirmed_usable", sa.Integer(), True),
    ("confirmed_weight", sa.Integer(), True), ("confirmed_ticket", sa.BigInteger(), True), ("confirmed_level", sa.Double(), True),
    ("confirmed_reason", sa.Text(), True), ("confirmed_policy", sa.Text(), True), ("confirmed_at", sa.DateTime(), True),
    ("confirmed_by", sa.Text(), True), ("batch_id", sa.Integer(), False),
)  # fmt: skip
RECALLED: Columns = (
    ("batch_id", sa.Integer(), False), ("order_id", sa.Text(), False), ("brand_id", sa.Text(), False), ("week", sa.Date(), False),
    ("allocated", sa.Integer(), False), ("level", sa.Double(), True), ("reason", sa.Text(), False), ("new_allocated", sa.Integer(), False),
    ("new_level", sa.Double(), True), ("new_reason", sa.Text(), False),
)  # fmt: skip


def _create(table: str, columns: Columns, *key: str) -> None:
    made = [sa.Column(name, kind, nullable=nullable) for name, kind, nullable in columns]
    op.create_table(table, *made, sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")))


def _index(table: str, column: str) -> None:
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batches")),
        sa.UniqueConstraint("undoes", name=op.f("uq_batches_undoes")),
        sqlite_autoincrement=True,
    )
    _create("suggestion_decisions", DECISION, "retailer_id", "brand_id", "order_day")
    _index("suggestion_decisions", "batch_id")
    superseded = ("superseded_by", sa.Integer(), False)
    _create("decision_versions", (*DECISION, superseded), "retailer_id", "brand_id", "order_day", "version")
    for column in ("batch_id", "superseded_by"):
        _index("decision_versions", column)
    _create("cancelled_lines", CANCELLED, "order_id", "brand_id")
    _index("cancelled_lines", "batch_id")
    _create("recalled_lines", RECALLED, "batch_id", "order_id", "brand_id")
    only: dict[str, Any] = {"sqlite_where": sa.text("flagged = 1"), "postgresql_where": sa.text("flagged")}
    op.create_index("ix_run_inflated_flagged", "run_inflated", ["run_id", "retailer_id", "brand_id"], unique=False, **only)
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("withdrawn", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("run_suggestions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("most", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("bound", sa.Text(), nullable=False, server_default=""))
        batch_op.drop_column("decision")
        batch_op.drop_column("decided_qty")


def downgrade() -> None:
    """Bring the schema down again. Raises RuntimeError while a cancelled order stands nowhere else."""
    _none_cancelled()
    with op.batch_alter_table("run_suggestions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("decided_qty", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("decision", sa.Text(), nullable=False, server_default="open"))
        batch_op.drop_column("bound")
        batch_op.drop_column("most")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_column("withdrawn")
    op.drop_index("ix_run_inflated_flagged", table_name="run_inflated")
    for name in ("recalled_lines", "cancelled_lines", "decision_versions", "suggestion_decisions", "batches"):
        op.drop_table(name)


def _none_cancelled() -> None:
    lines = sa.table("cancelled_lines", sa.column("batch_id"))
    held = op.get_bind().execute(sa.select(lines.c.batch_id, sa.func.count()).group_by(lines.c.batch_id).order_by(lines.c.batch_id)).all()
    if held:
        batches = ", ".join(str(batch) for batch, _ in held[:5]) + (" …" if len(held) > 5 else "")
        raise RuntimeError(
            f"{sum(count for _, count in held):,} cancelled order lines stand in this version of the schema alone and would be lost; "
            f"restore them first: trueorder restore BATCH (batches {batches})"
        )
