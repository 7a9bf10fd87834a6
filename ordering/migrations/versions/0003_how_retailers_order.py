"""Answers to flags, who did what, how retailers order, and what purchases, tills and counts say."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_subject"), ["subject"], unique=False)

    op.create_table(
        "flag_answers",
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("withdraws", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("every_brand", sa.Boolean(), nullable=False),
        sa.Column("requested", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Double(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("answered_on", sa.Date(), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_flag_answers")),
        sa.UniqueConstraint("order_id", "brand_id", "version", name=op.f("uq_flag_answers_order_id_brand_id_version")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("flag_answers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_flag_answers_retailer_id"), ["retailer_id"], unique=False)

    op.create_table(
        "run_habits",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("weeks", sa.Integer(), nullable=False),
        sa.Column("flagged", sa.Integer(), nullable=False),
        sa.Column("probable", sa.Double(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("rate_low", sa.Double(), nullable=True),
        sa.Column("rate_high", sa.Double(), nullable=True),
        sa.Column("habit", sa.Text(), nullable=False),
        sa.Column("trend", sa.Text(), nullable=False),
        sa.Column("change", sa.Double(), nullable=True),
        sa.Column("change_low", sa.Double(), nullable=True),
        sa.Column("change_high", sa.Double(), nullable=True),
        sa.Column("shortage", sa.Text(), nullable=False),
        sa.Column("shortage_factor", sa.Double(), nullable=True),
        sa.Column("factor_low", sa.Double(), nullable=True),
        sa.Column("factor_high", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("echoes", sa.Integer(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("explained", sa.Integer(), nullable=False),
        sa.Column("mistaken", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "retailer_id", name=op.f("pk_run_habits")),
    )
    op.create_table(
        "run_signals",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("opening", sa.Integer(), nullable=True),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("closing", sa.Integer(), nullable=True),
        sa.Column("scanned", sa.Integer(), nullable=True),
        sa.Column("reported", sa.Double(), nullable=False),
        sa.Column("cartons", sa.Double(), nullable=False),
        sa.Column("p_value", sa.Double(), nullable=False),
        sa.Column("adjusted", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "retailer_id", "brand_id", name=op.f("pk_run_signals")),
    )
    with op.batch_alter_table("request_versions", schema=None) as batch_op:
        batch_op.create_index("ix_request_versions_order_date", ["order_date", "superseded_at"], unique=False)


def downgrade() -> None:
    """Bring the schema down again."""
    with op.batch_alter_table("request_versions", schema=None) as batch_op:
        batch_op.drop_index("ix_request_versions_order_date")

    op.drop_table("run_signals")
    op.drop_table("run_habits")
    with op.batch_alter_table("flag_answers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_flag_answers_retailer_id"))

    op.drop_table("flag_answers")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_subject"))

    op.drop_table("audit")
