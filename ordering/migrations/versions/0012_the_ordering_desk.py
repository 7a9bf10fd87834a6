"""The ordering desk: its orders and answers, who asked what, and counters that a quote reads."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    version = op.create_table(
        "city_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_city_version")),
    )
    op.bulk_insert(version, [{"id": 1, "version": 1}])
    op.create_table(
        "week_given",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("given", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("week", "brand_id", name=op.f("pk_week_given")),
    )
    op.create_table(
        "desk_orders",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("order_date", sa.Date(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_desk_orders")),
    )
    op.create_index("ix_desk_orders_retailer_id", "desk_orders", ["retailer_id", "order_date"])
    op.create_table(
        "line_requests",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("cap_seen", sa.Integer()),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "brand_id", name=op.f("pk_line_requests")),
    )
    op.create_table(
        "desk_answers",
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("retailer_id", "key", name=op.f("pk_desk_answers")),
    )


def downgrade() -> None:
    """Bring the schema down again. Orders taken at the desk stay; that they were, and unanswered keys, are forgotten."""
    for table in ("desk_answers", "line_requests", "desk_orders", "week_given", "city_version"):
        op.drop_table(table)
